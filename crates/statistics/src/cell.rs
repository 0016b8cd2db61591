use crate::real;
use sums::LANES;

pub(crate) mod sums;

/// Sums over the sampled rows of one stratum that belong to one output group.
///
/// Powers of large, close values would cancel, so the sums are of `u = y − origin`, where the origin is the first value added.
/// A cell's mean is never farther from one of its own values than all its squares allow: `Σu² ≤ (1+c) Σ(y−ȳ)²`, so that the
/// spread keeps all but log₂(1+c) of its bits, wherever the values lie. Rows outside the domain are not added;
/// [`Total::fold`](crate::Total::fold) accounts for them as zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Rows added, `c_h`.
    pub count: u64,
    /// The first value; 0 while the cell is empty.
    pub origin: f64,
    /// Σ u.
    pub s1: f64,
    /// Σ u²; 0 when all values are equal.
    pub s2: f64,
    /// Σ u³.
    pub s3: f64,
}

impl Cell {
    /// The cell of COUNT: `count` rows whose value is 1.
    #[must_use]
    pub fn of_count(count: u64) -> Self {
        let origin = if count > 0 { 1.0 } else { 0.0 };
        Self { count, origin, ..Self::default() }
    }

    /// The cell of these values.
    #[inline]
    #[must_use]
    pub fn of_all(values: &[f64]) -> Self {
        let mut cell = Self::default();
        cell.add_all(values);
        cell
    }

    /// Adds one value.
    #[inline]
    pub fn add(&mut self, y: f64) {
        if self.count == 0 {
            self.origin = y;
        }
        let u = y - self.origin;
        let square = u * u;
        self.count += 1;
        self.s1 += u;
        self.s2 += square;
        self.s3 += square * u;
    }

    /// Adds one row of a COUNT.
    #[inline]
    pub fn count_one(&mut self) {
        self.count += 1;
        self.origin = 1.0;
    }

    /// Adds values in eight interleaved sums, so that several are added at a time.
    ///
    /// The order of additions depends on the number of values alone.
    #[inline]
    pub fn add_all(&mut self, values: &[f64]) {
        // A few values are added inline, without a call.
        match values.len() {
            ..LANES_MIN => values.iter().for_each(|value| self.add(*value)),
            _ => self.add_many(values),
        }
    }

    fn add_many(&mut self, values: &[f64]) {
        if self.count == 0 {
            self.origin = values[0];
        }
        let (chunks, rest) = values.as_chunks();
        self.add_sums(sums::of(chunks, self.origin), values.len() - rest.len());
        rest.iter().for_each(|value| self.add(*value));
    }

    /// Adds the values whose flag in `mask` is set, like [`add_all`](Self::add_all); values and flags are of one length.
    pub fn add_masked(&mut self, values: &[f64], mask: &[bool]) {
        let Some(first) = mask.iter().position(|inside| *inside) else { return };
        if self.count == 0 {
            self.origin = values[first];
        }
        if values.len() < LANES_MIN {
            self.add_each(values, mask);
            return;
        }
        let ((chunks, rest), (flags, rest_flags)) = (values.as_chunks(), mask.as_chunks());
        let count = flags.as_flattened().iter().filter(|inside| **inside).count();
        self.add_sums(sums::of_masked(chunks, flags, self.origin), count);
        self.add_each(rest, rest_flags);
    }

    fn add_sums(&mut self, [s1, s2, s3]: [[f64; LANES]; 3], count: usize) {
        self.count += count as u64;
        for lane in 0..LANES {
            self.s1 += s1[lane];
            self.s2 += s2[lane];
            self.s3 += s3[lane];
        }
    }

    fn add_each(&mut self, values: &[f64], mask: &[bool]) {
        for (value, inside) in values.iter().zip(mask) {
            if *inside {
                self.add(*value);
            }
        }
    }

    /// The cell of `scale·y + offset`.
    #[must_use]
    pub fn affine(&self, scale: f64, offset: f64) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let square = scale * scale;
        Self {
            count: self.count,
            origin: scale * self.origin + offset,
            s1: scale * self.s1,
            s2: square * self.s2,
            s3: square * scale * self.s3,
        }
    }

    /// Adds the rows of another cell of the same stratum, group and variable.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
            return;
        }
        if other.count == 0 {
            return;
        }
        let (n, d) = (real(other.count), other.origin - self.origin);
        let square = d * d;
        self.count += other.count;
        self.s1 += other.s1 + n * d;
        self.s2 += other.s2 + 2.0 * d * other.s1 + n * square;
        self.s3 += other.s3 + 3.0 * (d * other.s2 + square * other.s1) + n * square * d;
    }

    /// Empties the cell.
    #[inline]
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// No row was added.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All values are the same number.
    #[inline]
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.s2 == 0.0
    }

    /// Σ y.
    #[inline]
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.s1 + self.origin * real(self.count)
    }

    /// Mean of y, `Σ(y−ȳ)²` and `Σ(y−ȳ)³` over the rows of the cell; exactly zero when all are equal.
    #[inline]
    pub(crate) fn central(&self) -> (f64, f64, f64) {
        if self.is_constant() {
            return (self.origin, 0.0, 0.0);
        }
        let mean = self.s1 / real(self.count);
        let squares = not_negative(self.s2 - mean * self.s1);
        let cubes = self.s3 - mean * (3.0 * self.s2 - 2.0 * mean * self.s1);
        (self.origin + mean, squares, cubes)
    }

    /// Σ y² and Σ y³.
    pub(crate) fn raw_powers(&self) -> (f64, f64) {
        let about_zero = self.moved_to(0.0);
        (about_zero.s2, about_zero.s3)
    }

    /// The cell of these rows with its sums about another origin.
    fn moved_to(&self, origin: f64) -> Self {
        let mut moved = Self { count: 0, origin, ..Self::default() };
        if self.count > 0 {
            // Merging into a cell that is not empty moves sums; one row at the origin adds nothing to them.
            moved.count = 1;
            moved.merge(self);
            moved.count -= 1;
        }
        moved
    }
}

/// A sum of squares, with a negative rounding error replaced by 0; NaN stays NaN.
fn not_negative(squares: f64) -> f64 {
    if squares < 0.0 { 0.0 } else { squares }
}

/// The least number of values for which interleaved sums save more than it costs to add them up.
const LANES_MIN: usize = 32;

#[cfg(test)]
mod tests;
