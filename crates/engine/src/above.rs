//! Runs what stands above the aggregate on its estimated rows, each carrying its number along.

use crate::error::{Error, Result};
use crate::shape::Shape;
use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::{Column, DFSchemaRef};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Distinct, Expr, Filter, Limit, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SubqueryAlias, col};
use datafusion::physical_plan::collect;
use std::sync::Arc;

/// The hidden column that carries a group's number.
const ESTIMATE: &str = "__estimate";

/// The query's rows, and for each the number of the group it came from.
pub(crate) struct Upper {
    pub(crate) batch: RecordBatch,
    pub(crate) groups: Vec<u32>,
}

/// Puts `columns` (the aggregate's output) in the aggregate's place and runs the plan above it.
pub(crate) async fn run(shape: &Shape, state: &SessionState, columns: Vec<ArrayRef>, groups: usize) -> Result<Upper> {
    let table = table(shape, columns, groups)?;
    let plan = rebuild(&shape.plan, shape, &table)?;
    let physical = state.create_physical_plan(&plan).await?;
    let batches = collect(physical, state.task_ctx()).await?;
    let schema = Arc::new(plan.schema().as_arrow().clone());
    let all = match batches.first() {
        Some(first) => concat_batches(&first.schema(), &batches)?,
        None => RecordBatch::new_empty(schema),
    };
    split(all)
}

/// The aggregate's rows as a table with neutral names and the hidden column last.
fn table(shape: &Shape, mut columns: Vec<ArrayRef>, groups: usize) -> Result<Arc<MemTable>> {
    let mut fields: Vec<Field> = Vec::with_capacity(columns.len() + 1);
    for (number, (column, field)) in columns.iter_mut().zip(shape.aggregate.schema.fields().iter()).enumerate() {
        if column.data_type() != field.data_type() {
            *column = arrow::compute::cast(column, field.data_type())?;
        }
        fields.push(Field::new(format!("c{number}"), field.data_type().clone(), true));
    }
    let count = u32::try_from(groups).map_err(Error::data)?;
    fields.push(Field::new(ESTIMATE, DataType::UInt32, false));
    columns.push(Arc::new(UInt32Array::from_iter_values(0..count)));
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
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

fn split(batch: RecordBatch) -> Result<Upper> {
    let index = batch.schema().index_of(ESTIMATE)?;
    let ids = batch.column(index).as_primitive_opt::<UInt32Type>();
    let groups = ids.map(|i| i.values().to_vec()).ok_or_else(|| Error::data("the estimate's number changed its type"))?;
    let kept: Vec<usize> = (0..batch.num_columns()).filter(|i| *i != index).collect();
    Ok(Upper { batch: batch.project(&kept)?, groups })
}
