//! How many distinct values each column has: exact for few values, sketched for many.
//!
//! DataFusion's `approx_distinct` computes such counts, too. Here every value of every column is counted, and a hash that is cheaper than
//! its general one halves the price of a pass. The columns are those that `approx_distinct` takes, except nested ones.

mod counter;
pub(crate) mod hashes;
mod sketch;

use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use counter::Counter;
use plusminus_catalog::DistinctCount;

/// A counter per column. Neither the order of the rows nor their division among workers changes it.
#[derive(Debug)]
pub(crate) struct Sketches {
    columns: Vec<(usize, Counter)>,
}

impl Sketches {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let fields = schema.fields().iter().enumerate();
        let counted = fields.filter(|(_, field)| is_counted(field.data_type()));
        Self { columns: counted.map(|(column, _)| (column, Counter::default())).collect() }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        for (column, counter) in &mut self.columns {
            counter.add(batch.column(*column).as_ref());
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for ((_, counter), (_, other)) in self.columns.iter_mut().zip(&other.columns) {
            counter.merge(other);
        }
    }

    pub(crate) fn counts(&self, schema: &SchemaRef) -> Vec<DistinctCount> {
        let count = |(column, counter): &(usize, Counter)| {
            let (count, relative_error) = counter.count();
            DistinctCount { column: schema.field(*column).name().clone(), count, relative_error }
        };
        self.columns.iter().map(count).collect()
    }
}

/// Whether equal values of the type have equal bytes, and different ones different bytes.
pub(crate) fn is_counted(data_type: &DataType) -> bool {
    use DataType::{Binary, BinaryView, Boolean, LargeBinary, LargeUtf8, Utf8, Utf8View};
    match data_type {
        Boolean | Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView => true,
        other => other.is_primitive() && !other.is_floating(),
    }
}

#[cfg(test)]
mod tests;
