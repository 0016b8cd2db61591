//! Conditions on rows. Comparisons of numbers with literals use the processor's vectors; DataFusion evaluates anything else.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use std::sync::Arc;

/// Rows per word of bits.
const WORD: usize = u64::BITS as usize;

/// A condition on rows.
#[derive(Debug)]
pub(crate) struct Condition {
    expr: Arc<dyn PhysicalExpr>,
    /// Comparisons whose conjunction is `expr`; empty when `expr` is anything else.
    comparisons: Vec<Comparison>,
}

/// A comparison of a column of numbers with a literal of its type.
#[derive(Debug)]
struct Comparison {
    column: usize,
    operator: Operator,
    literal: Number,
}

#[derive(Clone, Copy, Debug)]
enum Number {
    I64(i64),
    I32(i32),
    F64(f64),
}

impl Condition {
    /// The condition that `expr` is over batches with this schema.
    pub(crate) fn new(expr: Arc<dyn PhysicalExpr>, schema: &Schema) -> Self {
        let mut comparisons = Vec::new();
        // No conjunct may fail on rows that another one leaves out, so that either all are comparisons or none is used as one.
        if !collect(&expr, schema, &mut comparisons) {
            comparisons.clear();
        }
        Self { expr, comparisons }
    }

    /// The rows of `batch` for which the condition is true, neither false nor NULL; `None` when its type is not Boolean.
    pub(crate) fn truth(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>> {
        let mut all: Option<BooleanBuffer> = None;
        for comparison in &self.comparisons {
            let Some(own) = comparison.truth(batch) else { return self.evaluated(batch) };
            all = Some(match all {
                Some(all) => &all & &own,
                None => own,
            });
        }
        match all {
            Some(all) => Ok(Some(all)),
            None => self.evaluated(batch),
        }
    }

    /// The rows of `batch` that pass this condition of WHERE.
    pub(crate) fn passing(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        self.truth(batch)?.ok_or_else(|| DataFusionError::Execution("WHERE is not a condition".to_owned()))
    }

    fn evaluated(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>> {
        let truth = self.expr.evaluate(batch)?.into_array(batch.num_rows())?;
        let Some(truth) = truth.as_boolean_opt() else { return Ok(None) };
        Ok(Some(match truth.nulls().filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => truth.values() & nulls.inner(),
            None => truth.values().clone(),
        }))
    }
}

/// Takes `expr` apart into comparisons; false where anything else is part of it.
fn collect(expr: &Arc<dyn PhysicalExpr>, schema: &Schema, found: &mut Vec<Comparison>) -> bool {
    let Some(binary) = expr.downcast_ref::<BinaryExpr>() else { return false };
    if *binary.op() == Operator::And {
        return collect(binary.left(), schema, found) && collect(binary.right(), schema, found);
    }
    let sides = |one: &Arc<dyn PhysicalExpr>, other: &Arc<dyn PhysicalExpr>| {
        let column = one.downcast_ref::<Column>()?.index();
        let literal = Number::of(other.downcast_ref::<Literal>()?.value(), schema.field(column).data_type())?;
        Some((column, literal))
    };
    let comparison = match sides(binary.left(), binary.right()) {
        Some(sides) => Some((sides, Some(*binary.op()))),
        None => sides(binary.right(), binary.left()).map(|sides| (sides, binary.op().swap())),
    };
    let Some(((column, literal), Some(operator))) = comparison else { return false };
    if !matches!(
        operator,
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq | Operator::Eq | Operator::NotEq
    ) {
        return false;
    }
    found.push(Comparison { column, operator, literal });
    true
}

impl Number {
    /// The literal, if a column of this type can be compared with it by the processor's vectors.
    fn of(literal: &ScalarValue, data_type: &DataType) -> Option<Self> {
        match (literal, data_type) {
            (ScalarValue::Int64(Some(number)), DataType::Int64) => Some(Self::I64(*number)),
            (ScalarValue::Int32(Some(number)), DataType::Int32)
            | (ScalarValue::Date32(Some(number)), DataType::Date32) => Some(Self::I32(*number)),
            // NaN comes before or after all numbers, and there are two zeros.
            (ScalarValue::Float64(Some(number)), DataType::Float64) => {
                (!number.is_nan()).then_some(Self::F64(*number + 0.0))
            }
            _ => None,
        }
    }
}

impl Comparison {
    /// The rows for which the comparison is true; `None` where a float is NaN.
    fn truth(&self, batch: &RecordBatch) -> Option<BooleanBuffer> {
        let column: &ArrayRef = batch.column(self.column);
        let words = match (self.literal, column.data_type()) {
            (Number::I64(number), _) => i64::words(column.as_primitive::<Int64Type>().values(), self.operator, number),
            (Number::I32(number), DataType::Date32) => {
                i32::words(column.as_primitive::<Date32Type>().values(), self.operator, number)
            }
            (Number::I32(number), _) => i32::words(column.as_primitive::<Int32Type>().values(), self.operator, number),
            (Number::F64(number), _) => {
                let values = column.as_primitive::<Float64Type>().values();
                if are_any_nan(values) {
                    return None;
                }
                f64::words(values, self.operator, number)
            }
        };
        let bits = BooleanBuffer::new(words.into(), 0, column.len());
        Some(match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            Some(nulls) => &bits & nulls.inner(),
            None => bits,
        })
    }
}

