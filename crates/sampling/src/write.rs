//! Writes levels to files.

use crate::error::SamplingError;
use crate::layout::{Level, Placed};
use crate::merge::Family;
use arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{Draft, FileEntry, LevelEntry, level_schema};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The number of rows gathered at a time.
const GATHER_ROWS: usize = 8192;

/// Writes all blocks of all levels on `threads` threads.
pub(crate) fn write_levels(
    draft: &Draft,
    family: &Family,
    stratum_rows: &[u64],
    levels: &[Level],
    threads: usize,
    on_rows: &(dyn Fn(u64) + Sync),
) -> Result<Vec<LevelEntry>, SamplingError> {
    let jobs: Vec<(usize, usize)> =
        levels.iter().enumerate().flat_map(|(l, level)| (0..level.blocks.len()).map(move |b| (l, b))).collect();
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<FileEntry, SamplingError>)>> = Mutex::new(Vec::new());
    let chunks: Vec<&RecordBatch> = family.chunks.iter().collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    let Some((level, block)) = jobs.get(job).copied() else { break };
                    let file = format!("level-{level:02}-block-{block:03}.parquet");
                    let rows = &levels[level].blocks[block];
                    let written = write_block(draft, &file, family, &chunks, stratum_rows, rows);
                    on_rows(rows.len() as u64);
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((job, written));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(job, _)| *job);
    let mut entries: Vec<LevelEntry> = levels.iter().map(|l| LevelEntry { rows: l.rows, blocks: Vec::new() }).collect();
    for (job, entry) in done {
        entries[jobs[job].0].blocks.push(entry?);
    }
    Ok(entries)
}

fn write_block(
    draft: &Draft,
    file: &str,
    family: &Family,
    chunks: &[&RecordBatch],
    stratum_rows: &[u64],
    rows: &[Placed],
) -> Result<FileEntry, SamplingError> {
    let table = chunks.first().map_or_else(|| Arc::new(Schema::empty()), |c| c.schema());
    let schema = level_schema(&table);
    let parts = rows.chunks(GATHER_ROWS).map(|part| gather(&schema, family, chunks, stratum_rows, part));
    Ok(draft.write(file, &schema, parts)?)
}

fn gather(
    schema: &SchemaRef,
    family: &Family,
    chunks: &[&RecordBatch],
    stratum_rows: &[u64],
    part: &[Placed],
) -> Result<RecordBatch, ArrowError> {
    let kept = || part.iter().map(|p| &family.rows[p.kept]);
    let places: Vec<(usize, usize)> = kept().map(|k| (k.chunk as usize, k.row as usize)).collect();
    let values = interleave_record_batch(chunks, &places)?;
    let mut columns: Vec<ArrayRef> = values.columns().to_vec();
    columns.push(Arc::new(UInt32Array::from_iter_values(kept().map(|k| k.stratum))));
    columns.push(Arc::new(UInt64Array::from_iter_values(kept().map(|k| stratum_rows[k.stratum as usize]))));
    columns.push(Arc::new(UInt32Array::from_iter_values(part.iter().map(|p| p.rank))));
    columns.push(Arc::new(UInt64Array::from_iter_values(kept().map(|k| k.priority))));
    RecordBatch::try_new(Arc::clone(schema), columns)
}
