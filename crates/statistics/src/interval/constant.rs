use crate::expression::ValueRange;
use crate::quantiles::Quantiles;
use crate::real;
use crate::stratum::Population;
use crate::total::Total;

/// All sampled values of the domain are the same number, and there are at least two.
pub(super) fn is_constant(domain: &Total) -> bool {
    domain.domain_rows >= 2 && !domain.varies
}

/// The range of the domain's mean when every sampled value is `u = domain.value`: a share `p₀` of its rows may have been missed, all of
/// them at the column's smallest or largest value.
///
/// The ends are not finite where the column's bounds are not known.
pub(super) fn mean_range(
    domain: &Total,
    bounds: ValueRange,
    population: &Population,
    quantiles: &Quantiles,
) -> (f64, f64) {
    let u = domain.value;
    let p0 = missed_share(domain, population, quantiles.tail());
    (u - p0 * (u - bounds.low), u + p0 * (bounds.high - u))
}

/// The largest share of the domain's rows that a sample would miss entirely with probability `tail`:
/// as if all strata were alike, or all missed rows were in the stratum with the smallest rate.
pub(super) fn missed_share(domain: &Total, population: &Population, tail: f64) -> f64 {
    let alike = 1.0 - tail.powf(1.0 / real(domain.domain_rows));
    let missed = tail.ln() / (-population.rate_min).ln_1p();
    let concentrated = missed / domain.weighted_rows;
    if concentrated.is_finite() { alike.max(concentrated).min(1.0) } else { 1.0 }
}
