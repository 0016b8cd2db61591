use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{
    Confidence, Interpolation, Moments, Quantiles, WeightedPoint, quantile_interval, weighted_quantile,
};

use crate::draws::{Values, generator};
use crate::table::{Design, Sample};
use crate::tally::Tally;

const SHARES: [f64; 5] = [0.01, 0.1, 0.5, 0.9, 0.99];

fn sorted(sample: &Sample<'_>) -> Vec<WeightedPoint> {
    let mut points: Vec<WeightedPoint> =
        sample.weighted().map(|(weight, row)| WeightedPoint { value: row.y, weight }).collect();
    points.sort_by(|a, b| a.value.total_cmp(&b.value));
    points
}

/// 400 samples of 8 tables for each of five quantiles; four standard errors are 4.4 points at 95 %.
fn check(what: &str, values: impl Fn(f64) -> f64, design: Design) {
    let q = Quantiles::new(Confidence::default());
    let mut tallies = [Tally::default(); 5];
    let mut rng = generator(1_001);
    for _ in 0..8 {
        let mut table = design.table(&mut rng, |rng| (0.0, values(Values::Exponential.draw(rng))));
        let mut moments = Moments::default();
        table.rows().for_each(|row| moments.add(row.y));
        let bounds = ValueRange::new(moments.min, moments.max);
        let mut all: Vec<WeightedPoint> =
            table.inside().map(|row| WeightedPoint { value: row.y, weight: 1.0 }).collect();
        all.sort_by(|a, b| a.value.total_cmp(&b.value));
        for _ in 0..50 {
            let sample = table.draw(&mut rng);
            let points = sorted(&sample);
            let rows = sample.sum(|_| 1.0);
            for (tally, p) in tallies.iter_mut().zip(SHARES) {
                let at = weighted_quantile(&points, p, Interpolation::Discrete).unwrap_or(f64::NAN);
                let z = sample.residuals(|row| (f64::from(u8::from(row.y <= at)) - p) / rows);
                let estimate = quantile_interval(&points, p, &z, z.domain_rows, bounds, &sample.population, &q);
                let truth = weighted_quantile(&all, p, Interpolation::Linear).unwrap_or(f64::NAN);
                tally.add(&estimate, truth);
            }
        }
    }
    for (tally, p) in tallies.iter().zip(SHARES) {
        tally.at_least(&format!("quantile {p} of {what}, {design:?}"), 0.95);
    }
}

#[test]
fn quantiles_of_samples() {
    for design in [
        Design::single(10),
        Design::single(100),
        Design::single(1_000),
        Design::strata(100, 1.0, 0.0, 1.0),
        Design::strata(100, 0.1, 0.5, 0.0),
        Design::strata(30, 1.0, 0.0, 3.0),
    ] {
        check("exponential values", |y| y, design);
        check("whole numbers", |y| (4.0 * y).floor(), design);
        // exp(−y) is uniform: nine tenths are zeros.
        check("mostly zeros", |y| if (-y).exp() < 0.9 { 0.0 } else { y }, design);
    }
}
