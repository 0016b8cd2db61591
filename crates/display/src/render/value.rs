//! Values as people write them.

use super::number::{exact, in_groups, significant, with_error};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Column, Role, Trust};

/// One value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The value.
    pub text: String,
    /// Dimmed text behind it: the interval of an untrusted estimate. Empty elsewhere.
    pub aside: String,
    /// Whether the value is NULL.
    pub is_null: bool,
}

impl Shown {
    /// A text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), aside: String::new(), is_null: false }
    }

    fn null() -> Self {
        Self { is_null: true, ..Self::plain("NULL") }
    }
}

/// The values of a column with their errors in them: plain where they are exact, `6.74 ± 0.12` or `6.7 [6.2, 9.9]` where they are
/// estimates, `~6.7 [2, 40]` where the interval is not to be trusted.
#[must_use]
pub fn with_errors(column: &Column, values: &ArrayRef) -> Vec<Shown> {
    let plain = without_errors(column, values);
    let (Some(bounds), true) = (&column.bounds, column.data_type.is_numeric()) else { return plain };
    let (estimates, lower, upper) = (numbers(values), numbers(&bounds.lower), numbers(&bounds.upper));
    let rows = plain.into_iter().enumerate();
    rows.map(|(row, plain)| match (bounds.trust[row], estimates[row]) {
        (_, None) | (Trust::Exact, _) => plain,
        (Trust::Trusted, Some(value)) => Shown::plain(with_error(value, lower[row], upper[row])),
        (Trust::Untrusted(_), Some(value)) => Shown {
            text: format!("~{}", significant(value, 2)),
            aside: match (lower[row], upper[row]) {
                (Some(low), Some(high)) => format!("[{}, {}]", significant(low, 2), significant(high, 2)),
                _ => String::new(),
            },
            is_null: false,
        },
    })
    .collect()
}

/// The values of a column alone: floating-point numbers to six digits; whole numbers and decimals in groups of three where they were
/// computed, and as they are where they may be years or identifiers.
#[must_use]
pub fn without_errors(column: &Column, values: &ArrayRef) -> Vec<Shown> {
    let is_grouped = column.role == Role::Estimate && column.data_type.is_numeric();
    let floats = values.data_type().is_floating().then(|| numbers(values));
    let shown = texts(values).into_iter().enumerate().map(|(row, text)| match text {
        None => Shown::null(),
        Some(text) => Shown::plain(match floats.as_ref().and_then(|floats| floats[row]) {
            Some(number) => exact(number),
            None if is_grouped => in_groups(&text),
            None => escaped(&text),
        }),
    });
    shown.collect()
}

/// The text of every value, timestamps with a space between day and time; `None` for NULL.
pub(crate) fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    if let Some(texts) = super::interval::interval_texts(array) {
        return texts;
    }
    let (time, zoned) = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f%:z");
    // Within lists and structs a NULL has to be distinguished from an empty text.
    let options = FormatOptions::default()
        .with_null("NULL")
        .with_timestamp_format(Some(time))
        .with_datetime_format(Some(time))
        .with_timestamp_tz_format(Some(zoned));
    // Some arrays, such as those of type Null, have NULLs without a bitmap.
    let nulls = array.logical_nulls();
    let valid = |row: usize| nulls.as_ref().is_none_or(|n| n.is_valid(row));
    match ArrayFormatter::try_new(array.as_ref(), &options) {
        Ok(formatter) => (0..array.len()).map(|row| valid(row).then(|| formatter.value(row).to_string())).collect(),
        Err(_) => vec![Some("?".to_owned()); array.len()],
    }
}

/// Control characters escaped, since they would break the lines of a table or steer the terminal.
pub(crate) fn escaped(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

fn numbers(array: &ArrayRef) -> Vec<Option<f64>> {
    match cast(array, &DataType::Float64) {
        Ok(array) => array.as_primitive::<Float64Type>().iter().collect(),
        Err(_) => vec![None; array.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
    use plusminus::{Bounds, Doubt};
    use std::sync::Arc;

    fn column(values: &ArrayRef, role: Role, bounds: Option<Bounds>) -> Column {
        Column { name: "c".to_owned(), data_type: values.data_type().clone(), role, bounds }
    }

    fn shown(values: ArrayRef, role: Role) -> Vec<String> {
        with_errors(&column(&values, role, None), &values).into_iter().map(|shown| shown.text).collect()
    }

    #[test]
    fn times_are_written_with_a_space_and_without_a_fraction_that_is_zero() {
        let times =
            TimestampMicrosecondArray::from(vec![Some(1_764_370_000_000_000), Some(1_764_370_000_250_000), None]);
        let expected = ["2025-11-28 22:46:40", "2025-11-28 22:46:40.250", "NULL"];
        assert_eq!(shown(Arc::new(times.clone()), Role::Key), expected);
        let zoned: ArrayRef = Arc::new(times.with_timezone("+02:00"));
        assert_eq!(shown(zoned, Role::Key)[0], "2025-11-29 00:46:40+02:00");
        assert_eq!(shown(Arc::new(Date32Array::from(vec![20_000])), Role::Key), ["2024-10-04"]);
    }

    #[test]
    fn computed_numbers_are_in_groups_and_keys_as_they_are() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(2_024_000), None]));
        assert_eq!(shown(Arc::clone(&numbers), Role::Key), ["2024000", "NULL"]);
        assert_eq!(shown(numbers, Role::Estimate), ["2,024,000", "NULL"]);
        assert_eq!(shown(Arc::new(StringArray::from(vec!["a\nb", "\u{1b}[31m"])), Role::Key), ["a\\nb", "\\u{1b}[31m"]);
    }

    #[test]
    fn only_exact_numbers_are_plain() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![3.0, 3.0, 3.0, 3.0, 3.0]));
        let lower: ArrayRef = Arc::new(Float64Array::from(vec![Some(3.0), Some(3.0), Some(2.9), Some(1.0), None]));
        let upper: ArrayRef = Arc::new(Float64Array::from(vec![Some(3.0), Some(3.0), Some(3.1), Some(50.0), None]));
        let untrusted = Trust::Untrusted(Doubt::FewRows);
        let trust = vec![Trust::Exact, Trust::Trusted, Trust::Trusted, untrusted, untrusted];
        let found = with_errors(&column(&values, Role::Estimate, Some(Bounds { lower, upper, trust })), &values);
        let texts: Vec<(&str, &str)> = found.iter().map(|shown| (shown.text.as_str(), shown.aside.as_str())).collect();
        let expected = [("3.0", ""), ("3.0 ± 0", ""), ("3.00 ± 0.10", ""), ("~3.0", "[1.0, 50]"), ("~3.0", "")];
        assert_eq!(texts, expected);
    }
}
