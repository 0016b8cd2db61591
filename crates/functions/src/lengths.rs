//! LEN and LENGTH: the characters of a text, the elements of a list. DataFusion's LENGTH counts the characters of a list's text.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Makes LEN a function of `context`.
pub(crate) fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    let of_text = state.udf("character_length")?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Len {
        of_text,
        signature: Signature::any(1, Volatility::Immutable),
    })))?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Len {
    of_text: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Len {
    fn name(&self) -> &'static str {
        "len"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = args.args[0].clone();
        let is_list =
            matches!(value.data_type(), DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..));
        if !is_list {
            let text = match value.data_type() {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => value,
                _ => value.cast_to(&DataType::Utf8, None)?,
            };
            let fields = vec![Arc::new(arrow::datatypes::Field::new("text", text.data_type(), true))];
            let output = self.of_text.return_type(&[text.data_type()])?;
            let args = ScalarFunctionArgs {
                args: vec![text],
                arg_fields: fields,
                return_field: Arc::new(arrow::datatypes::Field::new("len", output, true)),
                ..args
            };
            return self.of_text.invoke_with_args(args)?.cast_to(&DataType::Int64, None);
        }
        let array = value.into_array(args.number_rows)?;
        let lengths: Int64Array = (0..array.len()).map(|row| length(&array, row)).collect();
        Ok(ColumnarValue::Array(Arc::new(lengths)))
    }
}

/// The elements of a list; `None` for NULL.
fn length(array: &ArrayRef, row: usize) -> Option<i64> {
    if array.is_null(row) {
        return None;
    }
    let length = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value_length(row) as usize,
        DataType::LargeList(_) => usize::try_from(array.as_list::<i64>().value_length(row)).ok()?,
        _ => array.as_fixed_size_list().value(row).len(),
    };
    i64::try_from(length).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn texts_have_characters_and_lists_have_elements() {
        let context = SessionContext::new();
        register(&context).unwrap();
        let sql = "SELECT len('ab€'), len([1, 22, 333]), len(make_array('x')), len(NULL::VARCHAR) IS NULL, len(123)";
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        let row: Vec<&str> = text.lines().nth(3).unwrap().split('|').map(str::trim).collect();
        assert_eq!(row[1..6], ["3", "3", "1", "true", "3"]);
    }
}
