use plusminus_statistics::cluster::{KeyTotal, Keys, mean_interval, total_interval};
use plusminus_statistics::{Confidence, Moments, PopulationMoments, Quantiles, distinct_interval, sketch_interval};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::draws::{Values, generator};
use crate::tally::Tally;

/// Keys of a table: how often each occurs and what its rows sum to.
fn table(keys: usize, often: Values, rng: &mut ChaCha8Rng) -> Vec<KeyTotal> {
    let key = |_| {
        let rows = often.draw(rng).ceil().max(1.0);
        // Rows of a key resemble each other.
        let level = (0.5 * (Values::Normal.draw(rng) - 3.0)).exp();
        KeyTotal { sum: rows * level * (0.5 + rng.random::<f64>()), rows }
    };
    (0..keys).map(key).collect()
}

/// Moments over all keys.
fn known(totals: impl Iterator<Item = f64>) -> PopulationMoments {
    let mut moments = Moments::default();
    totals.for_each(|t| moments.add(t));
    PopulationMoments::from(&moments)
}

/// 1,600 samples of 16 tables; four standard errors are 2.2 points at 95 %, more where few are trusted.
fn check(often: Values, count: usize, rate: f64, expected: f64) {
    let q = Quantiles::new(Confidence::default());
    let names = ["rows", "sum", "sum with the number of keys", "mean"];
    let mut tallies = [[Tally::default(); 2]; 4];
    let mut rng = generator(1_414);
    for _ in 0..16 {
        let all = table(count, often, &mut rng);
        let (rows, sum): (f64, f64) = all.iter().fold((0.0, 0.0), |t, key| (t.0 + key.rows, t.1 + key.sum));
        let (of_rows, of_sum) = (known(all.iter().map(|key| key.rows)), known(all.iter().map(|key| key.sum)));
        let residuals = known(all.iter().map(|key| key.sum - sum / rows * key.rows));
        for _ in 0..100 {
            let sampled: Vec<KeyTotal> = all.iter().copied().filter(|_| rng.random::<f64>() < rate).collect();
            let keys = Keys { rate, sampled: sampled.len() as u64, all: None };
            let counted = Keys { all: Some(count as u64), ..keys };
            let sums: Vec<f64> = sampled.iter().map(|key| key.sum).collect();
            let lines: Vec<f64> = sampled.iter().map(|key| key.rows).collect();
            let estimates = [
                total_interval(&lines, &keys, &of_rows, &q),
                total_interval(&sums, &keys, &of_sum, &q),
                total_interval(&sums, &counted, &of_sum, &q),
                mean_interval(&sampled, rate, residuals.skewness, residuals.kurtosis, &q),
            ];
            for ((tallies, estimate), truth) in tallies.iter_mut().zip(&estimates).zip([rows, sum, sum, sum / rows]) {
                tallies[0].add(estimate, truth);
                if estimate.trust.is_reliable() {
                    tallies[1].add(estimate, truth);
                }
            }
        }
    }
    for ([every, trusted], name) in tallies.iter().zip(names) {
        let what = format!("{name} over keys of {often:?}, {} of {count}", rate * count as f64);
        every.at_least(&what, expected);
        if trusted.draws() > 300 {
            trusted.at_least(&format!("{what}, trusted"), 0.94);
        }
    }
}

#[test]
fn totals_per_key() {
    for (count, rate) in [(4_000, 0.01), (4_000, 0.05), (10_000, 0.05)] {
        check(Values::Exponential, count, rate, 0.94);
        check(Values::Lognormal(1.0), count, rate, 0.92);
        check(Values::Lognormal(1.5), count, rate, 0.88);
        check(Values::Pareto(1.5), count, rate, 0.8);
    }
}

/// 5,000 samples each: four standard errors are 1.2 points at 95 %.
#[test]
fn counts_of_keys() {
    let q = Quantiles::new(Confidence::default());
    let mut rng = generator(1_001);
    for (keys, rate) in [(100, 0.05), (400, 0.05), (2_000, 0.05), (200, 0.5)] {
        let (mut all, mut trusted) = (Tally::default(), Tally::default());
        for _ in 0..5_000 {
            let seen = (0..keys).filter(|_| rng.random::<f64>() < rate).count();
            let estimate = distinct_interval(seen as u64, rate, &q);
            all.add(&estimate, f64::from(keys));
            if estimate.trust.is_reliable() {
                trusted.add(&estimate, f64::from(keys));
            }
        }
        all.at_least(&format!("{keys} keys at {rate}"), 0.95);
        if trusted.draws() > 500 {
            trusted.at_least(&format!("{keys} keys at {rate}, trusted"), 0.94);
        }
    }
    for error in [0.01, 0.1, 0.3] {
        let mut tally = Tally::default();
        for _ in 0..5_000 {
            let sketch = 1_000.0 * (1.0 + error * (Values::Normal.draw(&mut rng) - 3.0));
            tally.add(&sketch_interval(sketch, error, &q), 1_000.0);
        }
        tally.at_least(&format!("sketch with error {error}"), 0.95);
    }
}
