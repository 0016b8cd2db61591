//! Columns as numbers.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema};
use arrow::error::ArrowError;

/// The values of a column of numbers or times as `f64` (times as the whole numbers they are stored as), or `None` for other types.
///
/// # Errors
/// When the cast itself fails.
pub fn as_float64(column: &ArrayRef) -> Result<Option<Float64Array>, ArrowError> {
    if let Some(whole) = whole_type(column.data_type()) {
        return as_float64(&cast(column, &whole)?);
    }
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
    fields.filter(|(_, f)| f.data_type().is_numeric() || whole_type(f.data_type()).is_some()).map(|(i, _)| i).collect()
}

/// The whole number type that dates and times are stored as.
fn whole_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Date32 | DataType::Time32(_) => Some(DataType::Int32),
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(..) | DataType::Duration(_) => {
            Some(DataType::Int64)
        }
        _ => None,
    }
}

/// The finite, non-NULL values of `column`, packed into `out`.
pub(crate) fn pack(column: &Float64Array, out: &mut Vec<f64>) {
    out.clear();
    let values = column.values();
    let Some(valid) = column.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return out.extend(values.iter().copied().filter(|v| v.is_finite()));
    };
    for (from, to) in valid.inner().set_slices() {
        out.extend(values[from..to].iter().copied().filter(|v| v.is_finite()));
    }
}
