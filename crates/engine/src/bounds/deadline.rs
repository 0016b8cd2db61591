//! Waits for a query until it ends, its time is up, or a caller interrupts it.
//!
//! The work runs on other threads ([`crate::runtime::executor`]) and leaves the answer of every finished level here. A level counts
//! only once it is finished, so that the answer found here is always complete.

use crate::answer::{Answer, Error, Result};
use crate::runtime::{Work, scanned};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

/// Part of the stated time that is kept for handing the answer over: a tenth, within these limits.
const MARGIN_PART: u32 = 10;
const MARGIN_MIN: Duration = Duration::from_micros(200);
const MARGIN_MAX: Duration = Duration::from_millis(5);

/// Asks a running query for the best answer it has so far; see [`crate::Query::interruptible`].
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    inner: Arc<InterruptState>,
}

#[derive(Debug, Default)]
struct InterruptState {
    is_requested: AtomicBool,
    notified: Notify,
    scan: Mutex<Option<Scan>>,
}

/// A running scan of whole tables; `rows_total` is the approximate number of their rows.
#[derive(Debug)]
struct Scan {
    plan: Arc<dyn ExecutionPlan>,
    rows_total: u64,
}

/// Progress of a query that scans its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanProgress {
    /// Rows read so far.
    pub rows: u64,
    /// Rows of the tables, approximately.
    pub rows_total: u64,
}

impl Interrupt {
    /// An interrupt that was not requested yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests the best answer; queries that wait with this interrupt answer at once, later ones as soon as they begin.
    pub fn request(&self) {
        self.inner.is_requested.store(true, Ordering::SeqCst);
        self.inner.notified.notify_waiters();
    }

    /// Progress of reading the tables, while a query with this interrupt computes something exactly.
    #[must_use]
    pub fn scan_progress(&self) -> Option<ScanProgress> {
        let scan = self.inner.scan.lock().unwrap_or_else(PoisonError::into_inner);
        let scan = scan.as_ref()?;
        let rows = scanned(&scan.plan);
        Some(ScanProgress { rows: rows.min(scan.rows_total), rows_total: scan.rows_total })
    }

    fn watch_scan(&self, scan: Option<Scan>) {
        *self.inner.scan.lock().unwrap_or_else(PoisonError::into_inner) = scan;
    }

    /// Waits until the interrupt is requested.
    pub(crate) async fn requested(&self) {
        loop {
            let notified = self.inner.notified.notified();
            tokio::pin!(notified);
            // Registered before the flag is read, so that no request falls between the two.
            notified.as_mut().enable();
            if self.inner.is_requested.load(Ordering::SeqCst) {
                return;
            }
            notified.await;
        }
    }
}

/// Listeners of a query besides the caller that waits for its end.
#[derive(Debug, Default, Clone)]
pub(crate) struct Listeners {
    pub(crate) interrupt: Option<Interrupt>,
    /// Receives the answer of every level.
    pub(crate) levels: Option<UnboundedSender<Answer>>,
}

/// The deferred answer of a finished level.
pub(crate) struct Best {
    /// Builds the answer without applying the miss policy.
    pub(crate) build: Box<dyn FnOnce() -> Result<Answer> + Send>,
    /// Applies the miss policy, if this answer is the final one.
    pub(crate) finish: Box<dyn FnOnce(Answer) -> Result<Answer> + Send>,
}

impl Best {
    /// Builds the answer as the final one.
    fn last(self) -> Result<Answer> {
        (self.finish)((self.build)()?)
    }
}

/// Ends the progress report of a scan when it is dropped.
pub(crate) struct ScanGuard {
    interrupt: Option<Interrupt>,
}

impl Drop for ScanGuard {
    fn drop(&mut self) {
        if let Some(interrupt) = &self.interrupt {
            interrupt.watch_scan(None);
        }
    }
}

