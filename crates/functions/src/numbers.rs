//! Values as floats and back, as far as floats hold them.

use crate::error::Failure;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use datafusion::error::Result;
use std::sync::Arc;

/// The bound up to which floats hold whole numbers exactly, 2^53.
pub(crate) const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Steps per 1 of a type, where it has steps: 1 for whole numbers and times, 100 for decimals with two digits.
pub fn steps(data_type: &DataType) -> Option<f64> {
    match data_type {
        DataType::Decimal32(_, s)
        | DataType::Decimal64(_, s)
        | DataType::Decimal128(_, s)
        | DataType::Decimal256(_, s) => Some(10_f64.powi(i32::from(*s))),
        t if t.is_integer() || t.is_temporal() => Some(1.0),
        _ => None,
    }
}

/// Whether a float holds a value of a type exactly, given the type's steps per 1; without steps it always does.
pub fn holds(value: f64, steps: Option<f64>) -> bool {
    steps.is_none_or(|steps| value.abs() * steps < EXACT_MAX)
}

/// Whether MIN and MAX of a type can be computed on floats.
pub fn is_ordered(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Boolean) || is_time(data_type)
}

/// Whether a type is a date, time, timestamp or duration: whole numbers of days, seconds and the like.
pub fn is_time(data_type: &DataType) -> bool {
    data_type.is_temporal() && !matches!(data_type, DataType::Interval(_))
}

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

/// Numbers, times and conditions as floats; NULL stays NULL.
pub fn floats(values: &ArrayRef) -> Result<Float64Array> {
    if let DataType::Boolean = values.data_type() {
        return floats(&cast(values, &DataType::Int8)?);
    }
    match as_float64(values)? {
        Some(floats) => Ok(floats),
        None => Ok(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
    }
}

/// Floats in another type; one that does not fit is an error.
pub fn typed(floats: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |values: &ArrayRef, to: &DataType| cast_with_options(values, to, &options);
    let beyond = |_| {
        let next = "check the expression and the data it names";
        Failure::of_data(format!("a number is beyond the range of {data_type}"), next)
    };
    match whole_type(data_type) {
        Some(whole) => Ok(cast(&cast(&floats, &whole).map_err(beyond)?, data_type)?),
        None => cast(&floats, data_type).map_err(beyond),
    }
}

/// Estimates in the aggregate's own type; whole numbers are rounded.
///
/// # Errors
/// For a number beyond the range of `data_type`.
pub fn estimates_typed(values: &[Option<f64>], data_type: &DataType) -> Result<ArrayRef> {
    let round = data_type.is_integer() || is_time(data_type);
    let of = |value: f64| if round { value.round() } else { value };
    let numbers: Vec<f64> = values.iter().map(|v| v.map_or(f64::NAN, of)).collect();
    // Most often every group has a number.
    let array: ArrayRef = if numbers.iter().fold(true, |all, number| all & number.is_finite()) {
        Arc::new(Float64Array::from(numbers))
    } else {
        Arc::new(
            numbers
                .into_iter()
                .map(|number| Some(number).filter(|number| number.is_finite()))
                .collect::<Float64Array>(),
        )
    };
    typed(array, data_type)
}

/// Ends of intervals in another type; an end beyond its range becomes the end of the range.
pub fn ends_typed(ends: Float64Array, data_type: &DataType) -> Result<ArrayRef> {
    let whole = whole_type(data_type);
    let target = whole.as_ref().unwrap_or(data_type);
    let (least, most) = range(target);
    let ends: ArrayRef = Arc::new(ends);
    let typed = cast(&ends, target)?;
    let lost = |row: usize| ends.is_valid(row) && typed.is_null(row);
    let typed = if (0..ends.len()).any(lost) {
        let floats = ends.as_primitive::<Float64Type>();
        let within = floats.iter().map(|end| end.filter(|end| !end.is_nan()).map(|end| end.clamp(least, most)));
        let within: ArrayRef = Arc::new(within.collect::<Float64Array>());
        cast(&within, target)?
    } else {
        typed
    };
    Ok(if whole.is_some() { cast(&typed, data_type)? } else { typed })
}

/// The integer type in which dates and times are stored; `None` for other types.
pub fn whole_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Date32 | DataType::Time32(_) => Some(DataType::Int32),
        t if is_time(t) => Some(DataType::Int64),
        _ => None,
    }
}

/// The smallest and the largest float that a type holds.
#[expect(clippy::cast_precision_loss, reason = "rounded towards zero where it matters")]
fn range(data_type: &DataType) -> (f64, f64) {
    /// The largest floats below 2^63 and 2^64.
    const I64_MAX: f64 = 9_223_372_036_854_774_784.0;
    const U64_MAX: f64 = 18_446_744_073_709_549_568.0;
    match data_type {
        DataType::Int8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
        DataType::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        DataType::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        DataType::Int64 => (i64::MIN as f64, I64_MAX),
        DataType::UInt8 => (0.0, f64::from(u8::MAX)),
        DataType::UInt16 => (0.0, f64::from(u16::MAX)),
        DataType::UInt32 => (0.0, f64::from(u32::MAX)),
        DataType::UInt64 => (0.0, U64_MAX),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            // Fifteen digits are certain to round to no more than the type has.
            let most = 10_f64.powi(i32::from(*p) - i32::from(*s)) * (1.0 - 1e-15);
            (-most, most)
        }
        _ => (f64::MIN, f64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, TimestampMicrosecondArray};

    #[test]
    fn times_become_floats_and_come_back() {
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![Some(19_000), None, Some(-5)]));
        let stamps: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_000), None]));
        for values in [dates, stamps] {
            let there: ArrayRef = Arc::new(floats(&values).unwrap());
            assert_eq!(&typed(there, values.data_type()).unwrap(), &values);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_an_end_is_the_end() {
        let huge: ArrayRef = Arc::new(Float64Array::from(vec![1e30, -1e30]));
        for data_type in
            [DataType::Int64, DataType::UInt64, DataType::Int32, DataType::Decimal128(20, 2), DataType::Date32]
        {
            assert!(typed(Arc::clone(&huge), &data_type).is_err(), "{data_type}");
            let ends = ends_typed(Float64Array::from(vec![1e30, -1e30]), &data_type).unwrap();
            assert_eq!(ends.null_count(), 0, "{data_type}: {ends:?}");
        }
        assert!(holds(9e15, Some(1.0)) && !holds(9e15, Some(100.0)) && holds(1e300, None));
    }
}
