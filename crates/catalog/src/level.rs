//! Parquet files of a generation: written, hashed, and read back only when every hash matches.

mod parts;

use crate::draft::properties;
use crate::entries::{FileEntry, RowGroupEntry};
use crate::error::CatalogError;
use crate::folder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, KeyValue, ParquetMetaData, ParquetStatisticsPolicy, RowGroupMetaData,
};
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;
use parts::Parts;
use std::ops::Range;
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
/// The columns that a level has after the table's own.
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

/// The name under which a footer has the xxh3 of the column chunks.
const CHUNK_HASHES: &str = "plusminus.xxh3";

/// Hashes a finished Parquet file as it stands on the disk.
pub(crate) fn describe(folder: &Path, file: &str) -> Result<FileEntry, CatalogError> {
    let path = folder.join(file);
    let bytes = Bytes::from(folder::read_promised(&path)?);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).map_err(|e| CatalogError::encode(&path, e))?;
    let groups =
        row_group_ranges(reader.metadata()).into_iter().zip(reader.metadata().row_groups().iter().map(strata_of));
    let row_groups = groups
        .map(|((rows, start, length), strata)| {
            let part = slice(&bytes, start, length)
                .ok_or_else(|| CatalogError::damaged(&path, "row group outside the file"))?;
            Ok(RowGroupEntry { rows, start, bytes: length, xxh3: xxh3_64(part), strata })
        })
        .collect::<Result<Vec<_>, CatalogError>>()?;
    let rows = row_groups.iter().map(|g| g.rows).sum();
    let frame_xxh3 =
        frame_hash(&bytes, &row_groups).ok_or_else(|| CatalogError::damaged(&path, "row groups overlap"))?;
    let blake3 = crate::seal::checksum(&bytes);
    Ok(FileEntry { file: file.to_owned(), rows, bytes: bytes.len() as u64, blake3, row_groups, frame_xxh3 })
}

/// The first and the last stratum of a row group, by the statistics of its column.
fn strata_of(group: &RowGroupMetaData) -> Option<(u32, u32)> {
    let strata = group.columns().iter().find(|chunk| chunk.column_path().string() == STRATUM)?;
    let Statistics::Int32(values) = strata.statistics()? else { return None };
    let stratum = |value: Option<&i32>| u32::try_from(*value?).ok();
    let is_exact = values.min_is_exact() && values.max_is_exact();
    is_exact.then_some((stratum(values.min_opt())?, stratum(values.max_opt())?))
}

/// Writes batches of one schema as a Parquet file whose footer has the xxh3 of every column chunk, so that some columns can be read and
/// checked without the others.
pub(crate) fn write(
    file: &Path,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<(), CatalogError> {
    let encode = |e: ParquetError| CatalogError::encode(file, e);
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties().map_err(encode)?)).map_err(encode)?;
    for batch in batches {
        writer.write(&batch.map_err(|e| CatalogError::encode(file, e))?).map_err(encode)?;
    }
    writer.flush().map_err(encode)?;
    writer.sync().map_err(|e| CatalogError::io(file, e))?;
    let hashes = chunk_hashes(writer.inner(), writer.flushed_row_groups());
    writer.append_key_value_metadata(KeyValue::new(CHUNK_HASHES.to_owned(), hashes));
    let bytes = writer.into_inner().map_err(encode)?;
    std::fs::write(file, bytes).map_err(|e| CatalogError::io(file, e))
}

/// The xxh3 of every column chunk in 16 digits, row group by row group.
fn chunk_hashes(bytes: &[u8], groups: &[RowGroupMetaData]) -> String {
    let chunks = groups.iter().flat_map(RowGroupMetaData::columns);
    let hash = |chunk: &ColumnChunkMetaData| {
        let (start, length) = chunk.byte_range();
        format!("{:016x}", xxh3_64(slice(bytes, start, length).unwrap_or_default()))
    };
    chunks.map(hash).collect()
}

