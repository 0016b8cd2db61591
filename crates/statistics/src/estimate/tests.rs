use super::{Doubt, Estimate, Trust};

fn trusted(value: f64, lower: f64, upper: f64) -> Estimate {
    Estimate::within(value, lower, upper, Trust::Trusted)
}

#[test]
fn a_negative_scale_swaps_the_ends() {
    let mapped = trusted(10.0, 8.0, 13.0).map_linear(-2.0, 1.0);
    assert_eq!(mapped, trusted(-19.0, -25.0, -15.0));
}

#[test]
fn exact_values_stay_exact_under_linear_maps() {
    assert_eq!(Estimate::exact(3.0).map_linear(2.0, -1.0), Estimate::exact(5.0));
    assert_eq!(Estimate::exact_null().map_linear(2.0, -1.0), Estimate::exact_null());
}

#[test]
fn what_is_not_finite_has_no_ends_and_no_trust() {
    let odd = trusted(1.0, f64::NAN, 2.0);
    assert_eq!((odd.lower, odd.upper), (None, Some(2.0)));
    assert_eq!(odd.trust, Trust::Untrusted(Doubt::NotFinite));
    assert_eq!(trusted(f64::INFINITY, 0.0, 1.0).value, None);
    assert_eq!(trusted(1e300, 1e299, 1e301).map_linear(1e300, 0.0).value, None);
    assert_eq!(Estimate::exact(f64::INFINITY).lower, None);
}

#[test]
fn ends_enclose_the_value() {
    let rounded = trusted(1.0, 1.0 + 1e-16, 1.0 - 1e-15);
    assert_eq!((rounded.lower, rounded.upper), (Some(1.0), Some(1.0)));
}

#[test]
fn the_first_doubt_stays() {
    let doubted = trusted(1.0, 0.0, 2.0).untrusted(Doubt::FewRows);
    assert_eq!(doubted.untrusted(Doubt::HeavyTail), doubted);
    assert_eq!(doubted.trust.to_string(), "untrusted: too few sampled rows");
    assert!(!doubted.trust.is_reliable());
}

#[test]
fn monotone_functions_map_the_ends() {
    assert_eq!(trusted(4.0, 1.0, 9.0).map_monotone(f64::sqrt), trusted(2.0, 1.0, 3.0));
    assert_eq!(trusted(4.0, 1.0, 8.0).map_monotone(f64::recip), trusted(0.25, 0.125, 1.0));
    assert_eq!(Estimate::exact(4.0).map_monotone(f64::sqrt), Estimate::exact(2.0));
    assert_eq!(Estimate::exact_null().map_monotone(f64::sqrt), Estimate::exact_null());
    let odd = trusted(4.0, -1.0, 9.0).map_monotone(f64::sqrt);
    assert_eq!((odd.lower, odd.upper), (None, Some(3.0)));
    assert_eq!(odd.trust, Trust::Untrusted(Doubt::NotFinite));
    let open = Estimate { lower: None, ..trusted(4.0, 1.0, 8.0) }.map_monotone(f64::recip);
    assert_eq!((open.lower, open.upper), (Some(0.125), None));
}
