use std::sync::OnceLock;

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal, StudentsT};

use crate::confidence::Confidence;
use crate::real;
use series::Series;

mod series;

/// From here on Student's t is expanded around the normal distribution.
const DEGREES_OF_NORMAL_T: f64 = 1_000.0;
/// From here on χ² is expanded around the normal distribution.
const DEGREES_OF_NORMAL_CHI2: f64 = 20_000.0;
/// Below this χ² is computed directly.
const DEGREES_OF_TABLE: f64 = 2.0;
/// The tail probability on each side at 95 %.
const TAIL_OF_95: f64 = 0.025;
/// The smallest tail the quantile functions are accurate for.
const TAIL_MIN: f64 = 1e-10;

/// Quantiles of Student's t, χ² and the normal distribution at one confidence.
///
/// A quantile computed from scratch costs microseconds, too much for every group of a large answer.
/// Here each distribution is a Chebyshev series in its degrees of freedom, fitted on first use
/// (about 0.1 ms each) and read off a table with a relative error below 1e-6. Keep one
/// value per confidence; it can be used from several threads at once.
#[derive(Debug)]
pub struct Quantiles {
    tail: f64,
    normal: f64,
    log_ratio: f64,
    student: OnceLock<Series>,
    chi2_lower: OnceLock<Series>,
    chi2_upper: OnceLock<Series>,
}

impl Quantiles {
    /// For intervals that each hold at `confidence`.
    #[must_use]
    pub fn new(confidence: Confidence) -> Self {
        Self::with_tail(confidence.alpha() / 2.0)
    }

    /// For `groups` intervals that all hold at once at `confidence` (Bonferroni): each side of each
    /// interval may miss `alpha/(2·groups)`, though never less than 1e-10. No groups count as one.
    #[must_use]
    pub fn simultaneous(confidence: Confidence, groups: usize) -> Self {
        let groups = real(u64::try_from(groups).unwrap_or(u64::MAX)).max(1.0);
        Self::with_tail((confidence.alpha() / (2.0 * groups)).max(TAIL_MIN))
    }

    fn with_tail(tail: f64) -> Self {
        Self {
            tail,
            normal: -Normal::standard().inverse_cdf(tail),
            log_ratio: TAIL_OF_95.ln() / tail.ln(),
            student: OnceLock::new(),
            chi2_lower: OnceLock::new(),
            chi2_upper: OnceLock::new(),
        }
    }

    /// The probability left out on each side.
    #[must_use]
    pub fn tail(&self) -> f64 {
        self.tail
    }

    /// The logarithm of the tail probability on each side at 95 % over that of the tail probability here.
    pub(crate) fn log_ratio(&self) -> f64 {
        self.log_ratio
    }

    /// Upper quantile of the standard normal distribution, 1.96 at 95 %.
    #[must_use]
    pub fn normal(&self) -> f64 {
        self.normal
    }

    /// Upper quantile of Student's t with `nu` degrees of freedom, which need not be whole.
    ///
    /// Values below 1, and NaN, count as 1: a variance never has less than one degree.
    #[must_use]
    pub fn t(&self, nu: f64) -> f64 {
        let inverse = 1.0 / nu.max(1.0);
        self.student
            .get_or_init(|| Series::fit(0.0, 1.0, |x| student(self.tail, self.normal, 1.0 / x).ln()))
            .at(inverse)
    }

    /// Lower quantile of χ² with `df` degrees of freedom, which need not be whole; 0 at `df ≤ 0`.
    #[must_use]
    pub fn chi2_lower(&self, df: f64) -> f64 {
        self.chi2(&self.chi2_lower, df, false)
    }

    /// Upper quantile of χ² with `df` degrees of freedom, which need not be whole; 0 at `df ≤ 0`.
    #[must_use]
    pub fn chi2_upper(&self, df: f64) -> f64 {
        self.chi2(&self.chi2_upper, df, true)
    }

    fn chi2(&self, series: &OnceLock<Series>, df: f64, upper: bool) -> f64 {
        let (p, z) = if upper { (1.0 - self.tail, self.normal) } else { (self.tail, -self.normal) };
        if df.is_nan() || df <= 0.0 {
            0.0
        } else if df < DEGREES_OF_TABLE {
            chi2(p, z, df)
        } else {
            let end = DEGREES_OF_TABLE.sqrt().recip();
            let ratio = |s: f64| {
                let df = 1.0 / (s * s);
                (chi2(p, z, df) / df).ln()
            };
            df * series.get_or_init(|| Series::fit(0.0, end, ratio)).at(df.sqrt().recip())
        }
    }
}

/// Student's t from scratch; for large ν the expansion of Abramowitz and Stegun, *Handbook of
/// Mathematical Functions*, 26.7.5 (p. 949).
fn student(tail: f64, z: f64, nu: f64) -> f64 {
    if nu < DEGREES_OF_NORMAL_T
        && let Ok(distribution) = StudentsT::new(0.0, 1.0, nu)
    {
        let t = -distribution.inverse_cdf(tail);
        // The inverse loses digits in small tails. One Newton step on logarithms, in which
        // heavy tails are nearly straight, brings them back.
        let beyond = distribution.cdf(-t);
        let step = (beyond / tail).ln() * beyond / (t * distribution.pdf(t));
        return if step.is_finite() { t * step.exp() } else { t };
    }
    let y = z * z;
    let g1 = (y + 1.0) / 4.0;
    let g2 = ((5.0 * y + 16.0) * y + 3.0) / 96.0;
    let g3 = (((3.0 * y + 19.0) * y + 17.0) * y - 15.0) / 384.0;
    z * (1.0 + (g1 + (g2 + g3 / nu) / nu) / nu)
}

/// χ² from scratch; for many degrees of freedom the Cornish–Fisher expansion of Goldberg and Levine
/// (*Annals of Mathematical Statistics* 17, 1946, p. 216).
fn chi2(p: f64, z: f64, df: f64) -> f64 {
    if df < DEGREES_OF_NORMAL_CHI2
        && let Ok(distribution) = ChiSquared::new(df)
    {
        return distribution.inverse_cdf(p);
    }
    let root = (2.0 * df).sqrt();
    let y = z * z;
    df + root * z + 2.0 / 3.0 * (y - 1.0) + z * (y - 7.0) / (9.0 * root) - ((6.0 * y + 14.0) * y - 32.0) / (405.0 * df)
}

#[cfg(test)]
mod tests;
