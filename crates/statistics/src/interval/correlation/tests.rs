use super::*;
use crate::cell::Cell;
use crate::confidence::Confidence;
use crate::real;
use crate::stratum::StratumSize;

fn residuals(size: StratumSize, z: &[f64]) -> (Total, Population) {
    let (mut total, mut population, mut cell) = (Total::default(), Population::default(), Cell::default());
    z.iter().for_each(|&z| cell.add(z / real(size.rows)));
    total.fold_domain(size, 0.0, &cell);
    population.add(size);
    (total, population)
}

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

#[test]
fn fishers_interval() {
    // Half +1, half −1: the variance of the mean residual is 1/99.
    let z: Vec<f64> = (0..100_u32).map(|i| f64::from(i % 2) * 2.0 - 1.0).collect();
    let (total, population) = residuals(StratumSize::new(1_000_000_000, 100), &z);
    let estimate = correlation_interval(0.6, &total, Unsampled::default(), &population, &quantiles());
    let half = quantiles().t(99.0) * (1.0_f64 / 99.0).sqrt() / 0.64;
    assert!((estimate.lower.unwrap() - (0.6_f64.atanh() - half).tanh()).abs() < 1e-6);
    assert!((estimate.upper.unwrap() - (0.6_f64.atanh() + half).tanh()).abs() < 1e-6);
    assert_eq!(estimate.trust, Trust::Trusted);
}

#[test]
fn doubts() {
    let z: Vec<f64> = (0..100_u32).map(|i| f64::from(i % 7)).collect();
    let size = StratumSize::new(1_000_000, 100);
    let (total, population) = residuals(size, &z);
    let q = quantiles();
    let trust = |unsampled| correlation_interval(0.1, &total, unsampled, &population, &q).trust;
    assert_eq!(trust(Unsampled::UNKNOWN), Trust::Untrusted(Doubt::NoRange));
    assert_eq!(trust(Unsampled { up: 10.0, down: 0.0 }), Trust::Untrusted(Doubt::HeavyTail));
    let perfect = correlation_interval(1.0, &total, Unsampled::default(), &population, &q);
    assert_eq!((perfect.lower, perfect.upper), (Some(-1.0), Some(1.0)));
    assert_eq!(perfect.trust, Trust::Untrusted(Doubt::NoVariance));
    let (few, population) = residuals(StratumSize::new(1_000, 9), &z[..9]);
    let few = correlation_interval(0.1, &few, Unsampled::default(), &population, &q);
    assert_eq!(few.trust, Trust::Untrusted(Doubt::FewRows));
    let undefined = correlation_interval(f64::NAN, &total, Unsampled::default(), &population, &q);
    assert_eq!((undefined.value, undefined.lower), (None, None));
}

#[test]
fn complete_strata_are_exact() {
    let (total, population) = residuals(StratumSize::new(3, 3), &[1.0, 2.0, 3.0]);
    let exact = correlation_interval(0.5, &total, Unsampled::UNKNOWN, &population, &quantiles());
    assert_eq!(exact, Estimate::exact(0.5));
    let none = correlation_interval(f64::NAN, &total, Unsampled::UNKNOWN, &population, &quantiles());
    assert_eq!(none, Estimate::exact_null());
}
