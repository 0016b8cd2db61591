//! Aggregates of one row that stand side by side, as scalar subqueries.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, Result as PlanResult};
use datafusion::logical_expr::{
    EmptyRelation, Expr, Join, LogicalPlan, LogicalPlanBuilder, Projection, scalar_subquery,
};
use std::sync::Arc;

/// `plan` with cross joins of aggregates that have one row and one column each as a row of scalar subqueries, which are estimated each on its own.
///
/// # Errors
/// When the plan cannot be put together again.
pub fn with_scalars(plan: LogicalPlan) -> PlanResult<LogicalPlan> {
    let replaced = plan.transform_up(|node| {
        let scalars = match &node {
            LogicalPlan::Join(join) => scalars(join)?,
            _ => None,
        };
        match scalars {
            Some(scalars) => Ok(Transformed::yes(scalars)),
            None => Ok(Transformed::no(node)),
        }
    })?;
    match replaced.transformed {
        // Nullability is recomputed: a subquery may be NULL.
        true => Ok(replaced.data.transform_up(|node| Ok(Transformed::yes(node.recompute_schema()?)))?.data),
        false => Ok(replaced.data),
    }
}

/// The row of scalars that a cross join is; `None` for any other join.
fn scalars(join: &Join) -> PlanResult<Option<LogicalPlan>> {
    if join.join_type != JoinType::Inner || !join.on.is_empty() || join.filter.is_some() {
        return Ok(None);
    }
    let (Some(mut left), Some(right)) = (side(&join.left)?, side(&join.right)?) else { return Ok(None) };
    left.extend(right);
    let row = LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: true,
        schema: Arc::new(datafusion::common::DFSchema::empty()),
    });
    Ok(Some(LogicalPlan::Projection(Projection::try_new(left, Arc::new(row))?)))
}

/// The columns of a side as scalar subqueries; `None` unless it has one row by its form.
fn side(plan: &LogicalPlan) -> PlanResult<Option<Vec<Expr>>> {
    if let LogicalPlan::Projection(projection) = plan
        && matches!(projection.input.as_ref(), LogicalPlan::EmptyRelation(row) if row.produce_one_row)
        && projection.expr.iter().all(is_scalar)
    {
        return Ok(Some(projection.expr.clone()));
    }
    let columns = plan.schema().columns();
    let [column] = columns.as_slice() else { return Ok(None) };
    if !is_one_row(plan) {
        return Ok(None);
    }
    // Its own name inside, so that the name outside is free.
    let inner =
        LogicalPlanBuilder::from(plan.clone()).project([Expr::Column(column.clone()).alias("value")])?.build()?;
    let own = scalar_subquery(Arc::new(inner)).alias_qualified(column.relation.clone(), column.name.clone());
    Ok(Some(vec![own]))
}

fn is_scalar(expr: &Expr) -> bool {
    matches!(expr, Expr::Alias(alias) if matches!(alias.expr.as_ref(), Expr::ScalarSubquery(_)))
}

/// Whether a plan has one row whatever the data: an aggregate without keys below projections.
fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_one_row(&alias.input),
        _ => false,
    }
}
