//! MIN and MAX of floats in one order wherever they are computed: NaN is larger than any other number, −0.0 is smaller than 0.0.
//!
//! DuckDB and DataFusion's sort order NaN so. DataFusion's accumulators of groups take whatever comes after a NaN instead.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion::prelude::SessionContext;
use std::cmp::Ordering;
use std::sync::Arc;

/// The order of floats: NaN is the largest, −0.0 is below 0.0.
pub fn compare(one: f64, other: f64) -> Ordering {
    one.is_nan().cmp(&other.is_nan()).then_with(|| if one.is_nan() { Ordering::Equal } else { one.total_cmp(&other) })
}

/// The larger or smaller of two floats.
pub fn further(one: f64, other: f64, is_max: bool) -> f64 {
    if (compare(one, other) == Ordering::Less) == is_max { other } else { one }
}

/// Makes MIN and MAX of `context` those of this order.
pub fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    for (name, is_max) in [("min", false), ("max", true)] {
        let usual = state.udaf(name)?;
        state.register_udaf(Arc::new(AggregateUDF::new_from_impl(FloatExtreme { usual, is_max })))?;
    }
    Ok(())
}

/// DataFusion's MIN or MAX with accumulators of floats that know NaN.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatExtreme {
    usual: Arc<AggregateUDF>,
    is_max: bool,
}

fn is_float(args: &AccumulatorArgs<'_>) -> bool {
    args.return_field.data_type().is_floating()
}

impl AggregateUDFImpl for FloatExtreme {
    fn name(&self) -> &str {
        self.usual.name()
    }

    fn signature(&self) -> &Signature {
        self.usual.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.usual.return_type(types)
    }

    fn return_field(&self, arguments: &[FieldRef]) -> Result<FieldRef> {
        self.usual.return_field(arguments)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match is_float(&args) {
            true => Ok(Box::new(Extremes::new(self.is_max, args.return_field.data_type()))),
            false => self.usual.accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.usual.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.usual.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match is_float(&args) {
            true => Ok(Box::new(Extremes::new(self.is_max, args.return_field.data_type()))),
            false => self.usual.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.usual.create_sliding_accumulator(args)
    }

    fn is_descending(&self) -> Option<bool> {
        Some(self.is_max)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.usual.coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.usual.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.usual.inner().set_monotonicity(data_type)
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.usual.inner().value_from_stats(args)
    }
}

/// The extremes of floats by group, or of all rows as one group.
#[derive(Debug)]
struct Extremes {
    is_max: bool,
    data_type: DataType,
    /// For each group its extreme; `None` without a value.
    found: Vec<Option<f64>>,
}

impl Extremes {
    fn new(is_max: bool, data_type: &DataType) -> Self {
        Self { is_max, data_type: data_type.clone(), found: Vec::new() }
    }

    fn add(&mut self, values: &ArrayRef, filter: Option<&BooleanArray>, group: impl Fn(usize) -> usize) -> Result<()> {
        // Floats of fewer bits convert to 64 bits exactly.
        let values = cast(values, &DataType::Float64)?;
        let passes = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, value) in values.as_primitive::<Float64Type>().iter().enumerate() {
            let Some(value) = value.filter(|_| passes(row)) else { continue };
            let slot = &mut self.found[group(row)];
            *slot = Some(slot.map_or(value, |known| further(known, value, self.is_max)));
        }
        Ok(())
    }

    fn array(&self, found: Vec<Option<f64>>) -> Result<ArrayRef> {
        let found: ArrayRef = Arc::new(Float64Array::from(found));
        Ok(cast(&found, &self.data_type)?)
    }
}

impl Accumulator for Extremes {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.found.resize(1, None);
        self.add(&values[0], None, |_| 0)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.array(vec![self.found.first().copied().flatten()])?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![Accumulator::evaluate(self)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        Accumulator::update_batch(self, states)
    }
}

impl GroupsAccumulator for Extremes {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.found.resize(count, None);
        self.add(&values[0], filter, |row| groups[row])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let found = emit_to.take_needed(&mut self.found);
        self.array(found)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![GroupsAccumulator::evaluate(self, emit_to)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        GroupsAccumulator::update_batch(self, states, groups, None, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        Ok(vec![match filter {
            Some(filter) => {
                let is_left_out: BooleanArray = filter.iter().map(|keep| Some(keep != Some(true))).collect();
                arrow::compute::nullif(&values[0], &is_left_out)?
            }
            None => Arc::clone(&values[0]),
        }])
    }

    fn size(&self) -> usize {
        self.found.capacity() * size_of::<Option<f64>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_a_number_is_the_largest() {
        let nan = f64::NAN;
        for (values, min, max) in [
            (vec![1.0, nan, -5.0, 3.0], -5.0, nan),
            (vec![nan, 2.0], 2.0, nan),
            (vec![f64::INFINITY, -0.0, 0.0], -0.0, f64::INFINITY),
            (vec![nan, -nan], nan, nan),
        ] {
            let fold = |is_max| values.iter().copied().reduce(|a, b| further(a, b, is_max)).unwrap();
            for (found, expected) in [(fold(false), min), (fold(true), max)] {
                assert_eq!(compare(found, expected), Ordering::Equal, "{values:?}: {found} {expected}");
            }
        }
    }
}
