//! Columns as numbers.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
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

/// The finite, non-NULL values of `column`, packed into `out`; with `rows`, only those in it.
pub(crate) fn pack(column: &Float64Array, rows: Option<&BooleanBuffer>, out: &mut Vec<f64>) {
    out.clear();
    let values = column.values();
    let valid = column.nulls().filter(|n| n.null_count() > 0).map(NullBuffer::inner);
    let wanted = match (valid, rows) {
        (None, None) => return out.extend(values.iter().copied().filter(|v| v.is_finite())),
        (Some(valid), Some(rows)) => valid & rows,
        (Some(only), None) | (None, Some(only)) => only.clone(),
    };
    for (from, to) in wanted.set_slices() {
        out.extend(values[from..to].iter().copied().filter(|v| v.is_finite()));
    }
}
