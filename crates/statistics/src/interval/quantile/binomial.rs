use statrs::function::gamma::ln_gamma;

use crate::{down_rows, real};

/// From this variance on the binomial distribution is expanded around the normal.
const VARIANCE_OF_NORMAL: f64 = 1_000.0;

/// The `tail` quantile of a binomial distribution, for a tail below one half and with its normal
/// deviate `z > 0`: the smallest k with `P(X ≤ k) ≥ tail`.
///
/// Probabilities are summed from far below the mean. For a variance above 1,000 the
/// Cornish–Fisher expansion is used, rounded to the safe side by up to one.
pub(super) fn lower_quantile(trials: u64, p: f64, tail: f64, z: f64) -> u64 {
    let n = real(trials);
    if p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return trials;
    }
    let (mean, variance) = (n * p, n * p * (1.0 - p));
    if variance > VARIANCE_OF_NORMAL {
        let skewed = (1.0 - 2.0 * p) * (z * z - 1.0) / 6.0;
        return down_rows(mean - z * variance.sqrt() + skewed - 0.5).min(trials);
    }
    let mut k = down_rows(mean - 12.0 * variance.sqrt() - 20.0);
    let at = real(k);
    let logarithm = ln_gamma(n + 1.0) - ln_gamma(at + 1.0) - ln_gamma(n - at + 1.0);
    let mut probability = (logarithm + at * p.ln() + (n - at) * (-p).ln_1p()).exp();
    let mut sum = probability;
    let odds = p / (1.0 - p);
    while sum < tail && k < trials {
        probability *= odds * (n - real(k)) / real(k + 1);
        sum += probability;
        k += 1;
    }
    k
}
