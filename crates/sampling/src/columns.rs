//! Numeric columns and their values as numbers.

use arrow::array::{Array, Float64Array};
use arrow::datatypes::Schema;
use plusminus_functions::numbers::whole_type;

/// The positions of the columns that have moments.
pub(crate) fn numeric_columns(schema: &Schema) -> Vec<usize> {
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, f)| f.data_type().is_numeric() || whole_type(f.data_type()).is_some()).map(|(i, _)| i).collect()
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
