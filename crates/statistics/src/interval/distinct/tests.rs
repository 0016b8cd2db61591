use super::*;
use crate::confidence::Confidence;

fn quantiles() -> Quantiles {
    Quantiles::new(Confidence::default())
}

fn close(actual: Option<f64>, expected: f64) -> bool {
    actual.is_some_and(|x| (x - expected).abs() < 1e-4 * expected)
}

#[test]
fn garwoods_interval() {
    let ten = distinct_interval(10, 0.01, &quantiles());
    assert_eq!(ten.value, Some(1_000.0));
    assert!(close(ten.lower, 479.539), "{ten:?}");
    assert!(close(ten.upper, 1_839.036), "{ten:?}");
    assert_eq!(ten.trust, Trust::Trusted);
    let none = distinct_interval(0, 0.01, &quantiles());
    assert_eq!((none.value, none.lower), (Some(0.0), Some(0.0)));
    assert!(close(none.upper, 368.888), "{none:?}");
    assert_eq!(none.trust, Trust::Untrusted(Doubt::FewKeys));
}

#[test]
fn what_was_seen_is_there() {
    assert_eq!(distinct_interval(20, 0.9, &quantiles()).lower, Some(20.0));
    assert_eq!(distinct_interval(20, 1.0, &quantiles()), Estimate::exact(20.0));
    assert_eq!(distinct_interval(20, 0.0, &quantiles()).value, None);
    assert_eq!(distinct_interval(20, f64::NAN, &quantiles()).value, None);
}

#[test]
fn sketches() {
    let sketch = sketch_interval(1_000.0, 0.01, &quantiles());
    assert!(close(sketch.lower, 1_000.0 / 1.0195996));
    assert!(close(sketch.upper, 1_000.0 / 0.9804004));
    assert_eq!(sketch.trust, Trust::Trusted);
    assert_eq!(sketch_interval(1_000.0, 0.0, &quantiles()), Estimate::exact(1_000.0));
    for error in [0.6, f64::NAN, f64::INFINITY] {
        assert!(!sketch_interval(1_000.0, error, &quantiles()).trust.is_reliable());
    }
}
