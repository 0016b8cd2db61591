use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{
    Cell, Confidence, Estimate, Moments, Population, Quantiles, StratumSize, Target, Total, Unsampled, meets,
    predicted_rows, sum_interval, unsampled_weight,
};

use crate::draws::{Values, generator, shuffle_first};
use crate::tally::Tally;

const LEVELS: [usize; 10] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200];
/// Share of the predicted rows from which a level is worth an estimate.
const EARLY: f64 = 0.5;
const BOUNDS: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];

/// The level estimates: the displayed sum and its standard error after each level.
fn estimates(values: &[f64], column: &Moments, q: &Quantiles) -> Vec<(Estimate, f64)> {
    let (mut cell, mut done, shift) = (Cell::default(), 0, 1.0);
    let estimate_at = |n: usize| {
        values[done..n].iter().for_each(|y| cell.add(y - shift));
        done = n;
        let size = StratumSize::new(values.len() as u64, n as u64);
        let (mut total, mut population) = (Total::default(), Population::default());
        total.fold(size, shift, &cell);
        population.add(size);
        let range = ValueRange::new(column.min, column.max);
        let unsampled = Unsampled::of(unsampled_weight(size), range.plus(ValueRange::of(-column.mean)));
        (sum_interval(&total, true, unsampled, range, &population, q), total.standard_error().unwrap_or(f64::NAN))
    };
    LEVELS.into_iter().map(estimate_at).collect()
}

/// The level at which a query with this bound stops, if any does.
fn stop(estimates: &[(Estimate, f64)], bound: f64, q: &Quantiles) -> Option<usize> {
    let target = Target::Relative(bound);
    let (pilot, error) = estimates[0];
    let first = EARLY * predicted_rows(LEVELS[0] as f64, pilot.value.unwrap_or(f64::NAN), error, target, q);
    let mut levels = LEVELS.iter().zip(estimates).enumerate();
    levels
        .find(|(level, (n, estimate))| (*level == 0 || **n as f64 >= first) && meets(&estimate.0, target))
        .map(|found| found.0)
}

/// Rows with which the true error would have been small enough, counting whole levels.
fn oracle(column: &Moments, bound: f64) -> usize {
    let rows = column.count as f64;
    let variation = (column.m2 / rows).sqrt() / column.mean.abs();
    let enough = |n: &&usize| 1.96 * variation * ((1.0 - **n as f64 / rows) / **n as f64).sqrt() <= bound;
    LEVELS.iter().find(enough).copied().unwrap_or(LEVELS[9])
}

/// 500 samples per bound: four standard errors are 3.9 points at 5 %.
fn check(values: Values) {
    let mut rng = generator(808);
    let mut column: Vec<f64> = (0..200_000).map(|_| values.draw(&mut rng)).collect();
    let mut moments = Moments::default();
    moments.add_slice(&column);
    let truth: f64 = column.iter().sum();
    let q = Quantiles::new(Confidence::default());
    let mut violations = [Tally::default(); 5];
    let mut rows = [0.0; 5];
    for _ in 0..500 {
        shuffle_first(&mut column, LEVELS[9], &mut rng);
        let estimates = estimates(&column, &moments, &q);
        for (k, bound) in BOUNDS.into_iter().enumerate() {
            let stopped = stop(&estimates, bound, &q);
            let sum = stopped.and_then(|level| estimates[level].0.value);
            violations[k].count(sum.is_some_and(|sum| (sum / truth - 1.0).abs() > bound));
            rows[k] += LEVELS[stopped.unwrap_or(9)] as f64 / 500.0;
        }
    }
    for ((tally, bound), rows) in violations.iter().zip(BOUNDS).zip(rows) {
        let ratio = rows / oracle(&moments, bound) as f64;
        tally.at_most(&format!("{values:?} within {bound}, {ratio:.2} × the oracle's rows: violated"), 0.05);
    }
}

#[test]
fn stopping_breaks_the_bound_rarely() {
    check(Values::Normal);
    check(Values::Exponential);
    check(Values::Lognormal(1.0));
    check(Values::Lognormal(1.5));
    check(Values::MostlyZero);
    check(Values::Flag(0.1));
}
