use super::*;
use crate::cell::Cell;
use crate::confidence::Confidence;
use crate::stratum::StratumSize;

fn points(values: &[f64], weight: f64) -> Vec<WeightedPoint> {
    values.iter().map(|&value| WeightedPoint { value, weight }).collect()
}

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

/// One stratum of a million rows.
fn one_stratum(values: &[f64], p: f64, bounds: ValueRange) -> Estimate {
    let size = StratumSize::new(1_000_000, values.len() as u64);
    let points = points(values, size.weight());
    let q = weighted_quantile(&points, p, Interpolation::Discrete).unwrap();
    let (mut z, mut population, mut cell) = (Total::default(), Population::default(), Cell::default());
    values.iter().for_each(|&y| cell.add((f64::from(u8::from(y <= q)) - p) / 1e6));
    z.fold_domain(size, 0.0, &cell);
    population.add(size);
    quantile_interval(&points, p, &z, values.len() as u64, bounds, &population, &quantiles())
}

#[test]
fn binomial_quantiles() {
    // R: qbinom(c(.025, .025, .0005, .025, .025), c(100, 30, 300, 10, 3000), c(.5, .9, .01, .5, .99))
    for (trials, p, tail, expected) in
        [(100, 0.5, 0.025, 40), (30, 0.9, 0.025, 23), (10, 0.5, 0.025, 2), (3, 0.01, 0.025, 0), (5, 1.0, 0.025, 5)]
    {
        let z = Quantiles::new(Confidence::new(1.0 - 2.0 * tail).unwrap()).normal();
        assert_eq!(binomial::lower_quantile(trials, p, tail, z), expected, "{trials} {p}");
    }
    // The expansion continues the sum: 5,000 − 98 either way.
    let (sum, expansion) = (binomial::lower_quantile(3_990, 0.5, 0.025, 1.96), 1_932);
    assert_eq!(sum, 1_933);
    assert!(binomial::lower_quantile(4_010, 0.5, 0.025, 1.96) >= expansion);
    assert_eq!(binomial::lower_quantile(1_000_000, 0.5, 0.025, 1.959964), 499_019);
}

#[test]
fn linear_interpolation_is_that_of_percentile_cont() {
    let values = [1.0, 2.0, 4.0, 8.0, 16.0];
    for weight in [1.0, 7.0] {
        let points = points(&values, weight);
        for (p, expected) in [(0.0, 1.0), (0.25, 2.0), (0.5, 4.0), (0.6, 5.6), (0.9, 12.8), (1.0, 16.0)] {
            let value = weighted_quantile(&points, p, Interpolation::Linear).unwrap();
            assert!((value - expected).abs() < 1e-4, "{p}: {value}");
        }
    }
    assert_eq!(weighted_quantile(&points(&[5.0], 3.0), 0.3, Interpolation::Linear), Some(5.0));
    assert_eq!(weighted_quantile(&[], 0.3, Interpolation::Linear), None);
    assert_eq!(weighted_quantile(&points(&values, 1.0), 1.5, Interpolation::Linear), None);
}

#[test]
fn unequal_weights_pull() {
    let points = [
        WeightedPoint { value: 1.0, weight: 1.0 },
        WeightedPoint { value: 2.0, weight: 98.0 },
        WeightedPoint { value: 3.0, weight: 1.0 },
    ];
    assert_eq!(weighted_quantile(&points, 0.5, Interpolation::Linear), Some(2.0));
    assert_eq!(weighted_quantile(&points, 0.02, Interpolation::Discrete), Some(2.0));
    assert_eq!(weighted_quantile(&points, 0.01, Interpolation::Discrete), Some(1.0));
    assert_eq!(weighted_quantile(&points, 1.0, Interpolation::Discrete), Some(3.0));
}

#[test]
fn order_statistics_are_the_ends() {
    let values: Vec<f64> = (1..=100_u32).map(f64::from).collect();
    let median = one_stratum(&values, 0.5, ValueRange::ALL);
    assert_eq!((median.value, median.lower, median.upper), (Some(50.5), Some(40.0), Some(61.0)));
    assert_eq!(median.trust, Trust::Trusted);
    let high = one_stratum(&values, 0.99, ValueRange::ALL);
    assert_eq!((high.upper, high.trust), (None, Trust::Untrusted(Doubt::OneSided)));
    let bounded = one_stratum(&values, 0.99, ValueRange { high: 500.0, ..ValueRange::ALL });
    assert_eq!((bounded.upper, bounded.trust), (Some(500.0), Trust::Trusted));
    let few = one_stratum(&values[..20], 0.5, ValueRange::ALL);
    assert_eq!(few.trust, Trust::Untrusted(Doubt::FewRows));
}

#[test]
fn exact_and_empty_domains() {
    let (z, exact) = (Total::default(), Population::default());
    let mut sampled = exact;
    sampled.add(StratumSize::new(100, 10));
    let points = points(&[1.0, 2.0, 3.0], 1.0);
    let bounds = ValueRange::NOT_NEGATIVE;
    let q = quantiles();
    assert_eq!(quantile_interval(&points, 0.5, &z, 0, bounds, &exact, &q), Estimate::exact(2.0));
    assert_eq!(quantile_interval(&[], 0.5, &z, 0, bounds, &exact, &q), Estimate::exact_null());
    let unsampled = quantile_interval(&points, 0.5, &z, 0, bounds, &sampled, &q);
    assert_eq!((unsampled.lower, unsampled.upper), (Some(0.0), None));
    assert_eq!(unsampled.trust, Trust::Untrusted(Doubt::NoRows));
    assert_eq!(quantile_interval(&[], 0.5, &z, 0, bounds, &sampled, &q).value, None);
}

/// No input may panic or leave a NaN in an end.
#[test]
fn degenerate_inputs_are_survived() {
    let odd = [0.0, -1.0, 1e308, f64::NAN, f64::INFINITY];
    let (z, mut population) = (Total::default(), Population::default());
    population.add(StratumSize::new(u64::MAX, 2));
    for value in odd {
        for weight in odd {
            for p in [0.0, 0.5, 1.0, 2.0, f64::NAN] {
                let points = [WeightedPoint { value: 1.0, weight: 2.0 }, WeightedPoint { value, weight }];
                for rows in [0, 1, u64::MAX] {
                    let bounds = ValueRange { low: value, ..ValueRange::ALL };
                    let q = quantile_interval(&points, p, &z, rows, bounds, &population, &quantiles());
                    assert!(q.lower.is_none_or(f64::is_finite) && q.upper.is_none_or(f64::is_finite), "{q:?}");
                }
            }
        }
    }
}
