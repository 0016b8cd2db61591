use super::*;
use crate::cell::Cell;
use crate::confidence::Confidence;
use crate::estimate::{Doubt, Estimate, Trust};
use crate::expression::ValueRange;
use crate::knowledge::PopulationMoments;
use crate::quantiles::Quantiles;
use crate::stratum::{Population, StratumSize};
use crate::unsampled::{Unsampled, unsampled_weight};

type Strata<'a> = [(StratumSize, &'a [f64])];

const STRATA: [(StratumSize, &[f64]); 4] = [
    (StratumSize { rows: 1_000, sampled: 8 }, &[103.0, 99.5, 101.0, 250.0]),
    (StratumSize { rows: 60, sampled: 5 }, &[98.0, 98.25, 97.0]),
    (StratumSize { rows: 10, sampled: 2 }, &[100.5]),
    (StratumSize { rows: 6, sampled: 6 }, &[100.0, 102.0, 91.0]),
];

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

fn folded(strata: &Strata<'_>) -> (Total, Population) {
    let (mut total, mut population) = (Total::default(), Population::default());
    for (size, values) in strata {
        let mut cell = Cell::default();
        values.iter().for_each(|y| cell.add(y - 100.0));
        total.fold(*size, 100.0, &cell);
        population.add(*size);
    }
    (total, population)
}

/// Nothing is hidden, and any number may be a value.
const FREE: (Unsampled, ValueRange) = (Unsampled { up: 0.0, down: 0.0 }, ValueRange::ALL);

fn mean_of(strata: &Strata<'_>, (unsampled, bounds): (Unsampled, ValueRange)) -> Estimate {
    let (domain, population) = folded(strata);
    let (mean, rows) = (domain.estimate() / domain.count_estimate(), domain.count_estimate());
    let mut z = Total::default();
    for (size, values) in strata {
        let mut cell = Cell::default();
        values.iter().for_each(|y| cell.add((y - mean) / rows));
        z.fold_domain(*size, 0.0, &cell);
    }
    mean_interval(mean, &z, &domain, unsampled, bounds, &population, &quantiles())
}

fn check(actual: Option<f64>, expected: f64) {
    assert!(
        actual.is_some_and(|x| (x - expected).abs() <= 1e-6 * expected.abs().max(1.0)),
        "{actual:?} instead of {expected}"
    );
}

fn check_ends(estimate: &Estimate, value: f64, lower: f64, upper: f64) {
    check(estimate.value, value);
    check(estimate.lower, lower);
    check(estimate.upper, upper);
}

fn doubt(estimate: &Estimate) -> Option<Doubt> {
    match estimate.trust {
        Trust::Untrusted(doubt) => Some(doubt),
        Trust::Exact | Trust::Trusted => None,
    }
}

#[test]
fn halls_quantile() {
    let z = 1.959963984540054;
    for (lambda, q, expected) in [
        (0.3, z, 1.62988034587636),
        (0.3, -z, -2.65033672921562),
        (-1.2, z, 5.41910981458153),
        (-1.2, -z, -1.14992993448104),
        (1.7, -12.7, -6.63892777349906),
        (1e-5, 2.0, 2.0),
    ] {
        assert!((hall_g(lambda, q) - expected).abs() < 1e-12, "{lambda} {q}");
    }
}

/// The short side needs no root to know that Student's is farther.
#[test]
fn the_farther_quantile_is_the_larger() {
    for lambda in (-80..=80).map(|step| f64::from(step) / 8.0).chain([1e-5, -1e-5, 1e-3, f64::NAN]) {
        for q in [0.0, 0.1, 1.0, 1.96, 4.3, 12.7, 63.7, 1e4] {
            assert_eq!(hall::farther(lambda, q), q.max(hall_g(lambda, q)), "{lambda} {q}");
            assert_eq!(hall::farther(-lambda, q), q.max(-hall_g(lambda, -q)), "{lambda} {q}");
        }
    }
}

