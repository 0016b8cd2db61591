//! Thread pools for the work of queries; a caller that waits for a query runs on other threads, so that it always wakes in time.

use crate::answer::{Error, Result};
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Stack of a worker, in bytes: deep plans are walked recursively.
const STACK_BYTES: usize = 16 << 20;

/// Two runtimes that only execute work; timers and callers run elsewhere.
///
/// Work on samples never waits behind work on whole tables, which may run for long without yielding.
#[derive(Debug)]
pub(crate) struct Executor {
    /// `None` only while the executor is dropped.
    samples: Option<Runtime>,
    tables: Option<Runtime>,
    detached: Mutex<Vec<Detached>>,
}

/// Work that outlives the query that started it.
#[derive(Debug)]
struct Detached {
    handle: JoinHandle<()>,
    /// The end of the time that the query stated.
    until: Option<Instant>,
}

impl Executor {
    pub(crate) fn new(threads: usize) -> Result<Self> {
        Ok(Self {
            samples: Some(runtime("plusminus-samples", threads)?),
            tables: Some(runtime("plusminus-tables", threads)?),
            detached: Mutex::default(),
        })
    }

    /// Starts the `work` of a query; dropping the handle stops it at its next await.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Work<T>> {
        start(self.samples.as_ref(), work)
    }

    /// Starts `work` that its query does not wait for; `left` is what remains of the time that the query stated.
    pub(crate) fn detach(&self, left: Option<Duration>, work: impl Future<Output = ()> + Send + 'static) {
        let Some(runtime) = &self.tables else { return };
        let until = left.and_then(|left| Instant::now().checked_add(left));
        let mut detached = self.detached.lock().unwrap_or_else(PoisonError::into_inner);
        detached.retain(|work| !work.handle.is_finished());
        detached.push(Detached { handle: runtime.spawn(work), until });
    }

    /// Waits for detached work, for each no longer than the time that its query stated. Returns whether all of it ended.
    pub(crate) async fn finish(&self) -> bool {
        let detached = std::mem::take(&mut *self.detached.lock().unwrap_or_else(PoisonError::into_inner));
        let mut is_done = true;
        for Detached { handle, until } in detached {
            is_done &= match until {
                None => handle.await.is_ok(),
                Some(until) => timeout_at(until, handle).await.is_ok_and(|ended| ended.is_ok()),
            };
        }
        is_done
    }

    /// Runs `work` that may read whole tables; dropping the future stops it at its next await.
    pub(crate) async fn on_tables<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        start(self.tables.as_ref(), work)?.done().await
    }
}

fn runtime(name: &str, threads: usize) -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name(name)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|e| Error::data(format!("no threads could be started: {e}")))
}

fn start<T: Send + 'static>(
    runtime: Option<&Runtime>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<Work<T>> {
    let runtime = runtime.ok_or_else(|| Error::data("the session is being closed"))?;
    Ok(Work { handle: runtime.spawn(work) })
}

impl Drop for Executor {
    fn drop(&mut self) {
        // A runtime must not wait for its threads inside another runtime.
        for runtime in [self.samples.take(), self.tables.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// A running task.
#[derive(Debug)]
pub(crate) struct Work<T> {
    handle: JoinHandle<Result<T>>,
}

impl<T> Work<T> {
    /// Waits for the end of the work; a panic in it becomes an error.
    pub(crate) async fn done(&mut self) -> Result<T> {
        match (&mut self.handle).await {
            Ok(done) => done,
            Err(e) => Err(Error::data(format!("the query ended early: {e}"))),
        }
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
