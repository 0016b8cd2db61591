//! PERCENTILE_CONT that interpolates with all digits of a double.
//!
//! DataFusion's rounds the weight of its two neighbours to six digits: the 0.3-quantile of 1, 2, 4 and 8.5 comes out as 1.899999 instead of
//! 1.9. Here its accumulators collect the values, and the interpolation is done anew: at position p · (n − 1) of the n values in order,
//! counted from 0, linearly between the two around it (Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, definition 7).

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, Signature,
};
use datafusion::physical_expr::expressions::Literal;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Makes the exact PERCENTILE_CONT the one of `context`.
pub(crate) fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    let usual = state.udaf("percentile_cont")?;
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(ExactPercentile { usual })))?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactPercentile {
    usual: Arc<AggregateUDF>,
}

/// The share of the values below the quantile, in ascending order; `None` for what only the usual function knows how to refuse.
fn share(args: &AccumulatorArgs<'_>) -> Option<f64> {
    let literal = args.exprs.get(1)?.downcast_ref::<Literal>()?;
    let ScalarValue::Float64(Some(share)) = literal.value().cast_to(&DataType::Float64).ok()? else { return None };
    let is_descending = args.order_bys.first().is_some_and(|order| order.options.descending);
    Some(if is_descending { 1.0 - share } else { share })
}

impl AggregateUDFImpl for ExactPercentile {
    fn name(&self) -> &str {
        self.usual.name()
    }

    fn aliases(&self) -> &[String] {
        self.usual.aliases()
    }

    fn signature(&self) -> &Signature {
        self.usual.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.usual.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.usual.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let (share, output) = (share(&args), args.return_field.data_type().clone());
        let usual = self.usual.accumulator(args)?;
        Ok(match share {
            Some(share) => Box::new(Percentile { usual, share, output }),
            None => usual,
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.usual.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let (share, output) = (share(&args), args.return_field.data_type().clone());
        let usual = self.usual.create_groups_accumulator(args)?;
        Ok(match share {
            Some(share) => Box::new(GroupPercentiles { usual, share, output }),
            None => usual,
        })
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.usual.simplify()
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.usual.documentation()
    }
}

#[derive(Debug)]
struct Percentile {
    usual: Box<dyn Accumulator>,
    share: f64,
    output: DataType,
}

impl Accumulator for Percentile {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.usual.update_batch(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.usual.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        // Taking the state empties the accumulator, which a window would go on with.
        false
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.usual.state()?;
        let Some(ScalarValue::List(lists)) = state.first() else { return ScalarValue::try_from(&self.output) };
        let found = percentiles(lists, self.share, &self.output)?;
        ScalarValue::try_from_array(&found, 0)
    }

    fn size(&self) -> usize {
        self.usual.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.usual.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.usual.merge_batch(states)
    }
}

struct GroupPercentiles {
    usual: Box<dyn GroupsAccumulator>,
    share: f64,
    output: DataType,
}

impl GroupsAccumulator for GroupPercentiles {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&arrow::array::BooleanArray>,
        groups_total: usize,
    ) -> Result<()> {
        self.usual.update_batch(values, groups, filter, groups_total)
    }

    fn evaluate(&mut self, emitted: EmitTo) -> Result<ArrayRef> {
        let state = self.usual.state(emitted)?;
        match state.first().and_then(|lists| lists.as_list_opt::<i32>()) {
            Some(lists) => percentiles(lists, self.share, &self.output),
            None => Ok(arrow::array::new_null_array(&self.output, state.first().map_or(0, |lists| lists.len()))),
        }
    }

    fn state(&mut self, emitted: EmitTo) -> Result<Vec<ArrayRef>> {
        self.usual.state(emitted)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], groups_total: usize) -> Result<()> {
        self.usual.merge_batch(states, groups, groups_total)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&arrow::array::BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.usual.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.usual.size()
    }
}

/// The quantile of each list; NULL for an empty one.
fn percentiles(lists: &ListArray, share: f64, output: &DataType) -> Result<ArrayRef> {
    let found = lists.iter().map(|values| {
        let values = cast(values.as_ref()?, &DataType::Float64).ok()?;
        quantile(values.as_primitive::<Float64Type>().iter().flatten().collect(), share)
    });
    let found: ArrayRef = Arc::new(found.collect::<Float64Array>());
    Ok(cast(&found, output)?)
}

/// The quantile of values in any order. NaN is larger than every number.
fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 values fit into memory")]
    let position = share * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the last index")]
    let below = (position.floor().max(0.0) as usize).min(last);
    let (_, lower, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let lower = *lower;
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 values fit into memory")]
    let weight = position - below as f64;
    // Infinite neighbours make no number when they are multiplied by 0.
    if weight <= 0.0 {
        return Some(lower);
    }
    let upper = above.iter().copied().min_by(f64::total_cmp).unwrap_or(lower);
    Some(if lower.total_cmp(&upper).is_eq() { lower } else { lower + (upper - lower) * weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn quantiles_have_all_their_digits() {
        let context = SessionContext::new();
        let values =
            "(VALUES (1.0, 'a'), (2.0, 'a'), (4.0, 'a'), (8.5, 'a'), (NULL, 'a'), (7.0, 'b'), (NULL, 'c')) t(x, g)";
        let columns = "percentile_cont(0.3) WITHIN GROUP (ORDER BY x), quantile_cont(x, 0.3), \
                       percentile_cont(0.3) WITHIN GROUP (ORDER BY x DESC), quantile_cont(DISTINCT x, 0.5)";
        let run = async |sql: String| {
            let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
            arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
        };
        register(&context).unwrap();
        let whole = run(format!("SELECT {columns} FROM {values} WHERE g <> 'b'")).await;
        assert!(whole.contains("| 1.9 ") && whole.contains("| 4.4499") && whole.contains("| 3.0 "), "{whole}");
        let groups = run(format!("SELECT g, {columns} FROM {values} GROUP BY g ORDER BY g")).await;
        assert!(
            groups.contains("| a | 1.9 ") && groups.contains("| b | 7.0 ") && groups.contains("| c |   "),
            "{groups}"
        );
    }

    #[test]
    fn ends_and_infinities_are_themselves() {
        let values = vec![f64::NEG_INFINITY, 1.0, f64::INFINITY, f64::NAN];
        let at = |share| quantile(values.clone(), share).unwrap();
        assert_eq!((at(0.0), at(1.0 / 3.0), at(2.0 / 3.0)), (f64::NEG_INFINITY, 1.0, f64::INFINITY));
        assert!(at(1.0).is_nan() && quantile(vec![], 0.5).is_none());
        assert_eq!(quantile(vec![5.0], 0.7), Some(5.0));
    }
}