#[test]
fn a_filtered_sum() {
    let (total, population) = folded(&STRATA);
    let sum = |unsampled, bounds| sum_interval(&total, false, unsampled, bounds, &population, &quantiles());
    let free = sum(FREE.0, FREE.1);
    assert_eq!((free.value, doubt(&free)), (Some(73_502.0), Some(Doubt::FewRows)));
    let (error, q) = (total.standard_error().unwrap(), quantiles().t(total.degrees()));
    let reach = |lambda: f64| q.max(-hall_g(lambda, -q)) * error;
    check(free.upper, 73_502.0 + reach(total.lambda()));
    // A row worth half a standard error bends the interval as far as a skewness of 0.15 would, or the sample's own does.
    let some = Unsampled { up: 0.5 * error, down: 0.5 * error };
    let below = |lambda: f64| q.max(hall_g(lambda, q)) * error;
    check(sum(some, FREE.1).upper, 73_502.0 + reach(total.lambda().max(0.15)));
    check(sum(some, FREE.1).lower, 73_502.0 - below(-0.15).max(below(total.lambda().max(0.15))));
    // One worth two leaves room for as many as may be missed.
    let many = Unsampled { up: 2.0 * error, down: 0.0 };
    let allowance = -(0.025_f64.ln()) * 2.0 * error;
    check(sum(many, FREE.1).upper, 73_502.0 + reach(total.lambda().max(0.3)).hypot(allowance));
    let clipped = sum(FREE.0, ValueRange::NOT_NEGATIVE);
    check(clipped.lower, 947.25 + 293.0);
    assert_eq!(clipped.upper, free.upper);
}

#[test]
fn a_filtered_count() {
    let (total, population) = folded(&STRATA);
    let count = count_interval(&total, &population, &quantiles());
    check_ends(&count, 544.0, 3.0 + 8.0, 3.0 + 1_063.0);
    let mut nearly_all = Total::default();
    let size = StratumSize::new(10_000, 100);
    nearly_all.fold(size, 0.0, &Cell::of_count(97));
    let mut population = Population::default();
    population.add(size);
    let count = count_interval(&nearly_all, &population, &quantiles());
    check_ends(&count, 9_700.0, 9_129.49139167144, 9_997.0);
    assert_eq!(count.trust, Trust::Trusted);
}

#[test]
fn an_empty_domain_may_hide_rows() {
    let (_, population) = folded(&STRATA[..1]);
    let none = Total::default();
    let count = count_interval(&none, &population, &quantiles());
    check_ends(&count, 0.0, 0.0, 125.0 * 7.37775890822787 / 2.0);
    assert_eq!(doubt(&count), Some(Doubt::NoRows));
    let bounds = ValueRange::new(-1.0, 2.0);
    let sum = sum_interval(&none, false, Unsampled::UNKNOWN, bounds, &population, &quantiles());
    assert_eq!(sum.value, None);
    check(sum.upper, 125.0 * 7.37775890822787);
    check(sum.lower, -125.0 * 7.37775890822787 / 2.0);
    let unknown = sum_interval(&none, false, Unsampled::UNKNOWN, ValueRange::ALL, &population, &quantiles());
    assert_eq!((unknown.lower, unknown.upper), (None, None));
}

#[test]
fn a_mean() {
    let mean = mean_of(&STRATA, FREE);
    check(mean.value, 135.113970588235);
    check(mean.lower, 26.6953294978025);
    let unsampled = Unsampled { up: 50.0, down: 0.0 };
    assert!(mean_of(&STRATA, (unsampled, FREE.1)).upper > mean.upper);
    check_ends(&mean_of(&STRATA, (unsampled, ValueRange::new(91.0, 250.0))), 135.113970588235, 91.0, 250.0);
}

#[test]
fn one_row_has_no_mean_interval() {
    let mean = mean_of(&[(StratumSize::new(50, 5), &[7.0])], FREE);
    assert_eq!((mean.value, mean.lower, mean.upper), (Some(7.0), None, None));
    assert_eq!(doubt(&mean), Some(Doubt::SingleRow));
}

