use super::{any_group_below, named_group_below};
use crate::confidence::Confidence;

#[test]
fn reference_values() {
    let confidence = Confidence::default();
    for (rows, rate, all, named) in [
        (10_000_000, 0.01, 1_197, 299),
        (1_000_000_000, 0.01, 1_625, 299),
        (10_000_000, 0.5, 24, 5),
        (10_000_000, 0.000_1, 78_435, 29_956),
    ] {
        assert_eq!(any_group_below(rows, rate, confidence), all);
        assert_eq!(named_group_below(rate, confidence), named);
    }
}

#[test]
fn extremes() {
    let confidence = Confidence::default();
    for rate in [1.0, 1.5] {
        assert_eq!(any_group_below(100, rate, confidence), 0);
        assert_eq!(named_group_below(rate, confidence), 0);
    }
    assert_eq!(any_group_below(0, 0.1, confidence), 0);
    assert_eq!(any_group_below(50, 0.01, confidence), 50);
    for rate in [0.0, -1.0, f64::NAN] {
        assert_eq!(any_group_below(100, rate, confidence), 100);
        assert_eq!(named_group_below(rate, confidence), u64::MAX);
    }
}