/// State that the working task and the waiting caller share.
#[derive(Default)]
pub(crate) struct Watch {
    best: Mutex<Option<Best>>,
    levels: Option<UnboundedSender<Answer>>,
    interrupt: Option<Interrupt>,
    is_wanted: bool,
    stopped: AtomicBool,
    exact: AtomicBool,
    /// For a query block, the watch of the whole query and the function that takes the block's answers.
    whole: Option<(Arc<Watch>, Forward)>,
    /// Names for the columns of every answer; `None` inside leaves a column's name as it is.
    names: OnceLock<Vec<Option<String>>>,
}

/// Takes the answer that a query block has so far.
pub(crate) type Forward = Box<dyn Fn(Answer) -> Result<()> + Send + Sync>;

impl Watch {
    pub(crate) fn new(listeners: &Listeners, has_deadline: bool) -> Self {
        let levels = listeners.levels.clone();
        let is_wanted = has_deadline || levels.is_some() || listeners.interrupt.is_some();
        Self { levels, interrupt: listeners.interrupt.clone(), is_wanted, ..Self::default() }
    }

    /// A watch over one block of the query that `whole` watches; answers of its levels go to `forward`.
    pub(crate) fn of_block(whole: &Arc<Self>, forward: Forward) -> Self {
        let (interrupt, is_wanted) = (whole.interrupt.clone(), whole.is_wanted);
        Self { interrupt, is_wanted, whole: Some((Arc::clone(whole), forward)), ..Self::default() }
    }

    /// Sets names for the columns of every answer that is handed over.
    pub(crate) fn set_names(&self, names: &[Option<String>]) {
        // A query is planned once.
        let _ = self.names.set(names.to_vec());
    }

    /// The answer with the names that were set.
    pub(crate) fn named(&self, answer: Answer) -> Answer {
        match self.names.get() {
            Some(names) => answer.renamed(names),
            None => answer,
        }
    }

    /// Whether a caller may use the answer of a level that is not the last.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Whether the caller has stopped waiting.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.whole.as_ref().is_some_and(|(whole, _)| whole.is_stopped())
    }

    /// Notes that the query scans its tables, with `rows_total` rows.
    pub(crate) fn scans(&self, plan: &Arc<dyn ExecutionPlan>, rows_total: u64) {
        self.exact.store(true, Ordering::Relaxed);
        if let Some((whole, _)) = &self.whole {
            whole.exact.store(true, Ordering::Relaxed);
        }
        if let Some(interrupt) = &self.interrupt {
            interrupt.watch_scan(Some(Scan { plan: Arc::clone(plan), rows_total }));
        }
    }

    /// A guard that ends the progress report of the scan when it is dropped.
    pub(crate) fn scan_guard(&self) -> ScanGuard {
        ScanGuard { interrupt: self.interrupt.clone() }
    }

    /// Takes the best answer so far as the final one.
    pub(crate) fn take_best(&self) -> Option<Result<Answer>> {
        let best = self.best().take();
        best.map(Best::last)
    }

    /// Whether the answer of a level is available.
    pub(crate) fn has_best(&self) -> bool {
        self.best().is_some()
    }

    /// Stores the answer of a finished level.
    pub(crate) fn level_done(&self, best: Best) -> Result<()> {
        if !self.is_wanted {
            return Ok(());
        }
        if let Some((_, forward)) = &self.whole {
            let answer = (best.build)()?;
            *self.best() = Some(Best {
                build: Box::new({
                    let answer = answer.clone();
                    || Ok(answer)
                }),
                finish: best.finish,
            });
            return forward(answer);
        }
        match &self.levels {
            None => *self.best() = Some(best),
            Some(levels) => {
                let answer = self.named((best.build)()?);
                let sent = answer.clone();
                let mut kept = self.best();
                // A caller that stopped the query has the last answer; no other may follow it.
                if !self.is_stopped() {
                    *kept = Some(Best { build: Box::new(|| Ok(answer)), finish: best.finish });
                    // An error means that no listener is left; the query will soon be stopped.
                    let _ = levels.send(sent);
                }
            }
        }
        Ok(())
    }

    fn best(&self) -> std::sync::MutexGuard<'_, Option<Best>> {
        self.best.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the work and returns the best complete answer, or `error`.
    fn stop(&self, error: impl FnOnce(&Self) -> Error) -> Result<Answer> {
        let best = {
            let mut best = self.best();
            self.stopped.store(true, Ordering::Relaxed);
            best.take()
        };
        best.map_or_else(|| Err(error(self)), Best::last)
    }

    fn out_of_time(&self, stated: Duration) -> Error {
        let stated = stated.as_secs_f64() * 1e3;
        let (what, next) = match self.exact.load(Ordering::Relaxed) {
            true => (
                "the query had to run exactly and was stopped",
                "allow more time, or a sample and a query that can be approximated (EXPLAIN says why not)",
            ),
            false => {
                ("the first level of the sample was not finished", "allow more time, or a sample with more LEVELS")
            }
        };
        Error::BoundMissed {
            what: format!("no answer within {stated} ms: {what}"),
            next: next.to_owned(),
            answer: None,
        }
    }
}

