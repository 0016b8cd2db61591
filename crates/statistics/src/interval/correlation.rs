use super::count;
use crate::estimate::{Doubt, Estimate, Trust};
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;
use crate::unsampled::Unsampled;

/// The correlation of two columns over a domain, CORR, without unit.
///
/// `z` holds the residuals `(u v − value·(u²+v²)/2)/N̂_d` of the sampled strata, folded with [`Total::fold_domain`], where u and v are the
/// two columns less their estimated means, each over its estimated standard deviation. `unsampled` is the effect of one unsampled row on the
/// correlation.
///
/// Fisher's transformation (*Metron* 1, 1921, p. 3) makes the estimate nearly symmetric: the interval
/// is that of any mean around `artanh(value)` with the error of the linearised rows over
/// `1 − value²`, mapped back. It stays within −1 and 1.
#[must_use]
pub fn correlation_interval(
    value: f64,
    z: &Total,
    unsampled: Unsampled,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if z.domain_rows == 0 && population.is_exact() {
        return if value.is_nan() { Estimate::exact_null() } else { Estimate::exact(value) };
    }
    if z.domain_rows < 2 {
        let doubt = if z.domain_rows == 0 { Doubt::NoRows } else { Doubt::SingleRow };
        return Estimate::unbounded(value, doubt);
    }
    let Some(error) = z.variance() else {
        return Estimate::unbounded(value, count::doubt_without_variance(z));
    };
    let slope = 1.0 - value * value;
    if error <= 0.0 || slope <= 0.0 {
        return Estimate::within(value.clamp(-1.0, 1.0), -1.0, 1.0, Trust::Untrusted(Doubt::NoVariance));
    }
    let variance = error / (slope * slope);
    let (below, above) = unsampled.scaled(slope.recip()).reach(variance, z.degrees(), z.lambda(), quantiles);
    let centre = value.atanh();
    let trust = unsampled.trust(z.domain_rows, error, z.has_lone_rows(), quantiles);
    Estimate::within(value, (centre - below).tanh(), (centre + above).tanh(), trust)
}

#[cfg(test)]
mod tests;
