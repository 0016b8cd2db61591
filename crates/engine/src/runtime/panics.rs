//! Turns panics into errors, since a query that ends early must not end its session.

use crate::answer::{Error, Result};
use futures::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// Runs `work`; a panic in it becomes an error.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.unwrap_or_else(|panic| Err(Error::data(format!("the query ended early: {}", panic_text(panic.as_ref())))))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}
