use super::Quantiles;
use crate::confidence::Confidence;

/// Reference values come from the defining integrals at 30 digits.
fn check(actual: f64, expected: f64) {
    let error = (actual / expected - 1.0).abs();
    assert!(error < 1e-6, "{actual} instead of {expected}, off by {error:e}");
}

fn at(tail: f64) -> Quantiles {
    Quantiles::with_tail(tail)
}

#[test]
fn student_at_95_percent() {
    let q = at(0.025);
    check(q.t(1.0), 12.7062047361747);
    check(q.t(1.5), 6.01666310442793);
    check(q.t(2.0), 4.30265272974946);
    check(q.t(3.7), 2.86752070719119);
    check(q.t(9.0), 2.26215716279821);
    check(q.t(29.0), 2.0452296421327);
    check(q.t(99.5), 1.98409361099062);
    check(q.t(800.0), 1.96293373872779);
    check(q.t(5_000.0), 1.96043855170651);
    check(q.t(f64::INFINITY), 1.959963984540054);
    check(q.normal(), 1.959963984540054);
}

#[test]
fn student_far_out_and_close_in() {
    for (tail, one, two, nine, many) in [
        (0.25, 1.0, 0.816496580927726, 0.702722146751326, 0.674796543046633),
        (0.0005, 636.61924876872, 31.5990545764436, 4.78091258593114, 3.30272983170477),
        (0.000_025, 12732.3954211717, 141.416052881207, 7.21526925445244, 4.0778476757964),
        (2.5e-8, 12732395.4473516, 4472.13578729448, 16.4685035559239, 5.50407443119569),
    ] {
        let q = at(tail);
        check(q.t(1.0), one);
        check(q.t(2.0), two);
        check(q.t(9.0), nine);
        check(q.t(800.0), many);
    }
}

#[test]
fn chi_squared() {
    let q = at(0.025);
    check(q.chi2_lower(2.0), 0.0506356159685797);
    check(q.chi2_lower(3.3), 0.286759681436952);
    check(q.chi2_lower(12.0), 4.4037885069817);
    check(q.chi2_lower(60.0), 40.4817480428418);
    check(q.chi2_lower(1_000.0), 914.257153799259);
    check(q.chi2_upper(0.5), 3.43323529996078);
    check(q.chi2_upper(2.0), 7.37775890822787);
    check(q.chi2_upper(3.3), 9.90098546065793);
    check(q.chi2_upper(12.0), 23.3366641586453);
    check(q.chi2_upper(60.0), 83.2976748771732);
    check(q.chi2_upper(1_000.0), 1089.53091277491);
    let far = at(0.000_025);
    check(far.chi2_lower(2.0), 5.00006250104169e-5);
    check(far.chi2_lower(12.0), 1.10771913030877);
    check(far.chi2_upper(3.3), 24.7751584135988);
    check(far.chi2_upper(1_000.0), 1191.76271164495);
}

/// Every degree of freedom, whole or not, against the direct computation.
#[test]
fn the_series_are_accurate_throughout() {
    for tail in [0.25, 0.05, 0.025, 0.005, 0.0005, 2.5e-6] {
        let q = at(tail);
        for step in 0..400 {
            let x = f64::from(step) * 0.04;
            let nu = x.exp();
            check(q.t(nu), super::student(tail, q.normal, nu));
            let df = 2.0 * nu;
            check(q.chi2_upper(df), super::chi2(1.0 - tail, q.normal, df));
            check(q.chi2_lower(df), super::chi2(tail, -q.normal, df));
        }
    }
}

#[test]
fn odd_degrees_give_numbers() {
    let q = at(0.025);
    for nu in [f64::NAN, -3.0, 0.0, 0.3] {
        check(q.t(nu), 12.7062047361747);
    }
    for df in [f64::NAN, -1.0, 0.0] {
        assert_eq!((q.chi2_lower(df), q.chi2_upper(df)), (0.0, 0.0));
    }
    assert!(q.chi2_upper(1e300).is_finite());
}

#[test]
fn many_groups_share_the_error() {
    let confidence = Confidence::default();
    let all = Quantiles::simultaneous(confidence, 1_000);
    assert!((all.tail() - 0.000_025).abs() < 1e-15);
    assert!(all.normal() > Quantiles::new(confidence).normal());
    let none = Quantiles::simultaneous(confidence, 0);
    assert!((none.tail() - 0.025).abs() < 1e-15);
    assert!(Quantiles::simultaneous(confidence, usize::MAX).t(1.0).is_finite());
}

#[test]
fn one_value_serves_many_threads() {
    fn shared<T: Sync + Send>(_: &T) {}
    shared(&at(0.025));
}

/// Between the steps of the tables, too, and in tails as thin as those of many groups at once.
#[test]
fn tables_hold_what_is_computed_from_scratch() {
    for tail in [0.25, 0.025, 0.0005, 0.000_025, 2.5e-8] {
        let q = at(tail);
        let degrees = (0..150).map(|step| 1.063_f64.powi(step));
        for df in degrees {
            check(q.t(df), super::student(tail, q.normal(), df));
            if df >= super::DEGREES_OF_TABLE {
                check(q.chi2_lower(df), super::chi2(tail, -q.normal(), df));
                check(q.chi2_upper(df), super::chi2(1.0 - tail, q.normal(), df));
            }
        }
    }
}
