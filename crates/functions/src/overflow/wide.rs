//! Accumulators wider than the values they add.

use crate::error::Failure;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, PrimitiveArray};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, DecimalType,
    Int64Type, UInt64Type, i256,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use std::collections::HashSet;
use std::sync::Arc;

/// A type that sums are accumulated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wide {
    /// 128 bits, for whole numbers of 64 bits.
    I128,
    /// 256 bits, for decimals of up to 38 digits.
    I256 { scale: i8 },
}

impl Wide {
    /// The type of partial sums.
    pub(crate) fn state_type(self) -> DataType {
        match self {
            Self::I128 => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
            Self::I256 { scale } => DataType::Decimal256(DECIMAL256_MAX_PRECISION, scale),
        }
    }

    /// Sums as an array of partial sums.
    fn state(self, sums: &[Option<i256>]) -> Result<ArrayRef> {
        Ok(match self {
            Self::I128 => {
                let sums: Decimal128Array = sums.iter().map(|sum| sum.and_then(i256::to_i128)).collect();
                Arc::new(sums.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?)
            }
            Self::I256 { scale } => {
                let sums: Decimal256Array = sums.iter().copied().collect();
                Arc::new(sums.with_precision_and_scale(DECIMAL256_MAX_PRECISION, scale)?)
            }
        })
    }

    /// Sums in the type of the result; one beyond it is an error that names the column.
    fn output(self, sums: &[Option<i256>], data_type: &DataType, name: &str) -> Result<ArrayRef> {
        let beyond = || overflow(name, data_type);
        match data_type {
            DataType::Int64 => {
                let one =
                    |sum: &Option<i256>| sum.map(|s| to_i128(s, beyond)?.try_into().map_err(|_| beyond())).transpose();
                let sums = sums.iter().map(one).collect::<Result<PrimitiveArray<Int64Type>>>()?;
                Ok(Arc::new(sums))
            }
            DataType::UInt64 => {
                let one =
                    |sum: &Option<i256>| sum.map(|s| to_i128(s, beyond)?.try_into().map_err(|_| beyond())).transpose();
                let sums = sums.iter().map(one).collect::<Result<PrimitiveArray<UInt64Type>>>()?;
                Ok(Arc::new(sums))
            }
            DataType::Decimal128(precision, scale) => {
                let one = |sum: &Option<i256>| sum.map(|s| to_i128(s, beyond)).transpose();
                let sums = sums.iter().map(one).collect::<Result<Decimal128Array>>()?;
                let is_beyond = |sum: Option<i128>| {
                    sum.is_some_and(|s| Decimal128Type::validate_decimal_precision(s, *precision, *scale).is_err())
                };
                if sums.iter().any(is_beyond) {
                    return Err(beyond());
                }
                Ok(Arc::new(sums.with_precision_and_scale(*precision, *scale)?))
            }
            other => {
                Ok(cast_with_options(&self.state(sums)?, other, &CastOptions { safe: false, ..Default::default() })?)
            }
        }
    }
}

fn to_i128(sum: i256, beyond: impl Fn() -> DataFusionError) -> Result<i128> {
    sum.to_i128().ok_or_else(beyond)
}

/// The error of a sum that left its type.
fn overflow(name: &str, data_type: &DataType) -> DataFusionError {
    let argument =
        name.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or(name, |(argument, _)| argument);
    let way_out = match data_type {
        DataType::Decimal128(..) => format!("SUM(CAST({argument} AS DOUBLE)), or AVG({argument})"),
        _ => format!("SUM(CAST({argument} AS DECIMAL(38, 0))), SUM(CAST({argument} AS DOUBLE)) or AVG({argument})"),
    };
    Failure::of_data(format!("{name} is beyond the range of {data_type}"), way_out)
}

/// Calls `visit(row, value)` for every value that is not NULL.
fn each(values: &ArrayRef, mut visit: impl FnMut(usize, i256)) -> Result<()> {
    fn all<T: Copy>(values: &[T], array: &dyn Array, widen: impl Fn(T) -> i256, visit: &mut dyn FnMut(usize, i256)) {
        for (row, value) in values.iter().enumerate() {
            if array.is_valid(row) {
                visit(row, widen(*value));
            }
        }
    }
    let visit = &mut visit;
    match values.data_type() {
        DataType::Int64 => {
            all(values.as_primitive::<Int64Type>().values(), values, |v| i256::from_i128(v.into()), visit)
        }
        DataType::UInt64 => {
            all(values.as_primitive::<UInt64Type>().values(), values, |v| i256::from_i128(v.into()), visit);
        }
        DataType::Decimal128(..) => {
            all(values.as_primitive::<Decimal128Type>().values(), values, i256::from_i128, visit);
        }
        DataType::Decimal256(..) => all(values.as_primitive::<Decimal256Type>().values(), values, |v| v, visit),
        _ => {
            let whole = cast(values, &DataType::Int64)?;
            all(whole.as_primitive::<Int64Type>().values(), &whole, |v| i256::from_i128(v.into()), visit);
        }
    }
    Ok(())
}

/// The sum of whole numbers of 64 bits in 128; `None` for other types and with NULLs, `Some(None)` without values.
fn whole_sum(values: &ArrayRef) -> Option<Option<i128>> {
    /// Halves of 32 bits whose sum always fits into 64.
    const BLOCK: usize = 1 << 30;
    let DataType::Int64 = values.data_type() else { return None };
    let numbers = values.as_primitive::<Int64Type>();
    if numbers.null_count() > 0 {
        return None;
    }
    let halves = |block: &[i64]| {
        // Two plain sums, which the processor's vectors do, in place of one that carries.
        let high: i64 = block.iter().map(|v| v >> 32).sum();
        let low: i64 = block.iter().map(|v| v & 0xffff_ffff).sum();
        (i128::from(high) << 32) + i128::from(low)
    };
    Some((!numbers.is_empty()).then(|| numbers.values().chunks(BLOCK).map(halves).sum()))
}

