//! Threads of their own for the work of queries, so that whoever waits for them is always awake in time.

use crate::answer::{Error, Result};
use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Stack of a worker: deep plans are walked recursively.
const STACK_BYTES: usize = 16 << 20;

/// Runtimes that only execute; timers and whoever asks live elsewhere.
///
/// Work on samples never waits behind work on whole tables, which may not yield for as long as it likes.
#[derive(Debug)]
pub(crate) struct Executor {
    /// `None` only while it is dropped.
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

    /// Starts `work` of a query; dropping the handle stops it at its next wait.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Work<T>> {
        start(self.samples.as_ref(), work)
    }

    /// Runs `work` that may read whole tables; dropping the future stops it at its next wait.
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
        // A runtime may not wait for its threads inside another one.
        for runtime in [self.samples.take(), self.tables.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Work under way.
#[derive(Debug)]
pub(crate) struct Work<T> {
    handle: JoinHandle<Result<T>>,
}

impl<T> Work<T> {
    /// The end of the work; a panic in it is an error here.
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
