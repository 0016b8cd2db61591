//! Keeps keys where NULL equals NULL apart from other keys.
//!
//! DataFusion 55.2 gives all inner joins that it flattens the NULL equality of the topmost (`eliminate_cross_join`), so that a chain with
//! `IS NOT DISTINCT FROM` between some tables and `=` between others joins wrong rows. Written as a condition that is no key, the former
//! cannot be mixed up with the latter.

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

/// The plan with `a IS NOT DISTINCT FROM b` between columns in conditions that cannot become keys, where it also compares columns by `=`.
///
/// # Errors
/// When an expression cannot be rewritten.
pub fn with_guarded_null_equality(plan: LogicalPlan) -> Result<LogicalPlan> {
    let (mut by_null, mut by_value) = (false, false);
    plan.apply_with_subqueries(|node| {
        let conditions: Vec<&Expr> = match node {
            LogicalPlan::Join(join) => {
                by_null |= !join.on.is_empty() && join.null_equality == NullEquality::NullEqualsNull;
                by_value |= !join.on.is_empty() && join.null_equality == NullEquality::NullEqualsNothing;
                join.filter.iter().collect()
            }
            LogicalPlan::Filter(filter) => vec![&filter.predicate],
            _ => Vec::new(),
        };
        for condition in conditions.into_iter().flat_map(split_conjunction) {
            by_null |= compares_columns(condition, Operator::IsNotDistinctFrom);
            by_value |= compares_columns(condition, Operator::Eq);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if !(by_null && by_value) {
        return Ok(plan);
    }
    let guarded = plan.transform_down_with_subqueries(|node| {
        if !matches!(node, LogicalPlan::Join(_) | LogicalPlan::Filter(_)) {
            return Ok(Transformed::no(node));
        }
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let conjuncts = split_conjunction_owned(expr.clone());
            if !conjuncts.iter().any(|e| compares_columns(e, Operator::IsNotDistinctFrom)) {
                return Ok(Transformed::no(expr));
            }
            let all = conjunction(conjuncts.into_iter().map(guarded));
            Ok(Transformed::yes(name.restore(all.unwrap_or(expr))))
        })
    })?;
    Ok(guarded.data)
}

/// Whether a condition compares columns of both its sides.
fn compares_columns(condition: &Expr, operator: Operator) -> bool {
    let has_column = |e: &Expr| !e.column_refs().is_empty();
    matches!(condition, Expr::BinaryExpr(BinaryExpr { left, op, right })
        if *op == operator && has_column(left) && has_column(right))
}

/// `a = b OR a IS NULL AND b IS NULL`, which as a condition is the same.
fn guarded(condition: Expr) -> Expr {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::IsNotDistinctFrom, right })
            if !left.column_refs().is_empty() && !right.column_refs().is_empty() =>
        {
            let both_null = left.clone().is_null().and(right.clone().is_null());
            (*left).eq(*right).or(both_null)
        }
        other => other,
    }
}
