use plusminus_statistics::{Confidence, Quantiles};
use rand::RngExt;

use crate::draws::{Row, Table, Values, generator};
use crate::tally::Tally;

/// 16 strata of 60 to 30,000 rows whose values differ in scale, a random `share` of the rows inside.
fn table(values: Values, share: f64, seed: u64) -> Table {
    let mut rng = generator(seed);
    let strata = (0..16)
        .map(|h| {
            let rows = (60.0 * 500.0_f64.powf(f64::from(h) / 15.0)).round() as usize;
            let scale = (0.5 * (Values::Normal.draw(&mut rng) - 3.0)).exp();
            let row = |_| Row { y: scale * values.draw(&mut rng), inside: rng.random::<f64>() < share };
            (0..rows).map(row).collect()
        })
        .collect();
    Table::new(strata)
}

/// 5 tables and 400 samples of each, 2,000 together: four standard errors are 1.9 points at 95 %.
fn check(values: Values, cap: usize, share: f64, expected: f64) {
    let q = Quantiles::new(Confidence::default());
    let mut tallies = [Tally::default(); 5];
    let mut by_variation = [Tally::default(); 5];
    for seed in 0..5 {
        let mut table = table(values, share, seed);
        let mut rng = generator(100 + seed);
        for _ in 0..400 {
            let answers = table.draw(cap, &mut rng, &q);
            let truths = [table.sum, table.count, table.mean()];
            let estimates = [answers.sum, answers.count, answers.mean];
            for ((tally, estimate), truth) in tallies.iter_mut().zip(&estimates).zip(truths) {
                tally.add(estimate, truth);
            }
            for (k, (estimate, truth)) in estimates.iter().zip(truths).enumerate().step_by(2) {
                if estimate.trust.is_reliable() {
                    tallies[3 + k / 2].add(estimate, truth);
                }
            }
            let bucket = [0.1, 0.2, 0.3, 0.5].iter().filter(|&&cv| answers.rows_cv > cv).count();
            by_variation[bucket].add(&answers.mean, table.mean());
        }
    }
    let names = ["SUM", "COUNT", "AVG", "trusted SUM", "trusted AVG"];
    for (tally, name) in tallies.iter().zip(names) {
        if tally.draws() > 500 {
            tally.at_least(&format!("{name} of {values:?}, cap {cap}, share {share}"), expected);
        }
    }
    for (tally, cv) in by_variation.iter().zip(["0.1", "0.2", "0.3", "0.5", "more"]) {
        if tally.draws() > 200 {
            let what = format!("AVG of {values:?}, variation of the row count up to {cv}");
            tally.at_least(&what, expected);
        }
    }
}

#[test]
fn strata_of_unequal_weight() {
    for values in [Values::Normal, Values::Exponential, Values::Lognormal(1.0)] {
        check(values, 100, 1.0, 0.945);
        check(values, 100, 0.3, 0.94);
        check(values, 100, 0.05, 0.94);
        check(values, 30, 0.1, 0.93);
    }
}
