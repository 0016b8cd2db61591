//! Values as text or as JSON tokens.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The text of every value; `None` for NULL.
pub(crate) fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    if let Some(texts) = plusminus_display::interval_texts(array) {
        return texts;
    }
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
        DataType::List(_) => lists(array.as_list::<i32>().iter(), non_finite),
        DataType::LargeList(_) => lists(array.as_list::<i64>().iter(), non_finite),
        DataType::FixedSizeList(..) => lists(array.as_fixed_size_list().iter(), non_finite),
        DataType::Struct(_) => objects(array, non_finite),
        DataType::Map(..) => maps(array, non_finite),
        DataType::Dictionary(_, values) => match cast(array, values) {
            Ok(plain) => tokens(&plain, non_finite),
            Err(_) => vec![null(); array.len()],
        },
        t if t.is_numeric() => texts(array).into_iter().map(|t| t.unwrap_or_else(null)).collect(),
        _ => texts(array).into_iter().map(|t| t.map_or_else(null, |t| json(&t))).collect(),
    }
}

/// Arrays of JSON.
fn lists(rows: impl Iterator<Item = Option<ArrayRef>>, non_finite: NonFinite) -> Vec<String> {
    rows.map(|row| row.map_or_else(null, |values| format!("[{}]", tokens(&values, non_finite).join(",")))).collect()
}

/// Objects of JSON, one per struct.
fn objects(array: &ArrayRef, non_finite: NonFinite) -> Vec<String> {
    let rows = array.as_struct();
    let names: Vec<String> = rows.column_names().iter().map(json).collect();
    let columns: Vec<Vec<String>> = rows.columns().iter().map(|column| tokens(column, non_finite)).collect();
    let object = |row: usize| {
        let fields: Vec<String> =
            names.iter().zip(&columns).map(|(name, own)| format!("{name}:{}", own[row])).collect();
        format!("{{{}}}", fields.join(","))
    };
    (0..rows.len()).map(|row| if rows.is_null(row) { null() } else { object(row) }).collect()
}

/// Objects of JSON, one per map, with the texts of its keys as names.
fn maps(array: &ArrayRef, non_finite: NonFinite) -> Vec<String> {
    let rows = array.as_map();
    let (keys, values) = (texts(rows.keys()), tokens(rows.values(), non_finite));
    let object = |row: usize| {
        let (first, last) = (rows.value_offsets()[row], rows.value_offsets()[row + 1]);
        let entries = usize::try_from(first).unwrap_or(0)..usize::try_from(last).unwrap_or(0);
        let fields: Vec<String> =
            entries.map(|at| format!("{}:{}", json(&keys[at].clone().unwrap_or_default()), values[at])).collect();
        format!("{{{}}}", fields.join(","))
    };
    (0..rows.len()).map(|row| if rows.is_null(row) { null() } else { object(row) }).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, ListArray, StructArray};
    use arrow::datatypes::{Field, Int64Type};
    use std::sync::Arc;

    #[test]
    fn lists_and_structs_are_arrays_and_objects() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
        let lists: ArrayRef = Arc::new(lists);
        assert_eq!(tokens(&lists, NonFinite::Named), ["[1,null]", "null", "[]"]);
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(0.5)]));
        let fields = vec![
            (Arc::new(Field::new("a \"b\"", lists.data_type().clone(), true)), lists),
            (Arc::new(Field::new("x", DataType::Float64, true)), numbers),
        ];
        let rows: ArrayRef = Arc::new(StructArray::from(fields));
        let expected =
            [r#"{"a \"b\"":[1,null],"x":"NaN"}"#, r#"{"a \"b\"":null,"x":null}"#, r#"{"a \"b\"":[],"x":0.5}"#];
        assert_eq!(tokens(&rows, NonFinite::Named), expected);
        let plain: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert_eq!(tokens(&plain, NonFinite::Named), ["1"]);
    }
}
