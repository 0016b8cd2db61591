use super::*;
use crate::confidence::Confidence;

fn quantiles(level: f64) -> Quantiles {
    Quantiles::new(Confidence::new(level).unwrap())
}

#[test]
fn weights_of_what_was_not_sampled() {
    assert_eq!(unsampled_weight(StratumSize::new(10, 10)), 0.0);
    assert_eq!(unsampled_weight(StratumSize::new(10, 0)), f64::INFINITY);
    let weight = unsampled_weight(StratumSize::new(1_000, 10));
    assert!((weight - 99.499).abs() < 1e-3, "{weight}");
}

#[test]
fn effects_of_single_rows() {
    let unsampled = Unsampled::of(10.0, ValueRange::new(-2.0, 5.0));
    assert_eq!(unsampled, Unsampled { up: 50.0, down: 20.0 });
    assert_eq!(Unsampled::of(10.0, ValueRange::new(2.0, 5.0)), Unsampled { up: 50.0, down: 0.0 });
    assert_eq!(Unsampled::of(0.0, ValueRange::ALL), Unsampled::default());
    assert_eq!(Unsampled::of(1.0, ValueRange::ALL), Unsampled::UNKNOWN);
    assert_eq!(unsampled.scaled(0.5), Unsampled { up: 25.0, down: 10.0 });
    assert_eq!(unsampled.scaled(f64::NAN).in_errors(1.0), f64::INFINITY);
    assert_eq!(unsampled.or_larger(Unsampled { up: 1.0, down: 30.0 }), Unsampled { up: 50.0, down: 30.0 });
}

/// The interval is Student's where nothing is hidden. The allowance starts at one standard error and is complete at one and a half.
#[test]
fn reach() {
    let q = quantiles(0.95);
    let t = q.t(50.0);
    let reach = |up: f64| Unsampled { up, down: 0.0 }.reach(4.0, 50.0, 0.0, &q);
    let plain = reach(0.0);
    assert!((plain.0 - 2.0 * t).abs() < 1e-9 && (plain.1 - 2.0 * t).abs() < 1e-9);
    let floor = 2.0 * t.max(-hall_g(0.3, -t));
    assert!((reach(2.0).1 - floor).abs() < 1e-4);
    assert!((reach(3.0).1 - floor.hypot(3.0 * -(0.025_f64.ln()))).abs() < 1e-3);
    assert!(reach(2.5).1 < reach(3.0).1 && reach(2.5).1 > floor);
    // Rarer misses are prepared for smaller effects.
    let strict = quantiles(0.999);
    let plain = Unsampled::default().reach(4.0, 50.0, 0.0, &strict).1;
    assert!(Unsampled { up: 1.9, down: 0.0 }.reach(4.0, 50.0, 0.0, &strict).1 > 1.2 * plain);
}

#[test]
fn doubts() {
    let q = quantiles(0.95);
    let small = Unsampled { up: 1.0, down: 0.0 };
    // Samples that hold such a row by chance would be the only ones that are trusted at 50 %.
    let large = Unsampled { up: 3.0, down: 0.0 };
    assert_eq!(large.trust(20, 1.0, false, &q), Trust::Trusted);
    assert_eq!(large.trust(20, 1.0, false, &quantiles(0.5)), Trust::Untrusted(Doubt::HeavyTail));
    assert_eq!(small.trust(20, 1.0, false, &q), Trust::Trusted);
    assert_eq!(Unsampled { up: 0.0, down: 3.9 }.trust(20, 1.0, false, &q), Trust::Trusted);
    for (trust, doubt) in [
        (small.trust(19, 1.0, false, &q), Doubt::FewRows),
        (small.trust(20, 0.0, false, &q), Doubt::NoVariance),
        (Unsampled::UNKNOWN.trust(20, 1.0, false, &q), Doubt::NoRange),
        (Unsampled { up: 4.1, down: 0.0 }.trust(20, 1.0, false, &q), Doubt::HeavyTail),
        (small.trust(20, 1.0, true, &q), Doubt::LoneStratumRow),
    ] {
        assert_eq!(trust, Trust::Untrusted(doubt));
    }
}
