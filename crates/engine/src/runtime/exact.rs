//! Exact answers: DataFusion runs the plan on the table itself.

use super::executor::Executor;
use super::panics::caught;
use super::stoppable::stoppable;
use crate::answer::{Error, Result};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, collect};
use plusminus_files::{FileTable, find_fault};
use plusminus_sampling::SamplingError;
use std::sync::Arc;

/// Result rows, and the number of rows scanned from files or memory for them.
pub(crate) struct Exact {
    pub(crate) batch: RecordBatch,
    pub(crate) rows_read: u64,
}

/// Runs `plan` to its end and calls `begun` with its physical plan; an error caused by a damaged file names the file.
pub(crate) async fn run(
    plan: &LogicalPlan,
    state: &SessionState,
    executor: &Executor,
    begun: impl FnOnce(&Arc<dyn ExecutionPlan>),
) -> Result<Exact> {
    let done = async {
        let physical = state.create_physical_plan(plan).await?;
        begun(&physical);
        let batch = collected(&physical, state, executor).await?;
        Ok(Exact { batch, rows_read: scanned(&physical) })
    };
    match caught(done).await {
        Err(error) if may_be_of_files(&error) => Err(fault_of_files(plan, state).await.unwrap_or(error)),
        done => done,
    }
}

/// Whether the error may come from reading files rather than from computing.
pub(crate) fn may_be_of_files(error: &Error) -> bool {
    let computed = ["out of memory", "ivide by zero", "verflow", "Cast error"];
    let what = match error {
        Error::Data { what, .. } => what.clone(),
        Error::Sampling(SamplingError::Table(error)) => error.to_string(),
        _ => return false,
    };
    !computed.iter().any(|word| what.contains(word))
}

/// The first fault in the files that a plan reads.
async fn fault_of_files(plan: &LogicalPlan, state: &SessionState) -> Option<Error> {
    let mut tables = Vec::new();
    let found = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.push(source_as_provider(&scan.source)?);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found.ok()?;
    for table in tables {
        let Some(files) = FileTable::of(&table) else { continue };
        if let Some(fault) = find_fault(files, state).await {
            return Some(fault.into());
        }
    }
    None
}

/// Collects the rows of a plan that may read whole tables.
pub(crate) async fn collected(
    plan: &Arc<dyn ExecutionPlan>,
    state: &SessionState,
    executor: &Executor,
) -> Result<RecordBatch> {
    // The guard is dropped here where this future is, while the work may still be running.
    let ((own, _guard), context) = (stoppable(Arc::clone(plan))?, state.task_ctx());
    let batches = executor.on_tables(async move { Ok(collect(own, context).await?) }).await?;
    let schema = batches.first().map_or_else(|| plan.schema(), RecordBatch::schema);
    Ok(concat_batches(&schema, &batches)?)
}

/// Rows that the scans of a plan have produced so far.
pub(crate) fn scanned(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = match plan.downcast_ref::<DataSourceExec>() {
        Some(scan) => scan.metrics().and_then(|m| m.output_rows()).unwrap_or(0) as u64,
        None => 0,
    };
    own + plan.children().into_iter().map(scanned).sum::<u64>()
}
