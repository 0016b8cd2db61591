//! Runs the plan above the aggregate on estimated rows; a hidden column carries the number of each row's group.

mod direct;
mod planned;

pub(crate) use direct::CompiledPostAggregate;
pub(crate) use planned::RowSelection;

use crate::answer::{Error, Result};
use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::execution::SessionState;
use plusminus_plan::{AggregateQuery, ESTIMATE};
use std::sync::{Arc, OnceLock};

/// The query's rows, and for each row the number of the group that it came from.
pub(crate) struct Upper {
    pub(crate) batch: RecordBatch,
    pub(crate) groups: Vec<u32>,
}

/// Puts `columns` (the aggregate's output) in the aggregate's place and runs the plan above it.
///
/// Projections, HAVING, ORDER BY and LIMIT are evaluated directly; every other plan goes through DataFusion's planner.
/// The first call fills `compiled`.
pub(crate) async fn run(
    query: &AggregateQuery,
    state: &SessionState,
    compiled: &OnceLock<Option<CompiledPostAggregate>>,
    columns: Vec<ArrayRef>,
    groups: usize,
) -> Result<Upper> {
    let batch = numbered(query, columns, groups)?;
    let compiled_post_aggregate = match compiled.get() {
        Some(compiled_post_aggregate) => compiled_post_aggregate,
        None => {
            let compiled_post_aggregate = direct::compile(&query.plan, state)?;
            compiled.get_or_init(|| compiled_post_aggregate)
        }
    };
    match compiled_post_aggregate {
        Some(compiled_post_aggregate) => split(compiled_post_aggregate.run(&batch)?, query),
        None => split(planned::run(query, state, batch, RowSelection::Applied).await?, query),
    }
}

/// Runs the plan above the aggregate where it holds further aggregates or windows: rows with different `numbers` never meet.
pub(crate) async fn beyond(
    query: &AggregateQuery,
    state: &SessionState,
    columns: Vec<ArrayRef>,
    numbers: UInt32Array,
    choice: RowSelection,
) -> Result<Upper> {
    let batch = with_numbers(query, columns, numbers)?;
    split(planned::run(query, state, batch, choice).await?, query)
}

/// Builds the aggregate's rows in the aggregate's types, under neutral names, with the hidden column last.
fn numbered(query: &AggregateQuery, columns: Vec<ArrayRef>, groups: usize) -> Result<RecordBatch> {
    let numbers = UInt32Array::from_iter_values(0..u32::try_from(groups).map_err(Error::data)?);
    with_numbers(query, columns, numbers)
}

fn with_numbers(query: &AggregateQuery, columns: Vec<ArrayRef>, numbers: UInt32Array) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(columns.len() + 1);
    let mut arrays = Vec::with_capacity(columns.len() + 1);
    for (number, (column, field)) in columns.into_iter().zip(query.aggregate.schema.fields().iter()).enumerate() {
        let typed = if column.data_type() == field.data_type() { column } else { cast(&column, field.data_type())? };
        fields.push(Field::new(format!("c{number}"), field.data_type().clone(), true));
        arrays.push(typed);
    }
    fields.push(Field::new(ESTIMATE, DataType::UInt32, false));
    arrays.push(Arc::new(numbers));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// Removes the hidden column and gives the others the query's names.
fn split(batch: RecordBatch, query: &AggregateQuery) -> Result<Upper> {
    let index = batch.schema().index_of(ESTIMATE)?;
    let ids = batch.column(index).as_primitive_opt::<UInt32Type>();
    let groups =
        ids.map(|i| i.values().to_vec()).ok_or_else(|| Error::data("the estimate's number changed its type"))?;
    let names = query.plan.schema().fields();
    let mut fields = Vec::with_capacity(names.len());
    let mut arrays = Vec::with_capacity(names.len());
    let visible = (0..batch.num_columns()).filter(|i| *i != index);
    for (at, field) in visible.zip(names.iter()) {
        fields.push(Field::new(field.name(), batch.column(at).data_type().clone(), true));
        arrays.push(Arc::clone(batch.column(at)));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?;
    Ok(Upper { batch, groups })
}

#[cfg(test)]
mod tests;
