//! Numbers for people: the error to two significant digits, the value to the same place.

/// An upper end this many times further away than the lower one (or the other way round) is shown as an interval.
const LOPSIDED: f64 = 1.5;

/// `6.74 ± 0.12`, or `6.74 [6.65, 7.20]` when the interval is clearly lopsided.
pub(crate) fn with_error(value: f64, lower: Option<f64>, upper: Option<f64>) -> String {
    let (Some(lower), Some(upper)) = (lower, upper) else {
        let end = |e: Option<f64>, none: &str, outward: fn(f64) -> f64| {
            e.map_or(none.to_owned(), |e| at_place(rounded(e, place_of(e, 3), outward), place_of(e, 3)))
        };
        let (low, high) = (end(lower, "-∞", f64::floor), end(upper, "∞", f64::ceil));
        return format!("{} [{low}, {high}]", significant(value, 3));
    };
    let (below, above) = (value - lower, upper - value);
    let widest = below.max(above);
    if widest <= 0.0 {
        return plain(value);
    }
    let place = place_of(widest, 2);
    let shown = rounded(value, place, f64::round);
    // The interval that is shown holds the one that was found.
    let (low, high) = (rounded(lower, place, f64::floor), rounded(upper, place, f64::ceil));
    if below * LOPSIDED < above || above * LOPSIDED < below {
        return format!("{} [{}, {}]", at_place(shown, place), at_place(low, place), at_place(high, place));
    }
    let error = rounded((shown - lower).max(upper - shown), place, f64::ceil);
    format!("{} ± {}", at_place(shown, place), at_place(error, place))
}

/// An exact number that was computed: as short as it goes.
pub(crate) fn plain(value: f64) -> String {
    format!("{value}")
}

/// `value` to `digits` significant digits.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    at_place(value, place_of(value, digits))
}

/// The decimal place (10 to this power) of the last of `digits` significant digits.
fn place_of(value: f64, digits: i32) -> i32 {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a finite number is small")]
    let leading = value.abs().log10().floor() as i32;
    leading - (digits - 1)
}

/// `value` rounded by `way` to the place of 10 to the power `place`; what is a multiple already, but for the last bits, stays.
fn rounded(value: f64, place: i32, way: fn(f64) -> f64) -> f64 {
    let steps = if place >= 0 { value / 10_f64.powi(place) } else { value * 10_f64.powi(-place) };
    let near = steps.round();
    let is_multiple = (steps - near).abs() <= 1e-9 * near.abs().max(1.0);
    let steps = if is_multiple { near } else { way(steps) };
    if place >= 0 { steps * 10_f64.powi(place) } else { steps / 10_f64.powi(-place) }
}

/// `value` rounded to the place of 10 to the power `place`.
fn at_place(value: f64, place: i32) -> String {
    if place >= 0 {
        let unit = 10_f64.powi(place);
        format!("{:.0}", (value / unit).round() * unit)
    } else {
        format!("{value:.*}", usize::try_from(-place).unwrap_or(0).min(17))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_two_digits_and_values_the_same_place() {
        let shown = |v, lo, hi| with_error(v, Some(lo), Some(hi));
        assert_eq!(shown(6.738, 6.618, 6.858), "6.74 ± 0.13");
        assert_eq!(shown(6.74, 6.62, 6.86), "6.74 ± 0.12");
        assert_eq!(shown(1_204_551.0, 1_196_931.0, 1_212_171.0), "1204600 ± 7700");
        assert_eq!(shown(0.001_234, 0.001_134, 0.001_334), "0.00123 ± 0.00011");
        assert_eq!(shown(10.0, 9.9, 10.5), "10.00 [9.90, 10.50]");
        assert_eq!(shown(3.0, 3.0, 3.0), "3");
        assert_eq!(with_error(5.0, Some(1.0), None), "5.00 [1.00, ∞]");
        assert_eq!(shown(10_879.094, 10_879.094, 86_400.0), "11000 [10000, 87000]");
        assert_eq!(shown(100.0, 99.4, 100.62), "100.00 ± 0.62");
        assert_eq!(shown(100.0, 98.764, 101.21), "100.0 ± 1.3");
        assert_eq!(significant(-1234.5, 2), "-1200");
        assert_eq!(significant(0.0, 2), "0");
    }
}
