//! How many distinct values each column has, sketched on the way.
//!
//! DataFusion's `approx_distinct` does the same; here every value of every column passes, and a hash that is cheaper
//! than its general one halves the price of a pass. The columns are those that `approx_distinct` takes, except nested ones.

pub(crate) mod hashes;
mod sketch;

use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::DistinctCount;
use sketch::{SKETCH_ERROR, Sketch};

/// A sketch per column. Neither the order of the rows nor their division among workers changes it.
#[derive(Debug)]
pub(crate) struct Sketches {
    columns: Vec<(usize, Sketch)>,
}

impl Sketches {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let fields = schema.fields().iter().enumerate();
        let counted = fields.filter(|(_, field)| is_counted(field.data_type()));
        Self { columns: counted.map(|(column, _)| (column, Sketch::default())).collect() }
    }

    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        for (column, sketch) in &mut self.columns {
            hashes::for_each(batch.column(*column).as_ref(), |hash| sketch.add(hash));
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for ((_, sketch), (_, other)) in self.columns.iter_mut().zip(&other.columns) {
            sketch.merge(other);
        }
    }

    pub(crate) fn counts(&self, schema: &SchemaRef) -> Vec<DistinctCount> {
        let count = |(column, sketch): &(usize, Sketch)| DistinctCount {
            column: schema.field(*column).name().clone(),
            count: sketch.count(),
            relative_error: SKETCH_ERROR,
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
