//! Numbers for people: the error to two significant digits, the value to the same place, digits in groups of three.

/// An upper end this many times further away than the lower one (or the other way round) is shown as an interval.
const LOPSIDED: f64 = 1.5;

/// Numbers from here on are shown in powers of ten.
const POWERS_FROM: f64 = 1e15;
/// Numbers below this one are shown in powers of ten, too.
const POWERS_BELOW: f64 = 1e-5;
/// Significant digits of exact floating-point numbers.
const EXACT_DIGITS: i32 = 6;

/// `6.74 ± 0.12`, or `6.74 [6.65, 7.20]` when the interval is clearly lopsided.
pub(crate) fn with_error(value: f64, lower: Option<f64>, upper: Option<f64>) -> String {
    if value != 0.0 && value.abs() < POWERS_BELOW && [lower, upper].iter().flatten().all(|end| end.abs() < POWERS_BELOW)
    {
        let unit = 10_f64.powi(place_of(value, 1));
        let text = with_error(value / unit, lower.map(|end| end / unit), upper.map(|end| end / unit));
        return in_powers(&text, place_of(value, 1));
    }
    let (Some(lower), Some(upper)) = (lower, upper) else {
        let end = |e: Option<f64>, none: &str, outward: fn(f64) -> f64| {
            e.map_or(none.to_owned(), |e| at_place(rounded(e, place_of(e, 3), outward), place_of(e, 3)))
        };
        let (low, high) = (end(lower, "-∞", f64::floor), end(upper, "∞", f64::ceil));
        return format!("{} [{low}, {high}]", significant(value, 3));
    };
    let largest = [value, lower, upper].into_iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest >= POWERS_FROM && largest.is_finite() {
        let power = place_of(largest, 1);
        let unit = 10_f64.powi(power);
        return in_powers(&with_error(value / unit, Some(lower / unit), Some(upper / unit)), power);
    }
    let (below, above) = (value - lower, upper - value);
    let widest = below.max(above);
    // Only an exact number stands alone.
    if widest <= 0.0 {
        return format!("{} ± 0", exact(value));
    }
    // An error that rounding lifts to three digits is shown to one digit fewer after the point.
    let place = place_of(rounded(widest, place_of(widest, 2), f64::ceil), 2);
    let shown = rounded(value, place, f64::round);
    // The interval that is shown holds the one that was found.
    let (low, high) = (rounded(lower, place, f64::floor), rounded(upper, place, f64::ceil));
    if below * LOPSIDED < above || above * LOPSIDED < below {
        return format!("{} [{}, {}]", at_place(shown, place), at_place(low, place), at_place(high, place));
    }
    let error = rounded((shown - lower).max(upper - shown), place, f64::ceil);
    format!("{} ± {}", at_place(shown, place), at_place(error, place))
}

/// An exact floating-point number: 6 significant digits, and never fewer than the integer part and two of the fraction.
pub(crate) fn exact(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "NaN".to_owned() } else { format!("{value}").replace("inf", "Infinity") };
    }
    if value != 0.0 && !(POWERS_BELOW..POWERS_FROM).contains(&value.abs()) {
        let digits = usize::try_from(EXACT_DIGITS - 1).unwrap_or(0);
        let text = format!("{value:.digits$e}");
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(mantissa));
    }
    // A fraction is never rounded away: 1,234,567.89 must not look like a whole number.
    let least = if value.fract() == 0.0 { 0 } else { -2 };
    let text = at_place(value, place_of(value, EXACT_DIGITS).min(least));
    // A point behind a number whose fraction is not shown would say that there is none.
    if text.contains('.') || value.fract() == 0.0 { trimmed(&text) } else { text }
}

/// The number without zeros at its end; one zero is left after a decimal point.
fn trimmed(text: &str) -> String {
    if !text.contains('.') {
        return format!("{text}.0");
    }
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// A number in digits, `-1234567.25`, with its integer part in groups of three.
pub(crate) fn in_groups(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, rest) = match digits.find(|c: char| !c.is_ascii_digit()) {
        Some(end) => digits.split_at(end),
        None => (digits, ""),
    };
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

fn in_powers(text: &str, power: i32) -> String {
    if text.contains('±') { format!("({text})e{power}") } else { format!("{text} e{power}") }
}

/// `value` to `digits` significant digits.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    if value != 0.0 && value.is_finite() && !(POWERS_BELOW..POWERS_FROM).contains(&value.abs()) {
        let behind = usize::try_from(digits - 1).unwrap_or(0);
        return format!("{value:.behind$e}");
    }
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

