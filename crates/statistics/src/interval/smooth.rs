use super::{ends, trust};
use crate::estimate::{Doubt, Estimate};
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;

/// The largest coefficient of variation of a divisor for which the linearised interval is shown.
const DENOMINATOR_CV_MAX: f64 = 0.1;

/// Any smooth function of totals whose value is `value`, from the linearised rows in `z`.
///
/// `z` holds `Σ_j ∂f/∂T_j · y_j` per row, folded over the sampled strata (Särndal, Swensson and
/// Wretman, *Model Assisted Survey Sampling*, 1992, pp. 172–176). `gamma_star` is the skewness of z among the domain's
/// rows in the table, if anything is known of it; without it the answer is not trusted.
/// `denominator_cv` is the largest coefficient of variation among the expression's
/// [`denominators`](crate::expression::Smooth::denominators), 0 without any: above 0.1 the expression
/// is too far from linear and no interval is given. Nothing is clipped.
#[must_use]
pub fn smooth_interval(
    value: f64,
    z: &Total,
    gamma_star: Option<f64>,
    denominator_cv: f64,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if z.domain_rows == 0 {
        return if population.is_exact() { Estimate::exact(value) } else { Estimate::unbounded(value, Doubt::NoRows) };
    }
    // A coefficient that is not a number is as bad as a large one.
    if denominator_cv.is_nan() || denominator_cv > DENOMINATOR_CV_MAX {
        return Estimate::unbounded(value, Doubt::UnstableDenominator);
    }
    let Some(variance) = z.variance() else {
        return Estimate::unbounded(value, super::count::doubt_without_variance(z));
    };
    if variance <= 0.0 {
        return Estimate::unbounded(value, Doubt::NoVariance);
    }
    let (lower, upper) = ends(value, z, variance, gamma_star, z.domain_rows, quantiles);
    let trusted = trust(z.domain_rows, gamma_star, None, z.has_lone_rows());
    Estimate::within(value, lower, upper, trusted)
}