/// The sum of all rows; rows may be taken out again, as windows slide.
#[derive(Debug)]
pub(super) struct Total {
    wide: Wide,
    name: String,
    data_type: DataType,
    sum: i256,
    rows: i64,
}

impl Total {
    /// An accumulator for values of `data_type`; `name` is what errors call it.
    pub(super) fn new(wide: Wide, name: &str, data_type: &DataType) -> Self {
        Self { wide, name: name.to_owned(), data_type: data_type.clone(), sum: i256::ZERO, rows: 0 }
    }

    fn add(&mut self, values: &ArrayRef, sign: i64) -> Result<()> {
        if let Some(sum) = whole_sum(values) {
            let sum = i256::from_i128(sum.unwrap_or(0));
            self.sum = if sign > 0 { self.sum.wrapping_add(sum) } else { self.sum.wrapping_sub(sum) };
            self.rows += sign * i64::try_from(values.len()).unwrap_or(i64::MAX);
            return Ok(());
        }
        let (mut sum, mut rows) = (i256::ZERO, 0);
        each(values, |_, value| {
            sum = sum.wrapping_add(value);
            rows += sign;
        })?;
        self.sum = if sign > 0 { self.sum.wrapping_add(sum) } else { self.sum.wrapping_sub(sum) };
        self.rows += rows;
        Ok(())
    }

    fn sums(&self) -> [Option<i256>; 1] {
        [(self.rows != 0).then_some(self.sum)]
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.wide.output(&self.sums(), &self.data_type, &self.name)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.name.capacity()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::try_from_array(&self.wide.state(&self.sums())?, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(&states[0], 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}

/// The sum of distinct whole numbers.
#[derive(Debug)]
pub(crate) struct DistinctSum {
    name: String,
    data_type: DataType,
    values: HashSet<i128>,
}

impl DistinctSum {
    /// An accumulator for values of `data_type`; `name` is what errors call it.
    pub(super) fn new(name: &str, data_type: &DataType) -> Self {
        Self { name: name.to_owned(), data_type: data_type.clone(), values: HashSet::new() }
    }

    fn scalar(&self, value: i128) -> ScalarValue {
        match self.data_type {
            DataType::UInt64 => ScalarValue::UInt64(value.try_into().ok()),
            _ => ScalarValue::Int64(value.try_into().ok()),
        }
    }
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |_, value| {
            self.values.extend(value.to_i128());
        })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.values.iter().fold(i256::ZERO, |sum, value| sum.wrapping_add(i256::from_i128(*value)));
        let sums = [(!self.values.is_empty()).then_some(sum)];
        ScalarValue::try_from_array(&Wide::I128.output(&sums, &self.data_type, &self.name)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<i128>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> = self.values.iter().map(|value| self.scalar(*value)).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &self.data_type))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }
}

/// Sums by group.
#[derive(Debug)]
pub(crate) struct GroupSums {
    wide: Wide,
    name: String,
    data_type: DataType,
    sums: Vec<Option<i256>>,
    /// Sums in 128 bits, by group, which take half the room.
    small: Vec<Option<i128>>,
}

impl GroupSums {
    /// An accumulator for values of `data_type`; `name` is what errors call it.
    pub(super) fn new(wide: Wide, name: &str, data_type: &DataType) -> Self {
        Self { wide, name: name.to_owned(), data_type: data_type.clone(), sums: Vec::new(), small: Vec::new() }
    }

    fn add(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>, count: usize) -> Result<()> {
        let passes = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        if self.wide != Wide::I128 {
            self.sums.resize(count, None);
            return each(values, |row, value| {
                if passes(row) {
                    let sum = &mut self.sums[groups[row]];
                    *sum = Some(sum.unwrap_or(i256::ZERO).wrapping_add(value));
                }
            });
        }
        self.small.resize(count, None);
        let small = &mut self.small;
        if let (DataType::Int64, 0, None) = (values.data_type(), values.null_count(), filter) {
            for (group, value) in groups.iter().zip(values.as_primitive::<Int64Type>().values()) {
                let sum = &mut small[*group];
                *sum = Some(sum.unwrap_or(0) + i128::from(*value));
            }
            return Ok(());
        }
        each(values, |row, value| {
            if passes(row) {
                let sum = &mut small[groups[row]];
                *sum = Some(sum.unwrap_or(0).wrapping_add(value.to_i128().unwrap_or(i128::MAX)));
            }
        })
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Option<i256>> {
        match self.wide {
            Wide::I128 => {
                emit_to.take_needed(&mut self.small).into_iter().map(|sum| sum.map(i256::from_i128)).collect()
            }
            Wide::I256 { .. } => emit_to.take_needed(&mut self.sums),
        }
    }
}

impl GroupsAccumulator for GroupSums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.add(&values[0], groups, filter, count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.take(emit_to);
        self.wide.output(&sums, &self.data_type, &self.name)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = self.take(emit_to);
        Ok(vec![self.wide.state(&sums)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.add(&states[0], groups, None, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut sums = vec![None; values[0].len()];
        let passes = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        each(&values[0], |row, value| {
            if passes(row) {
                sums[row] = Some(value);
            }
        })?;
        Ok(vec![self.wide.state(&sums)?])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Option<i256>>() + self.small.capacity() * size_of::<Option<i128>>()
    }
}
