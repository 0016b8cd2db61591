//! Values as text or as JSON tokens.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The text of every value; `None` for NULL.
pub(crate) fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    // Within lists and structs a NULL has to be told from an empty text.
    let options = FormatOptions::default().with_null("NULL");
    // Some arrays, such as those of type Null, have NULLs without a bitmap.
    let nulls = array.logical_nulls();
    let valid = |row: usize| nulls.as_ref().is_none_or(|n| n.is_valid(row));
    match ArrayFormatter::try_new(array.as_ref(), &options) {
        Ok(formatter) => (0..array.len()).map(|row| valid(row).then(|| formatter.value(row).to_string())).collect(),
        Err(_) => vec![Some("?".to_owned()); array.len()],
    }
}

/// Every value as a JSON token: integers and decimals exactly, timestamps as ISO 8601; NaN and the infinities as `non_finite` has them.
pub(crate) fn tokens(array: &ArrayRef, non_finite: NonFinite) -> Vec<String> {
    match array.data_type() {
        DataType::Float64 => floats(array.as_primitive::<Float64Type>().iter(), non_finite),
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>();
            let short = |v: f32| if v.is_finite() { json(&v) } else { non_finite.token(f64::from(v)) };
            values.iter().map(|v| v.map_or_else(null, short)).collect()
        }
        DataType::Boolean => array.as_boolean().iter().map(|v| v.map_or_else(null, |v| v.to_string())).collect(),
        t if t.is_numeric() => texts(array).into_iter().map(|t| t.unwrap_or_else(null)).collect(),
        _ => texts(array).into_iter().map(|t| t.map_or_else(null, |t| json(&t))).collect(),
    }
}

fn floats(values: impl Iterator<Item = Option<f64>>, non_finite: NonFinite) -> Vec<String> {
    let token = |v: f64| if v.is_finite() { json(&v) } else { non_finite.token(v) };
    values.map(|v| v.map_or_else(null, token)).collect()
}

/// JSON tokens for NaN and the infinities, which are no numbers in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NonFinite {
    /// The strings "NaN", "Infinity" and "-Infinity", told apart from NULL.
    Named,
    /// The token null, for estimates.
    Null,
}

impl NonFinite {
    fn token(self, value: f64) -> String {
        match self {
            Self::Null => null(),
            Self::Named if value.is_nan() => json(&"NaN"),
            Self::Named => json(&if value > 0.0 { "Infinity" } else { "-Infinity" }),
        }
    }
}

/// A JSON token.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| null())
}

fn null() -> String {
    "null".to_owned()
}
