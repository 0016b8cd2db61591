//! SUM that fails when it leaves its type.

use super::wide::{DistinctSum, GroupSums, Total, Wide};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};
use std::sync::Arc;

/// DataFusion's SUM with accumulators that do not wrap.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CheckedSum {
    usual: Arc<AggregateUDF>,
}

impl CheckedSum {
    /// The checked form of the usual SUM.
    pub(super) fn new(usual: Arc<AggregateUDF>) -> Self {
        Self { usual }
    }
}

/// The type that a sum is accumulated in; `None` for types whose usual accumulator cannot leave its type.
fn wide(input: &FieldRef, output: &DataType) -> Option<Wide> {
    /// With ten more digits a sum of fewer than 10^10 rows fits.
    const DIGITS_SAFE: u8 = 28;
    match (input.data_type(), output) {
        (_, DataType::Int64 | DataType::UInt64) => Some(Wide::I128),
        (DataType::Decimal128(digits, _), DataType::Decimal128(_, scale)) if *digits > DIGITS_SAFE => {
            Some(Wide::I256 { scale: *scale })
        }
        _ => None,
    }
}

fn wide_of(args: &AccumulatorArgs<'_>) -> Option<Wide> {
    wide(args.expr_fields.first()?, args.return_field.data_type())
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.usual.name()
    }

    fn signature(&self) -> &Signature {
        self.usual.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.usual.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let output = args.return_field.data_type();
        match wide_of(&args) {
            Some(Wide::I128) if args.is_distinct => Ok(Box::new(DistinctSum::new(args.name, output))),
            Some(wide) if !args.is_distinct => Ok(Box::new(Total::new(wide, args.name, output))),
            _ => self.usual.accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let wide = args.input_fields.first().and_then(|input| wide(input, args.return_field.data_type()));
        match wide.filter(|_| !args.is_distinct) {
            Some(wide) => Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), wide.state_type(), true))]),
            None => self.usual.state_fields(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.usual.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match wide_of(&args) {
            Some(wide) => Ok(Box::new(GroupSums::new(wide, args.name, args.return_field.data_type()))),
            None => self.usual.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match wide_of(&args) {
            Some(wide) if !args.is_distinct => Ok(Box::new(Total::new(wide, args.name, args.return_field.data_type()))),
            _ => self.usual.create_sliding_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.usual.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.usual.inner().set_monotonicity(data_type)
    }

    fn simplify_expr_op_literal(
        &self,
        call: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        is_left: bool,
    ) -> Result<Option<Expr>> {
        self.usual.inner().simplify_expr_op_literal(call, argument, operator, literal, is_left)
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.usual.inner().value_from_stats(args)
    }
}
