//! Columns of exact plans that are not exact: DataFusion computes APPROX functions by sketches and does not report their error.

use super::roles::passed_on;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Aggregates that DataFusion computes by sketches.
const SKETCHES: [&str; 4] =
    ["approx_distinct", "approx_median", "approx_percentile_cont", "approx_percentile_cont_with_weight"];

/// Whether each column of `plan` depends on the result of a sketch.
pub fn sketched(plan: &LogicalPlan) -> Vec<bool> {
    passed_on(plan, &|expr| expr.exists(|part| Ok(is_sketch(part))).unwrap_or(false)).columns
}

fn is_sketch(expr: &Expr) -> bool {
    match expr {
        Expr::AggregateFunction(call) => SKETCHES.contains(&call.func.name()),
        Expr::WindowFunction(call) => SKETCHES.contains(&call.fun.name()),
        // A sketch anywhere inside a subquery may reach its result.
        Expr::ScalarSubquery(query) => is_any(&query.subquery),
        Expr::InSubquery(query) => is_any(&query.subquery.subquery),
        Expr::Exists(query) => is_any(&query.subquery.subquery),
        Expr::SetComparison(query) => is_any(&query.subquery.subquery),
        _ => false,
    }
}

fn is_any(plan: &LogicalPlan) -> bool {
    passed_on(plan, &|expr| expr.exists(|part| Ok(is_sketch(part))).unwrap_or(false)).is_any()
}
