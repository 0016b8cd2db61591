use proptest::prelude::*;

use super::Moments;

fn of(values: &[f64]) -> Moments {
    let mut moments = Moments::default();
    moments.add_slice(values);
    moments
}

fn check(actual: Option<f64>, expected: f64) {
    assert!(
        actual.is_some_and(|x| (x - expected).abs() <= 1e-12 * expected.abs().max(1.0)),
        "{actual:?} instead of {expected}"
    );
}

#[test]
fn reference_values() {
    let values = [3.0, -1.5, 7.25, 7.25, 0.0, 100.0];
    let mut one_by_one = Moments::default();
    values.iter().for_each(|&y| one_by_one.add(y));
    for moments in [of(&values), one_by_one] {
        check(moments.mean(), 19.3333333333333333);
        check(moments.variance(), 1_312.28472222222222);
        check(moments.skewness(), 1.75561687079235);
        check(moments.kurtosis(), 4.14074000882316);
        check(moments.raw_skewness(), 2.40923615619585);
        assert_eq!((moments.minimum(), moments.maximum()), (Some(-1.5), Some(100.0)));
    }
}

#[test]
fn what_is_undefined_is_none() {
    let none = Moments::default();
    assert_eq!((none.mean(), none.variance(), none.minimum()), (None, None, None));
    assert_eq!((none.skewness(), none.raw_skewness(), none.kurtosis()), (None, None, None));
    let equal = of(&[2.0; 5]);
    assert_eq!((equal.skewness(), equal.kurtosis()), (None, None));
    check(equal.raw_skewness(), 1.0);
    assert_eq!(of(&[0.0; 5]).raw_skewness(), None);
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let moments = of(&[1.0, odd, 2.0]);
        assert_eq!((moments.mean(), moments.skewness()), (None, None));
        assert_eq!((moments.minimum(), moments.maximum()), (None, None));
    }
}

#[test]
fn a_large_offset_does_not_cancel() {
    let values: Vec<f64> = (0..10_000).map(|i| f64::from(i * i % 101)).collect();
    let moved: Vec<f64> = values.iter().map(|y| y + 1e9).collect();
    let (near, far) = (of(&values), of(&moved));
    for (a, b) in
        [(near.variance(), far.variance()), (near.skewness(), far.skewness()), (near.kurtosis(), far.kurtosis())]
    {
        assert!(a.zip(b).is_some_and(|(a, b)| (a / b - 1.0).abs() < 1e-6), "{a:?} {b:?}");
    }
}

proptest! {
    #[test]
    fn merging_in_any_order_equals_one_scan(
        values in prop::collection::vec(-1e3..1e3_f64, 0..3_000), cut in 0..3_000_usize
    ) {
        let cut = cut.min(values.len());
        let whole = of(&values);
        let mut merged = of(&values[cut..]);
        merged.merge(&of(&values[..cut]));
        let mut single = Moments::default();
        values.iter().for_each(|&y| single.add(y));
        for other in [merged, single] {
            prop_assert_eq!(whole.count, other.count);
            let scale = 1.0 + whole.m2;
            prop_assert!((whole.mean - other.mean).abs() < 1e-9);
            prop_assert!((whole.m2 - other.m2).abs() < 1e-9 * scale);
            prop_assert!((whole.m3 - other.m3).abs() < 1e-6 * scale);
            prop_assert!((whole.m4 - other.m4).abs() < 1e-9 * (1.0 + whole.m4));
        }
    }
}
