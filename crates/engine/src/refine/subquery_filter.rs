//! Evaluates WHERE with subqueries on the rows of a level by an ordinary DataFusion plan.

use crate::answer::{Error, Result};
use crate::runtime::{Executor, collected};
use arrow::array::UInt32Array;
use arrow::compute::{sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use plusminus_plan::AggregateQuery;
use std::sync::Arc;

/// Keeps the rows of `batch` (the table's columns, then the stratum) that pass `conditions`, in the order of `batch`.
///
/// Subqueries read the tables that they name, not the sample.
pub(crate) async fn filtered(
    query: &AggregateQuery,
    conditions: Vec<Expr>,
    state: &SessionState,
    executor: &Executor,
    batch: &RecordBatch,
) -> Result<RecordBatch> {
    let numbered = numbered(batch)?;
    let table = Arc::new(MemTable::try_new(numbered.schema(), vec![vec![numbered]])?);
    let scan = LogicalPlanBuilder::scan(query.scan.table_name.clone(), provider_as_source(table), None)?;
    let plan = match conjunction(conditions) {
        Some(predicate) => scan.filter(predicate)?.build()?,
        None => scan.build()?,
    };
    let physical = state.create_physical_plan(&plan).await?;
    let kept = collected(&physical, state, executor).await?;
    let last = kept.num_columns() - 1;
    let order = sort_to_indices(kept.column(last), None, None)?;
    let sorted = take_record_batch(&kept, &order)?;
    Ok(sorted.project(&(0..last).collect::<Vec<_>>())?)
}

/// Appends a row number to each row, since joins may change the order of rows.
fn numbered(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("__row", DataType::UInt32, false)));
    let count = u32::try_from(batch.num_rows()).map_err(Error::data)?;
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(UInt32Array::from_iter_values(0..count)));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}