/// The share that may have been missed: 25 of 2,500 sampled, then a heavy stratum at 0.1 %.
#[test]
fn equal_values_and_what_they_may_hide() {
    let domain = Total { domain_rows: 25, weighted_rows: 2_500.0, ..Total::default() };
    let mut population = Population { rate_min: 0.01, ..Population::default() };
    let share = constant::missed_share(&domain, &population, 0.025);
    check(Some(share), 0.146816166459901);
    population.rate_min = 0.9;
    check(Some(constant::missed_share(&domain, &population, 0.025)), 0.137185171530713);
    population.rate_min = 0.0;
    assert_eq!(constant::missed_share(&domain, &population, 0.025), 1.0);
}

#[test]
fn equal_values_reach_towards_the_bounds() {
    let zeros: &[f64] = &[0.0; 25];
    let strata = [(StratumSize::new(2_500, 25), zeros)];
    let bounds = ValueRange::new(0.0, 10.0);
    let unsampled = Unsampled::of(unsampled_weight(strata[0].0), bounds);
    let mean = mean_of(&strata, (unsampled, bounds));
    check_ends(&mean, 0.0, 0.0, 1.46816166459901);
    assert_eq!(doubt(&mean), Some(Doubt::NoVariance));
    let (total, population) = folded(&strata);
    let sum = sum_interval(&total, true, unsampled, bounds, &population, &quantiles());
    check_ends(&sum, 0.0, 0.0, 2_500.0 * 1.46816166459901);
    assert_eq!(doubt(&sum), Some(Doubt::NoVariance));
    let unknown = mean_of(&strata, FREE);
    assert_eq!((unknown.lower, unknown.upper), (None, None));
    // A column that cannot vary has the interval of its count.
    let ones = [(StratumSize::new(2_500, 250), &[1.0; 40][..])];
    let (total, population) = folded(&ones);
    let constant = ValueRange::of(1.0);
    let unsampled = Unsampled::of(unsampled_weight(ones[0].0), constant);
    let sum = sum_interval(&total, false, unsampled, constant, &population, &quantiles());
    let count = count_interval(&total, &population, &quantiles());
    check_ends(&sum, 400.0, count.lower.unwrap(), count.upper.unwrap());
    assert_eq!(sum.trust, Trust::Trusted);
}

#[test]
fn complete_samples_are_exact() {
    let strata = [(StratumSize::new(3, 3), &[1.0, 2.0, 6.0][..])];
    let (total, population) = folded(&strata);
    let q = quantiles();
    let sum = sum_interval(&total, false, Unsampled::UNKNOWN, ValueRange::ALL, &population, &q);
    assert_eq!(sum, Estimate::exact(9.0));
    assert_eq!(count_interval(&total, &population, &q), Estimate::exact(3.0));
    assert_eq!(mean_of(&strata, (Unsampled::UNKNOWN, ValueRange::ALL)), Estimate::exact(3.0));
    let smooth = smooth_interval(0.5, &total, Unsampled::UNKNOWN, 0.0, &population, &q);
    assert_eq!(smooth, Estimate::exact(0.5));
    let empty = Total::default();
    assert_eq!(count_interval(&empty, &population, &q), Estimate::exact(0.0));
    let sum = sum_interval(&empty, false, Unsampled::UNKNOWN, ValueRange::ALL, &population, &q);
    assert_eq!(sum, Estimate::exact_null());
}

#[test]
fn rows_of_complete_strata_do_not_make_an_answer_exact() {
    let (exact, _) = folded(&STRATA[3..]);
    let (_, population) = folded(&STRATA[..1]);
    let bounds = ValueRange::new(0.0, 200.0);
    let q = quantiles();
    let sum = sum_interval(&exact, false, Unsampled::UNKNOWN, bounds, &population, &q);
    check_ends(&sum, 293.0, 293.0, 293.0 + 200.0 * 461.109931764242);
    let rate = |bound: f64| 293.0 / 3.0 + 461.109931764242 / 464.109931764242 * (bound - 293.0 / 3.0);
    let empty = Total::default();
    let mean = mean_interval(293.0 / 3.0, &empty, &exact, Unsampled::UNKNOWN, bounds, &population, &q);
    check_ends(&mean, 293.0 / 3.0, rate(0.0), rate(200.0));
    let count = count_interval(&exact, &population, &q);
    check_ends(&count, 3.0, 3.0, 464.109931764242);
    for estimate in [sum, mean, count] {
        assert_eq!(doubt(&estimate), Some(Doubt::NoRows));
    }
}

