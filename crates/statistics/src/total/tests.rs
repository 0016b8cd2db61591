use proptest::prelude::*;

use super::Total;
use crate::cell::Cell;
use crate::stratum::StratumSize;

fn cell(shift: f64, values: &[f64]) -> Cell {
    let mut cell = Cell::default();
    for &y in values {
        cell.add(y - shift);
    }
    cell
}

/// Strata of 1,000, 60, 10 and 6 rows with 8, 5, 2 and 6 of them sampled.
fn strata() -> [(StratumSize, &'static [f64]); 4] {
    [
        (StratumSize::new(1_000, 8), &[103.0, 99.5, 101.0, 250.0]),
        (StratumSize::new(60, 5), &[98.0, 98.25, 97.0]),
        (StratumSize::new(10, 2), &[100.5]),
        (StratumSize::new(6, 6), &[100.0, 102.0, 91.0]),
    ]
}

fn folded(shift: f64, strata: &[(StratumSize, &[f64])], domain: bool) -> Total {
    let mut total = Total::default();
    for (size, values) in strata {
        let cell = cell(shift, values);
        if domain {
            total.fold_domain(*size, shift, &cell);
        } else {
            total.fold(*size, shift, &cell);
        }
    }
    total
}

fn check(actual: f64, expected: f64) {
    let error = (actual - expected).abs();
    assert!(error <= 1e-10 * expected.abs().max(1e-300), "{actual} instead of {expected}");
}

/// Expected numbers: the definitions applied to the explicit vectors of y with their zeros.
#[test]
fn a_total_matches_the_definitions() {
    for shift in [0.0, 100.0, -3.5] {
        let total = folded(shift, &strata(), false);
        check(total.inexact_estimate, 73_209.0);
        check(total.own_variance, 974_873_498.178571);
        check(total.third, 13_610_733_175_774.3);
        check(total.satterthwaite, 3.15435114524431e17);
        check(total.weighted_rows, 541.0);
        check(total.rows_variance, 35_646.5714285714);
        check(total.seen, 947.25);
        check(total.degrees(), 3.01291230332353);
        check(total.lambda(), 0.447156062980992);
        check(total.estimate(), 73_502.0);
        check(total.count_estimate(), 544.0);
        assert_eq!((total.domain_rows, total.exact_rows), (8, 3));
        assert!(total.varies);
    }
}

/// Whatever the reciprocal of n rounds to.
#[test]
fn equal_values_in_all_rows_have_no_variance_at_all() {
    for n in 2..2_000 {
        let mut cell = Cell::default();
        (0..n).for_each(|_| cell.add(0.1));
        let mut total = Total::default();
        total.fold(StratumSize::new(10 * n, n), 0.0, &cell);
        assert_eq!((total.variance(), total.row_count_variance(), total.third), (Some(0.0), Some(0.0), 0.0), "{n}");
    }
}

#[test]
fn domain_degrees_enlarge_variance_and_third_cumulant() {
    let total = folded(100.0, &strata(), true);
    check(total.own_variance, 1_137_381_815.266_67);
    check(total.third, 23_818_530_430_620.2);
    check(total.satterthwaite, 4.29342365683138e17);
}

#[test]
fn large_close_values_do_not_cancel() {
    let shift = 1e9;
    let values = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 4.0];
    let small = folded(0.0, &[(StratumSize::new(100, 3), &[1.0, 2.0, 4.0])], false);
    let large = folded(shift, &[(StratumSize::new(100, 3), &values)], false);
    check(large.own_variance, small.own_variance);
    check(large.third, small.third);
}

#[test]
fn a_lone_row_borrows_the_spread_of_the_others() {
    let lone = (StratumSize::new(300, 1), &[5.0][..]);
    let other = (StratumSize::new(500, 4), &[1.0, 2.0, 4.0, 9.0][..]);
    let both = folded(0.0, &[lone, other], false);
    check(both.own_variance, 785_333.333333333333);
    check(both.variance().unwrap(), 1_921_533.33333333333);
    check(both.degrees(), 2.4672290704078);
    let alone = folded(0.0, &[lone], false);
    assert_eq!((alone.variance(), alone.degrees(), alone.lambda()), (None, 1.0, 0.0));
}

#[test]
fn a_complete_sample_has_no_error() {
    let total = folded(0.0, &[(StratumSize::new(3, 3), &[1.0, 2.0, 6.0])], false);
    assert_eq!((total.exact_sum, total.own_variance, total.domain_rows), (9.0, 0.0, 0));
    assert_eq!(total.estimate(), 9.0);
}

#[test]
fn infinities_leave_no_variance() {
    for odd in [f64::NAN, f64::INFINITY] {
        let total = folded(0.0, &[(StratumSize::new(9, 3), &[1.0, odd, 6.0])], false);
        assert_eq!((total.variance(), total.degrees(), total.lambda()), (None, 1.0, 0.0));
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

prop_compose! {
    fn stratum()(values in prop::collection::vec(-100.0..100.0_f64, 0..8), others in 0..5_u64, unseen in 0..50_u64)
        -> (StratumSize, Vec<f64>) {
        let sampled = values.len() as u64 + others;
        (StratumSize::new(sampled + unseen, sampled), values)
    }
}

proptest! {
    #[test]
    fn merging_is_associative_and_order_free(strata in prop::collection::vec(stratum(), 0..8), cut in 0..8_usize) {
        let view: Vec<(StratumSize, &[f64])> = strata.iter().map(|(size, values)| (*size, &values[..])).collect();
        let cut = cut.min(view.len());
        let whole = folded(1.0, &view, false);
        let mut merged = folded(1.0, &view[cut..], false);
        merged.merge(&folded(1.0, &view[..cut], false));
        prop_assert!(close(whole.estimate(), merged.estimate()));
        prop_assert!(close(whole.own_variance, merged.own_variance));
        prop_assert!(close(whole.third, merged.third));
        prop_assert!(close(whole.degrees(), merged.degrees()));
        prop_assert_eq!(whole.domain_rows, merged.domain_rows);
    }

    #[test]
    fn the_shift_does_not_matter(strata in prop::collection::vec(stratum(), 1..8), shift in -50.0..50.0_f64) {
        let view: Vec<(StratumSize, &[f64])> = strata.iter().map(|(size, values)| (*size, &values[..])).collect();
        for domain in [false, true] {
            let one = folded(0.0, &view, domain);
            let other = folded(shift, &view, domain);
            prop_assert!(close(one.estimate(), other.estimate()));
            prop_assert!(close(one.own_variance, other.own_variance));
            prop_assert!((one.third - other.third).abs() <= 1e-9 * (1.0 + one.third.abs() + one.own_variance.powf(1.5)));
        }
    }
}
