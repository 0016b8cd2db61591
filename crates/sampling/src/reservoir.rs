//! The rows of one family that may still be kept.
//!
//! Invariant: every row that belongs to the final sample of the rows offered so far is held. A family keeps, per stratum, the K lowest
//! priorities. K never grows while rows arrive (with a SIZE, K is the largest cap whose sample fits, and strata only grow), so dropping
//! rows beyond the present K loses nothing. Strata of a tail are kept whole. Rows held stay within a constant factor of the final sample,
//! whatever the table's size.

use crate::error::SamplingError;
use crate::tally::{Quota, Tally};
use arrow::array::{BooleanArray, UInt32Array};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

/// Rows per chunk; a held row's place is (number / CHUNK, number % CHUNK).
pub(crate) const CHUNK: usize = 8192;

/// A held row, without its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) priority: u64,
    pub(crate) stratum: u32,
}

pub(crate) struct Reservoir {
    quota: Quota,
    /// Per stratum: rows above this priority can no longer be kept.
    thresholds: Vec<u64>,
    pub(crate) entries: Vec<Entry>,
    /// One tie-breaker per entry for rows of equal priority: the rows' own priorities in a universe sample, else empty.
    pub(crate) ties: Vec<u64>,
    pub(crate) chunks: Vec<RecordBatch>,
    open: BatchCoalescer,
    chosen: Vec<u32>,
    /// The number of entries at which the next compaction is due.
    limit: usize,
    bytes: u64,
}

const SLACK_ROWS: usize = 65_536;

impl Reservoir {
    pub(crate) fn new(schema: SchemaRef, quota: Quota) -> Self {
        let expected = match quota {
            Quota::Cap(_) | Quota::Below(_) => SLACK_ROWS,
            Quota::Rows(n) => usize::try_from(n).unwrap_or(usize::MAX / 2),
        };
        Self {
            quota,
            thresholds: Vec::new(),
            entries: Vec::new(),
            ties: Vec::new(),
            chunks: Vec::new(),
            open: BatchCoalescer::new(schema, CHUNK),
            chosen: Vec::new(),
            limit: next_limit(expected),
            bytes: 0,
        }
    }

    /// Offers rows; `tally` has the sizes of the strata with these rows included. In a universe sample `priorities` are those of the keys
    /// and `ties` those of the rows.
    pub(crate) fn offer(
        &mut self,
        batch: &RecordBatch,
        strata: &[usize],
        priorities: &[u64],
        ties: Option<&[u64]>,
        tally: &Tally,
    ) -> Result<(), SamplingError> {
        self.thresholds.resize(tally.rows.len(), self.quota.threshold());
        self.chosen.clear();
        for (row, (&stratum, &priority)) in strata.iter().zip(priorities).enumerate() {
            if priority <= self.thresholds[stratum] {
                self.chosen.push(as_u32(row));
                self.entries.push(Entry { priority, stratum: as_u32(stratum) });
                self.ties.extend(ties.map(|ties| ties[row]));
            }
        }
        if !self.chosen.is_empty() {
            let indices = UInt32Array::from(std::mem::take(&mut self.chosen));
            self.open.push_batch_with_indices(batch.clone(), &indices)?;
            self.collect_chunks();
        }
        if self.entries.len() > self.limit {
            self.compact(tally)?;
        }
        Ok(())
    }

    /// Drops rows that can no longer be kept.
    pub(crate) fn compact(&mut self, tally: &Tally) -> Result<(), SamplingError> {
        // Rows below a fixed priority stay.
        if let Quota::Below(_) = self.quota {
            self.limit = next_limit(self.entries.len());
            return Ok(());
        }
        self.finish()?;
        let cap = usize::try_from(self.quota.cap(tally)).unwrap_or(usize::MAX);
        let keep = self.lowest(cap, tally);
        let schema = self.open.schema();
        let chunks = std::mem::take(&mut self.chunks);
        self.open = BatchCoalescer::new(schema, CHUNK);
        self.bytes = 0;
        for (number, chunk) in chunks.into_iter().enumerate() {
            let start = number * CHUNK;
            let mask = BooleanArray::from(keep[start..start + chunk.num_rows()].to_vec());
            self.open.push_batch_with_filter(chunk, &mask)?;
            self.collect_chunks();
        }
        let mut number = 0;
        self.entries.retain(|_| {
            number += 1;
            keep[number - 1]
        });
        self.limit = next_limit(self.entries.len());
        Ok(())
    }

    /// Marks the `cap` lowest priorities of each stratum (all, in the tail) and lowers the thresholds to the last of them.
    fn lowest(&mut self, cap: usize, tally: &Tally) -> Vec<bool> {
        let mut order: Vec<(u32, u64, u32)> =
            self.entries.iter().enumerate().map(|(at, e)| (e.stratum, e.priority, as_u32(at))).collect();
        order.sort_unstable();
        let mut keep = vec![false; self.entries.len()];
        for run in order.chunk_by(|a, b| a.0 == b.0) {
            let cap = if tally.is_tail(run[0].0 as usize) { usize::MAX } else { cap };
            for (_, _, at) in run.iter().take(cap) {
                keep[*at as usize] = true;
            }
            if run.len() >= cap {
                self.thresholds[run[0].0 as usize] = run[cap - 1].1;
            }
        }
        keep
    }

    /// Closes the chunk under construction; chunks but the last are full.
    pub(crate) fn finish(&mut self) -> Result<(), SamplingError> {
        self.open.finish_buffered_batch()?;
        self.collect_chunks();
        Ok(())
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + (self.entries.len() * size_of::<Entry>()) as u64
    }

    fn collect_chunks(&mut self) {
        while let Some(chunk) = self.open.next_completed_batch() {
            self.bytes += chunk.get_array_memory_size() as u64;
            self.chunks.push(chunk);
        }
    }
}

fn next_limit(kept: usize) -> usize {
    kept.saturating_add((kept / 2).max(SLACK_ROWS))
}

/// Rows of a batch, strata and held rows are all bounded far below 2³².
fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
