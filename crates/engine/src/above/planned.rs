//! The plan above the aggregate through DataFusion's optimiser and planner.

use super::ESTIMATE;
use crate::error::{Error, Result};
use crate::shape::Shape;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::common::{Column, DFSchemaRef};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Distinct, Expr, Filter, Limit, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SubqueryAlias, col,
};
use datafusion::physical_plan::collect;
use std::sync::Arc;

/// Runs the plan on the aggregate's numbered rows; the hidden column comes out with the others.
pub(super) async fn run(shape: &Shape, state: &SessionState, batch: RecordBatch) -> Result<RecordBatch> {
    let table = Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?);
    let plan = rebuild(&shape.plan, shape, &table)?;
    let physical = state.create_physical_plan(&plan).await?;
    let schema = physical.schema();
    let batches = collect(physical, state.task_ctx()).await?;
    Ok(concat_batches(&schema, &batches)?)
}

fn rebuild(plan: &LogicalPlan, shape: &Shape, table: &Arc<MemTable>) -> Result<LogicalPlan> {
    let input = |plan: &LogicalPlan| rebuild(plan, shape, table).map(Arc::new);
    Ok(match plan {
        LogicalPlan::Aggregate(_) => leaf(&shape.aggregate.schema, table)?,
        LogicalPlan::Projection(projection) => {
            let below = input(&projection.input)?;
            let mut exprs = projection.expr.clone();
            exprs.push(Expr::Column(hidden(below.schema())?));
            LogicalPlan::Projection(Projection::try_new(exprs, below)?)
        }
        LogicalPlan::Filter(filter) => {
            LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), input(&filter.input)?)?)
        }
        LogicalPlan::Sort(sort) => {
            LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input: input(&sort.input)?, fetch: sort.fetch })
        }
        LogicalPlan::Limit(limit) => LogicalPlan::Limit(Limit {
            skip: limit.skip.clone(),
            fetch: limit.fetch.clone(),
            input: input(&limit.input)?,
        }),
        LogicalPlan::SubqueryAlias(alias) => {
            LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(input(&alias.input)?, alias.alias.clone())?)
        }
        // Every GROUP BY column is selected (the shape made sure), so that all rows differ already.
        LogicalPlan::Distinct(Distinct::All(below)) => rebuild(below, shape, table)?,
        other => return Err(Error::data(format!("unexpected plan node {}", other.display()))),
    })
}

/// The aggregate's columns under their own names, and the hidden one.
fn leaf(schema: &DFSchemaRef, table: &Arc<MemTable>) -> Result<LogicalPlan> {
    let scan = LogicalPlanBuilder::scan("__plusminus", provider_as_source(Arc::clone(table) as _), None)?;
    let mut exprs: Vec<Expr> = Vec::with_capacity(schema.fields().len() + 1);
    for (number, (qualifier, field)) in schema.iter().enumerate() {
        exprs.push(col(format!("__plusminus.c{number}")).alias_qualified(qualifier.cloned(), field.name()));
    }
    exprs.push(col(format!("__plusminus.{ESTIMATE}")));
    Ok(scan.project(exprs)?.build()?)
}

fn hidden(schema: &DFSchemaRef) -> Result<Column> {
    let found = schema.columns().into_iter().find(|c| c.name == ESTIMATE);
    found.ok_or_else(|| Error::data("the estimate's number was lost on the way up"))
}
