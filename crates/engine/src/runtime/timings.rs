//! Where the time of a query goes: its phases, for the report and for whoever listens to traces.

use super::clock::Clock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time by part of the work, in the order in which parts first came up.
#[derive(Debug)]
pub(crate) struct Timings {
    clock: Arc<dyn Clock>,
    taken: Mutex<(Duration, Vec<(&'static str, Duration)>)>,
}

impl Timings {
    /// Counts from `start` on, a time of `clock`.
    pub(crate) fn new(clock: Arc<dyn Clock>, start: Duration) -> Self {
        Self { clock, taken: Mutex::new((start, Vec::new())) }
    }

    /// The time since the last call went into `part`. An event of the phase goes to the current span.
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

    /// The parts so far.
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
        let parts = Timings::new(Arc::new(Ticks::default()), Duration::ZERO);
        for part in ["plan", "rows", "walk", "rows"] {
            parts.lap(part);
        }
        let ms = Duration::from_millis;
        assert_eq!(parts.taken(), [("plan", ms(0)), ("rows", ms(20)), ("walk", ms(10))]);
    }
}
