//! The error of any answer from a few replicates of it: delete-a-group jackknife.
//!
//! The sampled rows of each stratum fall into b groups by rank; replicate r leaves group r out and
//! gives its weight to the others. Whatever the query computes from the rows, it computes once with
//! all of them and b times with one group left out; the spread of those answers is its error
//! (Kott, *Journal of Official Statistics* 17, 2001, p. 521).

use crate::estimate::{Doubt, Estimate, Trust};
use crate::interval::hall_union_t;
use crate::moments::Moments;
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::StratumSize;

/// Replicates of an ordinary answer.
pub const REPLICATES: u32 = 32;
/// Replicates where an aggregate is taken of aggregates.
pub const REPLICATES_NESTED: u32 = 64;
/// The largest bias, in standard errors, of a trusted answer.
const TRUSTED_BIAS: f64 = 0.25;

/// Weights of the sampled rows of one stratum in one replicate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplicateWeights {
    /// Weight of a row outside the group that is left out.
    pub kept: f64,
    /// Weight of a row inside that group; above 0 because the stratum is finite.
    pub deleted: f64,
    /// The stratum has rows outside the group. Otherwise the replicate says nothing of its spread,
    /// and the answer must not be trusted.
    pub varies: bool,
}

/// The replicate that leaves out a row: `(rank + offset) mod b`, with `rank` the row's priority
/// rank in its stratum and `offset` a random number of the stratum. 0 when b is 0.
#[must_use]
pub fn replicate_of(rank: u64, offset: u64, b: u32) -> u32 {
    let groups = u128::from(b.max(1));
    u32::try_from((u128::from(rank) + u128::from(offset)) % groups).unwrap_or(0)
}

/// The weights in a replicate that leaves out `deleted` of the sampled rows of a stratum.
///
/// The stratum's total becomes `w s + g·(N(s−s_r)/(n−n_r) − w s)`, where s is the sum over all
/// sampled rows and `s_r` over those left out. `g = √(1−f)` accounts for the finite stratum; below b rows
/// some replicates leave nothing out and g grows by `√((n−1)b/(n(b−1)))`.
#[must_use]
pub fn replicate_weights(size: StratumSize, deleted: u64, b: u32) -> ReplicateWeights {
    let weight = size.weight();
    if size.is_exact() {
        return ReplicateWeights { kept: 1.0, deleted: 1.0, varies: true };
    }
    if deleted >= size.sampled {
        return ReplicateWeights { kept: weight, deleted: weight, varies: false };
    }
    let (n, groups) = (real(size.sampled), f64::from(b.max(2)));
    let small = if n < groups { ((n - 1.0) * groups / (n * (groups - 1.0))).sqrt() } else { 1.0 };
    let g = (1.0 - size.rate()).sqrt() * small;
    let grown = real(size.rows) / real(size.sampled - deleted);
    ReplicateWeights { kept: weight + g * (grown - weight), deleted: weight * (1.0 - g), varies: true }
}

/// The interval of an answer from its replicates: Hall's and Student's union with the standard error `√((b−1)/b·Σ(θ_r−value)²)`, b−1
/// degrees of freedom and the skewness of the replicates over √b. That is the answer's skewness, since a replicate lacks the mean of its
/// group.
///
/// Replicates that are centred away from the value, `(b−1)·|θ̄_r−value|` above a quarter of the standard error, show a bias that the
/// interval does not include: the answer is untrusted. Replicates that do not vary, or of which one is not finite, leave no ends.
///
/// Sums and ratios over 30–200 rows of one stratum or 16 strata cover 94.1–96.4 % for normal values,
/// 93.9–96.4 exponential, 92.6–95.7 lognormal (Student's interval alone 94–96, 92–95, 88–93), 88–93 for
/// lognormal σ = 1.5 and 90–96 for Pareto 2.5 (3,000 samples each, seed 1,212): below 100 rows, and where
/// `|γ|/√n` exceeds 0.5, the answer should not be trusted. Averages and maxima of group aggregates
/// cover 94–97 % when the bias is small.
///
/// Rows and moments are for the caller to judge: replicates cannot tell that a heavy tail was missed
/// (trusting only those with little skewness picks the samples that missed it, 79–93 %).
#[must_use]
pub fn jackknife_interval(value: f64, replicates: &[f64], quantiles: &Quantiles) -> Estimate {
    let b = real(replicates.len() as u64);
    if replicates.len() < 2 || !replicates.iter().all(|replicate| replicate.is_finite()) {
        return Estimate::unbounded(value, Doubt::NotFinite);
    }
    let squares: f64 = replicates.iter().map(|replicate| (replicate - value).powi(2)).sum();
    let error = ((b - 1.0) / b * squares).sqrt();
    if error <= 0.0 {
        return Estimate::unbounded(value, Doubt::NoVariance);
    }
    let shift = replicates.iter().map(|replicate| replicate - value).sum::<f64>() / b;
    let biased = (b - 1.0) * shift.abs() > TRUSTED_BIAS * error;
    let lambda = skewness(value, replicates) / b.sqrt();
    let trust = if biased { Trust::Untrusted(Doubt::Bias) } else { Trust::Trusted };
    let (lower, upper) = hall_union_t(value, error * error, b - 1.0, lambda, quantiles);
    Estimate::within(value, lower, upper, trust)
}

/// Skewness of the differences between value and replicates, corrected for their number (Joanes and Gill, *The Statistician* 47, 1998,
/// p. 183); 0 when it is not defined.
fn skewness(value: f64, replicates: &[f64]) -> f64 {
    let mut moments = Moments::default();
    replicates.iter().for_each(|replicate| moments.add(value - replicate));
    let b = real(moments.count);
    if b > 2.0 { moments.skewness().unwrap_or(0.0) * (b * (b - 1.0)).sqrt() / (b - 2.0) } else { 0.0 }
}

#[cfg(test)]
mod tests;
