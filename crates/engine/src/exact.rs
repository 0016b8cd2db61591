//! Exact answers: DataFusion on the table itself.

use crate::error::Result;
use crate::executor::Executor;
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
pub(crate) async fn run(plan: &LogicalPlan, state: &SessionState, executor: &Executor) -> Result<Exact> {
    let physical = state.create_physical_plan(plan).await?;
    let batch = collected(&physical, state, executor).await?;
    Ok(Exact { batch, rows_read: scanned(&physical) })
}

/// The rows of a plan that may read whole tables.
pub(crate) async fn collected(
    plan: &Arc<dyn ExecutionPlan>,
    state: &SessionState,
    executor: &Executor,
) -> Result<RecordBatch> {
    let (own, context) = (Arc::clone(plan), state.task_ctx());
    let batches = executor.on_tables(async move { Ok(collect(own, context).await?) }).await?;
    let schema = batches.first().map_or_else(|| plan.schema(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

fn scanned(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = match plan.downcast_ref::<DataSourceExec>() {
        Some(scan) => scan.metrics().and_then(|m| m.output_rows()).unwrap_or(0) as u64,
        None => 0,
    };
    own + plan.children().into_iter().map(scanned).sum::<u64>()
}
