//! WHERE with subqueries: the rows of a level that pass it, chosen by an ordinary DataFusion plan.

use crate::error::Result;
use crate::shape::Shape;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_plan::collect;
use plusminus_catalog::STRATUM;
use std::sync::Arc;

/// Keeps the rows of `batch` (the table's columns, then the stratum) that pass WHERE, in the order of strata.
///
/// Subqueries read the tables they name, not the sample.
pub(crate) async fn filtered(shape: &Shape, state: &SessionState, batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    let table = Arc::new(MemTable::try_new(Arc::clone(&schema), vec![vec![batch.clone()]])?);
    let scan = LogicalPlanBuilder::scan(shape.scan.table_name.clone(), provider_as_source(table), None)?;
    let plan = match conjunction(shape.predicates.iter().cloned()) {
        Some(predicate) => scan.filter(predicate)?.build()?,
        None => scan.build()?,
    };
    let physical = state.create_physical_plan(&plan).await?;
    let batches = collect(physical, state.task_ctx()).await?;
    let kept = concat_batches(&schema, &batches)?;
    let order = sort_to_indices(kept.column(schema.index_of(STRATUM)?), None, None)?;
    Ok(take_record_batch(&kept, &order)?)
}
