//! MODE: the most frequent value; of several the one that came first, as in DuckDB.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::{HashMap, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Makes MODE a function of `context`.
pub(crate) fn register(context: &SessionContext) {
    context.register_udaf(AggregateUDF::new_from_impl(Mode { signature: Signature::any(1, Volatility::Immutable) }));
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mode {
    signature: Signature,
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &'static str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let value_type = args.return_field.data_type().clone();
        Ok(Box::new(Counts { value_type, is_distinct: args.is_distinct, counts: HashMap::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |name: &str, of: DataType| {
            let item = Arc::new(Field::new_list_field(of, true));
            Arc::new(Field::new(format_state_name(args.name, name), DataType::List(item), true))
        };
        Ok(vec![list("values", args.return_field.data_type().clone()), list("counts", DataType::UInt64)])
    }
}

/// How often each value came, and its place in the order of first appearance.
#[derive(Debug)]
struct Counts {
    value_type: DataType,
    is_distinct: bool,
    counts: HashMap<ScalarValue, (u64, usize)>,
}

impl Counts {
    fn add(&mut self, value: ScalarValue, count: u64) {
        let place = self.counts.len();
        self.counts.entry(value).or_insert((0, place)).0 += count;
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let Some(values) = values.first() else { return Ok(()) };
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            self.add(ScalarValue::try_from_array(values, row)?, 1);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let often = |(count, place): (u64, usize)| (if self.is_distinct { 1 } else { count }, std::cmp::Reverse(place));
        match self.counts.iter().max_by_key(|(_, known)| often(**known)) {
            Some((value, _)) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.value_type),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.keys().map(|value| value.size() + size_of::<(u64, usize)>()).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut known: Vec<_> = self.counts.iter().collect();
        known.sort_by_key(|(_, (_, place))| *place);
        let values: Vec<ScalarValue> = known.iter().map(|(value, _)| (*value).clone()).collect();
        let values = ScalarValue::new_list(&values, &self.value_type, true);
        let counts: UInt64Array = known.iter().map(|(_, (count, _))| *count).collect();
        let offsets = OffsetBuffer::from_lengths([counts.len()]);
        let field = Arc::new(Field::new_list_field(DataType::UInt64, true));
        let counts = ListArray::new(field, offsets, Arc::new(counts), None);
        Ok(vec![ScalarValue::List(values), ScalarValue::List(Arc::new(counts))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [values, counts] = states else { return Ok(()) };
        for (values, counts) in values.as_list::<i32>().iter().zip(counts.as_list::<i32>().iter()) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            for (row, count) in counts.as_primitive::<UInt64Type>().values().iter().enumerate() {
                self.add(ScalarValue::try_from_array(&values, row)?, *count);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_most_frequent_value_is_found_in_groups_and_types() {
        let context = SessionContext::new();
        register(&context);
        crate::describing::register(&context);
        let values = "(VALUES ('a', 1), ('a', 2), ('a', 2), ('b', NULL), ('c', 7), ('c', 7), ('c', 8)) t(g, x)";
        let sql =
            format!("SELECT g, mode(x) AS m, mode(g) AS n, typeof(mode(x)) AS t FROM {values} GROUP BY g ORDER BY g");
        let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
        for line in ["| a | 2 | a | BIGINT |", "| b |   | b | BIGINT |", "| c | 7 | c | BIGINT |"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
