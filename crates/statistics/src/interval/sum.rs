use super::{constant, count};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::expression::ValueRange;
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;
use crate::unsampled::Unsampled;

/// The table's total of the variable that was folded into `total`, over its domain.
///
/// `whole_stratum` says that the domain holds every row of its strata (no filter outside the stratification, no NULL), so that its number
/// of rows is known. `unsampled` is the effect of one unsampled row of the domain: over the sampled strata that could hold one (`population`),
/// its value less the stratum's mean times [`unsampled_weight`](crate::unsampled_weight). `bounds` are the values that a row can have.
///
/// The value is NULL when no row was seen. A column without negative values cannot total less than its seen rows, one without positive
/// values not more. When all sampled values are equal, their spread says nothing of the others: the interval is that of the row count times
/// that of the mean.
#[must_use]
pub fn sum_interval(
    total: &Total,
    whole_stratum: bool,
    unsampled: Unsampled,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if total.domain_rows == 0 {
        return unseen(total, bounds, population, quantiles);
    }
    let value = total.estimate();
    let Some(variance) = total.variance() else {
        return Estimate::unbounded(value, count::doubt_without_variance(total));
    };
    let trusted = unsampled.trust(total.domain_rows, variance, total.has_lone_rows(), quantiles);
    if constant::is_constant(total)
        && let Some((lower, upper)) = constant_ends(total, whole_stratum, bounds, population, quantiles)
    {
        let (lower, upper) = clip(total, bounds, lower, upper);
        return Estimate::within(value, lower + total.exact_sum, upper + total.exact_sum, trusted);
    }
    if variance <= 0.0 {
        return Estimate::unbounded(value, Doubt::NoVariance);
    }
    let inexact = total.inexact_estimate;
    let (below, above) = unsampled.reach(variance, total.degrees(), total.lambda(), quantiles);
    let (lower, upper) = clip(total, bounds, inexact - below, inexact + above);
    Estimate::within(value, lower + total.exact_sum, upper + total.exact_sum, trusted)
}

/// The interval without a sampled row: its ends are the most that rows which were missed could add.
pub(super) fn unseen(total: &Total, bounds: ValueRange, population: &Population, quantiles: &Quantiles) -> Estimate {
    if population.is_exact() {
        return if total.is_empty() { Estimate::exact_null() } else { Estimate::exact(total.exact_sum) };
    }
    let rows = count::sampled_ends(total, population, quantiles).map_or(f64::NAN, |ends| ends.1);
    let lower = total.exact_sum + rows * bounds.low.min(0.0);
    let upper = total.exact_sum + rows * bounds.high.max(0.0);
    let estimate = Estimate::within(total.exact_sum, lower, upper, Trust::Untrusted(Doubt::NoRows));
    Estimate { value: estimate.value.filter(|_| !total.is_empty()), ..estimate }
}

pub(super) fn clip(total: &Total, bounds: ValueRange, lower: f64, upper: f64) -> (f64, f64) {
    let (positive, negative) = (bounds.low >= 0.0, bounds.high <= 0.0);
    (if positive { lower.max(total.seen) } else { lower }, if negative { upper.min(total.seen) } else { upper })
}

/// The ends of row count times mean, at the worst corners; `None` where one of them is not known.
fn constant_ends(
    total: &Total,
    whole_stratum: bool,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> Option<(f64, f64)> {
    let (few, many) = if whole_stratum {
        (total.weighted_rows, total.weighted_rows)
    } else {
        count::sampled_ends(total, population, quantiles)?
    };
    let (low, high) = constant::mean_range(total, bounds, population, quantiles);
    let lower = (few * low).min(many * low);
    let upper = (few * high).max(many * high);
    (lower.is_finite() && upper.is_finite()).then_some((lower, upper))
}
