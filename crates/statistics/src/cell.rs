use crate::real;

/// Sums over the sampled rows of one stratum that belong to one output group.
///
/// The values are shifted, `u = y − shift`, with one shift per variable (its mean in the table):
/// powers of large, close values would cancel otherwise. Rows outside the domain are not added;
/// [`Total::fold`](crate::Total::fold) accounts for them as zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Rows added, `c_h`.
    pub count: u64,
    /// Σ u.
    pub s1: f64,
    /// Σ u².
    pub s2: f64,
    /// Σ u³.
    pub s3: f64,
    /// The smallest u; +∞ while the cell is empty.
    pub min: f64,
    /// The largest u; −∞ while the cell is empty.
    pub max: f64,
}

impl Default for Cell {
    fn default() -> Self {
        Self { count: 0, s1: 0.0, s2: 0.0, s3: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Cell {
    /// The cell of COUNT: `count` rows whose value is 1, to be folded with shift 0.
    #[must_use]
    pub fn of_count(count: u64) -> Self {
        if count == 0 {
            return Self::default();
        }
        let rows = real(count);
        Self { count, s1: rows, s2: rows, s3: rows, min: 1.0, max: 1.0 }
    }

    /// Adds one shifted value.
    #[inline]
    pub fn add(&mut self, u: f64) {
        let square = u * u;
        self.count += 1;
        self.s1 += u;
        self.s2 += square;
        self.s3 += square * u;
        self.min = if u < self.min { u } else { self.min };
        self.max = if u > self.max { u } else { self.max };
    }

    /// Adds `values[i] − shift` for every row, in eight interleaved sums so that several rows are added at a time.
    ///
    /// The order of additions depends on the number of values alone.
    pub fn add_all(&mut self, values: &[f64], shift: f64) {
        let mut lanes = Lanes::default();
        let chunks = values.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            lanes.add(|lane| chunk[lane] - shift);
        }
        self.count += (values.len() - rest.len()) as u64;
        lanes.merge_into(self);
        rest.iter().for_each(|value| self.add(value - shift));
    }

    /// Adds `values[i] − shift` for the rows whose flag in `mask` is set; values and flags are of one length.
    pub fn add_masked(&mut self, values: &[f64], mask: &[bool], shift: f64) {
        for (value, inside) in values.iter().zip(mask) {
            if *inside {
                self.add(value - shift);
            }
        }
    }

    /// The cell of `scale·u + offset`.
    #[must_use]
    pub fn affine(&self, scale: f64, offset: f64) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let n = real(self.count);
        let (a, b) = (scale, offset);
        let (one, other) = (a * self.min + b, a * self.max + b);
        Self {
            count: self.count,
            s1: a * self.s1 + b * n,
            s2: a * a * self.s2 + 2.0 * a * b * self.s1 + b * b * n,
            s3: a * a * a * self.s3 + 3.0 * a * b * (a * self.s2 + b * self.s1) + b * b * b * n,
            min: one.min(other),
            max: one.max(other),
        }
    }

    /// Adds the rows of another cell of the same stratum, group, variable and shift.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.s1 += other.s1;
        self.s2 += other.s2;
        self.s3 += other.s3;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets all rows.
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

    /// Mean of u, `Σ(u−ū)²` and `Σ(u−ū)³` over the rows of the cell; exactly zero when all are equal.
    pub(crate) fn central(&self) -> (f64, f64, f64) {
        let rows = real(self.count);
        let mean = self.s1 / rows;
        if self.min >= self.max {
            return (mean, 0.0, 0.0);
        }
        let squares = (self.s2 - mean * self.s1).max(0.0);
        let cubes = self.s3 - 3.0 * mean * self.s2 + 2.0 * mean * mean * self.s1;
        (mean, squares, cubes)
    }
}

/// Sums that are kept apart.
const LANES: usize = 8;

struct Lanes {
    s1: [f64; LANES],
    s2: [f64; LANES],
    s3: [f64; LANES],
    min: [f64; LANES],
    max: [f64; LANES],
}

impl Default for Lanes {
    fn default() -> Self {
        let (zero, least, most) = ([0.0; LANES], [f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        Self { s1: zero, s2: zero, s3: zero, min: least, max: most }
    }
}

impl Lanes {
    #[inline]
    fn add(&mut self, value: impl Fn(usize) -> f64) {
        for lane in 0..LANES {
            let u = value(lane);
            let square = u * u;
            self.s1[lane] += u;
            self.s2[lane] += square;
            self.s3[lane] += square * u;
            self.min[lane] = if u < self.min[lane] { u } else { self.min[lane] };
            self.max[lane] = if u > self.max[lane] { u } else { self.max[lane] };
        }
    }

    fn merge_into(&self, cell: &mut Cell) {
        for lane in 0..LANES {
            cell.s1 += self.s1[lane];
            cell.s2 += self.s2[lane];
            cell.s3 += self.s3[lane];
            cell.min = cell.min.min(self.min[lane]);
            cell.max = cell.max.max(self.max[lane]);
        }
    }
}

#[cfg(test)]
mod tests;
