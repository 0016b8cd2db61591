//! Columns as numbers.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema};
use arrow::error::ArrowError;

/// The values of a numeric column as `f64`, or `None` when its type is not numeric.
///
/// # Errors
/// When the cast itself fails.
pub fn as_float64(column: &ArrayRef) -> Result<Option<Float64Array>, ArrowError> {
    if !column.data_type().is_numeric() {
        return Ok(None);
    }
    if let Some(values) = column.as_primitive_opt::<Float64Type>() {
        return Ok(Some(values.clone()));
    }
    let cast = cast(column, &DataType::Float64)?;
    Ok(cast.as_primitive_opt::<Float64Type>().cloned())
}

/// The positions of the columns that have moments.
pub(crate) fn numeric_columns(schema: &Schema) -> Vec<usize> {
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, f)| f.data_type().is_numeric()).map(|(i, _)| i).collect()
}

/// The finite, non-NULL values of `column`, packed into `out`.
pub(crate) fn pack(column: &Float64Array, out: &mut Vec<f64>) {
    out.clear();
    let values = column.values();
    match column.nulls().filter(|n| n.null_count() > 0) {
        None => out.extend(values.iter().copied().filter(|v| v.is_finite())),
        Some(nulls) => out.extend(nulls.valid_indices().map(|i| values[i]).filter(|v| v.is_finite())),
    }
}
