//! Costs of evaluating levels, whole answers, reading levels from files and exact answers on this machine; they are learnt from each run
//! and kept in the store.
//!
//! Evaluating a level takes `a + b·cells`, where cells are its rows times the columns, groupings and aggregates that each row passes
//! through. Both coefficients are found by least squares over past runs, older ones counting less, so that they follow the machine.

use plusminus_catalog::{LearntCosts, LearntLine, Store};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Factor on an observation's weight with each further observation.
const MEMORY: f64 = 0.98;
/// Weighted observations from which costs are predicted.
const SEEN_MIN: f64 = 4.0;
/// Weight of the newest exact answer in the average with earlier ones.
const NEWEST: f64 = 0.3;
/// Largest factor between the time of an exact answer and its prediction for the reference machine, in either direction.
const FACTOR_MAX: f64 = 100.0;
/// Tables (and sets of joined tables) whose scans have a factor of their own.
const TABLES_MAX: usize = 64;
/// An exact answer that took this long is written to the store at once, since it may be the only one of its session.
const WORTH_A_WRITE: Duration = Duration::from_millis(50);
/// The key of all tables together; no table has an empty name.
const MACHINE: &str = "";
/// Weighted observations up to which each one is written to the store at once, so that single-query processes learn from each other.
const SEEN_FEW: f64 = 20.0;
/// Observations between two writes to the store.
const SEEN_PER_WRITE: u32 = 64;

/// The cost model of one store.
#[derive(Debug)]
pub(crate) struct CostModel {
    learnt: Mutex<(LearntCosts, u32)>,
}

/// The kind of a cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Evaluating a level, by cells.
    Level,
    /// A whole answer, by the cells of its last level.
    Answer,
    /// Reading levels from files, by the values read.
    Load,
    /// An exact answer, by its predicted work in nanoseconds of the reference machine.
    Table,
}

impl CostModel {
    /// Loads the costs that earlier sessions learnt; none when they cannot be read, since no user data is lost with them.
    pub(crate) fn open(store: &Store) -> Self {
        Self { learnt: Mutex::new((store.costs().unwrap_or_default(), 0)) }
    }

    /// Learns that `cells` cells took `time`. A returned value is to be written to the store.
    pub(crate) fn learn(&self, cost: Cost, cells: f64, time: Duration) -> Option<LearntCosts> {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let (costs, unwritten) = &mut *learnt;
        let line = line(costs, cost)?;
        add(line, cells, time.as_secs_f64());
        *unwritten += 1;
        let is_due = *unwritten >= SEEN_PER_WRITE || line.seen < SEEN_FEW;
        if is_due {
            *unwritten = 0;
        }
        is_due.then(|| costs.clone())
    }

    /// Learns that the exact answer over `tables`, with `work_ns` nanoseconds of predicted work, took `time`. A returned value is to be
    /// written to the store.
    pub(crate) fn learn_scan(&self, tables: &str, work_ns: f64, time: Duration) -> Option<LearntCosts> {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let (costs, unwritten) = &mut *learnt;
        let scans = &mut costs.scans;
        let factor = (time.as_secs_f64() * 1e9 / work_ns.max(1.0)).clamp(1.0 / FACTOR_MAX, FACTOR_MAX);
        for key in [tables, MACHINE] {
            let known = scans.get(key).copied();
            let next = known.map_or(factor, |known| (known.ln() * (1.0 - NEWEST) + factor.ln() * NEWEST).exp());
            // Beyond the limit on tables the machine's own factor is used.
            if known.is_some() || scans.len() < TABLES_MAX {
                scans.insert(key.to_owned(), next);
            }
        }
        *unwritten += 1;
        let is_due = *unwritten >= SEEN_PER_WRITE || time >= WORTH_A_WRITE;
        if is_due {
            *unwritten = 0;
        }
        is_due.then(|| costs.clone())
    }

    /// The predicted time of the exact answer over `tables`, by the factor of these tables, else that of all tables, else that of the
    /// reference machine.
    pub(crate) fn predict_scan(&self, tables: &str, work_ns: f64) -> Duration {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let scans = &learnt.0.scans;
        let factor = scans.get(tables).or_else(|| scans.get(MACHINE)).copied().unwrap_or(1.0);
        Duration::from_secs_f64((work_ns * factor * 1e-9).clamp(0.0, 1e9))
    }

    /// Whether exact answers over `tables` were observed.
    pub(crate) fn knows_scans_of(&self, tables: &str) -> bool {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).0.scans.contains_key(tables)
    }

    /// The predicted time of `cells` cells; `None` before enough was learnt.
    pub(crate) fn predict(&self, cost: Cost, cells: f64) -> Option<Duration> {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line(&mut learnt.0, cost)?;
        let [n, x, y, xx, xy] = line.sums;
        if line.seen < SEEN_MIN {
            return None;
        }
        let spread = n * xx - x * x;
        let slope = if spread > 1e-9 * n * xx { (n * xy - x * y) / spread } else { y / x };
        let slope = slope.max(0.0);
        let base = ((y - slope * x) / n).max(0.0);
        let seconds = base + slope * cells;
        (seconds.is_finite() && seconds < 1e6).then(|| Duration::from_secs_f64(seconds))
    }
}

