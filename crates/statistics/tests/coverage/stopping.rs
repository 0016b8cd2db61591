use plusminus_statistics::{
    Cell, Confidence, Knowledge, Moments, Population, Quantiles, StratumSize, Target, Total, meets, predicted_rows,
    sum_interval,
};

use crate::draws::{Values, generator, shuffle_first};
use crate::tally::Tally;

const LEVELS: [usize; 8] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800];

/// The estimate with which the levels stop, or none when none of them does.
fn stop(values: &[f64], knowledge: &Knowledge, bound: f64, q: &Quantiles) -> Option<f64> {
    let (mut cell, mut done) = (Cell::default(), 0);
    let shift = 1.0;
    let mut first = 0.0;
    for n in LEVELS {
        values[done..n].iter().for_each(|y| cell.add(y - shift));
        done = n;
        let size = StratumSize::new(values.len() as u64, n as u64);
        let (mut total, mut population) = (Total::default(), Population::default());
        total.fold(size, shift, &cell);
        population.add(size);
        let target = Target::Relative(bound);
        if n == LEVELS[0] {
            let error = total.standard_error().unwrap_or(f64::NAN);
            first = predicted_rows(n as f64, total.estimate(), error, target, q);
        }
        let sum = sum_interval(&total, true, knowledge, &population, q);
        if (n == LEVELS[0] || n as f64 >= first) && meets(&sum, target) {
            return sum.value;
        }
    }
    None
}

/// 1,500 samples per bound: four standard errors are 2.3 points at 5 %.
fn check(values: Values) {
    let mut rng = generator(808);
    let mut column: Vec<f64> = (0..100_000).map(|_| values.draw(&mut rng)).collect();
    let mut moments = Moments::default();
    moments.add_slice(&column);
    let knowledge = Knowledge::from(&moments);
    let truth: f64 = column.iter().sum();
    let q = Quantiles::new(Confidence::default());
    let bounds = [0.03, 0.05, 0.1, 0.25];
    let mut violations = [Tally::default(); 4];
    for _ in 0..1_500 {
        shuffle_first(&mut column, 12_800, &mut rng);
        for (k, bound) in bounds.into_iter().enumerate() {
            let stopped = stop(&column, &knowledge, bound, &q);
            let violated = stopped.is_some_and(|sum| (sum / truth - 1.0).abs() > bound);
            violations[k].count(violated);
        }
    }
    for (tally, bound) in violations.iter().zip(bounds) {
        tally.at_most(&format!("{values:?} within {bound}: violated"), 0.05);
    }
}

#[test]
fn stopping_breaks_the_bound_rarely() {
    check(Values::Normal);
    check(Values::Exponential);
    check(Values::Lognormal(1.0));
    check(Values::MostlyZero);
}
