//! Costs of looks at samples, whole answers, levels read from files and exact answers on this machine, learnt from each and kept in the
//! store.
//!
//! A look takes `a + b·cells` where cells are its rows times the columns, groupings and aggregates that each row passes.
//! Both are found by least squares over the looks so far, older ones counting less, so that they follow the machine.

use plusminus_catalog::{LearntCosts, LearntLine, Store};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What an observation counts for after each further one.
const MEMORY: f64 = 0.98;
/// Observations before anything is predicted.
const SEEN_MIN: f64 = 4.0;
/// Weight of the newest exact answer beside those before.
const NEWEST: f64 = 0.3;
/// Exact answers take at most so many times longer or shorter than predicted on the reference machine.
const FACTOR_MAX: f64 = 100.0;
/// Tables (and sets of tables that are joined) whose scans are learnt apart.
const TABLES_MAX: usize = 64;
/// An exact answer that took so long is kept in the store at once: it may be the only one of its session.
const WORTH_A_WRITE: Duration = Duration::from_millis(50);
/// The key of all tables together; no table has an empty name.
const MACHINE: &str = "";
/// Observations of a line up to which each is kept in the store at once: a process that asks one query learns for the next.
const SEEN_FEW: f64 = 20.0;
/// Observations between two writes to the store.
const SEEN_PER_WRITE: u32 = 64;

/// Costs of one store.
#[derive(Debug)]
pub(crate) struct CostModel {
    learnt: Mutex<(LearntCosts, u32)>,
}

/// What a cost is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// A look at a level.
    Level,
    /// A whole answer, by the cells of its last look.
    Answer,
    /// Reading levels from files, by the values read.
    Load,
    /// An exact answer, by the nanoseconds of its predicted work.
    Table,
}

impl CostModel {
    /// What earlier sessions left; nothing when that cannot be read, for it is no data of anybody's.
    pub(crate) fn open(store: &Store) -> Self {
        Self { learnt: Mutex::new((store.costs().unwrap_or_default(), 0)) }
    }

    /// `cells` cells took `time`. What is returned now and then is to be kept in the store.
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

    /// The exact answer over `tables`, of so many nanoseconds of predicted work, took `time`. What is returned is to be kept in the store.
    pub(crate) fn learn_scan(&self, tables: &str, work_ns: f64, time: Duration) -> Option<LearntCosts> {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let (costs, unwritten) = &mut *learnt;
        let scans = &mut costs.scans;
        let factor = (time.as_secs_f64() * 1e9 / work_ns.max(1.0)).clamp(1.0 / FACTOR_MAX, FACTOR_MAX);
        for key in [tables, MACHINE] {
            let known = scans.get(key).copied();
            let next = known.map_or(factor, |known| (known.ln() * (1.0 - NEWEST) + factor.ln() * NEWEST).exp());
            // With very many tables the machine's own factor has to do.
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

    /// The predicted time of the exact answer over `tables`: by their own scans, else by those of other tables, else that of the reference
    /// machine.
    pub(crate) fn predict_scan(&self, tables: &str, work_ns: f64) -> Duration {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let scans = &learnt.0.scans;
        let factor = scans.get(tables).or_else(|| scans.get(MACHINE)).copied().unwrap_or(1.0);
        Duration::from_secs_f64((work_ns * factor * 1e-9).clamp(0.0, 1e9))
    }

    /// Whether exact answers over `tables` were seen.
    pub(crate) fn knows_scans_of(&self, tables: &str) -> bool {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).0.scans.contains_key(tables)
    }

    /// What `cells` cells will take; `None` before enough was learnt.
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

/// The line of a cost that grows by cells; exact answers are predicted from their plans.
fn line(costs: &mut LearntCosts, cost: Cost) -> Option<&mut LearntLine> {
    match cost {
        Cost::Level => Some(&mut costs.looks),
        Cost::Answer => Some(&mut costs.answers),
        Cost::Load => Some(&mut costs.loads),
        Cost::Table => None,
    }
}

fn add(line: &mut LearntLine, x: f64, y: f64) {
    // Relative errors count, so that a few large looks do not decide the price of small ones.
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
        for look in 0..SEEN_PER_WRITE {
            let cells = 1_000.0 * f64::from(1 << (look % 10));
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

    /// A machine that became three times slower is believed after some looks.
    #[test]
    fn old_looks_are_forgotten() {
        let (_folder, store) = store();
        let costs = CostModel::open(&store);
        for (speed, looks) in [(1e-8, 200), (3e-8, 200)] {
            for look in 0..looks {
                let cells = 1e5 * f64::from(1 + look % 7);
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

    /// A table is as slow as it was; one that was never scanned is as slow as others.
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

    /// What reading takes is learnt apart from looks.
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
