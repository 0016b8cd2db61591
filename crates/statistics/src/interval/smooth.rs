use crate::estimate::{Doubt, Estimate};
use crate::quantiles::Quantiles;
use crate::stratum::Population;
use crate::total::Total;
use crate::unsampled::Unsampled;

/// The largest coefficient of variation of a divisor for which the linearised interval is shown.
const DENOMINATOR_CV_MAX: f64 = 0.1;

/// Any smooth function of totals whose value is `value`, from the linearised rows in `z`.
///
/// `z` holds `Σ_j ∂f/∂T_j · y_j` per row, folded over the sampled strata (Särndal, Swensson and Wretman, *Model Assisted Survey Sampling*,
/// 1992, pp. 172–176). `unsampled` is the effect of one unsampled row on the value, from the range of z. `denominator_cv` is the largest
/// coefficient of variation among the expression's [`denominators`](crate::expression::DifferentiableExpr::denominators), 0 without any:
/// above 0.1 the expression is too far from linear and no interval is given. Nothing is clipped.
#[must_use]
pub fn smooth_interval(
    value: f64,
    z: &Total,
    unsampled: Unsampled,
    denominator_cv: f64,
    population: &Population,
    quantiles: &Quantiles,
) -> Estimate {
    if let Some(estimate) = refused(value, z, denominator_cv, population) {
        return estimate;
    }
    let variance = z.variance().unwrap_or(f64::NAN);
    let (below, above) = unsampled.reach(variance, z.degrees(), z.lambda(), quantiles);
    let trust = unsampled.trust(z.domain_rows, variance, z.has_lone_rows(), quantiles);
    Estimate::within(value, value - below, value + above, trust)
}

/// The answer where no interval can be computed from the variance; `None` where one can.
pub(super) fn refused(value: f64, z: &Total, denominator_cv: f64, population: &Population) -> Option<Estimate> {
    if z.domain_rows == 0 {
        return Some(if population.is_exact() {
            Estimate::exact(value)
        } else {
            Estimate::unbounded(value, Doubt::NoRows)
        });
    }
    // A coefficient that is not a number is as bad as a large one.
    if denominator_cv.is_nan() || denominator_cv > DENOMINATOR_CV_MAX {
        return Some(Estimate::unbounded(value, Doubt::UnstableDenominator));
    }
    let Some(variance) = z.variance() else {
        return Some(Estimate::unbounded(value, super::count::doubt_without_variance(z)));
    };
    (variance <= 0.0).then(|| Estimate::unbounded(value, Doubt::NoVariance))
}
