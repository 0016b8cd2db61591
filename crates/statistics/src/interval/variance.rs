use super::{constant, count, equivalent_rows};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::expression::ValueRange;
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::Population;
use crate::total::Total;
use crate::unsampled::Unsampled;

/// The variance of a column over a domain, `VAR_SAMP` or `VAR_POP`, in squared units of the column.
///
/// `value` is the estimated variance, completely known strata included; `z` the residuals `((y−μ̂)² − value)/N̂_d` of the sampled strata,
/// folded with [`Total::fold_domain`]; `domain` the total of y itself; `unsampled` the effect of one unsampled row on the variance; `bounds` the
/// values of y.
///
/// The upper end is the farther of two, the lower that of the first. The first is built on the logarithm, as Bonett's for one sample
/// (*Computational Statistics & Data Analysis* 50, 2006, p. 775): `d·value·exp(±t_ν d r)`. With the effective rows `n_K = N̂_d²/Σw(w−1)`,
/// `m = min(n_d, n_K)` and the normal quantile q, `d = 1 + q/(m−q)·m/n_K`; the relative error r is `√V(z)/value`, and `3/(n_K(m−1))` is
/// added to r² for the estimated mean. The second is that of any mean of values like z, with unsampled rows. No variance exceeds a quarter of
/// the squared range of the column (Popoviciu).
///
/// When all sampled values are equal the lower end is 0, the upper the most that missed rows could add.
#[must_use]
pub fn variance_interval(
    value: f64,
    z: &Total,
    domain: &Total,
    unsampled: Unsampled,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if domain.domain_rows == 0 && population.is_exact() {
        return if value.is_nan() { Estimate::exact_null() } else { Estimate::exact(value) };
    }
    if domain.domain_rows < 2 {
        let doubt = if domain.domain_rows == 0 { Doubt::NoRows } else { Doubt::SingleRow };
        return Estimate::unbounded(value, doubt);
    }
    let Some(error) = z.variance() else {
        return Estimate::unbounded(value, count::doubt_without_variance(z));
    };
    let largest = popoviciu(domain, bounds);
    if constant::is_constant(domain) || value <= 0.0 {
        let upper = value + missed_squares(domain, bounds, population, quantiles);
        return Estimate::within(value, 0.0, smaller(upper, largest), Trust::Untrusted(Doubt::NoVariance));
    }
    let (lower, upper) = log_ends(value, error, z, domain, quantiles);
    // Downwards no row can move a variance far.
    let (_, above) = unsampled.reach(error, z.degrees(), z.lambda(), quantiles);
    let upper = if upper.is_nan() { upper } else { upper.max(value + above) };
    let trusted = unsampled.trust(domain.domain_rows, error, z.has_lone_rows(), quantiles);
    Estimate::within(value, lower, smaller(upper, largest), trusted)
}

fn log_ends(value: f64, error: f64, z: &Total, domain: &Total, quantiles: &Quantiles) -> (f64, f64) {
    let (rows, effective) = (equivalent_rows(domain), domain.effective_rows());
    let relative = (error / (value * value) + 3.0 / (effective * (rows - 1.0))).sqrt();
    // Residuals that are all equal, as those of a fair coin, have no degrees of freedom of their own.
    let degrees = if error > 0.0 { z.degrees() } else { rows - 1.0 };
    let centre = 1.0 + quantiles.normal() / (rows - quantiles.normal()) * rows / effective;
    if rows <= quantiles.normal() {
        return (0.0, f64::NAN);
    }
    let half = quantiles.t(degrees) * centre * relative;
    (centre * value * (-half).exp(), centre * value * half.exp())
}

/// The largest variance that the column's bounds allow, `(b−a)²/4`, with the factor that `VAR_SAMP`
/// can have at most; infinite when a bound is not known.
fn popoviciu(domain: &Total, bounds: ValueRange) -> f64 {
    let rows = real(domain.domain_rows + domain.exact_rows);
    (bounds.high - bounds.low).powi(2) / 4.0 * rows / (rows - 1.0)
}

/// The most that rows missed by a sample of equal values can add to the variance.
fn missed_squares(domain: &Total, bounds: ValueRange, population: &Population, quantiles: &Quantiles) -> f64 {
    let mean = domain.estimate() / domain.count_estimate();
    let farthest = (bounds.high - mean).powi(2).max((mean - bounds.low).powi(2));
    constant::missed_share(domain, population, quantiles.tail()) * farthest
}

/// The smaller of an end and a bound that may not be known.
fn smaller(end: f64, bound: f64) -> f64 {
    if bound < end { bound } else { end }
}

#[cfg(test)]
mod tests;
