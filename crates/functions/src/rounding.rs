//! Rounding to the nearest whole number, halves to the even one, as DuckDB rounds a DOUBLE that is cast to a whole number.

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// The nearest whole number as a double.
pub(crate) fn nearest_whole(expr: Expr) -> Expr {
    ScalarUDF::new_from_impl(NearestWhole { signature: Signature::any(1, Volatility::Immutable) }).call(vec![expr])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NearestWhole {
    signature: Signature,
}

impl ScalarUDFImpl for NearestWhole {
    fn name(&self) -> &'static str {
        "nearest_whole"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = matches!(args.args[0], ColumnarValue::Scalar(_));
        let array = args.args[0].clone().into_array(if is_scalar { 1 } else { args.number_rows })?;
        let numbers = cast(&array, &DataType::Float64)?;
        let rounded: arrow::array::ArrayRef =
            Arc::new(numbers.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even));
        Ok(match is_scalar {
            true => ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&rounded, 0)?),
            false => ColumnarValue::Array(rounded),
        })
    }
}
