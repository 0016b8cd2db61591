use super::*;
use crate::confidence::Confidence;
use crate::estimate::Trust;

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

fn light() -> PopulationMoments {
    PopulationMoments {
        skewness: Some(0.5),
        raw_skewness: Some(1.1),
        kurtosis: Some(2.0),
        ..PopulationMoments::default()
    }
}

fn close(actual: f64, expected: f64) -> bool {
    (actual - expected).abs() <= 1e-9 * expected.abs()
}

#[test]
fn keys_drawn_on_their_own() {
    let keys = Keys { rate: 0.1, sampled: 4, all: None };
    let total = keys.total([1.0, 2.0, 3.0]);
    assert!(close(total.estimate(), 60.0));
    assert!(close(total.variance().unwrap(), 0.9 / 0.01 * 14.0));
    assert!(close(total.third, 0.9 * 0.8 / 0.001 * 36.0));
    assert_eq!((total.domain_rows, total.degrees()), (3, 2.0));
    assert_eq!((keys.population().rows, keys.population().weight_max), (40, 10.0));
}

#[test]
fn a_known_number_of_keys() {
    let keys = Keys { rate: 0.1, sampled: 4, all: Some(40) };
    let total = keys.total([1.0, 2.0, 3.0]);
    assert!(close(total.estimate(), 60.0));
    assert!(close(total.variance().unwrap(), 1_600.0 * 0.9 / 12.0 * (14.0 - 9.0)));
}

#[test]
fn trust_follows_the_totals_per_key() {
    let keys = Keys { rate: 0.1, sampled: 60, all: None };
    let totals: Vec<f64> = (0..60_u32).map(|i| f64::from(i % 5)).collect();
    let trust = |knowledge| total_interval(&totals, &keys, &knowledge, &quantiles()).trust;
    assert_eq!(trust(light()), Trust::Trusted);
    assert_eq!(trust(PopulationMoments::default()), Trust::Untrusted(Doubt::NoMoments));
    assert_eq!(trust(PopulationMoments { raw_skewness: Some(90.0), ..light() }), Trust::Untrusted(Doubt::HeavyTail));
}

#[test]
fn a_mean_over_keys() {
    let keys: Vec<KeyTotal> =
        (0..60_u32).map(|i| KeyTotal { sum: f64::from(8 + i % 5), rows: f64::from(4 + i % 2) }).collect();
    let mean = mean_interval(&keys, 0.1, Some(0.0), Some(2.0), &quantiles());
    let rows: f64 = keys.iter().map(|key| key.rows).sum();
    let value = keys.iter().map(|key| key.sum).sum::<f64>() / rows;
    let squares: f64 = keys.iter().map(|key| (key.sum - value * key.rows).powi(2)).sum();
    let half = quantiles().t(59.0) * (0.9 * 60.0 / 59.0 * squares).sqrt() / rows;
    assert_eq!((mean.value, mean.trust), (Some(value), Trust::Trusted));
    assert!((mean.upper.unwrap() - value - half).abs() < 0.05 * half);
    let skewed = KeyTotal { sum: 1.0, rows: 500.0 };
    let unstable: Vec<KeyTotal> = keys.into_iter().chain([skewed]).collect();
    let unstable = mean_interval(&unstable, 0.1, Some(0.0), Some(2.0), &quantiles());
    assert_eq!(unstable.trust, Trust::Untrusted(Doubt::UnstableDenominator));
}

#[test]
fn all_keys_and_no_keys() {
    let every = Keys { rate: 1.0, sampled: 2, all: None };
    assert_eq!(total_interval(&[1.0, 2.0], &every, &light(), &quantiles()), Estimate::exact(3.0));
    let one = [KeyTotal { sum: 6.0, rows: 2.0 }];
    assert_eq!(mean_interval(&one, 1.0, None, None, &quantiles()), Estimate::exact(3.0));
    assert_eq!(mean_interval(&[], 1.0, None, None, &quantiles()), Estimate::exact_null());
    let single = mean_interval(&one, 0.5, None, None, &quantiles());
    assert_eq!((single.value, single.trust), (Some(3.0), Trust::Untrusted(Doubt::SingleRow)));
    assert_eq!(mean_interval(&[], 0.5, None, None, &quantiles()).value, None);
}
