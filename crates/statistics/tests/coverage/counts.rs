use plusminus_statistics::{Cell, Confidence, Estimate, Population, Quantiles, StratumSize, Total, count_interval};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::draws::generator;
use crate::tally::Tally;

/// 20 strata of 150 to 100,000 rows, 100 sampled in each.
fn sizes() -> Vec<StratumSize> {
    let ratio = 100_000.0_f64 / 150.0;
    (0..20)
        .map(|h| 150.0 * ratio.powf(f64::from(h) / 19.0))
        .map(|rows| StratumSize::new(rows.round() as u64, 100))
        .collect()
}

/// The number of domain rows in a sample of `sampled` of `rows` rows, of which `inside` are in the domain.
fn hypergeometric(rows: u64, inside: u64, sampled: u64, rng: &mut ChaCha8Rng) -> u64 {
    let mut left = inside;
    for drawn in 0..sampled {
        if rng.random_range(0..rows - drawn) < left {
            left -= 1;
        }
    }
    inside - left
}

fn draw(inside: &[u64], rng: &mut ChaCha8Rng, q: &Quantiles) -> Estimate {
    let (mut total, mut population) = (Total::default(), Population::default());
    for (size, &inside) in sizes().iter().zip(inside) {
        let count = hypergeometric(size.rows, inside, size.sampled, rng);
        total.fold(*size, 0.0, &Cell::of_count(count));
        population.add(*size);
    }
    count_interval(&total, &population, q)
}

/// 2,000 samples each: four standard errors are 1.9 points at 95 %.
fn check(what: &str, share: impl Fn(usize) -> f64) {
    let inside: Vec<u64> =
        sizes().iter().enumerate().map(|(h, size)| (share(h) * size.rows as f64).round() as u64).collect();
    let truth = inside.iter().sum::<u64>() as f64;
    let mut rng = generator(31_415);
    let q = Quantiles::new(Confidence::default());
    let (mut tally, mut trusted) = (Tally::default(), Tally::default());
    for _ in 0..2_000 {
        let count = draw(&inside, &mut rng, &q);
        tally.add(&count, truth);
        if count.trust.is_reliable() {
            trusted.add(&count, truth);
        }
    }
    tally.at_least(&format!("COUNT, {what}"), 0.95);
    if trusted.draws() > 0 {
        trusted.at_least(&format!("COUNT, {what}, trusted"), 0.95);
    }
}

#[test]
fn the_same_share_everywhere() {
    for share in [0.003, 0.01, 0.03, 0.1, 0.5, 0.9, 0.99, 0.999] {
        check(&format!("{share} everywhere"), |_| share);
    }
}

#[test]
fn shares_that_go_with_the_strata() {
    check("alternating strata", |h| if h % 2 == 1 { 0.999 } else { 0.001 });
    check("heaviest stratum", |h| if h == 19 { 0.995 } else { 0.001 });
    check("light strata", |h| if h < 10 { 0.999 } else { 0.000_5 });
    check("light strata whole", |h| if h < 10 { 1.0 } else { 0.0 });
    check("nothing missing", |_| 1.0);
    check("nearly nothing", |h| if h == 19 { 0.000_03 } else { 0.0 });
}
