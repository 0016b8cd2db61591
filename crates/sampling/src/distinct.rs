//! How many distinct values each column has, sketched on the way.

use crate::error::SamplingError;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::logical_expr::Accumulator;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::col;
use plusminus_catalog::DistinctCount;
use std::sync::Arc;

/// DataFusion's HyperLogLog has 2¹⁴ registers: a standard error of 1.04/√2¹⁴ (Flajolet and others, 2007).
const SKETCH_ERROR: f64 = 1.04 / 128.0;

/// DataFusion's own `approx_distinct` for every column whose type it takes (no floating-point numbers). Neither the order of the rows nor their
/// division among workers changes a sketch.
#[derive(Debug)]
pub(crate) struct Sketches {
    columns: Vec<(usize, Box<dyn Accumulator>)>,
}

impl Sketches {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let columns = (0..schema.fields().len()).filter(|column| is_counted(schema.field(*column).data_type()));
        let sketched = columns.filter_map(|column| Some((column, sketch(schema, column).ok()?)));
        Self { columns: sketched.collect() }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), SamplingError> {
        for (column, sketch) in &mut self.columns {
            sketch.update_batch(std::slice::from_ref(batch.column(*column)))?;
        }
        Ok(())
    }

    pub(crate) fn merge(&mut self, other: Self) -> Result<(), SamplingError> {
        for ((_, sketch), (_, mut other)) in self.columns.iter_mut().zip(other.columns) {
            let state = other.state()?.iter().map(ScalarValue::to_array).collect::<Result<Vec<ArrayRef>>>()?;
            sketch.merge_batch(&state)?;
        }
        Ok(())
    }

    pub(crate) fn counts(self, schema: &SchemaRef) -> Result<Vec<DistinctCount>, SamplingError> {
        let mut counts = Vec::with_capacity(self.columns.len());
        for (column, mut sketch) in self.columns {
            let field = schema.field(column);
            if let ScalarValue::UInt64(Some(count)) = sketch.evaluate()? {
                let relative_error = if is_exact(field.data_type()) { 0.0 } else { SKETCH_ERROR };
                counts.push(DistinctCount { column: field.name().clone(), count, relative_error });
            }
        }
        Ok(counts)
    }
}

/// Nested values cost much to hash, and are not what is counted.
fn is_counted(data_type: &DataType) -> bool {
    !data_type.is_nested()
}

/// Types of so few values that DataFusion notes each of them.
fn is_exact(data_type: &DataType) -> bool {
    use DataType::{Boolean, Int8, Int16, Null, UInt8, UInt16};
    matches!(data_type, Boolean | Int8 | Int16 | Null | UInt8 | UInt16)
}

/// An error for types that `approx_distinct` does not take.
fn sketch(schema: &SchemaRef, column: usize) -> Result<Box<dyn Accumulator>> {
    let argument = col(schema.field(column).name(), schema)?;
    let aggregate = AggregateExprBuilder::new(approx_distinct_udaf(), vec![argument]);
    aggregate.schema(Arc::clone(schema)).alias("distinct").build()?.create_accumulator()
}

#[cfg(test)]
mod tests;
