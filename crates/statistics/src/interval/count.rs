use crate::estimate::{Doubt, Estimate, Trust};
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::Population;
use crate::total::Total;

/// The least number of sampled rows of a trusted count. The interval of a Poisson variable would hold with any number of rows.
///
/// A larger minimum would select samples that hold many rows by chance: with 20, none of the 9 trusted counts covered, of domains of which
/// fewer than 10 rows were expected (500 draws).
const ROWS_MIN: u64 = 10;

/// The number of table rows in the domain of `total`, which may be the total of any variable.
///
/// Fay and Feuer's interval (*Statistics in Medicine* 16, 1997, p. 795) is built for the rows in the domain and again for the rows outside
/// it, each with the heaviest weight among the strata that could hold a row. The union holds also when nearly all rows match or when the
/// filter is correlated with the strata. It is clipped to the rows that were seen. Rows of completely known strata are added to the value
/// and to both ends. The value is not rounded.
///
/// A domain without a sampled row is 0 with an upper end of 3.69 times the largest weight (at 95 %).
#[must_use]
pub fn count_interval(total: &Total, population: &Population, quantiles: &Quantiles) -> Estimate {
    let exact = real(total.exact_rows);
    if population.is_exact() && total.domain_rows == 0 {
        return Estimate::exact(exact);
    }
    let Some((lower, upper)) = sampled_ends(total, population, quantiles) else {
        return Estimate::unbounded(total.count_estimate(), doubt_without_variance(total));
    };
    let trust = if total.domain_rows == 0 {
        Trust::Untrusted(Doubt::NoRows)
    } else if total.domain_rows < ROWS_MIN {
        Trust::Untrusted(Doubt::FewRows)
    } else if total.has_lone_rows() {
        Trust::Untrusted(Doubt::LoneStratumRow)
    } else {
        Trust::Trusted
    };
    Estimate::within(total.count_estimate(), exact + lower, exact + upper, trust)
}

pub(super) fn doubt_without_variance(total: &Total) -> Doubt {
    if total.has_lone_rows() { Doubt::LoneStratumRow } else { Doubt::NotFinite }
}

/// Both ends for the rows of sampled strata alone; `None` without a variance.
pub(super) fn sampled_ends(total: &Total, population: &Population, quantiles: &Quantiles) -> Option<(f64, f64)> {
    let variance = total.row_count_variance()?;
    let weight = population.weight_max.max(1.0);
    let seen = real(total.domain_rows);
    let rows = total.weighted_rows;
    let mut lower = fay_feuer_lower(rows, variance, quantiles);
    let mut upper = fay_feuer_upper(rows, variance, weight, quantiles);
    if !population.is_exact() {
        let all = real(population.rows);
        let outside = (all - rows).max(0.0);
        lower = lower.min(all - fay_feuer_upper(outside, variance, weight, quantiles));
        upper = upper.max(all - fay_feuer_lower(outside, variance, quantiles));
        upper = upper.min(seen + real(population.unseen()));
    }
    let lower = lower.max(seen);
    (lower.is_finite() && upper.is_finite()).then_some((lower.min(rows), upper.max(rows)))
}

fn fay_feuer_lower(rows: f64, variance: f64, quantiles: &Quantiles) -> f64 {
    if rows <= 0.0 || variance <= 0.0 {
        return rows;
    }
    variance / (2.0 * rows) * quantiles.chi2_lower(2.0 * rows * rows / variance)
}

fn fay_feuer_upper(rows: f64, variance: f64, weight: f64, quantiles: &Quantiles) -> f64 {
    let (rows, variance) = (rows + weight, variance + weight * weight);
    variance / (2.0 * rows) * quantiles.chi2_upper(2.0 * rows * rows / variance)
}
