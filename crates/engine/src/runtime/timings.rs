//! Time that a query spends in each phase, for the report and for traces.

use super::clock::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time by phase, in the order in which phases first occurred.
#[derive(Debug)]
pub(crate) struct Timings {
    clock: Arc<dyn Clock>,
    taken: Mutex<(Duration, Vec<(&'static str, Duration)>)>,
}

impl Timings {
    /// Starts at `start`, a time of `clock`.
    pub(crate) fn new(clock: Arc<dyn Clock>, start: Duration) -> Self {
        Self { clock, taken: Mutex::new((start, Vec::new())) }
    }

    /// Adds the time since the last call to `part`, and emits a trace event of the phase in the current span.
    pub(crate) fn lap(&self, part: &'static str) {
        let now = self.clock.elapsed();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, parts) = &mut *taken;
        let passed = now.saturating_sub(*last);
        *last = now;
        tracing::debug!(phase = part, took = ?passed);
        match parts.iter_mut().find(|(name, _)| *name == part) {
            Some((_, time)) => *time += passed,
            None => parts.push((part, passed)),
        }
    }

    /// The phases so far, each with its time.
    pub(crate) fn taken(&self) -> Vec<(&'static str, Duration)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Debug, Default)]
    struct Ticks(AtomicU64);

    impl Clock for Ticks {
        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.fetch_add(10, Ordering::Relaxed))
        }

        fn unix_ms(&self) -> u64 {
            0
        }
    }

    #[test]
    fn laps_of_one_part_add_up() {
        let timings = Timings::new(Arc::new(Ticks::default()), Duration::ZERO);
        for part in ["plan", "rows", "walk", "rows"] {
            timings.lap(part);
        }
        let ms = Duration::from_millis;
        assert_eq!(timings.taken(), [("plan", ms(0)), ("rows", ms(20)), ("walk", ms(10))]);
    }
}
