//! Exact answers: DataFusion on the table itself.

use crate::error::{Error, Result};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, collect};
use std::sync::Arc;
use std::time::Duration;

/// Rows, and how many rows of files or memory were scanned for them.
pub(crate) struct Exact {
    pub(crate) batch: RecordBatch,
    pub(crate) rows_read: u64,
}

/// Time left, and the time that was stated.
pub(crate) struct Limit {
    pub(crate) left: Duration,
    pub(crate) stated: Duration,
}

/// Runs `plan` to its end, or until the time is up.
pub(crate) async fn run(plan: &LogicalPlan, state: &SessionState, limit: Option<Limit>) -> Result<Exact> {
    let (plan, state) = (plan.clone(), state.clone());
    let work = async move {
        let physical = state.create_physical_plan(&plan).await?;
        let batches = collect(Arc::clone(&physical), state.task_ctx()).await?;
        let schema = batches.first().map_or_else(|| physical.schema(), RecordBatch::schema);
        Ok::<_, Error>(Exact { batch: concat_batches(&schema, &batches)?, rows_read: scanned(&physical) })
    };
    match limit {
        None => work.await,
        // On a task of its own, so that work that does not yield cannot hold the timer back; dropped, it is aborted.
        Some(Limit { left, stated }) => match tokio::time::timeout(left, SpawnedTask::spawn(work).join()).await {
            Err(_) => Err(out_of_time(stated)),
            Ok(done) => done.unwrap_or_else(|e| Err(Error::data(e))),
        },
    }
}

/// The error of an exact query that was stopped.
fn out_of_time(limit: Duration) -> Error {
    Error::BoundMissed {
        what: format!("no answer within {} ms: the query had to run exactly and was stopped", limit.as_millis()),
        next: "allow more time, or a sample and a query that can be approximated (EXPLAIN says why not)".into(),
        answer: None,
    }
}

fn scanned(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = match plan.downcast_ref::<DataSourceExec>() {
        Some(scan) => scan.metrics().and_then(|m| m.output_rows()).unwrap_or(0) as u64,
        None => 0,
    };
    own + plan.children().into_iter().map(scanned).sum::<u64>()
}
