use super::Confidence;

#[test]
fn levels_outside_the_range_are_refused() {
    for level in [0.0, 0.49, 0.9991, 1.0, 95.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Confidence::new(level).is_err(), "{level}");
    }
    for level in [0.5, 0.9, 0.95, 0.99, 0.999] {
        assert!(Confidence::new(level).is_ok_and(|confidence| confidence.level() == level), "{level}");
    }
}

#[test]
fn the_message_names_the_level_and_the_range() {
    let message = Confidence::new(95.0).map_err(|error| error.to_string());
    assert!(message.is_err_and(|text| text.contains("not 95") && text.contains("0.999")));
}

#[test]
fn the_default_misses_one_in_twenty() {
    assert!((Confidence::default().alpha() - 0.05).abs() < 1e-15);
}
