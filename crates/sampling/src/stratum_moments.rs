//! Moments of the numeric columns within each stratum.

use arrow::array::{Array, Float64Array};
use plusminus_statistics::Moments;

/// Strata below this size keep no moments of their own.
pub(crate) const MOMENT_ROWS: u64 = 1_000;

/// More sums than this are not kept: a family with so many strata has few large ones, and every row would miss the cache.
const SUMS_LIMIT: usize = 500_000;

/// Power sums about a fixed shift, one set per (stratum, numeric column), the columns of a stratum side by side.
pub(crate) struct StratumMoments {
    columns: usize,
    shifts: Vec<Option<f64>>,
    sums: Vec<Sums>,
    given_up: bool,
    /// Columns of the current batch that have NULLs, with NaN in their place.
    patched: Vec<Vec<f64>>,
}

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
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

/// Whether `strata` strata have moments of `columns` columns.
pub(crate) fn are_kept(strata: usize, columns: usize) -> bool {
    strata.saturating_mul(columns) <= SUMS_LIMIT
}

impl StratumMoments {
    pub(crate) fn new(columns: usize) -> Self {
        let (shifts, patched) = (vec![None; columns], vec![Vec::new(); columns]);
        Self { columns, shifts, sums: Vec::new(), given_up: false, patched }
    }

    /// Adds the values of all numeric columns. Row after row, since a row's sums lie side by side in memory.
    pub(crate) fn add(&mut self, numbers: &[Float64Array], strata: &[usize], strata_count: usize) {
        if self.given_up || !are_kept(strata_count, self.columns) {
            self.given_up = true;
            self.sums = Vec::new();
            return;
        }
        self.sums.resize(strata_count * self.columns, Sums::default());
        for (shift, values) in self.shifts.iter_mut().zip(numbers) {
            *shift = shift.or_else(|| values.iter().flatten().find(|v| v.is_finite()));
        }
        let shifts: Vec<f64> = self.shifts.iter().map(|shift| shift.unwrap_or(0.0)).collect();
        let patched = self.patched.iter_mut().zip(numbers);
        let values: Vec<&[f64]> = patched.map(|(patched, values)| without_nulls(values, patched)).collect();
        for (row, &stratum) in strata.iter().enumerate() {
            let cells = &mut self.sums[stratum * self.columns..(stratum + 1) * self.columns];
            for ((cell, values), shift) in cells.iter_mut().zip(&values).zip(&shifts) {
                let y = values[row];
                if y.is_finite() {
                    cell.add(y, *shift);
                }
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

/// The values, with NaN for NULL; `patched` is where they are put if there are NULLs.
fn without_nulls<'a>(values: &'a Float64Array, patched: &'a mut Vec<f64>) -> &'a [f64] {
    if values.null_count() == 0 {
        return values.values();
    }
    patched.clear();
    patched.extend(values.iter().map(|value| value.unwrap_or(f64::NAN)));
    patched
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
        // Comparisons, since `f64::min` also minds NaN.
        self.min = if y < self.min { y } else { self.min };
        self.max = if y > self.max { y } else { self.max };
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
