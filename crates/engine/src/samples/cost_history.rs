use crate::environment::Cost;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Weight of the last run of a query in the average with earlier ones.
const NEWEST: f64 = 0.5;
/// Largest factor between the cost of a query and that of all queries.
const FACTOR_MAX: f64 = 20.0;

/// Cost of a query relative to other queries with as many cells, learnt from its own runs.
#[derive(Debug, Default)]
pub(crate) struct QueryCost {
    levels: Mutex<Option<CostHistory>>,
    answers: Mutex<Option<CostHistory>>,
    tables: Mutex<Option<CostHistory>>,
}

/// Mean logarithms of the cells of a query's runs and of the seconds that they took.
///
/// The time that other queries take for as many cells is predicted on use, since their costs keep changing.
#[derive(Clone, Copy, Debug)]
struct CostHistory {
    cells: f64,
    seconds: f64,
}

impl QueryCost {
    /// The relative cost, given the time that `others` take for a number of cells; 1 for a query that has not run.
    pub(crate) fn of(&self, cost: Cost, others: impl FnOnce(f64) -> Option<Duration>) -> f64 {
        let runs = self.runs(cost).and_then(|runs| *runs.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(runs) = runs else { return 1.0 };
        let others = others(runs.cells.exp()).map_or(f64::NAN, |time| time.as_secs_f64().max(1e-9));
        let factor = runs.seconds.exp() / others;
        if factor.is_nan() { 1.0 } else { factor.clamp(1.0 / FACTOR_MAX, FACTOR_MAX) }
    }

    /// Learns that `cells` cells took `took`.
    pub(crate) fn note(&self, cost: Cost, cells: f64, took: Duration) {
        let Some(runs) = self.runs(cost) else { return };
        let newest = CostHistory { cells: cells.max(1.0).ln(), seconds: took.as_secs_f64().max(1e-9).ln() };
        let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
        let average = |newest: f64, before: f64| NEWEST * newest + (1.0 - NEWEST) * before;
        *runs = Some(runs.map_or(newest, |before| CostHistory {
            cells: average(newest.cells, before.cells),
            seconds: average(newest.seconds, before.seconds),
        }));
    }

    /// The history of one kind of cost; none for reading files, which takes as long for every query.
    fn runs(&self, cost: Cost) -> Option<&Mutex<Option<CostHistory>>> {
        match cost {
            Cost::Level => Some(&self.levels),
            Cost::Answer => Some(&self.answers),
            Cost::Table => Some(&self.tables),
            Cost::Load => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_to_be_as_slow_as_it_was() {
        let (query_cost, ms) = (QueryCost::default(), Duration::from_millis);
        let others = |cells: f64| Some(Duration::from_secs_f64(cells * 1e-6));
        assert!((query_cost.of(Cost::Level, others) - 1.0).abs() < 1e-12);
        query_cost.note(Cost::Level, 1e4, ms(40));
        assert!((query_cost.of(Cost::Level, others) - 4.0).abs() < 1e-9);
        assert!((query_cost.of(Cost::Answer, others) - 1.0).abs() < 1e-12);
        query_cost.note(Cost::Level, 1e4, ms(10));
        assert!((query_cost.of(Cost::Level, others) - 2.0).abs() < 1e-9);
        query_cost.note(Cost::Answer, 1e3, ms(100_000));
        assert!((query_cost.of(Cost::Answer, others) - FACTOR_MAX).abs() < 1e-9);
        assert!((query_cost.of(Cost::Answer, |_| None) - 1.0).abs() < 1e-12);
        query_cost.note(Cost::Load, 1e4, ms(40));
        assert!((query_cost.of(Cost::Load, others) - 1.0).abs() < 1e-12);
    }

    /// A change in the cost of other queries does not change the predicted time of this one.
    #[test]
    fn what_it_took_does_not_move_with_others() {
        let query_cost = QueryCost::default();
        query_cost.note(Cost::Answer, 1e4, Duration::from_millis(30));
        for per_cell in [1e-6, 3e-6, 9e-6] {
            let others = |cells: f64| Some(Duration::from_secs_f64(cells * per_cell));
            let predicted = 1e4 * per_cell * query_cost.of(Cost::Answer, others);
            assert!((predicted - 0.03).abs() < 1e-9, "{predicted}");
        }
    }
}
