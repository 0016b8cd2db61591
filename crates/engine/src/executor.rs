//! Threads of their own for the work of queries, so that whoever waits for them is always awake in time.

use crate::error::{Error, Result};
use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Stack of a worker: deep plans are walked recursively.
const STACK_BYTES: usize = 16 << 20;

/// A runtime that only executes; timers and whoever asks live elsewhere.
#[derive(Debug)]
pub(crate) struct Executor {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Executor {
    pub(crate) fn new(threads: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("plusminus-work")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|e| Error::data(format!("no threads could be started: {e}")))?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Starts `work`; dropping the handle stops it at its next wait.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Work<T>> {
        let runtime = self.runtime.as_ref().ok_or_else(|| Error::data("the session is being closed"))?;
        Ok(Work { handle: runtime.spawn(work) })
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // A runtime may not wait for its threads inside another one.
        if let Some(runtime) = self.runtime.take() {
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