/// Whether any value is NaN, those under a NULL included.
fn are_any_nan(values: &[f64]) -> bool {
    values.chunks(WORD).any(|some| some.iter().fold(false, |any, value| any | value.is_nan()))
}

/// Numbers that are compared by the processor's vectors.
trait Compared: Copy {
    /// A bit per number: whether it compares with `literal` as the operator says.
    fn words(values: &[Self], operator: Operator, literal: Self) -> Vec<u64>;
}

const LESS: u8 = 0;
const AT_MOST: u8 = 1;
const MORE: u8 = 2;
const AT_LEAST: u8 = 3;
const EQUAL: u8 = 4;

macro_rules! compared {
    ($number:ty, $vector:ident) => {
        impl Compared for $number {
            fn words(values: &[Self], operator: Operator, literal: Self) -> Vec<u64> {
                #[inline(always)]
                fn compared_words<S: Simd, const OPERATOR: u8>(simd: S, values: &[$number], literal: $number) -> Vec<u64> {
                    words_of::<S, S::$vector, OPERATOR>(simd, values, literal)
                }
                let (mut words, is_not) = dispatch!(Level::new(), simd => match operator {
                    Operator::Lt => (compared_words::<_, LESS>(simd, values, literal), false),
                    Operator::LtEq => (compared_words::<_, AT_MOST>(simd, values, literal), false),
                    Operator::Gt => (compared_words::<_, MORE>(simd, values, literal), false),
                    Operator::GtEq => (compared_words::<_, AT_LEAST>(simd, values, literal), false),
                    other => (compared_words::<_, EQUAL>(simd, values, literal), other == Operator::NotEq),
                });
                if is_not {
                    words.iter_mut().for_each(|word| *word = !*word);
                }
                words
            }
        }
    };
}

compared!(i64, i64s);
compared!(i32, i32s);
compared!(f64, f64s);

#[inline(always)]
fn words_of<S: Simd, V: SimdBase<S>, const OPERATOR: u8>(
    simd: S,
    values: &[V::Element],
    literal: V::Element,
) -> Vec<u64> {
    let literal = V::splat(simd, literal);
    let (full, rest) = values.as_chunks::<WORD>();
    let mut words = Vec::with_capacity(full.len() + 1);
    for numbers in full {
        words.push(word::<S, V, OPERATOR>(simd, numbers, literal));
    }
    if let Some(last) = rest.last() {
        let mut numbers = [*last; WORD];
        numbers[..rest.len()].copy_from_slice(rest);
        words.push(word::<S, V, OPERATOR>(simd, &numbers, literal));
    }
    words
}

#[inline(always)]
fn word<S: Simd, V: SimdBase<S>, const OPERATOR: u8>(simd: S, numbers: &[V::Element; WORD], literal: V) -> u64 {
    let (mut bits, mut at) = (0, 0);
    for some in numbers.chunks_exact(V::LEN) {
        let own = V::from_slice(simd, some);
        let mask = match OPERATOR {
            LESS => own.simd_lt(literal),
            AT_MOST => own.simd_le(literal),
            MORE => own.simd_gt(literal),
            AT_LEAST => own.simd_ge(literal),
            _ => own.simd_eq(literal),
        };
        bits |= mask.to_bitmask() << at;
        at += V::LEN;
    }
    bits
}

#[cfg(test)]
mod tests;
