use super::{constant, count};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::expression::ValueRange;
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::Population;
use crate::total::Total;
use crate::unsampled::Unsampled;

/// The largest coefficient of variation of the domain's row count in a trusted mean. Residuals of a mean have domain degrees, so it is
/// looser than for other ratios. Beside completely known strata, whose rows pull the mean away from that of the others, coefficients of
/// 0.15 to 0.25 cover 86–93 %.
const DENOMINATOR_CV_MAX: f64 = 0.15;

/// The mean of a column over a domain, AVG.
///
/// `mean` is the estimated total over the estimated row count, completely known strata included; `z` the residuals `(y − mean)/N̂_d` of the
/// sampled strata, folded with [`Total::fold_domain`]; `domain` any total of the same domain with y unscaled (the SUM's); `unsampled` the
/// effect of one unsampled row of the domain on the mean; `bounds` the values that a row can have.
///
/// The interval is that of the linearised ratio (Särndal, Swensson and Wretman, *Model Assisted
/// Survey Sampling*, 1992, p. 184) and stays within the column's bounds. One sampled row has none.
/// When all sampled values are equal, rows that were missed may have any value within the bounds.
#[must_use]
pub fn mean_interval(
    mean: f64,
    z: &Total,
    domain: &Total,
    unsampled: Unsampled,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if domain.domain_rows == 0 {
        return unseen(mean, domain, bounds, population, quantiles);
    }
    if domain.domain_rows == 1 {
        return Estimate::unbounded(mean, Doubt::SingleRow);
    }
    let Some(variance) = z.variance() else {
        return Estimate::unbounded(mean, count::doubt_without_variance(z));
    };
    let (below, above) =
        if variance > 0.0 { unsampled.reach(variance, z.degrees(), z.lambda(), quantiles) } else { (0.0, 0.0) };
    let (mut lower, mut upper) = (mean - below, mean + above);
    if constant::is_constant(domain) {
        let (low, high) = constant_ends(mean, domain, bounds, population, quantiles);
        lower = worse(lower, low, f64::min);
        upper = worse(upper, high, f64::max);
    }
    let trusted = if variance <= 0.0 || constant::is_constant(domain) {
        Trust::Untrusted(Doubt::NoVariance)
    } else if !is_steady(domain) {
        Trust::Untrusted(Doubt::UnstableDenominator)
    } else {
        unsampled.trust(domain.domain_rows, variance, z.has_lone_rows(), quantiles)
    };
    Estimate::within(mean, clamp(lower, bounds.low, f64::max), clamp(upper, bounds.high, f64::min), trusted)
}

/// Whether the estimated number of rows varies little enough.
fn is_steady(domain: &Total) -> bool {
    let variation = domain.row_count_variance().map(|variance| variance.sqrt() / domain.count_estimate());
    variation.is_some_and(|variation| variation <= DENOMINATOR_CV_MAX)
}

/// The farther of two ends, or NaN when one is not known.
fn worse(one: f64, other: f64, farther: fn(f64, f64) -> f64) -> f64 {
    if one.is_nan() || other.is_nan() { f64::NAN } else { farther(one, other) }
}

/// The nearer of an end and a bound; an end that is not known stays so.
fn clamp(end: f64, bound: f64, nearer: fn(f64, f64) -> f64) -> f64 {
    if end.is_nan() { end } else { nearer(end, bound) }
}

/// Without a sampled row: rows that were missed may pull the mean of the known rows to a bound.
fn unseen(mean: f64, domain: &Total, bounds: ValueRange, population: &Population, quantiles: &Quantiles) -> Estimate {
    if domain.is_empty() {
        return if population.is_exact() {
            Estimate::exact_null()
        } else {
            Estimate { trust: Trust::Untrusted(Doubt::NoRows), ..Estimate::exact_null() }
        };
    }
    if population.is_exact() {
        return Estimate::exact(mean);
    }
    let missed = count::sampled_ends(domain, population, quantiles).map_or(f64::NAN, |ends| ends.1);
    let share = missed / (missed + real(domain.exact_rows));
    Estimate::within(
        mean,
        mean + share * (bounds.low - mean),
        mean + share * (bounds.high - mean),
        Trust::Untrusted(Doubt::NoRows),
    )
}

/// The interval of equal values, shrunk by the share of rows that completely known strata hold.
fn constant_ends(
    mean: f64,
    domain: &Total,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> (f64, f64) {
    let (low, high) = constant::mean_range(domain, bounds, population, quantiles);
    let rows = count::sampled_ends(domain, population, quantiles).map_or(f64::NAN, |ends| ends.1);
    let share = rows / (rows + real(domain.exact_rows));
    (mean - share * (domain.value - low), mean + share * (high - domain.value))
}
