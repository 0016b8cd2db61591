//! Strata found so far, numbered in the order of their appearance.

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;

/// Numbers the distinct values of φ with DataFusion's own group hashing; NULL is a value. Without columns all rows
/// are one stratum.
pub(crate) struct Interner {
    columns: Vec<usize>,
    values: Option<Box<dyn GroupValues>>,
    ids: Vec<usize>,
    seen: bool,
}

impl Interner {
    pub(crate) fn new(schema: &SchemaRef, columns: &[usize]) -> Result<Self, DataFusionError> {
        let values = if columns.is_empty() {
            None
        } else {
            let keys: Schema = schema.project(columns)?;
            Some(new_group_values(Arc::new(keys), &GroupOrdering::None)?)
        };
        Ok(Self { columns: columns.to_vec(), values, ids: Vec::new(), seen: false })
    }

    /// Finds the stratum of every row of `batch`; see [`ids`](Self::ids).
    pub(crate) fn intern(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let keys: Vec<ArrayRef> = self.columns.iter().map(|c| Arc::clone(batch.column(*c))).collect();
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

    /// The strata of the rows interned last.
    pub(crate) fn ids(&self) -> &[usize] {
        &self.ids
    }

    /// The number of strata.
    pub(crate) fn len(&self) -> usize {
        self.values.as_ref().map_or(usize::from(self.seen), |v| v.len())
    }

    /// The values of φ, one array per column, in the order of the numbers.
    pub(crate) fn into_keys(self) -> Result<Vec<ArrayRef>, DataFusionError> {
        match self.values {
            Some(mut values) if !values.is_empty() => values.emit(EmitTo::All),
            _ => Ok(Vec::new()),
        }
    }
}
