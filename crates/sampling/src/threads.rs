//! Runs one kind of work on several threads.

use crate::error::SamplingError;
use datafusion::common::runtime::SpawnedTask;
use futures::future::try_join_all;

/// The results of `threads` tasks made by `work`. The tasks are aborted when the future is dropped, so that a cancelled build stops
/// reading.
pub(crate) async fn on_threads<T, F>(threads: usize, work: impl Fn() -> F) -> Result<Vec<T>, SamplingError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, SamplingError>> + Send + 'static,
{
    let tasks = (0..threads.max(1)).map(|_| {
        let task = SpawnedTask::spawn(work());
        async { task.join().await.map_err(|e| SamplingError::request(e.to_string(), "run the build again"))? }
    });
    try_join_all(tasks).await
}
