use super::{Column, constant, count, ends_of_column, trust};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::knowledge::Knowledge;
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;

/// The table's total of the variable that was folded into `total`, over its domain.
///
/// `whole_stratum` says that the domain holds every row of its strata (no filter outside the
/// stratification, no NULL): the total then is as skewed as the column about its mean, otherwise as
/// the column about zero. `population` are the sampled strata that could hold a row of the domain.
///
/// NULL when no row was seen. A column without negative values cannot total less than what was
/// seen, one without positive values not more. When all sampled values are equal the spread says
/// nothing of the others: the interval is that of the row count times that of the mean.
#[must_use]
pub fn sum_interval(
    total: &Total,
    whole_stratum: bool,
    knowledge: &Knowledge,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if total.domain_rows == 0 {
        return unseen(total, knowledge, population, quantiles);
    }
    let value = total.estimate();
    let Some(variance) = total.variance() else {
        return Estimate::unbounded(value, count::doubt_without_variance(total));
    };
    let gamma = if whole_stratum { knowledge.skewness } else { knowledge.raw_skewness };
    let column = Column::new(total, gamma, population);
    let trusted = if variance > 0.0 {
        trust(&column, knowledge.kurtosis, total.has_lone_rows(), quantiles)
    } else {
        Trust::Untrusted(Doubt::NoVariance)
    };
    if constant::is_constant(total)
        && let Some((lower, upper)) = constant_ends(total, whole_stratum, knowledge, population, quantiles)
    {
        let (lower, upper) = clip(total, knowledge, lower, upper);
        return Estimate::within(value, lower + total.exact_sum, upper + total.exact_sum, trusted);
    }
    if variance <= 0.0 {
        return Estimate::unbounded(value, Doubt::NoVariance);
    }
    let inexact = total.inexact_estimate;
    let (lower, upper) = ends_of_column(inexact, total, variance, &column, quantiles);
    let (lower, upper) = clip(total, knowledge, lower, upper);
    Estimate::within(value, lower + total.exact_sum, upper + total.exact_sum, trusted)
}

/// Without a sampled row: what rows that were missed could add at most.
fn unseen(total: &Total, knowledge: &Knowledge, population: &Population, quantiles: &Quantiles) -> Estimate {
    if population.is_exact() {
        return if total.is_empty() { Estimate::exact_null() } else { Estimate::exact(total.exact_sum) };
    }
    let (smallest, largest) = super::bounds(knowledge);
    let rows = count::sampled_ends(total, population, quantiles).map_or(f64::NAN, |ends| ends.1);
    // clamp keeps NaN, the sign of a bound that is not known; min and max would drop it.
    let lower = total.exact_sum + rows * smallest.clamp(f64::NEG_INFINITY, 0.0);
    let upper = total.exact_sum + rows * largest.clamp(0.0, f64::INFINITY);
    let estimate = Estimate::within(total.exact_sum, lower, upper, Trust::Untrusted(Doubt::NoRows));
    Estimate { value: estimate.value.filter(|_| !total.is_empty()), ..estimate }
}

fn clip(total: &Total, knowledge: &Knowledge, lower: f64, upper: f64) -> (f64, f64) {
    let positive = knowledge.min.is_some_and(|min| min >= 0.0);
    let negative = knowledge.max.is_some_and(|max| max <= 0.0);
    (if positive { lower.max(total.seen) } else { lower }, if negative { upper.min(total.seen) } else { upper })
}

/// Row count times mean, at the worst corners; `None` where one of them is not known.
fn constant_ends(
    total: &Total,
    whole_stratum: bool,
    knowledge: &Knowledge,
    population: &Population,
    quantiles: &Quantiles,
) -> Option<(f64, f64)> {
    let (few, many) = if whole_stratum {
        (total.weighted_rows, total.weighted_rows)
    } else {
        count::sampled_ends(total, population, quantiles)?
    };
    let (low, high) = constant::mean_range(total, knowledge, population, quantiles);
    let lower = (few * low).min(many * low);
    let upper = (few * high).max(many * high);
    (lower.is_finite() && upper.is_finite()).then_some((lower, upper))
}