#[test]
fn unstable_divisors_are_refused() {
    let (z, population) = folded(&STRATA);
    let q = quantiles();
    for cv in [0.11, f64::NAN, f64::INFINITY] {
        let ratio = smooth_interval(2.0, &z, FREE.0, cv, &population, &q);
        assert_eq!((ratio.value, ratio.lower, ratio.upper), (Some(2.0), None, None));
        assert_eq!(doubt(&ratio), Some(Doubt::UnstableDenominator));
    }
    let ratio = smooth_interval(2.0, &z, FREE.0, 0.1, &population, &q);
    assert!(ratio.lower.is_some() && ratio.upper.is_some());
}

/// No input may panic or leave a NaN in an end.
#[test]
fn degenerate_inputs_are_survived() {
    let odd = [0.0, -0.0, 1e308, -1e308, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let sizes = [(0, 0), (5, 0), (5, 1), (5, 2), (5, 5), (u64::MAX, 2)];
    let q = quantiles();
    let check = |estimate: Estimate| {
        for end in [estimate.lower, estimate.upper].into_iter().flatten() {
            assert!(end.is_finite(), "{estimate:?}");
        }
        assert!(estimate.trust.is_exact() || estimate.value.is_none_or(f64::is_finite));
        assert!(!estimate.trust.is_reliable() || estimate.trust.is_exact());
    };
    for (rows, sampled) in sizes {
        for a in odd {
            for b in odd {
                let values = [a, b];
                let strata = [(StratumSize::new(rows, sampled), &values[..])];
                let (total, population) = folded(&strata);
                let knowledge =
                    PopulationMoments { skewness: Some(a), kurtosis: Some(b), ..PopulationMoments::default() };
                for free in
                    [(Unsampled::UNKNOWN, ValueRange::ALL), (Unsampled { up: a, down: b }, ValueRange::new(a, b)), FREE]
                {
                    let (unsampled, bounds) = free;
                    for population in [population, Population::default()] {
                        check(sum_interval(&total, false, unsampled, bounds, &population, &q));
                        check(sum_interval(&total, true, unsampled, bounds, &population, &q));
                        check(count_interval(&total, &population, &q));
                        check(smooth_interval(a, &total, unsampled, 0.0, &population, &q));
                        check(mean_interval(a, &total, &total, unsampled, bounds, &population, &q));
                        check(keyed_sum_interval(&total, &knowledge, &population, &q));
                        check(keyed_interval(a, &total, Some(b), Some(a), 0.0, &population, &q));
                    }
                    check(mean_of(&strata, free));
                }
            }
        }
    }
}

/// The proportions of the values stay as the sample grows.
#[test]
fn width_falls_as_rows_grow() {
    let bounds = ValueRange::new(0.0, 20.0);
    let mut widths = [f64::INFINITY; 3];
    for copies in [1_u32, 2, 4, 8, 16, 32, 50] {
        let values: Vec<f64> = (0..copies * 40).map(|i| [1.0, 2.0, 4.0, 11.0][(i % 4) as usize]).collect();
        let size = StratumSize::new(5_000, u64::from(copies) * 100);
        let unsampled = Unsampled::of(unsampled_weight(size), bounds);
        let strata = [(size, &values[..])];
        let (total, population) = folded(&strata);
        let q = quantiles();
        let estimates = [
            sum_interval(&total, false, unsampled, bounds, &population, &q),
            count_interval(&total, &population, &q),
            mean_of(&strata, (unsampled.scaled(total.count_estimate().recip()), bounds)),
        ];
        for (width, estimate) in widths.iter_mut().zip(estimates) {
            let now = estimate.upper.unwrap() - estimate.lower.unwrap();
            assert!(now < *width, "{now} after {width}, {copies} copies");
            *width = now;
        }
    }
    // At 5,000 of 5,000 rows the stratum is exact: no width is left.
    let values = vec![3.0; 2_000];
    let (total, population) = folded(&[(StratumSize::new(5_000, 5_000), &values[..])]);
    let sum = sum_interval(&total, false, FREE.0, bounds, &population, &quantiles());
    assert_eq!(sum, Estimate::exact(6_000.0));
}
