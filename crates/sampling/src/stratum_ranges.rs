//! Means and extremes of the numeric columns within each stratum.

use arrow::array::{Array, Float64Array};
use plusminus_catalog::StratumRange;

/// The most sums that are kept: a family with more strata has few large ones, and every row would miss the cache.
const SUMS_LIMIT: usize = 500_000;

/// Sums about a fixed shift and extremes: strata × numeric columns, strata outermost.
pub(crate) struct StratumRanges {
    columns: usize,
    shifts: Vec<Option<f64>>,
    sums: Vec<Sums>,
    given_up: bool,
    /// Columns of the current batch that have NULLs, with NaN in their place.
    patched: Vec<Vec<f64>>,
}

/// Count, sum about the shift, and extremes of one column in one stratum; half a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Sums {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

/// Whether `strata` strata keep sums of `columns` columns.
pub(crate) fn are_kept(strata: usize, columns: usize) -> bool {
    strata.saturating_mul(columns) <= SUMS_LIMIT
}

impl StratumRanges {
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

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let patched: usize = self.patched.iter().map(Vec::capacity).sum();
        self.sums.capacity() * size_of::<Sums>() + patched * size_of::<f64>()
    }

    /// The sums of one cell about [`shift`](Self::shift), if they were kept.
    pub(crate) fn get(&self, stratum: usize, column: usize) -> Option<Sums> {
        let sums = self.sums.get(stratum * self.columns + column).copied();
        (!self.given_up).then(|| sums.unwrap_or_default())
    }

    /// The number that is subtracted from each value of a column before it is added up.
    pub(crate) fn shift(&self, column: usize) -> f64 {
        self.shifts[column].unwrap_or(0.0)
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
        self.count += 1;
        self.sum += y - shift;
        // Comparisons, since `f64::min` also minds NaN.
        self.min = if y < self.min { y } else { self.min };
        self.max = if y > self.max { y } else { self.max };
    }

    /// Adds sums about another shift.
    pub(crate) fn merge(&mut self, other: Self, shift: f64, own_shift: f64) {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let moved = other.count as f64 * (shift - own_shift);
        self.count += other.count;
        self.sum += other.sum + moved;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The mean and the extremes; `None` without a value.
    pub(crate) fn range(&self, shift: f64) -> Option<StratumRange> {
        if self.count == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let mean = shift + self.sum / self.count as f64;
        Some(StratumRange { mean: mean.max(self.min).min(self.max), min: self.min, max: self.max })
    }
}
