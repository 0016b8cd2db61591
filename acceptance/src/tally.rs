//! Outcomes of every kind of cell: how often intervals held, and how wide they were.

use crate::case::Case;
use plusminus_statistics::{Estimate, Trust};
use std::collections::BTreeMap;

/// An answer's cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) value: f64,
    pub(crate) lower: Option<f64>,
    pub(crate) upper: Option<f64>,
    pub(crate) trust: Trust,
}

impl Shown {
    /// The truth lies between the ends, up to rounding.
    pub(crate) fn holds(&self, truth: f64) -> bool {
        let slack = 1e-9 * truth.abs();
        self.lower.is_none_or(|lower| lower <= truth + slack) && self.upper.is_none_or(|upper| truth - slack <= upper)
    }

    pub(crate) fn width(&self) -> Option<f64> {
        Some(self.upper? - self.lower?)
    }
}

impl From<&Estimate> for Shown {
    fn from(e: &Estimate) -> Self {
        Self { value: e.value.unwrap_or(f64::NAN), lower: e.lower, upper: e.upper, trust: e.trust }
    }
}

impl From<&plusminus::Cell> for Shown {
    fn from(c: &plusminus::Cell) -> Self {
        let end = |x: f64| Some(x).filter(|x| !x.is_nan());
        Self { value: c.estimate, lower: end(c.lower), upper: end(c.upper), trust: c.trust }
    }
}

/// What became of the cells of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) exact: u64,
    pub(crate) exact_hits: u64,
    pub(crate) trusted: u64,
    pub(crate) trusted_hits: u64,
    pub(crate) untrusted: u64,
    pub(crate) untrusted_hits: u64,
    /// Untrusted cells with an end missing; neither hit nor miss.
    pub(crate) open: u64,
    /// Width over ideal width of every cell with both ends.
    pub(crate) widths: Vec<f32>,
    /// The same where the width has a target.
    pub(crate) judged_widths: Vec<f32>,
}

impl Outcome {
    fn merge(&mut self, other: &Self) {
        self.exact += other.exact;
        self.exact_hits += other.exact_hits;
        self.trusted += other.trusted;
        self.trusted_hits += other.trusted_hits;
        self.untrusted += other.untrusted;
        self.untrusted_hits += other.untrusted_hits;
        self.open += other.open;
        self.widths.extend_from_slice(&other.widths);
        self.judged_widths.extend_from_slice(&other.judged_widths);
    }

    /// Estimated cells, with an interval or not.
    pub(crate) fn estimated(&self) -> u64 {
        self.trusted + self.untrusted + self.open
    }

    pub(crate) fn trusted_coverage(&self) -> f64 {
        ratio(self.trusted_hits, self.trusted)
    }

    /// Coverage of every cell with both ends, trusted or not.
    pub(crate) fn coverage(&self) -> f64 {
        ratio(self.trusted_hits + self.untrusted_hits, self.trusted + self.untrusted)
    }

    pub(crate) fn untrusted_share(&self) -> f64 {
        ratio(self.untrusted + self.open, self.estimated())
    }
}

/// The outcomes of all kinds of cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) outcomes: BTreeMap<Case, Outcome>,
}

impl Tally {
    /// Notes one cell; `ideal` is the ideal width, 0 or NaN where there is none.
    pub(crate) fn add(&mut self, case: &Case, shown: &Shown, truth: f64, ideal: f64) {
        // A group that was not seen and the NULL of an empty domain show no cell.
        if shown.value.is_nan() || truth.is_nan() {
            return;
        }
        if !self.outcomes.contains_key(case) {
            self.outcomes.insert(case.clone(), Outcome::default());
        }
        let Some(outcome) = self.outcomes.get_mut(case) else { return };
        let hit = u64::from(shown.holds(truth));
        match (shown.trust, shown.width()) {
            (Trust::Exact, _) => {
                outcome.exact += 1;
                outcome.exact_hits += hit;
                return;
            }
            (Trust::Trusted, _) => {
                outcome.trusted += 1;
                outcome.trusted_hits += hit;
            }
            (Trust::Untrusted(_), Some(_)) => {
                outcome.untrusted += 1;
                outcome.untrusted_hits += hit;
            }
            (Trust::Untrusted(_), None) => outcome.open += 1,
        }
        if let Some(width) = shown.width().filter(|_| ideal > 0.0) {
            #[expect(clippy::cast_possible_truncation, reason = "a ratio for a median")]
            let relative = (width / ideal) as f32;
            outcome.widths.push(relative);
            if case.size.is_large() && !case.heavy {
                outcome.judged_widths.push(relative);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (case, outcome) in &other.outcomes {
            self.outcomes.entry(case.clone()).or_default().merge(outcome);
        }
    }

    /// Outcomes added up by what `key` keeps of a case.
    pub(crate) fn view<K: Ord>(&self, key: impl Fn(&Case) -> Option<K>) -> BTreeMap<K, Outcome> {
        let mut view: BTreeMap<K, Outcome> = BTreeMap::new();
        for (case, outcome) in &self.outcomes {
            if let Some(key) = key(case) {
                view.entry(key).or_default().merge(outcome);
            }
        }
        view
    }
}

pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let share = part as f64 / whole as f64;
    share
}

/// The median, NaN without values.
pub(crate) fn median(values: &[f32]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).map_or(f64::NAN, |m| f64::from(*m))
}
