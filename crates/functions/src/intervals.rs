//! How long an interval is, so that intervals can be compared.
//!
//! Arrow compares months, then days, then nanoseconds: 36 hours are less than one day to it. As in PostgreSQL and DuckDB a month has 30 days
//! here, and a day 24 hours.

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const DAY_US: i64 = 86_400_000_000;
const MONTH_US: i64 = 30 * DAY_US;

/// The length of an interval or duration in microseconds.
pub(crate) fn microseconds(expr: Expr) -> Expr {
    ScalarUDF::new_from_impl(Microseconds { signature: Signature::any(1, Volatility::Immutable) }).call(vec![expr])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Microseconds {
    signature: Signature,
}

impl ScalarUDFImpl for Microseconds {
    fn name(&self) -> &'static str {
        "interval_microseconds"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let array = args.args[0].clone().into_array(if is_scalar { 1 } else { args.number_rows })?;
        let lengths: ArrayRef = Arc::new(lengths(&array)?);
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&lengths, 0)?),
            false => ColumnarValue::Array(lengths),
        })
    }
}

fn lengths(array: &ArrayRef) -> Result<Int64Array> {
    Ok(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            array.as_primitive::<IntervalYearMonthType>().unary(|months| i64::from(months).saturating_mul(MONTH_US))
        }
        DataType::Interval(IntervalUnit::DayTime) => array.as_primitive::<IntervalDayTimeType>().unary(|own| {
            i64::from(own.days).saturating_mul(DAY_US).saturating_add(i64::from(own.milliseconds) * 1_000)
        }),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            array.as_primitive::<IntervalMonthDayNanoType>().unary(|own| {
                let days = i64::from(own.months) * 30 + i64::from(own.days);
                days.saturating_mul(DAY_US).saturating_add(own.nanoseconds / 1_000)
            })
        }
        _ => {
            let duration = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
            let numbers = cast(&duration, &DataType::Int64)?;
            numbers.as_primitive::<arrow::datatypes::Int64Type>().clone()
        }
    })
}
