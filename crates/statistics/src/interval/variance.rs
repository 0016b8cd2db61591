use super::{Column, constant, count, equivalent_rows, shrink, trust};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::knowledge::Knowledge;
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::Population;
use crate::total::Total;

/// The largest `κ/m` of a trusted variance, m being the effective rows at most n_d.
const TRUSTED_KURTOSIS: f64 = 0.2;

/// The variance of a column over a domain, `VAR_SAMP` or `VAR_POP`, in squared units of the column.
///
/// `value` is the estimated variance, completely known strata included; `z` the residuals
/// `((y−μ̂)² − value)/N̂_d` of the sampled strata, folded with [`Total::fold_domain`]; `domain` the
/// total of y itself.
///
/// The interval is built on the logarithm, as Bonett's for one sample (*Computational Statistics &
/// Data Analysis* 50, 2006, p. 775): `d·value·exp(±t_ν d r)`. With the effective rows
/// `n_K = N̂_d²/Σw(w−1)`, `m = min(n_d, n_K)` and the normal quantile q, `d = 1 + q/(m−q)·m/n_K`. The
/// relative error r is the larger of the sample's `√V(z)/value` and what the column's kurtosis demands,
/// `√((min(κ, m) − 1)/n_K)`; `3/(n_K(m−1))` is added to r² for the estimated mean. No variance exceeds
/// a quarter of the squared range of the column (Popoviciu).
///
/// When all sampled values are equal the lower end is 0, the upper what missed rows could add.
///
/// Trusted from 30 rows on while `κ/min(n_d, n_K) ≤ 0.2` (less at higher confidence). Measured at 95 %,
/// 3,000 samples (seeds 606 + cap), one stratum of n = 30 | 100 | 1,000: normal 97.6 | 95.4 | 96.4,
/// uniform 97.6 | 96.4 | 95.8, exponential 97.9 | 96.9 | 95.7, lognormal 98.3 | 98.7 | 98.2, flag of
/// 10 % 100 | 99.3 | 96.4; not trusted at so few rows: Pareto 2.5 90 | 95 | 96, 90 % zeros 73 | 89 | 98,
/// lognormal σ = 2 49 | 60 | 90. Over 10–16 strata of unequal weight, scale and mean, with and
/// without a filter, trusted ones cover 93.8–100 % (the lowest: exponential, 240 rows of ten strata whose
/// scales differ e-fold). The plain weighted spread as `value` covers as well.
#[must_use]
pub fn variance_interval(
    value: f64,
    z: &Total,
    domain: &Total,
    knowledge: &Knowledge,
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
    let largest = popoviciu(domain, knowledge);
    if constant::is_constant(domain) || value <= 0.0 {
        let upper = value + missed_squares(domain, knowledge, population, quantiles);
        return Estimate::within(value, 0.0, smaller(upper, largest), Trust::Untrusted(Doubt::NoVariance));
    }
    let (lower, upper) = log_ends(value, error, z, domain, knowledge.kurtosis, quantiles);
    let trusted = variance_trust(domain, knowledge, population, z.has_lone_rows(), quantiles);
    Estimate::within(value, lower, smaller(upper, largest), trusted)
}

fn log_ends(
    value: f64,
    error: f64,
    z: &Total,
    domain: &Total,
    kurtosis: Option<f64>,
    quantiles: &Quantiles,
) -> (f64, f64) {
    let (rows, effective) = (equivalent_rows(domain), domain.effective_rows());
    let kurtosis = kurtosis.filter(|kurtosis| kurtosis.is_finite()).unwrap_or(1.0).min(rows).max(1.0);
    let relative = (error / (value * value)).max((kurtosis - 1.0) / effective);
    let relative = (relative + 3.0 / (effective * (rows - 1.0))).sqrt();
    // Residuals that are all alike, as those of a fair coin, have no degrees of their own.
    let degrees = if error > 0.0 { z.degrees() } else { rows - 1.0 };
    let centre = 1.0 + quantiles.normal() / (rows - quantiles.normal()) * rows / effective;
    if rows <= quantiles.normal() {
        return (0.0, f64::NAN);
    }
    let half = quantiles.t(degrees) * centre * relative;
    (centre * value * (-half).exp(), centre * value * half.exp())
}

/// The largest variance that the column's bounds allow, `(b−a)²/4`, with the factor that `VAR_SAMP`
/// can have at most; NaN when a bound is not known.
fn popoviciu(domain: &Total, knowledge: &Knowledge) -> f64 {
    let (smallest, largest) = super::bounds(knowledge);
    let rows = real(domain.domain_rows + domain.exact_rows);
    (largest - smallest).powi(2) / 4.0 * rows / (rows - 1.0)
}

/// What rows that a sample of equal values missed can add to the variance.
fn missed_squares(domain: &Total, knowledge: &Knowledge, population: &Population, quantiles: &Quantiles) -> f64 {
    let (smallest, largest) = super::bounds(knowledge);
    let mean = domain.estimate() / domain.count_estimate();
    let farthest = (largest - mean).powi(2).max((mean - smallest).powi(2));
    let unknown = smallest.is_nan() || largest.is_nan();
    constant::missed_share(domain, population, quantiles.tail()) * if unknown { f64::NAN } else { farthest }
}

/// The smaller of an end and a bound that may not be known.
fn smaller(end: f64, bound: f64) -> f64 {
    if bound < end { bound } else { end }
}

fn variance_trust(
    domain: &Total,
    knowledge: &Knowledge,
    population: &Population,
    lone_rows: bool,
    quantiles: &Quantiles,
) -> Trust {
    let rows = equivalent_rows(domain);
    match trust(&Column::new(domain, knowledge.skewness, population), knowledge.kurtosis, lone_rows, quantiles) {
        Trust::Trusted => match knowledge.kurtosis {
            None => Trust::Untrusted(Doubt::NoMoments),
            Some(kurtosis) if kurtosis / rows <= TRUSTED_KURTOSIS * shrink(quantiles) => Trust::Trusted,
            Some(_) => Trust::Untrusted(Doubt::HeavyTail),
        },
        doubted => doubted,
    }
}

#[cfg(test)]
mod tests;