/// The line of a cost that grows with cells; exact answers are predicted from their plans instead.
fn line(costs: &mut LearntCosts, cost: Cost) -> Option<&mut LearntLine> {
    match cost {
        Cost::Level => Some(&mut costs.levels),
        Cost::Answer => Some(&mut costs.answers),
        Cost::Load => Some(&mut costs.loads),
        Cost::Table => None,
    }
}

fn add(line: &mut LearntLine, x: f64, y: f64) {
    // Relative errors count, so that a few large levels do not decide the predicted cost of small ones.
    let weight = 1.0 / y.max(1e-5).powi(2);
    for (sum, term) in line.sums.iter_mut().zip([1.0, x, y, x * x, x * y]) {
        *sum = MEMORY * *sum + weight * term;
    }
    line.seen = MEMORY * line.seen + 1.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        store.initialise().unwrap();
        (folder, store)
    }

    #[test]
    fn a_line_is_learnt_and_kept() {
        let (_folder, store) = store();
        let costs = CostModel::open(&store);
        assert_eq!(costs.predict(Cost::Level, 1_000.0), None);
        for run in 0..SEEN_PER_WRITE {
            let cells = 1_000.0 * f64::from(1 << (run % 10));
            if let Some(learnt) = costs.learn(Cost::Level, cells, Duration::from_secs_f64(1e-3 + 2e-8 * cells)) {
                store.keep_costs(&learnt).unwrap();
            }
        }
        let expect = |cells: f64| 1e-3 + 2e-8 * cells;
        for known in [costs, CostModel::open(&store)] {
            for cells in [1_000.0, 50_000.0, 5e6] {
                let predicted = known.predict(Cost::Level, cells).unwrap().as_secs_f64();
                assert!((predicted / expect(cells) - 1.0).abs() < 0.02, "{predicted} for {cells}");
            }
        }
    }

    /// A machine that became three times slower is followed after some observations.
    #[test]
    fn old_looks_are_forgotten() {
        let (_folder, store) = store();
        let costs = CostModel::open(&store);
        for (speed, runs) in [(1e-8, 200), (3e-8, 200)] {
            for run in 0..runs {
                let cells = 1e5 * f64::from(1 + run % 7);
                costs.learn(Cost::Level, cells, Duration::from_secs_f64(speed * cells));
            }
        }
        let predicted = costs.predict(Cost::Level, 1e6).unwrap().as_secs_f64();
        assert!((0.02..0.035).contains(&predicted), "{predicted}");
    }

    #[test]
    fn one_size_of_look_says_something_too() {
        let (_folder, store) = store();
        let costs = CostModel::open(&store);
        (0..10).for_each(|_| drop(costs.learn(Cost::Level, 1e4, Duration::from_millis(1))));
        let predicted = costs.predict(Cost::Level, 1e5).unwrap().as_secs_f64();
        assert!((0.005..0.02).contains(&predicted), "{predicted}");
    }

    /// A table keeps its own factor; a table that was never scanned gets that of the others.
    #[test]
    fn exact_answers_are_predicted_by_table() {
        let (_folder, store) = store();
        let costs = CostModel::open(&store);
        let seconds = |costs: &CostModel, table: &str| costs.predict_scan(table, 2e9).as_secs_f64();
        assert!((seconds(&costs, "t") - 2.0).abs() < 1e-9);
        let learnt = costs.learn_scan("slow", 1e9, Duration::from_secs(3)).unwrap();
        assert!((seconds(&costs, "slow") - 6.0).abs() < 1e-9);
        assert!((seconds(&costs, "t") - 6.0).abs() < 1e-9);
        (0..20).for_each(|_| drop(costs.learn_scan("fast", 1e9, Duration::from_millis(500))));
        assert!((seconds(&costs, "fast") - 1.0).abs() < 0.01);
        assert!((seconds(&costs, "slow") - 6.0).abs() < 1e-9);
        store.keep_costs(&learnt).unwrap();
        assert!((seconds(&CostModel::open(&store), "slow") - 6.0).abs() < 1e-9);
    }

    /// The time of reading files is learnt apart from that of evaluating levels.
    #[test]
    fn loads_have_a_line_of_their_own() {
        let (_folder, store) = store();
        let costs = CostModel::open(&store);
        for values in 1..=8 {
            let values = 1e5 * f64::from(values);
            costs.learn(Cost::Load, values, Duration::from_secs_f64(2e-3 + 5e-8 * values));
        }
        assert_eq!(costs.predict(Cost::Level, 1e6), None);
        let predicted = costs.predict(Cost::Load, 1e6).unwrap().as_secs_f64();
        assert!((predicted / 52e-3 - 1.0).abs() < 0.02, "{predicted}");
    }
}
