//! Thread pools for the work of queries; a caller that waits for a query runs on other threads, so that it always wakes in time.

use crate::answer::{Error, Result};
use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

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
}

impl Executor {
    pub(crate) fn new(threads: usize) -> Result<Self> {
        Ok(Self {
            samples: Some(runtime("plusminus-samples", threads)?),
            tables: Some(runtime("plusminus-tables", threads)?),
        })
    }

    /// Starts the `work` of a query; dropping the handle stops it at its next await.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Work<T>> {
        start(self.samples.as_ref(), work)
    }

    /// Starts `work` that nobody waits for.
    pub(crate) fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.tables {
            drop(runtime.spawn(work));
        }
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
