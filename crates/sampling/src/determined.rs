//! Determined columns have one value in each stratum, such as the country of a city: strata determine them as they determine φ.
//!
//! Values are compared by hashes of 64 bits. Most columns are dropped with the first rows; a column that is left at the end was checked in
//! every row of the table.

use crate::distinct::is_counted;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::DataFusionError;

/// The most strata of a family that is searched for such columns.
const STRATA_MAX: usize = 131_072;
/// The most determined columns of a family.
const COLUMNS_MAX: usize = 16;
/// The least mean number of rows per stratum: with fewer, many columns have one value by chance, and none is worth the room.
const ROWS_MIN: u64 = 4;

/// The columns that have had one value in each stratum so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Determined {
    /// Places of columns, each with one hash of its value per stratum; 0 where no row was seen.
    columns: Vec<(usize, Vec<u64>)>,
    hashes: Vec<u64>,
}

impl Determined {
    /// Starts with all columns that hashes can compare, except those of φ; with none where the family is not stratified.
    pub(crate) fn new(schema: &SchemaRef, strata: &[usize], is_stratified: bool) -> Self {
        let fields = schema.fields().iter().enumerate();
        let others = fields.filter(|(at, field)| is_counted(field.data_type()) && !strata.contains(at));
        let columns = others.map(|(at, _)| (at, Vec::new())).filter(|_| is_stratified).collect();
        Self { columns, hashes: Vec::new() }
    }

    /// Takes the rows of a batch: `strata` has the stratum of each row, `count` is the number of strata so far.
    pub(crate) fn add(&mut self, batch: &RecordBatch, strata: &[usize], count: usize) -> Result<(), DataFusionError> {
        if count > STRATA_MAX {
            self.columns.clear();
        }
        let hashes = &mut self.hashes;
        let mut failed = None;
        self.columns.retain_mut(|(column, seen)| {
            seen.resize(count, 0);
            hashes.clear();
            hashes.resize(batch.num_rows(), 0);
            let state = RandomState::with_seed(0);
            if let Err(error) = create_hashes([batch.column(*column)], &state, hashes) {
                failed = Some(error);
                return false;
            }
            strata.iter().zip(hashes.iter()).all(|(stratum, hash)| is_same(&mut seen[*stratum], (*hash).max(1)))
        });
        failed.map_or(Ok(()), Err)
    }

    /// These columns, with no row seen.
    pub(crate) fn without_strata(&self) -> Self {
        let columns = self.columns.iter().map(|(column, _)| (*column, Vec::new())).collect();
        Self { columns, hashes: Vec::new() }
    }

    /// Adds the columns of another worker, whose strata have the numbers `places` here.
    pub(crate) fn merge(&mut self, other: &Self, places: &[u32], count: usize) {
        self.columns.retain_mut(|(column, seen)| {
            seen.resize(count, 0);
            let Some((_, theirs)) = other.columns.iter().find(|(own, _)| own == column) else { return false };
            let own = theirs.iter().zip(places).filter(|(hash, _)| **hash != 0);
            own.into_iter().all(|(hash, place)| is_same(&mut seen[*place as usize], *hash))
        });
    }

    /// The columns that have one value in each stratum; `rows` has the number of rows per stratum.
    pub(crate) fn columns(&self, rows: &[u64]) -> Vec<usize> {
        if rows.iter().sum::<u64>() < ROWS_MIN * rows.len() as u64 {
            return Vec::new();
        }
        let whole = self.columns.iter().filter(|(_, seen)| seen.len() == rows.len() && !seen.contains(&0));
        whole.map(|(column, _)| *column).take(COLUMNS_MAX).collect()
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(|(_, seen)| seen.capacity()).sum::<usize>() * size_of::<u64>()
    }
}

fn is_same(slot: &mut u64, hash: u64) -> bool {
    if *slot == 0 {
        *slot = hash;
    }
    *slot == hash
}

/// The value of `column` in the first row of each stratum; `rows` has chunk and row of each.
pub(crate) fn values(
    column: usize,
    rows: &[(usize, usize)],
    chunks: &[RecordBatch],
) -> Result<arrow::array::ArrayRef, ArrowError> {
    let arrays: Vec<&dyn arrow::array::Array> = chunks.iter().map(|chunk| chunk.column(column).as_ref()).collect();
    arrow::compute::interleave(&arrays, rows)
}

#[cfg(test)]
mod tests;
