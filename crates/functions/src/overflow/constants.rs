//! Arithmetic on literals that fails rather than wraps: the optimizer computes it before any plan is checked.

use super::arithmetic::checked;
use arrow::array::RecordBatchOptions;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr::create_physical_expr;
use std::sync::Arc;

/// Refuses statements with sums, differences or products of whole literals that leave their type.
#[derive(Debug, Default)]
pub struct CheckedConstants;

impl AnalyzerRule for CheckedConstants {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.apply_with_subqueries(|node| node.apply_expressions(|expr| expr.apply(check)))?;
        Ok(plan)
    }

    fn name(&self) -> &str {
        "checked_constants"
    }
}

/// Computes arithmetic that has nothing but literals in it, so that overflow fails here, and does not descend into it.
fn check(expr: &Expr) -> Result<TreeNodeRecursion> {
    let Expr::BinaryExpr(binary) = expr else { return Ok(TreeNodeRecursion::Continue) };
    let is_sum = matches!(binary.op, Operator::Plus | Operator::Minus | Operator::Multiply);
    if !is_sum || !is_of_literals(expr)? {
        return Ok(TreeNodeRecursion::Continue);
    }
    let schema: SchemaRef = Arc::new(Schema::empty());
    let context = PhysicalPlanningContext::default();
    let physical = create_physical_expr(expr, &DFSchema::empty(), &ExecutionProps::new(), &context)?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::clone(&schema), Vec::new(), &options)?;
    checked(physical, &schema)?.evaluate(&row)?;
    Ok(TreeNodeRecursion::Jump)
}

fn is_of_literals(expr: &Expr) -> Result<bool> {
    let mut all = true;
    expr.apply(|part| {
        all &= matches!(part, Expr::Literal(..) | Expr::BinaryExpr(_) | Expr::Negative(_) | Expr::Cast(_));
        Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(all)
}