/// The parts of a file to decode.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Selection<'a> {
    /// The columns; all when `None`.
    pub(crate) columns: Option<&'a [String]>,
    /// The row groups by number, ascending; all when `None`.
    pub(crate) row_groups: Option<&'a [usize]>,
}

impl Selection<'_> {
    fn has_row_group(&self, number: usize) -> bool {
        self.row_groups.is_none_or(|chosen| chosen.binary_search(&number).is_ok())
    }

    fn rows(&self, entry: &FileEntry) -> u64 {
        let groups = entry.row_groups.iter().enumerate();
        groups.filter(|(number, _)| self.has_row_group(*number)).map(|(_, group)| group.rows).sum()
    }
}

/// Decodes some parts of a file after checking every byte that is decoded.
pub(crate) fn read(
    folder: &Path,
    entry: &FileEntry,
    selection: Selection<'_>,
) -> Result<Vec<RecordBatch>, CatalogError> {
    let path = folder.join(&entry.file);
    let builder = match selection.columns {
        Some(columns) => some_columns(&path, entry, columns, selection)?,
        None => None,
    };
    let rows = selection.rows(entry);
    match builder {
        Some(builder) => decoded(builder, &path, rows, selection),
        None => decoded(all_columns(&path, entry, selection.columns)?, &path, rows, selection),
    }
}

/// A reader of the whole file.
fn all_columns(
    path: &Path,
    entry: &FileEntry,
    columns: Option<&[String]>,
) -> Result<ParquetRecordBatchReaderBuilder<Bytes>, CatalogError> {
    let bytes = Bytes::from(folder::read_promised(path)?);
    check_hashes(path, &bytes, entry)?;
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| undecodable(path, &e))?;
    if let Some(columns) = columns {
        let mask = mask(builder.schema(), builder.parquet_schema(), columns);
        builder = builder.with_projection(mask);
    }
    Ok(builder)
}

/// A reader of the footer and the chunks of some columns; `None` where the footer does not have their hashes, as in files of earlier versions.
fn some_columns(
    path: &Path,
    entry: &FileEntry,
    columns: &[String],
    selection: Selection<'_>,
) -> Result<Option<ParquetRecordBatchReaderBuilder<Parts>>, CatalogError> {
    let mut file = folder::open_promised(path)?;
    let length = file.metadata().map_err(|e| CatalogError::io(path, e))?.len();
    if length != entry.bytes {
        return Err(wrong_length(path, length, entry));
    }
    let mut parts = Parts { length, parts: Vec::new() };
    let mut frame = Xxh3::new();
    for range in around(&entry.row_groups, length).ok_or_else(|| CatalogError::damaged(path, "row groups overlap"))? {
        frame.update(parts.read(&mut file, range).map_err(|e| CatalogError::io(path, e))?);
    }
    if frame.digest() != entry.frame_xxh3 {
        return Err(CatalogError::damaged(path, "its footer does not match its checksum"));
    }
    let metadata = ArrowReaderMetadata::load(&parts, without_statistics()).map_err(|e| undecodable(path, &e))?;
    let Some(hashes) = hashes_of(metadata.metadata()) else { return Ok(None) };
    let mask = mask(metadata.schema(), metadata.parquet_schema(), columns);
    let groups = metadata.metadata().row_groups().iter().enumerate();
    let chunks =
        groups.flat_map(|(number, group)| group.columns().iter().enumerate().map(move |chunk| (number, chunk)));
    let is_chosen = |number: usize, leaf: usize| selection.has_row_group(number) && mask.leaf_included(leaf);
    for ((_, (leaf, chunk)), hash) in chunks.zip(hashes).filter(|((number, (leaf, _)), _)| is_chosen(*number, *leaf)) {
        let (start, length) = chunk.byte_range();
        let bytes = parts.read(&mut file, start..start + length).map_err(|e| CatalogError::io(path, e))?;
        if xxh3_64(bytes) != hash {
            let name = chunk.column_path();
            return Err(CatalogError::damaged(
                path,
                format!("column {name} (leaf {leaf}) does not match its checksum"),
            ));
        }
    }
    parts.parts.sort_unstable_by_key(|(start, _)| *start);
    Ok(Some(ParquetRecordBatchReaderBuilder::new_with_metadata(parts, metadata).with_projection(mask)))
}

