//! Estimates of percentiles, extremes and distinct counts.

use super::Estimator;
use crate::answer::{Error, Result};
use plusminus_kernel::{Column, Walk};
use plusminus_plan::{NonLinearAggregate, NonLinearKind};
use plusminus_statistics::{
    Doubt, Estimate, Interpolation, StratumSize, distinct_interval, extreme_interval, quantile_interval,
    weighted_quantile,
};

/// Estimates of a special call by group; `ends` are the extremes of the sampled strata by group, from the build-time scan.
pub(crate) fn estimates(
    estimator: &Estimator<'_>,
    walk: &Walk<'_>,
    call: &NonLinearAggregate,
    ends: &[Option<f64>],
) -> Result<Vec<Estimate>> {
    let column =
        Column { levels: walk.levels, domain: call.domain, argument: call.argument, groups: estimator.groups() };
    if !column.is_held(call.steps) {
        return Err(Error::data("an extreme or percentile of values beyond 2^53, which estimates do not hold"));
    }
    Ok(match call.kind {
        NonLinearKind::Quantile { share, rows } => quantiles(estimator, walk.sizes, call, &column, share, rows),
        NonLinearKind::Extreme { is_max, truth } => {
            let seen = column.extremes(is_max);
            let range = estimator.facts[call.argument].range;
            let bound = match (truth, is_max) {
                (true, true) => Some(1.0),
                (true, false) => Some(0.0),
                (false, true) => Some(range.high).filter(|high| high.is_finite()),
                (false, false) => Some(range.low).filter(|low| low.is_finite()),
            };
            let estimate = |(group, seen): (usize, Option<f64>)| {
                // The scan knows the extreme of sampled strata; of the other strata every row was read.
                match (ends[group].filter(|end| end.is_finite()), seen) {
                    (Some(end), Some(seen)) => Estimate::exact(if is_max { end.max(seen) } else { end.min(seen) }),
                    (Some(end), None) => Estimate::exact(end),
                    // NaN may be the truth, but is never an estimate.
                    (_, Some(seen)) if seen.is_nan() && estimator.populations[group].is_exact() => {
                        Estimate::exact(seen)
                    }
                    (_, Some(seen)) if seen.is_nan() => Estimate::exact_null().untrusted(Doubt::OneSided),
                    _ => extreme_interval(seen, bound, is_max, &estimator.populations[group]),
                }
            };
            seen.into_iter().enumerate().map(estimate).collect()
        }
        NonLinearKind::Distinct { rows, .. } => {
            (0..estimator.groups()).map(|group| distinct(estimator, walk.sizes, rows, group)).collect()
        }
    })
}

/// Keys seen divided by the share of keys drawn; keys that were not drawn can add no more than there are.
fn distinct(estimator: &Estimator<'_>, sizes: &[StratumSize], rows: usize, group: usize) -> Estimate {
    let total = estimator.total(group, rows);
    // Heavy keys are stored whole, so that their presence is known exactly.
    #[expect(clippy::cast_precision_loss, reason = "key counts stay far below 2^53")]
    let known = total.exact_rows as f64;
    let Some(keys) = sizes.iter().find(|keys| !keys.is_exact()) else { return Estimate::exact(known) };
    let estimate =
        distinct_interval(total.domain_rows, keys.rate(), estimator.of_few_keys.unwrap_or(estimator.quantiles));
    #[expect(clippy::cast_precision_loss, reason = "key counts stay far below 2^53")]
    let most = (total.domain_rows + (keys.rows - keys.sampled)) as f64;
    let within = |end: Option<f64>| end.map(|end| end.min(most) + known);
    let (value, lower, upper) = (within(estimate.value), within(estimate.lower), within(estimate.upper));
    Estimate { value, lower, upper, trust: estimate.trust }
}

fn quantiles(
    estimator: &Estimator<'_>,
    sizes: &[StratumSize],
    call: &NonLinearAggregate,
    column: &Column<'_>,
    share: f64,
    rows: usize,
) -> Vec<Estimate> {
    let points = column.sorted(sizes);
    let at: Vec<(f64, f64)> = points
        .iter()
        .enumerate()
        .map(|(group, points)| {
            let quantile = weighted_quantile(points, share, Interpolation::Discrete).unwrap_or(f64::NAN);
            (quantile, estimator.total(group, rows).estimate())
        })
        .collect();
    let residuals = column.residuals(sizes, share, &at);
    let bounds = estimator.facts[call.argument].range;
    let estimate = |(group, points): (usize, &Vec<_>)| {
        let seen = estimator.total(group, rows).domain_rows;
        if at[group].0.is_nan() && !points.is_empty() {
            return Estimate::exact_null().untrusted(Doubt::OneSided);
        }
        let (z, population) = (&residuals[group], &estimator.populations[group]);
        quantile_interval(points, share, z, seen, bounds, population, estimator.quantiles)
    };
    points.iter().enumerate().map(estimate).collect()
}
