use crate::costs::Cost;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What the last run of a query counts for beside those before.
const NEWEST: f64 = 0.5;
/// The pace is taken to be within this factor of that of all queries.
const FACTOR_MAX: f64 = 20.0;

/// How much slower a query is than others with as many cells, from its own runs.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Logarithms of the factors, of looks and of answers.
    logarithms: Mutex<[Option<f64>; 3]>,
}

impl Pace {
    /// The factor; 1 for a query that has not run.
    pub(crate) fn of(&self, cost: Cost) -> f64 {
        let known = self.logarithms.lock().unwrap_or_else(PoisonError::into_inner);
        known[place(cost)].map_or(1.0, f64::exp)
    }

    /// `took` where `predicted` is what others take.
    pub(crate) fn note(&self, cost: Cost, predicted: Duration, took: Duration) {
        let factor = took.as_secs_f64() / predicted.as_secs_f64().max(1e-9);
        let newest = factor.clamp(1.0 / FACTOR_MAX, FACTOR_MAX).ln();
        let mut known = self.logarithms.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut known[place(cost)];
        *slot = Some(slot.map_or(newest, |before| NEWEST * newest + (1.0 - NEWEST) * before));
    }
}

fn place(cost: Cost) -> usize {
    match cost {
        Cost::Look => 0,
        Cost::Answer => 1,
        Cost::Load => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_to_be_as_slow_as_it_was() {
        let (pace, ms) = (Pace::default(), Duration::from_millis);
        assert!((pace.of(Cost::Look) - 1.0).abs() < 1e-12);
        pace.note(Cost::Look, ms(10), ms(40));
        assert!((pace.of(Cost::Look) - 4.0).abs() < 1e-9 && (pace.of(Cost::Answer) - 1.0).abs() < 1e-12);
        pace.note(Cost::Look, ms(10), ms(10));
        assert!((pace.of(Cost::Look) - 2.0).abs() < 1e-9);
        pace.note(Cost::Answer, ms(1), ms(100_000));
        assert!((pace.of(Cost::Answer) - FACTOR_MAX).abs() < 1e-9);
    }
}
