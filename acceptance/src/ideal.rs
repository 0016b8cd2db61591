//! The ideal width: a normal interval whose variance is known from the whole table.

use statrs::distribution::{ContinuousCDF, Normal};

/// One stratum as the whole table has it: how it is sampled, and the moments of its rows in a domain.
///
/// Two variables x and y of the domain's rows are summed; a count takes y = 1.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    /// Rows of the stratum.
    pub(crate) rows: f64,
    /// Rows of it that are sampled.
    pub(crate) sampled: f64,
    /// Rows of it in the domain.
    pub(crate) inside: f64,
    pub(crate) x: f64,
    pub(crate) xx: f64,
    pub(crate) y: f64,
    pub(crate) yy: f64,
    pub(crate) xy: f64,
}

impl Part {
    /// Variance of the expanded total of a variable with this sum and these squares, zero outside the domain.
    fn variance(&self, sum: f64, squares: f64) -> f64 {
        if self.sampled >= self.rows || self.rows < 2.0 || self.sampled < 1.0 {
            return 0.0;
        }
        let spread = (squares - sum * sum / self.rows).max(0.0) / (self.rows - 1.0);
        self.rows * (self.rows - self.sampled) / self.sampled * spread
    }

    pub(crate) fn add(&mut self, x: f64, y: f64) {
        self.inside += 1.0;
        self.x += x;
        self.xx += x * x;
        self.y += y;
        self.yy += y * y;
        self.xy += x * y;
    }
}

/// Standard error of the total of x.
pub(crate) fn sum_error(parts: &[Part]) -> f64 {
    parts.iter().map(|p| p.variance(p.x, p.xx)).sum::<f64>().sqrt()
}

/// Standard error of the number of rows in the domain.
pub(crate) fn count_error(parts: &[Part]) -> f64 {
    parts.iter().map(|p| p.variance(p.inside, p.inside)).sum::<f64>().sqrt()
}

/// Standard error of the mean of x over the domain, linearised.
pub(crate) fn mean_error(parts: &[Part]) -> f64 {
    let (rows, sum) = parts.iter().fold((0.0, 0.0), |(n, s), p| (n + p.inside, s + p.x));
    let mean = sum / rows;
    let spread = |p: &Part| p.variance(p.x - mean * p.inside, p.xx - 2.0 * mean * p.x + mean * mean * p.inside);
    parts.iter().map(spread).sum::<f64>().sqrt() / rows
}

/// Standard error of Σx/Σy, linearised.
pub(crate) fn ratio_error(parts: &[Part]) -> f64 {
    let (x, y) = parts.iter().fold((0.0, 0.0), |(x, y), p| (x + p.x, y + p.y));
    let ratio = x / y;
    let spread = |p: &Part| p.variance(p.x - ratio * p.y, p.xx - 2.0 * ratio * p.xy + ratio * ratio * p.yy);
    parts.iter().map(spread).sum::<f64>().sqrt() / y.abs()
}

/// How many rows of equal weight would say as much of the domain as those that a sample holds on average (Kish, *Survey
/// Sampling*, 1965, p. 430), over strata that are not known whole; the sampled rows themselves where all weigh the same.
pub(crate) fn effective_rows(parts: &[Part]) -> f64 {
    let inexact = parts.iter().filter(|p| p.sampled < p.rows && p.inside > 0.0);
    let (rows, weights) =
        inexact.fold((0.0, 0.0), |(rows, weights), p| (rows + p.inside, weights + p.inside * p.rows / p.sampled));
    if rows > 0.0 { rows * rows / weights } else { 0.0 }
}

/// The width of a two-sided normal interval.
pub(crate) fn width(error: f64, confidence_percent: u32) -> f64 {
    2.0 * error * normal_quantile(confidence_percent)
}

/// The two-sided normal quantile, 1.96 at 95 %.
pub(crate) fn normal_quantile(confidence_percent: u32) -> f64 {
    Normal::standard().inverse_cdf(0.5 + f64::from(confidence_percent) / 200.0)
}