/// Time to wait until the answer must be handed over, given the stated time and the time `elapsed`.
fn until(stated: Duration, elapsed: Duration) -> Duration {
    let margin = (stated / MARGIN_PART).clamp(MARGIN_MIN, MARGIN_MAX);
    stated.saturating_sub(margin).saturating_sub(elapsed)
}

/// Waits for the end of `work`, and returns the best answer when the time is up or a caller interrupts.
pub(crate) async fn wait(
    mut work: Work<Answer>,
    watch: &Watch,
    interrupt: Option<Interrupt>,
    within: Option<Duration>,
    elapsed: Duration,
) -> Result<Answer> {
    let deadline = async {
        match within {
            Some(stated) => tokio::time::sleep(until(stated, elapsed)).await,
            None => std::future::pending().await,
        }
    };
    let interrupted = async {
        match &interrupt {
            Some(interrupt) => interrupt.requested().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        done = work.done() => done,
        () = deadline => watch.stop(|watch| watch.out_of_time(within.unwrap_or_default())),
        () = interrupted => {
            let mut answer = watch.stop(|_| Error::Interrupted)?;
            answer.report.warnings.push("interrupted: the best answer so far".to_owned());
            Ok(answer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::listing::message;
    use crate::runtime::Executor;

    const SOON: Option<Duration> = Some(Duration::from_millis(20));

    /// Waits for work that never ends, with or without a finished level.
    async fn waited(level: bool, within: Option<Duration>, interrupt: Option<Interrupt>) -> (Result<Answer>, bool) {
        let executor = Executor::new(1).unwrap();
        let work = executor.spawn(std::future::pending()).unwrap();
        let listeners = Listeners { interrupt: interrupt.clone(), levels: None };
        let watch = Watch::new(&listeners, within.is_some());
        if level {
            let best = Best { build: Box::new(|| Ok(message("a level"))), finish: Box::new(Ok) };
            watch.level_done(best).unwrap();
        }
        (wait(work, &watch, interrupt, within, Duration::ZERO).await, watch.is_stopped())
    }

    #[tokio::test]
    async fn a_deadline_takes_the_finished_level_or_says_that_there_is_none() {
        let (answer, is_stopped) = waited(true, SOON, None).await;
        assert!(is_stopped && answer.unwrap().report.warnings.is_empty());
        let (none, is_stopped) = waited(false, SOON, None).await;
        assert!(is_stopped && matches!(none, Err(Error::BoundMissed { answer: None, .. })));
    }

    #[tokio::test]
    async fn an_interrupt_does_so_at_once() {
        let interrupt = Interrupt::new();
        interrupt.request();
        let (answer, _) = waited(true, None, Some(interrupt.clone())).await;
        assert_eq!(answer.unwrap().report.warnings, ["interrupted: the best answer so far"]);
        let (none, _) = waited(false, None, Some(interrupt)).await;
        assert!(matches!(none, Err(Error::Interrupted)));
    }

    #[test]
    fn the_margin_is_a_tenth_within_limits() {
        let ms = Duration::from_millis;
        assert_eq!(until(ms(20), ms(5)), ms(13));
        assert_eq!(until(ms(2_000), ms(0)), ms(1_995));
        assert_eq!(until(Duration::from_micros(100), ms(0)), Duration::ZERO);
    }
}
