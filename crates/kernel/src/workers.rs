//! A second thread for halves of the work on large levels.

use super::buffer_pool::BufferPool;
use datafusion::error::{DataFusionError, Result};
use std::sync::{Arc, OnceLock};

/// Rows from which work is cut in two; below, handing it over costs more than it saves.
///
/// Whether and where work is cut depends on the rows alone, never on the number of threads, so that sums are added in one
/// order everywhere.
const HALVED_ROWS: usize = 32_768;

/// Bytes of a worker's stack: expressions are evaluated recursively.
const STACK_BYTES: usize = 16 << 20;

/// Threads that only compute.
#[derive(Debug)]
pub struct Workers {
    threads: usize,
    halved_rows: usize,
    pool: OnceLock<rayon::ThreadPool>,
    /// The pool of buffers that they compute in.
    buffers: Option<Arc<BufferPool>>,
}

impl Workers {
    /// Workers on `threads` threads, which start when work is first shared.
    pub fn new(threads: usize) -> Self {
        Self { threads, halved_rows: HALVED_ROWS, pool: OnceLock::new(), buffers: None }
    }

    /// Workers that take their memory from a buffer pool.
    pub fn with_buffers(threads: usize, buffers: BufferPool) -> Self {
        Self { buffers: Some(Arc::new(buffers)), ..Self::new(threads) }
    }

    /// Workers that cut work on so many rows or more in two.
    #[cfg(test)]
    pub(crate) fn halving(threads: usize, halved_rows: usize) -> Self {
        Self { halved_rows, ..Self::new(threads) }
    }

    /// Whether work on so many rows is cut in two.
    pub(crate) fn halves(&self, rows: usize) -> bool {
        rows >= self.halved_rows
    }

    /// The buffer pool, if there is one.
    pub fn buffers(&self) -> Option<&Arc<BufferPool>> {
        self.buffers.as_ref()
    }

    /// Both results, computed at the same time where there are threads for it.
    ///
    /// # Errors
    /// When no threads can be started.
    pub fn join<A: Send, B: Send>(
        &self,
        one: impl FnOnce() -> A + Send,
        other: impl FnOnce() -> B + Send,
    ) -> Result<(A, B)> {
        if self.threads < 2 {
            return Ok((one(), other()));
        }
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => {
                let built = rayon::ThreadPoolBuilder::new()
                    .num_threads(self.threads)
                    .stack_size(STACK_BYTES)
                    .thread_name(|n| format!("plusminus-rows-{n}"))
                    .build()
                    .map_err(|e| DataFusionError::Execution(format!("no threads could be started: {e}")))?;
                self.pool.get_or_init(|| built)
            }
        };
        Ok(pool.join(one, other))
    }
}
