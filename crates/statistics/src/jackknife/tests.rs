use super::*;
use crate::confidence::Confidence;

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

#[test]
fn groups_by_rank() {
    assert_eq!(replicate_of(33, 0, 32), 1);
    assert_eq!(replicate_of(u64::MAX, 1, 32), 0);
    assert_eq!(replicate_of(5, 3, 0), 0);
}

/// s = 10 over 40 rows, of which 2 with sum 3 are left out, N = 1,000.
#[test]
fn weights_give_the_formula() {
    let size = StratumSize::new(1_000, 40);
    let weights = replicate_weights(size, 2, 32);
    let g = (1.0_f64 - 0.04).sqrt();
    let expected = 250.0 + g * (1_000.0 * 7.0 / 38.0 - 250.0);
    assert!((weights.kept * 7.0 + weights.deleted * 3.0 - expected).abs() < 1e-9);
    assert!(weights.varies);
    let small = replicate_weights(StratumSize::new(1_000, 4), 1, 32);
    let g = (1.0_f64 - 0.004).sqrt() * (3.0_f64 * 32.0 / (4.0 * 31.0)).sqrt();
    assert!((small.deleted - 250.0 * (1.0 - g)).abs() < 1e-9);
}

#[test]
fn strata_that_cannot_vary() {
    let exact = replicate_weights(StratumSize::new(10, 10), 3, 32);
    assert_eq!(exact, ReplicateWeights { kept: 1.0, deleted: 1.0, varies: true });
    let lone = replicate_weights(StratumSize::new(10, 1), 1, 32);
    assert_eq!(lone, ReplicateWeights { kept: 10.0, deleted: 10.0, varies: false });
    let none = replicate_weights(StratumSize::new(1_000, 40), 0, 32);
    assert!((none.kept - 25.0).abs() < 1e-12);
}

#[test]
fn the_interval() {
    let replicates: Vec<f64> = (0..32).map(|r| if r % 2 == 0 { 9.0 } else { 11.0 }).collect();
    let estimate = jackknife_interval(10.0, &replicates, &quantiles());
    let half = quantiles().t(31.0) * 31.0_f64.sqrt();
    assert!((estimate.upper.unwrap() - 10.0 - half).abs() < 1e-9);
    assert!((10.0 - estimate.lower.unwrap() - half).abs() < 1e-9);
    assert_eq!(estimate.trust, Trust::Trusted);
    let biased: Vec<f64> = replicates.iter().map(|r| r + 0.1).collect();
    assert_eq!(jackknife_interval(10.0, &biased, &quantiles()).trust, Trust::Untrusted(Doubt::Bias));
}

#[test]
fn what_cannot_be_said() {
    let doubt = |replicates: &[f64]| {
        let estimate = jackknife_interval(1.0, replicates, &quantiles());
        assert_eq!((estimate.value, estimate.lower, estimate.upper), (Some(1.0), None, None));
        estimate.trust
    };
    assert_eq!(doubt(&[]), Trust::Untrusted(Doubt::NotFinite));
    assert_eq!(doubt(&[1.0, f64::NAN]), Trust::Untrusted(Doubt::NotFinite));
    assert_eq!(doubt(&[1.0, f64::INFINITY]), Trust::Untrusted(Doubt::NotFinite));
    assert_eq!(doubt(&[1.0, 1.0]), Trust::Untrusted(Doubt::NoVariance));
    assert_eq!(jackknife_interval(f64::NAN, &[1.0, 2.0], &quantiles()).value, None);
}
