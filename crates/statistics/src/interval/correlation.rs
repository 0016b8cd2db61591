use super::{count, degrees_with_kurtosis, ends, trust_in_products};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;

/// The correlation of two columns over a domain, CORR, without unit.
///
/// `z` holds the residuals `(u v − value·(u²+v²)/2)/N̂_d` of the sampled strata, folded with
/// [`Total::fold_domain`], where u and v are the two columns less their estimated means, each over
/// its estimated standard deviation. `gamma_star` and `kurtosis` are those of z among the rows of
/// the table, if anything is known of them.
///
/// Fisher's transformation (*Metron* 1, 1921, p. 3) makes the estimate nearly symmetric: the interval
/// is Hall's and Student's union around `artanh(value)` with the error of the linearised rows over
/// `1 − value²`, mapped back. It stays within −1 and 1. Degrees of freedom and trust are those of
/// [`product_interval`](crate::product_interval).
///
/// Measured at 95 %, trusted ones (seed 707; one stratum of 100–1,000 rows and 16 strata, filtered or
/// not): normal pairs of correlation 0, 0.5 and 0.95 94.4–97, lognormal pairs 96–98, exponential lines
/// 97–99, pairs of flags 93.8–97. Without the cut degrees lognormal pairs covered 83–92 %.
#[must_use]
pub fn correlation_interval(
    value: f64,
    z: &Total,
    gamma_star: Option<f64>,
    kurtosis: Option<f64>,
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
    let degrees = degrees_with_kurtosis(z, kurtosis);
    let (lower, upper) = ends(value.atanh(), z, error / (slope * slope), degrees, gamma_star, population, quantiles);
    Estimate::within(
        value,
        lower.tanh(),
        upper.tanh(),
        trust_in_products(z, gamma_star, kurtosis, population, quantiles),
    )
}

#[cfg(test)]
mod tests;
