//! Moments of the numeric columns within each stratum.

use arrow::array::{Array, Float64Array};
use plusminus_statistics::Moments;

/// Strata below this size keep no moments of their own.
pub(crate) const MOMENT_ROWS: u64 = 1_000;

/// More sums than this are not kept: a family with so many strata has few large ones.
const SUMS_LIMIT: usize = 2_000_000;

/// Power sums about a fixed shift, one set per (stratum, numeric column).
pub(crate) struct StratumMoments {
    columns: usize,
    shifts: Vec<Option<f64>>,
    sums: Vec<Sums>,
    given_up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sums {
    count: u64,
    s1: f64,
    s2: f64,
    s3: f64,
    s4: f64,
    min: f64,
    max: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { count: 0, s1: 0.0, s2: 0.0, s3: 0.0, s4: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl StratumMoments {
    pub(crate) fn new(columns: usize) -> Self {
        Self { columns, shifts: vec![None; columns], sums: Vec::new(), given_up: false }
    }

    /// Adds the values of column number `column` (among the numeric ones).
    pub(crate) fn add(&mut self, column: usize, values: &Float64Array, strata: &[usize], strata_count: usize) {
        if self.given_up || strata_count.saturating_mul(self.columns) > SUMS_LIMIT {
            self.given_up = true;
            self.sums = Vec::new();
            return;
        }
        self.sums.resize(strata_count * self.columns, Sums::default());
        let shift = match self.shifts[column] {
            Some(shift) => shift,
            None => {
                let first = values.iter().flatten().find(|v| v.is_finite());
                self.shifts[column] = first;
                let Some(first) = first else { return };
                first
            }
        };
        let valid = |row: usize| values.nulls().is_none_or(|n| n.is_valid(row));
        for (row, (&y, &stratum)) in values.values().iter().zip(strata).enumerate() {
            if y.is_finite() && valid(row) {
                self.sums[stratum * self.columns + column].add(y, shift);
            }
        }
    }

    /// The moments of one cell, if they were kept.
    pub(crate) fn get(&self, stratum: usize, column: usize) -> Option<Moments> {
        if self.given_up {
            return None;
        }
        let shift = self.shifts[column].unwrap_or(0.0);
        Some(self.sums.get(stratum * self.columns + column).map_or_else(Moments::default, |s| s.moments(shift)))
    }
}

impl Sums {
    #[inline]
    fn add(&mut self, y: f64, shift: f64) {
        let u = y - shift;
        let u2 = u * u;
        self.count += 1;
        self.s1 += u;
        self.s2 += u2;
        self.s3 += u2 * u;
        self.s4 += u2 * u2;
        self.min = self.min.min(y);
        self.max = self.max.max(y);
    }

    /// Central sums from sums about `shift` (binomial expansion).
    fn moments(&self, shift: f64) -> Moments {
        if self.count == 0 {
            return Moments::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let n = self.count as f64;
        let d = self.s1 / n;
        Moments {
            count: self.count,
            mean: shift + d,
            m2: (self.s2 - n * d * d).max(0.0),
            m3: self.s3 - 3.0 * d * self.s2 + 2.0 * n * d.powi(3),
            m4: (self.s4 - 4.0 * d * self.s3 + 6.0 * d * d * self.s2 - 3.0 * n * d.powi(4)).max(0.0),
            min: self.min,
            max: self.max,
        }
    }
}
