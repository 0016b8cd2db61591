use crate::real;

/// Values per step of [`Moments::add_slice`]: small enough to stay in the first-level cache.
const CHUNK: usize = 1_024;
/// Independent sums, so that additions do not wait for each other.
const LANES: usize = 8;

/// Moments of a column, which a full scan computes.
///
/// Central sums are updated and merged by the formulas of Pébay (*Formulas for robust, one-pass
/// parallel computation of covariances and arbitrary-order statistical moments*, Sandia report
/// SAND2008-6212, 2008, pp. 9–12), which do not cancel. All fields are plain, for a catalog to store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Values added (NULLs are not values).
    pub count: u64,
    /// Their mean; 0 without values.
    pub mean: f64,
    /// `Σ(y−mean)²`.
    pub m2: f64,
    /// `Σ(y−mean)³`.
    pub m3: f64,
    /// `Σ(y−mean)⁴`.
    pub m4: f64,
    /// The smallest value; +∞ without values.
    pub min: f64,
    /// The largest value; −∞ without values.
    pub max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, mean: 0.0, m2: 0.0, m3: 0.0, m4: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    /// Adds one value.
    pub fn add(&mut self, y: f64) {
        self.merge(&Self { count: 1, mean: y, min: y, max: y, ..Self::default() });
    }

    /// Adds many values, several times faster than one by one.
    pub fn add_slice(&mut self, values: &[f64]) {
        for chunk in values.chunks(CHUNK) {
            self.merge(&Self::of_chunk(chunk));
        }
    }

    /// Two passes over values that fit the cache.
    fn of_chunk(values: &[f64]) -> Self {
        let n = real(values.len() as u64);
        let (sum, min, max) = scan(values);
        let mean = sum / n;
        let [s1, s2, s3, s4] = central_sums(values, mean);
        // The rounded mean leaves a small first sum, which is moved into the mean.
        let d = s1 / n;
        Self {
            count: values.len() as u64,
            mean: mean + d,
            m2: s2 - d * s1,
            m3: s3 - 3.0 * d * s2 + 2.0 * d * d * s1,
            m4: s4 - 4.0 * d * s3 + 6.0 * d * d * s2 - 3.0 * d.powi(3) * s1,
            min,
            max,
        }
    }

    /// Adds the values of another set.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (na, nb) = (real(self.count), real(other.count));
        let n = na + nb;
        let (pa, pb) = (na / n, nb / n);
        let d = other.mean - self.mean;
        let square = d * d;
        let m4 = self.m4
            + other.m4
            + square * square * na * pb * (pa * pa - pa * pb + pb * pb)
            + 6.0 * square * (pa * pa * other.m2 + pb * pb * self.m2)
            + 4.0 * d * (pa * other.m3 - pb * self.m3);
        let m3 = self.m3 + other.m3 + square * d * na * pb * (pa - pb) + 3.0 * d * (pa * other.m2 - pb * self.m2);
        self.m2 += other.m2 + square * na * pb;
        self.m3 = m3;
        self.m4 = m4;
        self.mean += d * pb;
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Mean of the values; `None` without values or when it is not finite.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0 && self.mean.is_finite()).then_some(self.mean)
    }

    /// Population variance, `Σ(y−mean)²/n`.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.mean()?;
        finite(self.m2 / real(self.count))
    }

    /// Skewness γ, `E(y−μ)³/σ³`; `None` when all values are equal.
    #[must_use]
    pub fn skewness(&self) -> Option<f64> {
        let variance = self.variance().filter(|&variance| variance > 0.0)?;
        finite(self.m3 / real(self.count) / variance.powf(1.5))
    }

    /// Skewness about zero γ₀, `E y³/(E y²)^1.5`; `None` when all values are 0.
    #[must_use]
    pub fn raw_skewness(&self) -> Option<f64> {
        let (mean, variance) = (self.mean()?, self.variance()?);
        let second = mean * mean + variance;
        let third = mean.powi(3) + 3.0 * mean * variance + self.m3 / real(self.count);
        finite(third / second.powf(1.5))
    }

    /// Kurtosis κ, `E(y−μ)⁴/σ⁴`, 3 for a normal distribution; `None` when all values are equal.
    #[must_use]
    pub fn kurtosis(&self) -> Option<f64> {
        let variance = self.variance().filter(|&variance| variance > 0.0)?;
        finite(self.m4 / real(self.count) / (variance * variance))
    }

    /// The smallest value; `None` without values or when a value was not a number.
    #[must_use]
    pub fn minimum(&self) -> Option<f64> {
        self.bound(self.min)
    }

    /// The largest value; `None` without values or when a value was not a number.
    #[must_use]
    pub fn maximum(&self) -> Option<f64> {
        self.bound(self.max)
    }

    /// A column with NaN or infinities in it has no usable bounds; both reach the mean.
    fn bound(&self, bound: f64) -> Option<f64> {
        self.mean()?;
        finite(bound)
    }
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Sum, smallest and largest value.
fn scan(values: &[f64]) -> (f64, f64, f64) {
    let mut sums = [0.0; LANES];
    let mut mins = [f64::INFINITY; LANES];
    let mut maxs = [f64::NEG_INFINITY; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            let y = block[lane];
            sums[lane] += y;
            mins[lane] = if y < mins[lane] { y } else { mins[lane] };
            maxs[lane] = if y > maxs[lane] { y } else { maxs[lane] };
        }
    }
    let sum = sums.iter().chain(rest).sum();
    let min = mins.iter().chain(rest).fold(f64::INFINITY, |a, &b| a.min(b));
    let max = maxs.iter().chain(rest).fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    (sum, min, max)
}

/// Sums of the first four powers of y − mean.
fn central_sums(values: &[f64], mean: f64) -> [f64; 4] {
    let mut sums = [[0.0; LANES]; 4];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            let d = block[lane] - mean;
            let square = d * d;
            sums[0][lane] += d;
            sums[1][lane] += square;
            sums[2][lane] += square * d;
            sums[3][lane] += square * square;
        }
    }
    let mut totals = sums.map(|lanes| lanes.iter().sum::<f64>());
    for &y in rest {
        let d = y - mean;
        let square = d * d;
        totals[0] += d;
        totals[1] += square;
        totals[2] += square * d;
        totals[3] += square * square;
    }
    totals
}

#[cfg(test)]
mod tests;