/// `value` rounded by `way` to the place of 10 to the power `place`; a value that is a multiple already, but for the last bits, stays.
fn rounded(value: f64, place: i32, way: fn(f64) -> f64) -> f64 {
    let steps = if place >= 0 { value / 10_f64.powi(place) } else { value * 10_f64.powi(-place) };
    let near = steps.round();
    let is_multiple = (steps - near).abs() <= 1e-9 * near.abs().max(1.0);
    let steps = if is_multiple { near } else { way(steps) };
    if place >= 0 { steps * 10_f64.powi(place) } else { steps / 10_f64.powi(-place) }
}

/// `value` rounded to the place of 10 to the power `place`.
fn at_place(value: f64, place: i32) -> String {
    let text = if place >= 0 {
        let unit = 10_f64.powi(place);
        format!("{:.0}", (value / unit).round() * unit)
    } else {
        format!("{value:.*}", usize::try_from(-place).unwrap_or(0).min(17))
    };
    // A negative number that is rounded to zero loses its sign.
    let is_zero = text.starts_with('-') && !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    in_groups(if is_zero { &text[1..] } else { &text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_two_digits_and_values_the_same_place() {
        let shown = |v, lo, hi| with_error(v, Some(lo), Some(hi));
        assert_eq!(shown(6.738, 6.618, 6.858), "6.74 ± 0.13");
        assert_eq!(shown(6.74, 6.62, 6.86), "6.74 ± 0.12");
        assert_eq!(shown(1_204_551.0, 1_196_931.0, 1_212_171.0), "1,204,600 ± 7,700");
        assert_eq!(shown(0.001_234, 0.001_134, 0.001_334), "0.00123 ± 0.00011");
        assert_eq!(shown(10.0, 9.9, 10.5), "10.00 [9.90, 10.50]");
        assert_eq!(shown(3.0, 3.0, 3.0), "3.0 ± 0");
        assert_eq!(with_error(5.0, Some(1.0), None), "5.00 [1.00, ∞]");
        assert_eq!(shown(10_879.094, 10_879.094, 86_400.0), "11,000 [10,000, 87,000]");
        assert_eq!(shown(100.0, 99.4, 100.62), "100.00 ± 0.62");
        assert_eq!(shown(100.0, 98.764, 101.21), "100.0 ± 1.3");
        assert_eq!(significant(-1234.5, 2), "-1,200");
        assert_eq!(significant(0.0, 2), "0");
    }

    #[test]
    fn large_numbers_are_in_powers_of_ten() {
        assert_eq!(with_error(1.2345e17, Some(1.2300e17), Some(1.2390e17)), "(1.2345 ± 0.0045)e17");
        assert_eq!(with_error(2.0e15, Some(1.9e15), Some(2.9e15)), "2.00 [1.90, 2.90] e15");
        assert_eq!([1.5e15, 1e300].map(exact), ["1.5e15", "1.0e300"]);
    }

    #[test]
    fn what_is_hard_to_round_is_shown_all_the_same() {
        let shown = |v, lo, hi| with_error(v, Some(lo), Some(hi));
        assert_eq!(shown(0.0, -1e16, 1e16), "(0.0 ± 1.0)e16");
        assert_eq!(shown(1e-20, 9e-21, 1.1e-20), "(1.00 ± 0.10)e-20");
        assert_eq!(shown(-0.3, -12.0, 12.0), "0 ± 12");
        assert_eq!(shown(100.0, 90.04, 109.96), "100 ± 10");
        assert_eq!([1e300, 3e-7, 0.5].map(|value| significant(value, 2)), ["1.0e300", "3.0e-7", "0.50"]);
        assert_eq!([1_234_567.891, 1_234_567.0].map(exact), ["1,234,567.89", "1,234,567.0"]);
    }

    #[test]
    fn exact_numbers_have_six_digits_and_their_whole_integer_part() {
        let shown = [3.298_922_488_703_510_7, 98.0, 0.5, 143_833_056.014, -1234.5678, 0.000_012_345_678, 1.0e-9, 0.0];
        let expected = ["3.29892", "98.0", "0.5", "143,833,056.01", "-1,234.57", "0.0000123457", "1.0e-9", "0.0"];
        assert_eq!(shown.map(exact), expected);
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(exact), ["NaN", "Infinity", "-Infinity"]);
    }

    #[test]
    fn digits_are_in_groups_of_three() {
        let shown = ["1", "-123", "1234", "-1234567.25", "0.1234", "9223372036854775807"];
        assert_eq!(
            shown.map(in_groups),
            ["1", "-123", "1,234", "-1,234,567.25", "0.1234", "9,223,372,036,854,775,807"]
        );
    }
}
