//! Strata found so far, numbered in the order of their appearance.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use plusminus_catalog::TAIL;
use std::sync::Arc;

/// Numbers the distinct values of φ with DataFusion's own group hashing; NULL is a value. In a family with a tail,
/// whether a row is of the tail counts as one more column of φ, the last. Without columns all rows are one stratum.
pub(crate) struct Interner {
    columns: Vec<usize>,
    values: Option<Box<dyn GroupValues>>,
    ids: Vec<usize>,
    seen: bool,
}

impl Interner {
    pub(crate) fn new(schema: &SchemaRef, columns: &[usize], has_tail: bool) -> Result<Self, DataFusionError> {
        let fields = key_fields(schema, columns, has_tail);
        let values = if fields.is_empty() {
            None
        } else {
            Some(new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?)
        };
        Ok(Self { columns: columns.to_vec(), values, ids: Vec::new(), seen: false })
    }

    /// Finds the stratum of every row of `batch`; `tail` marks the rows of the tail. The result is in [`ids`](Self::ids).
    pub(crate) fn intern(&mut self, batch: &RecordBatch, tail: Option<&BooleanBuffer>) -> Result<(), DataFusionError> {
        let mut keys: Vec<ArrayRef> = self.columns.iter().map(|c| Arc::clone(batch.column(*c))).collect();
        keys.extend(tail.map(|tail| Arc::new(BooleanArray::from(tail.clone())) as ArrayRef));
        self.intern_keys(&keys, batch.num_rows())
    }

    pub(crate) fn intern_keys(&mut self, keys: &[ArrayRef], rows: usize) -> Result<(), DataFusionError> {
        self.seen |= rows > 0;
        match &mut self.values {
            Some(values) => values.intern(keys, &mut self.ids)?,
            None => {
                self.ids.clear();
                self.ids.resize(rows, 0);
            }
        }
        Ok(())
    }

    /// The stratum of each row interned last.
    pub(crate) fn ids(&self) -> &[usize] {
        &self.ids
    }

    /// The number of strata.
    pub(crate) fn len(&self) -> usize {
        self.values.as_ref().map_or(usize::from(self.seen), |v| v.len())
    }

    /// Bytes held, about.
    pub(crate) fn bytes(&self) -> usize {
        self.values.as_ref().map_or(0, |values| values.size()) + self.ids.capacity() * size_of::<usize>()
    }

    /// The values of φ, one array per column, one value per stratum in the order of the numbers.
    pub(crate) fn into_keys(self) -> Result<Vec<ArrayRef>, DataFusionError> {
        match self.values {
            Some(mut values) if !values.is_empty() => values.emit(EmitTo::All),
            _ => Ok(Vec::new()),
        }
    }
}

/// The columns that make a stratum.
pub(crate) fn key_fields(schema: &SchemaRef, columns: &[usize], has_tail: bool) -> Vec<Field> {
    let fields = columns.iter().map(|column| schema.field(*column).clone());
    fields.chain(has_tail.then(|| Field::new(TAIL, DataType::Boolean, false))).collect()
}
