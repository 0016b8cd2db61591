//! Parquet files of a generation: written, hashed, and read back only when every hash matches.

use crate::error::CatalogError;
use crate::folder;
use crate::manifest::{FileEntry, RowGroupEntry};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The row's stratum: its place among the strata, counted from 0.
pub const STRATUM: &str = "__stratum";
/// The number of table rows in the row's stratum.
pub const STRATUM_ROWS: &str = "__stratum_rows";
/// The row's place by priority within its stratum, counted from 0.
pub const RANK: &str = "__rank";
/// The row's priority; lower ones are kept first.
pub const PRIORITY: &str = "__priority";
/// What a level carries beside the table's own columns.
pub const LEVEL_COLUMNS: [&str; 4] = [STRATUM, STRATUM_ROWS, RANK, PRIORITY];

/// The schema of a level file of a table: its columns, then [`LEVEL_COLUMNS`].
#[must_use]
pub fn level_schema(table: &Schema) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = table.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(STRATUM, DataType::UInt32, false)));
    fields.push(Arc::new(Field::new(STRATUM_ROWS, DataType::UInt64, false)));
    fields.push(Arc::new(Field::new(RANK, DataType::UInt32, false)));
    fields.push(Arc::new(Field::new(PRIORITY, DataType::UInt64, false)));
    Arc::new(Schema::new(fields))
}

/// Hashes a finished Parquet file as it stands on the disk.
pub(crate) fn describe(folder: &Path, file: &str) -> Result<FileEntry, CatalogError> {
    let path = folder.join(file);
    let bytes = Bytes::from(folder::read_promised(&path)?);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|e| CatalogError::encode(&path, e))?;
    let row_groups = row_group_ranges(reader.metadata())
        .into_iter()
        .map(|(rows, start, length)| {
            let part = slice(&bytes, start, length)
                .ok_or_else(|| CatalogError::damaged(&path, "row group outside the file"))?;
            Ok(RowGroupEntry { rows, start, bytes: length, xxh3: xxh3_64(part) })
        })
        .collect::<Result<Vec<_>, CatalogError>>()?;
    let rows = row_groups.iter().map(|g| g.rows).sum();
    let frame_xxh3 =
        frame_hash(&bytes, &row_groups).ok_or_else(|| CatalogError::damaged(&path, "row groups overlap"))?;
    let blake3 = crate::seal::checksum(&bytes);
    Ok(FileEntry { file: file.to_owned(), rows, bytes: bytes.len() as u64, blake3, row_groups, frame_xxh3 })
}

/// Decodes `columns` (all when `None`) of a file after checking every byte of it.
pub(crate) fn read(
    folder: &Path,
    entry: &FileEntry,
    columns: Option<&[String]>,
) -> Result<Vec<RecordBatch>, CatalogError> {
    let path = folder.join(&entry.file);
    let bytes = Bytes::from(folder::read_promised(&path)?);
    check_hashes(&path, &bytes, entry)?;
    let damaged = |e: &dyn std::fmt::Display| CatalogError::damaged(&path, format!("it cannot be decoded ({e})"));
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| damaged(&e))?;
    if let Some(columns) = columns {
        let fields = builder.schema().fields().iter().enumerate();
        let wanted = fields.filter(|(_, field)| columns.contains(field.name())).map(|(index, _)| index);
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.collect::<Vec<_>>());
        builder = builder.with_projection(mask);
    }
    let rows = usize::try_from(entry.rows).unwrap_or(usize::MAX).max(1);
    let reader = builder.with_batch_size(rows).build().map_err(|e| damaged(&e))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| damaged(&e))?;
    let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if found as u64 != entry.rows {
        return Err(CatalogError::damaged(&path, format!("it holds {found} rows, its manifest says {}", entry.rows)));
    }
    Ok(batches)
}

/// Compares the xxh3 of each row group and of what lies around them.
fn check_hashes(path: &Path, bytes: &Bytes, entry: &FileEntry) -> Result<(), CatalogError> {
    if bytes.len() as u64 != entry.bytes {
        let what = format!("it has {} bytes, its manifest says {}", bytes.len(), entry.bytes);
        return Err(CatalogError::damaged(path, what));
    }
    for (number, group) in entry.row_groups.iter().enumerate() {
        if slice(bytes, group.start, group.bytes).map(xxh3_64) != Some(group.xxh3) {
            return Err(CatalogError::damaged(path, format!("row group {number} does not match its checksum")));
        }
    }
    if frame_hash(bytes, &entry.row_groups) != Some(entry.frame_xxh3) {
        return Err(CatalogError::damaged(path, "its footer does not match its checksum"));
    }
    Ok(())
}

/// Compares the blake3 of the whole file, the slow and certain check.
pub(crate) fn check_whole(folder: &Path, entry: &FileEntry) -> Result<(), CatalogError> {
    let path = folder.join(&entry.file);
    let bytes = folder::read_promised(&path)?;
    if crate::seal::checksum(&bytes) == entry.blake3 {
        Ok(())
    } else {
        Err(CatalogError::damaged(path, "its content does not match its checksum"))
    }
}

/// (rows, first byte, length) of each row group.
fn row_group_ranges(metadata: &ParquetMetaData) -> Vec<(u64, u64, u64)> {
    let groups = metadata.row_groups().iter();
    groups
        .map(|group| {
            let ranges = group.columns().iter().map(|c| c.byte_range());
            let (start, end) =
                ranges.fold((u64::MAX, 0), |(low, high), (at, length)| (low.min(at), high.max(at + length)));
            let start = start.min(end);
            (u64::try_from(group.num_rows()).unwrap_or(0), start, end - start)
        })
        .collect()
}

/// xxh3 of everything outside the row groups; `None` when they are not in order within the file.
fn frame_hash(bytes: &[u8], row_groups: &[RowGroupEntry]) -> Option<u64> {
    let mut hash = Xxh3::new();
    let mut at = 0;
    for group in row_groups {
        hash.update(slice(bytes, at, group.start.checked_sub(at)?)?);
        at = group.start.checked_add(group.bytes)?;
    }
    hash.update(slice(bytes, at, (bytes.len() as u64).checked_sub(at)?)?);
    Some(hash.digest())
}

fn slice(bytes: &[u8], start: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    bytes.get(start..end)
}

/// The schema of a file that holds no rows.
pub(crate) fn read_schema(folder: &Path, entry: &FileEntry) -> Result<SchemaRef, CatalogError> {
    let path = folder.join(&entry.file);
    let bytes = Bytes::from(folder::read_promised(&path)?);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| CatalogError::damaged(&path, e))?;
    Ok(Arc::clone(reader.schema()))
}
