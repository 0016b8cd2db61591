//! Arithmetic on whole numbers that fails rather than wraps.

use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use std::sync::Arc;

/// `expr` with every sum, difference and product of whole numbers checked.
pub(super) fn checked(expr: Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    let check = |e: Arc<dyn PhysicalExpr>| {
        let Some(binary) = e.downcast_ref::<BinaryExpr>() else { return Ok(Transformed::no(e)) };
        let may_wrap = matches!(binary.op(), Operator::Plus | Operator::Minus | Operator::Multiply)
            && e.data_type(schema).is_ok_and(|data_type| data_type.is_integer());
        if !may_wrap {
            return Ok(Transformed::no(e));
        }
        let own = BinaryExpr::new(Arc::clone(binary.left()), *binary.op(), Arc::clone(binary.right()));
        Ok(Transformed::yes(Arc::new(own.with_fail_on_overflow(true)) as _))
    };
    expr.transform_up(check).data()
}

/// The compiled form of `expr` over `schema`, with checked arithmetic.
pub fn physical_expr(state: &SessionState, expr: Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
    checked(state.create_physical_expr(expr, schema)?, schema.inner())
}

/// Checks the arithmetic of projections, filters and aggregates in plans on whole tables.
#[derive(Debug, Default)]
pub struct CheckedArithmetic;

impl PhysicalOptimizerRule for CheckedArithmetic {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let checked = checked_node(&node)?;
            Ok(checked.map_or_else(|| Transformed::no(node), Transformed::yes))
        })
        .data()
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The node with checked expressions; `None` where there is nothing to check.
fn checked_node(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        let input = projection.input();
        let mut is_new = false;
        let mut exprs = Vec::with_capacity(projection.expr().len());
        for ProjectionExpr { expr, alias } in projection.expr() {
            let own = changed(expr, &input.schema(), &mut is_new)?;
            exprs.push(ProjectionExpr { expr: own, alias: alias.clone() });
        }
        return Ok(if is_new { Some(Arc::new(ProjectionExec::try_new(exprs, Arc::clone(input))?)) } else { None });
    }
    if let Some(filter) = node.downcast_ref::<FilterExec>() {
        let (input, mut is_new) = (filter.input(), false);
        let predicate = changed(filter.predicate(), &input.schema(), &mut is_new)?;
        if !is_new || filter.projection().is_some() {
            return Ok(None);
        }
        return Ok(Some(Arc::new(FilterExec::try_new(predicate, Arc::clone(input))?)));
    }
    match node.downcast_ref::<AggregateExec>() {
        Some(aggregate) => checked_aggregate(aggregate),
        None => Ok(None),
    }
}

fn checked_aggregate(aggregate: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (schema, mut is_new) = (aggregate.input().schema(), false);
    // An aggregate that merges partial states only names their columns.
    if aggregate.input_schema() != schema {
        return Ok(None);
    }
    let group = aggregate.group_expr();
    let mut keys = Vec::with_capacity(group.expr().len());
    for (expr, name) in group.expr() {
        keys.push((changed(expr, &schema, &mut is_new)?, name.clone()));
    }
    let mut calls = Vec::with_capacity(aggregate.aggr_expr().len());
    for call in aggregate.aggr_expr() {
        calls.push(checked_call(call, &schema, &mut is_new)?);
    }
    let mut filters = Vec::with_capacity(calls.len());
    for filter in aggregate.filter_expr() {
        filters.push(filter.as_ref().map(|filter| changed(filter, &schema, &mut is_new)).transpose()?);
    }
    if !is_new || group.has_grouping_set() || aggregate.limit_options().is_some() {
        return Ok(None);
    }
    let group = PhysicalGroupBy::new_single(keys);
    let input = Arc::clone(aggregate.input());
    let checked = AggregateExec::try_new(*aggregate.mode(), group, calls, filters, input, aggregate.input_schema())?;
    Ok(Some(Arc::new(checked)))
}

fn checked_call(
    call: &Arc<AggregateFunctionExpr>,
    schema: &SchemaRef,
    is_new: &mut bool,
) -> Result<Arc<AggregateFunctionExpr>> {
    let mut is_own_new = false;
    let mut arguments = Vec::with_capacity(1);
    for argument in call.expressions() {
        arguments.push(changed(&argument, schema, &mut is_own_new)?);
    }
    let order = call.order_bys().iter().map(|key| Arc::clone(&key.expr)).collect();
    match is_own_new.then(|| call.with_new_expressions(arguments, order)).flatten() {
        Some(checked) => {
            *is_new = true;
            Ok(Arc::new(checked))
        }
        None => Ok(Arc::clone(call)),
    }
}

/// The checked expression; sets `is_new` when it differs.
fn changed(expr: &Arc<dyn PhysicalExpr>, schema: &SchemaRef, is_new: &mut bool) -> Result<Arc<dyn PhysicalExpr>> {
    let own = checked(Arc::clone(expr), schema)?;
    *is_new |= !own.eq(expr);
    Ok(own)
}
