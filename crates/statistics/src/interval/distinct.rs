use crate::estimate::{Doubt, Estimate, Trust};
use crate::quantiles::Quantiles;
use crate::real;

/// Sampled keys from which a count of keys can be trusted.
const TRUSTED_KEYS: u64 = 10;
/// The least lower end of a trusted count of keys, in expected sampled keys: that of 10 seen keys at 95 %.
const EXPECTED_KEYS: f64 = 4.75;

/// The number of different keys, COUNT(DISTINCT), from a sample that holds all rows of a key or none.
///
/// `keys` different keys were seen and each key is in the sample with probability `rate`, so that
/// the estimate is `keys/rate`. The interval is Garwood's for a Poisson count (*Biometrika* 28, 1936,
/// p. 437), `χ²_tail(2d)/2` to `χ²_{1−tail}(2d+2)/2`, over the rate, and never below what was seen.
/// It covers 95.3–98.2 % at a rate of 5 % and 99 % at 50 % (5,000 samples each, seed 1,001): it takes
/// keys for rarer than they are. Trusted from 10 keys on, if the interval's lower end stands for 4.75 expected keys or more; for
/// many groups at once (`quantiles` that hold together) that takes more, since some of many groups show more keys by luck.
#[must_use]
pub fn distinct_interval(keys: u64, rate: f64, quantiles: &Quantiles) -> Estimate {
    let seen = real(keys);
    if rate >= 1.0 {
        return Estimate::exact(seen);
    }
    if rate.is_nan() || rate <= 0.0 {
        return Estimate::unbounded(f64::NAN, Doubt::NotFinite);
    }
    let expected = quantiles.chi2_lower(2.0 * seen) / 2.0;
    let upper = quantiles.chi2_upper(2.0 * seen + 2.0) / 2.0 / rate;
    let is_trusted = keys >= TRUSTED_KEYS && expected >= EXPECTED_KEYS;
    let trust = if is_trusted { Trust::Trusted } else { Trust::Untrusted(Doubt::FewKeys) };
    Estimate::within(seen / rate, (expected / rate).max(seen), upper, trust)
}

/// A count of known relative standard error, such as that of a `HyperLogLog` sketch (1.04/√m with m
/// registers; Flajolet and others, *Analysis of Algorithms*, 2007, p. 127).
///
/// The error is relative to the truth and close to normal, so the ends are `estimate/(1 ± q·error)`.
/// From `q·error = 1` on there is no upper end and no trust.
#[must_use]
pub fn sketch_interval(estimate: f64, relative_error: f64, quantiles: &Quantiles) -> Estimate {
    if relative_error <= 0.0 && estimate.is_finite() {
        return Estimate::exact(estimate);
    }
    let reach = quantiles.normal() * relative_error;
    let upper = if reach < 1.0 { estimate / (1.0 - reach) } else { f64::NAN };
    let trust = if upper.is_finite() { Trust::Trusted } else { Trust::Untrusted(Doubt::OneSided) };
    Estimate::within(estimate, estimate / (1.0 + reach), upper, trust)
}

#[cfg(test)]
mod tests;
