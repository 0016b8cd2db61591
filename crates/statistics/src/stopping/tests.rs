use super::*;
use crate::confidence::Confidence;
use crate::estimate::{Doubt, Trust};

fn trusted(value: f64, lower: f64, upper: f64) -> Estimate {
    Estimate { value: Some(value), lower: Some(lower), upper: Some(upper), trust: Trust::Trusted }
}

fn close(actual: Option<f64>, expected: f64) -> bool {
    actual.is_some_and(|x| (x - expected).abs() < 1e-12)
}

#[test]
fn errors_are_relative_to_the_worst_truth() {
    assert!(close(relative_error(&trusted(10.0, 8.0, 12.5)), 0.25));
    assert!(close(relative_error(&trusted(10.0, 9.5, 12.5)), 0.2));
    assert!(close(relative_error(&trusted(-10.0, -12.5, -8.0)), 0.25));
    assert!(close(absolute_error(&trusted(10.0, 8.0, 12.5)), 2.5));
    assert!(close(absolute_error(&trusted(0.0, -1.0, 0.5)), 1.0));
}

#[test]
fn intervals_around_zero_never_meet_a_relative_bound() {
    for (lower, upper) in [(-1.0, 1.0), (0.0, 1.0), (-1.0, 0.0)] {
        let estimate = trusted(0.5 * (lower + upper), lower, upper);
        assert_eq!(relative_error(&estimate), None);
        assert!(!meets(&estimate, Target::Relative(1e9)));
        assert!(meets(&estimate, Target::Absolute(1.0)));
    }
}

#[test]
fn no_width_is_no_evidence() {
    assert!(!meets(&trusted(5.0, 5.0, 5.0), Target::Relative(0.1)));
    assert!(!meets(&trusted(5.0, 5.0, 5.0), Target::Absolute(0.1)));
}

#[test]
fn only_reliable_estimates_meet() {
    let good = trusted(100.0, 99.0, 101.0);
    assert!(meets(&good, Target::Relative(0.02)));
    assert!(!meets(&good, Target::Relative(0.01)));
    assert!(!meets(&good.untrusted(Doubt::FewRows), Target::Relative(0.02)));
    assert!(meets(&Estimate::exact(0.0), Target::Relative(0.0)));
    assert!(meets(&Estimate::exact_null(), Target::Absolute(0.0)));
    let open = Estimate { upper: None, ..good };
    assert!(!meets(&open, Target::Relative(1.0)));
}

#[test]
fn rows_that_meet_a_bound() {
    let q = Quantiles::new(Confidence::default());
    let relative = predicted_rows(100.0, -50.0, 10.0, Target::Relative(0.01), &q);
    assert!((relative / (100.0 * (1.959963984540054_f64 * 20.0).powi(2)) - 1.0).abs() < 1e-9);
    let absolute = predicted_rows(100.0, 0.0, 10.0, Target::Absolute(0.5), &q);
    assert!((absolute / relative - 1.0).abs() < 1e-9);
    assert_eq!(predicted_rows(100.0, 50.0, 0.1, Target::Relative(0.5), &q), 100.0);
    for (estimate, error) in [(0.0, 1.0), (f64::NAN, 1.0), (1.0, f64::NAN), (0.0, 0.0)] {
        let rows = predicted_rows(100.0, estimate, error, Target::Relative(0.1), &q);
        assert_eq!(rows, f64::INFINITY);
    }
}
