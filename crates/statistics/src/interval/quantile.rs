use super::{TRUSTED_ROWS, trusted_rows};
use crate::estimate::{Doubt, Estimate, Trust};
use crate::expression::ValueRange;
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;
use crate::{down_rows, real};

mod binomial;
mod point;

pub use point::{Interpolation, WeightedPoint, weighted_quantile};

/// The largest number of effective rows per sampled row that is believed.
const GAIN_MAX: f64 = 4.0;

/// A quantile of a column over a domain, MEDIAN or `PERCENTILE_CONT`, in units of the column.
///
/// `points` are all known rows of the domain sorted by value, those of completely known strata with
/// weight 1; `z` the residuals `(1{y ≤ q̂} − p)/N̂_d` of the sampled strata, folded with
/// [`Total::fold_domain`], q̂ being [`weighted_quantile`] with [`Interpolation::Discrete`];
/// `domain_rows` the sampled rows `n_d`.
///
/// The value interpolates linearly. The ends are order statistics, as in the binomial test's interval
/// (Conover, *Practical Nonparametric Statistics*, 3rd ed. 1999, p. 143), for the effective rows
/// `min(F̂(1−F̂)/V(z), 4 n_d, (Σw)²/Σw(w−1))`: the first is the sample's own design effect at q̂
/// (Woodruff, *Journal of the American Statistical Association* 47, 1952, p. 635), the last Kish's.
/// Ends beyond the sample are the column's bounds.
///
/// Trusted from 30 rows on, when both ends are known. Measured at 95 % for p = 0.01–0.99 (seeds
/// 1,001 + cap), 10–3,000 rows of one stratum or 10–16 strata with weights 1–1,000, filtered or not:
/// exponential 95–100, whole numbers 97–100, 90 % zeros 95–100, normal 95–100. Equal values may give
/// an interval without width: a median that is certainly 0.
#[must_use]
pub fn quantile_interval(
    points: &[WeightedPoint],
    p: f64,
    z: &Total,
    domain_rows: u64,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    let value = weighted_quantile(points, p, Interpolation::Linear);
    let Some(value) = value else {
        let trust = if population.is_exact() { Trust::Exact } else { Trust::Untrusted(Doubt::NoRows) };
        return Estimate { trust, ..Estimate::exact_null() };
    };
    if population.is_exact() && domain_rows == 0 {
        return Estimate::exact(value);
    }
    if domain_rows == 0 {
        return Estimate::within(value, bounds.low, bounds.high, Trust::Untrusted(Doubt::NoRows));
    }
    let effective = effective_rows(points, p, z, domain_rows);
    let (lower, upper) = ends(points, p, effective, quantiles);
    let (lower, upper) = (lower.unwrap_or(bounds.low), upper.unwrap_or(bounds.high));
    let trust = if domain_rows.min(trusted_rows(z, population)) < TRUSTED_ROWS {
        Trust::Untrusted(Doubt::FewRows)
    } else if z.has_lone_rows() {
        Trust::Untrusted(Doubt::LoneStratumRow)
    } else if lower.is_infinite() || upper.is_infinite() {
        Trust::Untrusted(Doubt::OneSided)
    } else {
        Trust::Trusted
    };
    Estimate::within(value, lower, upper, trust)
}

/// Rows of a simple random sample that would place the quantile as well; at least 1.
fn effective_rows(points: &[WeightedPoint], p: f64, z: &Total, domain_rows: u64) -> u64 {
    let (mut all, mut squares, mut below) = (0.0, 0.0, 0.0);
    let value = weighted_quantile(points, p, Interpolation::Discrete).unwrap_or(f64::NAN);
    for point in points {
        all += point.weight;
        squares += point.weight * (point.weight - 1.0);
        below += if point.value <= value { point.weight } else { 0.0 };
    }
    let share: f64 = below / all;
    // A term whose denominator is 0 is infinite or no number, and min leaves it out.
    let designed = share * (1.0 - share) / z.variance().unwrap_or(f64::NAN);
    let designed = if designed > 0.0 { designed } else { f64::INFINITY };
    let rows = (GAIN_MAX * real(domain_rows)).min(all * all / squares).min(designed);
    down_rows(rows).max(1)
}

/// The order statistics between which the quantile lies, as far as they are in the sample.
fn ends(points: &[WeightedPoint], p: f64, effective: u64, quantiles: &Quantiles) -> (Option<f64>, Option<f64>) {
    let (tail, z) = (quantiles.tail(), quantiles.normal());
    let first = binomial::lower_quantile(effective, p, tail, z);
    let last = (effective - binomial::lower_quantile(effective, 1.0 - p, tail, z)).saturating_add(1);
    let all: f64 = points.iter().map(|point| point.weight).sum();
    let (from, to) = (all * real(first) / real(effective), all * real(last) / real(effective));
    let slack = 1e-9 * all;
    let (mut lower, mut upper, mut below) = (None, None, 0.0);
    for point in points {
        below += point.weight;
        if first > 0 && below <= from + slack {
            lower = Some(point.value);
        }
        if last <= effective && below >= to - slack {
            upper = Some(point.value);
            break;
        }
    }
    (lower, upper)
}

#[cfg(test)]
mod tests;
