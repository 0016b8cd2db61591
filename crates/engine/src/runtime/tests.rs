use super::Executor;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn detached_work_is_waited_for_as_long_as_its_query_allows() {
    let executor = Executor::new(1).unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&is_done);
    executor.detach(None, async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        own.store(true, Ordering::Relaxed);
    });
    assert!(executor.finish().await);
    assert!(is_done.load(Ordering::Relaxed));
    executor.detach(Some(Duration::from_millis(1)), pending());
    assert!(!executor.finish().await);
    assert!(executor.finish().await, "what was given up is not waited for again");
    executor.detach(None, async { panic!("a fault") });
    assert!(!executor.finish().await);
}
