//! Waits for work of the engine without holding Python's lock, and lets Ctrl-C end it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How often Python is asked whether a signal came.
const TICK: Duration = Duration::from_millis(50);
/// Bytes of a thread's stack: deep plans are walked recursively.
const STACK_BYTES: usize = 16 << 20;

/// The threads that all sessions of the process start their work from.
pub(crate) fn runtime() -> PyResult<&'static Runtime> {
    static RUNTIMES: Mutex<Vec<(u32, &'static Runtime)>> = Mutex::new(Vec::new());
    let mut runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    // A forked process has none of its parent's threads, and needs its own.
    let process = std::process::id();
    if let Some((_, runtime)) = runtimes.iter().find(|(own, _)| *own == process) {
        return Ok(*runtime);
    }
    let made = Builder::new_multi_thread().thread_stack_size(STACK_BYTES).enable_all().build();
    let made = made.map_err(|e| PyRuntimeError::new_err(format!("the threads of PlusMinus cannot be started: {e}")))?;
    let runtime: &'static Runtime = Box::leak(Box::new(made));
    runtimes.push((process, runtime));
    Ok(runtime)
}

/// Runs `work` to its end. A signal's exception, KeyboardInterrupt say, drops it.
pub(crate) fn wait<T: Send + 'static>(py: Python<'_>, work: impl Future<Output = T> + Send + 'static) -> PyResult<T> {
    let (sender, receiver) = channel();
    let task = runtime()?.spawn(async move {
        // Nobody receives what was given up.
        let _ = sender.send(work.await);
    });
    let receiver = Mutex::new(receiver);
    loop {
        let next = py.detach(|| receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(TICK));
        match next {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => py.check_signals().inspect_err(|_| task.abort())?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("a worker of PlusMinus ended before its work was done"));
            }
        }
    }
}
