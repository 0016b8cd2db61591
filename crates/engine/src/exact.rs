//! Exact answers: DataFusion on the table itself.

use crate::error::Result;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, collect};
use std::sync::Arc;

/// Rows, and how many rows of files or memory were scanned for them.
pub(crate) struct Exact {
    pub(crate) batch: RecordBatch,
    pub(crate) rows_read: u64,
}

/// Runs `plan` to its end.
pub(crate) async fn run(plan: &LogicalPlan, state: &SessionState) -> Result<Exact> {
    let physical = state.create_physical_plan(plan).await?;
    let batches = collect(Arc::clone(&physical), state.task_ctx()).await?;
    let schema = batches.first().map_or_else(|| physical.schema(), RecordBatch::schema);
    Ok(Exact { batch: concat_batches(&schema, &batches)?, rows_read: scanned(&physical) })
}

fn scanned(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = match plan.downcast_ref::<DataSourceExec>() {
        Some(scan) => scan.metrics().and_then(|m| m.output_rows()).unwrap_or(0) as u64,
        None => 0,
    };
    own + plan.children().into_iter().map(scanned).sum::<u64>()
}
