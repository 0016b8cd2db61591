use super::*;
use crate::cell::Cell;
use crate::confidence::Confidence;
use crate::stratum::StratumSize;

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

/// The sample variance of one stratum and its interval.
fn variance_of(size: StratumSize, values: &[f64], unsampled: Unsampled, bounds: ValueRange) -> Estimate {
    let (mut domain, mut z, mut population) = (Total::default(), Total::default(), Population::default());
    let mut cell = Cell::default();
    values.iter().for_each(|&y| cell.add(y));
    domain.fold(size, 0.0, &cell);
    population.add(size);
    let mean = domain.estimate() / domain.count_estimate();
    let squares: f64 = values.iter().map(|y| (y - mean).powi(2)).sum();
    let value = squares / (real(values.len() as u64) - 1.0);
    let mut residuals = Cell::default();
    values.iter().for_each(|y| residuals.add(((y - mean).powi(2) - value) / domain.count_estimate()));
    z.fold_domain(size, 0.0, &residuals);
    variance_interval(value, &z, &domain, unsampled, bounds, &population, &quantiles())
}

const NONE: Unsampled = Unsampled { up: 0.0, down: 0.0 };

#[test]
fn forty_whole_numbers() {
    let values: Vec<f64> = (0..40_u32).map(|i| f64::from(i * 17 % 40)).collect();
    let estimate = variance_of(StratumSize::new(1_000_000_000, 40), &values, NONE, ValueRange::ALL);
    let value = 40.0 * 41.0 / 12.0;
    assert!((estimate.value.unwrap() - value).abs() < 1e-9);
    assert_eq!(estimate.trust, Trust::Trusted);
    // The sample's own relative variance and 3/(40·39) for the mean.
    let mean = 19.5_f64;
    let fourth: f64 = values.iter().map(|y| ((y - mean).powi(2) - value).powi(2)).sum::<f64>();
    let bias = 40.0 * (values.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 40.0 - value).powi(2);
    let error = (fourth - bias) / (40.0 * 39.0) / (value * value);
    let centre = 40.0 / (40.0 - 1.959963984540054);
    let half = quantiles().t(39.0) * centre * (error + 3.0 / 1_560.0_f64).sqrt();
    assert!((estimate.lower.unwrap() - centre * value * (-half).exp()).abs() < 1e-4 * value);
    assert!((estimate.upper.unwrap() - centre * value * half.exp()).abs() < 1e-4 * value);
    let heavy = variance_of(
        StratumSize::new(1_000_000_000, 40),
        &values,
        Unsampled { up: 2.0 * value, down: 0.0 },
        ValueRange::ALL,
    );
    assert!(heavy.upper > estimate.upper);
    assert_eq!(heavy.trust, Trust::Untrusted(Doubt::HeavyTail));
}

#[test]
fn a_fair_coin_has_a_bounded_variance() {
    let values: Vec<f64> = (0..100_u32).map(|i| f64::from(i % 2)).collect();
    let estimate = variance_of(StratumSize::new(1_000_000, 100), &values, NONE, ValueRange::new(0.0, 1.0));
    // Residuals that are all alike show no spread.
    assert_eq!(estimate.trust, Trust::Untrusted(Doubt::NoVariance));
    assert!((estimate.upper.unwrap() - 25.0 / 99.0).abs() < 1e-12);
    assert!(estimate.lower.unwrap() > 0.2);
}

#[test]
fn equal_values_say_what_they_can() {
    let size = StratumSize::new(1_000_000, 50);
    let estimate = variance_of(size, &[2.0; 50], NONE, ValueRange::new(0.0, 10.0));
    assert_eq!((estimate.value, estimate.lower), (Some(0.0), Some(0.0)));
    assert_eq!(estimate.trust, Trust::Untrusted(Doubt::NoVariance));
    let missed = 0.025_f64.ln() / (-5e-5_f64).ln_1p() / 1e6;
    assert!((estimate.upper.unwrap() - missed * 64.0).abs() < 1e-3);
    let unknown = variance_of(size, &[2.0; 50], NONE, ValueRange::ALL);
    assert_eq!((unknown.upper, unknown.trust), (None, estimate.trust));
}

#[test]
fn doubts() {
    let values: Vec<f64> = (0..40_u32).map(f64::from).collect();
    let size = StratumSize::new(1_000_000, 40);
    let large = Unsampled { up: 1e9, down: 0.0 };
    for (rows, unsampled, doubt) in [
        (19, NONE, Doubt::FewRows),
        (40, Unsampled::UNKNOWN, Doubt::NoRange),
        (40, large, Doubt::HeavyTail),
        (1, NONE, Doubt::SingleRow),
    ] {
        let size = StratumSize { sampled: rows, ..size };
        let estimate = variance_of(size, &values[..rows as usize], unsampled, ValueRange::ALL);
        assert_eq!(estimate.trust, Trust::Untrusted(doubt));
    }
}

#[test]
fn complete_strata_are_exact() {
    let estimate = variance_of(StratumSize::new(3, 3), &[1.0, 2.0, 6.0], Unsampled::UNKNOWN, ValueRange::ALL);
    assert_eq!(estimate, Estimate::exact(7.0));
    let (none, all) = (Total::default(), Population::default());
    let nothing = variance_interval(f64::NAN, &none, &none, NONE, ValueRange::ALL, &all, &quantiles());
    assert_eq!(nothing, Estimate::exact_null());
}

#[test]
fn degenerate_inputs_are_survived() {
    let odd = [0.0, 1e308, -1e308, f64::NAN, f64::INFINITY];
    for a in odd {
        for b in odd {
            for (rows, sampled) in [(5, 0), (5, 1), (5, 2), (5, 5), (u64::MAX, 2)] {
                for unsampled in [NONE, Unsampled::UNKNOWN, Unsampled { up: a, down: b }] {
                    let size = StratumSize::new(rows, sampled);
                    let estimate = variance_of(size, &[a, b], unsampled, ValueRange::new(a, b));
                    assert!(estimate.lower.is_none_or(f64::is_finite) && estimate.upper.is_none_or(f64::is_finite));
                }
            }
        }
    }
}
