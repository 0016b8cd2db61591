use super::*;
use crate::cell::Cell;
use crate::confidence::Confidence;
use crate::stratum::StratumSize;

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

fn doubt(estimate: &Estimate) -> Option<Doubt> {
    match estimate.trust {
        Trust::Untrusted(doubt) => Some(doubt),
        Trust::Exact | Trust::Trusted => None,
    }
}

#[test]
fn trust_needs_rows_moments_and_light_tails() {
    let q = quantiles();
    let trust = |rows, gamma, kurtosis, lone| trust(&Column::of_rows(rows, gamma), kurtosis, lone, &q);
    assert_eq!(trust(30, Some(2.0), Some(9.0), false), Trust::Trusted);
    let doubts = [
        (trust(29, Some(0.0), None, false), Doubt::FewRows),
        (trust(30, None, None, false), Doubt::NoMoments),
        (trust(30, Some(f64::NAN), None, false), Doubt::NoMoments),
        (trust(30, Some(-11.0), None, false), Doubt::HeavyTail),
        (trust(100, Some(0.0), Some(1e4), false), Doubt::HeavyTail),
        (trust(30, Some(0.0), None, true), Doubt::LoneStratumRow),
    ];
    for (trust, doubt) in doubts {
        assert_eq!(trust, Trust::Untrusted(doubt));
    }
}

#[test]
fn rarer_misses_ask_for_lighter_tails() {
    let strict = Quantiles::new(Confidence::new(0.999).unwrap());
    let lax = Quantiles::new(Confidence::new(0.5).unwrap());
    assert_eq!(shrink(&lax), 1.0);
    assert!((shrink(&strict) - (0.025_f64.ln() / 0.0005_f64.ln()).powf(1.5)).abs() < 1e-3);
    assert_eq!(trust(&Column::of_rows(30, Some(8.0)), Some(70.0), false, &quantiles()), Trust::Trusted);
    assert_eq!(trust(&Column::of_rows(30, Some(8.0)), Some(70.0), false, &strict), Trust::Untrusted(Doubt::HeavyTail));
}

/// Kurtosis widens the interval and decides its trust.
#[test]
fn keys_need_light_tails() {
    let values: Vec<f64> = (0..200_u32).map(|i| f64::from(i % 9) - 4.0).collect();
    let (mut z, mut population, mut cell) = (Total::default(), Population::default(), Cell::default());
    values.iter().for_each(|y| cell.add(*y));
    z.fold(StratumSize::new(1_000_000_000, 200), 0.0, &cell);
    population.add(StratumSize::new(1_000_000_000, 200));
    let q = quantiles();
    let product = |kurtosis| keyed_interval(3.0, &z, Some(0.0), kurtosis, 0.0, &population, &q);
    assert!(product(Some(9.0)).upper > product(Some(1.0)).upper);
    assert_eq!(product(Some(9.0)).trust, Trust::Trusted);
    assert_eq!(doubt(&product(Some(40.0))), Some(Doubt::HeavyTail));
    assert_eq!(doubt(&product(None)), Some(Doubt::NoMoments));
}
