//! Simplifies the expressions of an analysed plan, as DataFusion's optimiser would before it compiles them.
//!
//! Queries on samples compile expressions without the optimiser. Some functions exist only before simplification
//! (`coalesce`, `nvl`, `now()`), and casts that would overflow on single values disappear when a comparison is moved to the
//! column's own type. Aggregates themselves, their names and the plan's schema stay as they are.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use plusminus_functions::overflow::{hidden, shown};
use std::sync::Arc;

/// The plan with simplified expressions; subqueries stay as they are, since DataFusion plans them anyway, but for correlated scalar ones.
///
/// # Errors
/// When an expression does not fit the columns below it.
pub fn simplified(plan: &LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    if !needs_simplifying(plan)? {
        return Ok(plan.clone());
    }
    let node = |node: LogicalPlan| simplified_node(node, state);
    Ok(plan.clone().transform_up(node)?.data)
}

/// Whether any expression is more than columns, literals, comparisons, arithmetic and aggregates of these.
fn needs_simplifying(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(|e| Ok(!is_plain(e)))?;
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(found)
}

fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) | Expr::Alias(_) | Expr::AggregateFunction(_) => true,
        // An operator on two literals is a constant, which can be folded.
        Expr::BinaryExpr(binary) => {
            !matches!((binary.left.as_ref(), binary.right.as_ref()), (Expr::Literal(..), Expr::Literal(..)))
        }
        _ => false,
    }
}

fn simplified_node(node: LogicalPlan, state: &SessionState) -> Result<Transformed<LogicalPlan>> {
    let inputs = node.inputs();
    let schema = match &node {
        LogicalPlan::TableScan(scan) if inputs.is_empty() => {
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?
        }
        _ if inputs.is_empty() => return Ok(Transformed::no(node)),
        _ => merge_schema(&inputs),
    };
    let schema = Arc::new(schema);
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context).with_canonicalize(false);
    let names = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        let name = names.save(&expr);
        let simplified = simplify(expr, &simplifier, &schema)?;
        let simplified = simplified.transform_data(|expr| expr.transform_down(|e| correlated(e, state)))?;
        Ok(simplified.update_data(|expr| name.restore(expr)))
    })
}

/// Simplifies a correlated scalar subquery, whose expressions may be evaluated outside it.
fn correlated(expr: Expr, state: &SessionState) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
            let plan = Arc::new(simplified(&subquery.subquery, state)?);
            Ok(Transformed::yes(Expr::ScalarSubquery(subquery.with_plan(plan))))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Simplifies `expr`. An alias, an aggregate, a window or grouping sets stay; only their parts are simplified.
fn simplify(expr: Expr, simplifier: &ExprSimplifier, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Alias(_) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::GroupingSet(_) => {
            expr.map_children(|part| simplify(part, simplifier, schema))
        }
        other => {
            let hidden = hidden(other, schema)?;
            let simplified = simplifier.simplify_with_cycle_count_transformed(hidden.data)?.0;
            Ok(Transformed::new_transformed(shown(simplified.data)?.data, simplified.transformed))
        }
    }
}
