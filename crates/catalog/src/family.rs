//! Reading a family's data.

use crate::entries::FileEntry;
use crate::error::CatalogError;
use crate::level::{self, Selection};
use crate::manifest::Manifest;
use crate::store::Store;
use crate::strata::Strata;
use crate::values::ValueRanges;
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;

/// The result of a full check of a family.
#[derive(Debug, Default)]
pub struct Verification {
    /// Files read and compared.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// One error for each file that is not what its manifest says.
    pub damage: Vec<CatalogError>,
}

impl Store {
    /// Reads the strata of a generation: their values, sizes and caps, and the counts and ranges of some of the table's columns (of all
    /// when `None`). Other columns must not be asked for then, because a column without NULLs is one without a column of counts.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names the file.
    pub fn strata(&self, manifest: &Manifest, columns: Option<&[String]>) -> Result<Strata, CatalogError> {
        let folder = self.data_folder(manifest);
        let file = folder.join(&manifest.strata.file);
        let names = columns.map(|columns| Strata::columns_for(manifest, columns));
        let batches =
            level::read(&folder, &manifest.strata, Selection { columns: names.as_deref(), row_groups: None })?;
        let schema = batches.first().map(RecordBatch::schema);
        let schema = match schema {
            Some(schema) => schema,
            // Without strata there is no batch that has the schema.
            None => level::read_schema(&folder, &manifest.strata)?,
        };
        let batch = concat_batches(&schema, &batches).map_err(|e| CatalogError::damaged(&file, e))?;
        if batch.num_rows() as u64 != manifest.strata_count {
            return Err(CatalogError::damaged(&file, "the number of strata is not the manifest's"));
        }
        let keys = manifest.design.stratified_by.len() + manifest.determined.len();
        Strata::from_batch(batch, keys, &file)
    }

    /// Reads the ranges by value, if there are any.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names the file.
    pub fn values(&self, manifest: &Manifest) -> Result<Option<ValueRanges>, CatalogError> {
        let Some(entry) = &manifest.values else { return Ok(None) };
        let folder = self.data_folder(manifest);
        let batches = level::read(&folder, entry, Selection::default())?;
        let Some(first) = batches.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), &batches);
        Ok(Some(ValueRanges::new(batch.map_err(|e| CatalogError::damaged(folder.join(&entry.file), e))?)))
    }

    /// Reads one level on at most `threads` threads, block after block, each sorted by stratum and rank. `columns` limits the columns that
    /// are read and decoded, `row_groups` the row groups, by their ascending numbers in the level.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names the block.
    pub fn level(
        &self,
        manifest: &Manifest,
        level: usize,
        columns: Option<&[String]>,
        row_groups: Option<&[u32]>,
        threads: usize,
    ) -> Result<Vec<RecordBatch>, CatalogError> {
        let folder = self.data_folder(manifest);
        let blocks = manifest.levels.get(level).map_or_else(Vec::new, |level| chosen(&level.blocks, row_groups));
        let read = |blocks: &[ChosenBlock<'_>]| -> Result<Vec<RecordBatch>, CatalogError> {
            let parts = blocks.iter().map(|(block, row_groups)| {
                level::read(&folder, block, Selection { columns, row_groups: row_groups.as_deref() })
            });
            Ok(parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        };
        let share = blocks.len().div_ceil(threads.max(1));
        if share == blocks.len() {
            return read(&blocks);
        }
        std::thread::scope(|scope| {
            let parts: Vec<_> = blocks.chunks(share).map(|blocks| scope.spawn(move || read(blocks))).collect();
            let mut all = Vec::with_capacity(blocks.len());
            for part in parts {
                let died = |_| Err(CatalogError::damaged(&folder, "a thread that read it died"));
                all.extend(part.join().unwrap_or_else(died)?);
            }
            Ok(all)
        })
    }

    /// Compares every byte of a generation with its manifest.
    #[must_use]
    pub fn verify(&self, manifest: &Manifest) -> Verification {
        let folder = self.data_folder(manifest);
        let blocks = manifest.levels.iter().flat_map(|l| &l.blocks);
        let mut found = Verification::default();
        let joined = self.joined(manifest).unwrap_or_default();
        let joined = joined.iter().flat_map(|joined| &joined.levels);
        for entry in std::iter::once(&manifest.strata).chain(&manifest.values).chain(blocks).chain(joined) {
            found.files += 1;
            found.bytes += entry.bytes;
            if let Err(damage) = level::check_whole(&folder, entry) {
                found.damage.push(damage);
            }
        }
        found
    }
}

/// A block and those of its row groups that are read; all when `None`.
type ChosenBlock<'a> = (&'a FileEntry, Option<Vec<usize>>);

/// The blocks that hold some of a level's row groups.
fn chosen<'a>(blocks: &'a [FileEntry], row_groups: Option<&[u32]>) -> Vec<ChosenBlock<'a>> {
    let Some(mut left) = row_groups else { return blocks.iter().map(|block| (block, None)).collect() };
    let (mut first, mut found) = (0, Vec::new());
    for block in blocks {
        let end = first + block.row_groups.len();
        let (own, others) = left.split_at(left.partition_point(|number| (*number as usize) < end));
        if !own.is_empty() {
            found.push((block, Some(own.iter().map(|number| *number as usize - first).collect())));
        }
        (first, left) = (end, others);
    }
    found
}