/// Options that skip the statistics in footers: levels are read by column, and decoding them takes most of the time of a wide footer.
fn without_statistics() -> ArrowReaderOptions {
    let skip = ParquetStatisticsPolicy::SkipAll;
    ArrowReaderOptions::new()
        .with_encoding_stats_policy(skip.clone())
        .with_column_stats_policy(skip.clone())
        .with_size_stats_policy(skip)
}

fn decoded<T: ChunkReader + 'static>(
    mut builder: ParquetRecordBatchReaderBuilder<T>,
    path: &Path,
    expected: u64,
    selection: Selection<'_>,
) -> Result<Vec<RecordBatch>, CatalogError> {
    if let Some(chosen) = selection.row_groups {
        builder = builder.with_row_groups(chosen.to_vec());
    }
    let rows = usize::try_from(expected).unwrap_or(usize::MAX).max(1);
    let reader = builder.with_batch_size(rows).build().map_err(|e| undecodable(path, &e))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| undecodable(path, &e))?;
    let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if found as u64 != expected {
        return Err(CatalogError::damaged(path, format!("it holds {found} rows, its manifest says {expected}")));
    }
    Ok(batches)
}

fn mask(schema: &Schema, parquet: &SchemaDescriptor, columns: &[String]) -> ProjectionMask {
    let fields = schema.fields().iter().enumerate();
    let wanted = fields.filter(|(_, field)| columns.contains(field.name())).map(|(index, _)| index);
    ProjectionMask::roots(parquet, wanted.collect::<Vec<_>>())
}

/// The hashes of all column chunks, as the footer has them.
fn hashes_of(metadata: &ParquetMetaData) -> Option<Vec<u64>> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    let text = pairs.iter().find(|pair| pair.key == CHUNK_HASHES)?.value.as_ref()?;
    let chunks: usize = metadata.row_groups().iter().map(RowGroupMetaData::num_columns).sum();
    let hash = |at: usize| u64::from_str_radix(text.get(16 * at..16 * at + 16)?, 16).ok();
    (0..chunks).map(hash).collect()
}

fn undecodable(path: &Path, error: &dyn std::fmt::Display) -> CatalogError {
    CatalogError::damaged(path, format!("it cannot be decoded ({error})"))
}

fn wrong_length(path: &Path, length: u64, entry: &FileEntry) -> CatalogError {
    CatalogError::damaged(path, format!("it has {length} bytes, its manifest says {}", entry.bytes))
}

/// Compares the xxh3 of each row group and of what lies around them.
fn check_hashes(path: &Path, bytes: &Bytes, entry: &FileEntry) -> Result<(), CatalogError> {
    if bytes.len() as u64 != entry.bytes {
        return Err(wrong_length(path, bytes.len() as u64, entry));
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
    for range in around(row_groups, bytes.len() as u64)? {
        hash.update(slice(bytes, range.start, range.end - range.start)?);
    }
    Some(hash.digest())
}

/// The byte ranges around the row groups of a file of `length` bytes; `None` when the row groups are not in order within it.
fn around(row_groups: &[RowGroupEntry], length: u64) -> Option<Vec<Range<u64>>> {
    let mut found = Vec::with_capacity(row_groups.len() + 1);
    let mut at = 0;
    for group in row_groups {
        group.start.checked_sub(at)?;
        found.push(at..group.start);
        at = group.start.checked_add(group.bytes)?;
    }
    length.checked_sub(at)?;
    found.push(at..length);
    Some(found)
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
