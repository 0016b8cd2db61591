//! Whether a key is one: no two rows of a table agree in its columns.

use super::encode::{Encoder, Keys};
use super::paged_bitmap::PagedBitmap;
use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::hash_utils::RandomState;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use futures::StreamExt;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Hashes that are looked at as they come, so that columns of few values are given up early.
const EARLY_MAX: usize = 1 << 16;
/// Numbers after which pages are looked at for whether they are too empty.
const LOOKED_AFTER: usize = 1 << 12;
/// Hashes that several rows have whose rows are compared.
const COMPARED_MAX: usize = 1 << 10;
/// Rows of a partition after which those of a repeated key are counted no further.
const COUNTED_ROWS: u64 = 1 << 21;

/// What the rows of a table say of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProof {
    /// Rows that were read; not all of them where a key is repeated.
    pub rows: u64,
    /// Rows of these whose key has a NULL.
    pub nulls: u64,
    /// A key that several rows have; `None` where there is none.
    pub duplicate: Option<DuplicateKey>,
}

/// A key that several rows have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateKey {
    /// Its values in words, separated by commas.
    pub values: String,
    /// The number of rows that have it.
    pub rows: u64,
    /// Whether all rows were counted; otherwise there may be more.
    pub is_counted: bool,
}

/// Reads the columns of `scan`, which are those of a key, and says whether two of its rows agree in all of them. NULL equals nothing.
///
/// # Errors
/// What reading the table brings.
pub async fn prove(scan: &Arc<dyn ExecutionPlan>, task: &Arc<TaskContext>) -> Result<KeyProof> {
    let proof = proven(scan, task, EARLY_MAX).await?;
    // Different keys had the same hash, and the reading stopped for them.
    match proof {
        Some(proof) => Ok(proof),
        None => Ok(proven(scan, task, 0).await?.unwrap_or(KeyProof { rows: 0, nulls: 0, duplicate: None })),
    }
}

/// The proof, with so many hashes looked at as they come; `None` where that was in vain.
async fn proven(scan: &Arc<dyn ExecutionPlan>, task: &Arc<TaskContext>, early_max: usize) -> Result<Option<KeyProof>> {
    let types: Vec<DataType> = scan.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let found_by = Arc::new(AtomicUsize::new(usize::MAX));
    let next = AtomicUsize::new(0);
    let seen = partitions(scan, task, |stream| {
        let (types, found_by, number) = (types.clone(), Arc::clone(&found_by), next.fetch_add(1, Ordering::Relaxed));
        async move { seen(stream, &types, early_max, (number, &found_by)).await }
    });
    let mut all = Seen::default();
    for part in seen.await? {
        all.merge(part);
    }
    let suspects = all.suspects();
    let (rows, nulls, is_early) = (all.rows, all.nulls, found_by.load(Ordering::Relaxed) < usize::MAX);
    drop(all);
    if suspects.is_empty() {
        return Ok(Some(KeyProof { rows, nulls, duplicate: None }));
    }
    let duplicate = duplicate(scan, task, &types, &Arc::new(suspects)).await?;
    let is_vain = is_early && duplicate.is_none();
    Ok((!is_vain).then_some(KeyProof { rows, nulls, duplicate }))
}

/// Runs `work` on every partition of a plan at the same time.
pub(crate) async fn partitions<T: Send + 'static, F: Future<Output = Result<T>> + Send + 'static>(
    scan: &Arc<dyn ExecutionPlan>,
    task: &Arc<TaskContext>,
    work: impl Fn(SendableRecordBatchStream) -> F,
) -> Result<Vec<T>> {
    // A plan that was run keeps what it has read.
    let scan = reset_plan_states(Arc::clone(scan))?;
    let streams = execute_stream_partitioned(scan, Arc::clone(task))?;
    let tasks: Vec<_> = streams.into_iter().map(|stream| SpawnedTask::spawn(work(stream))).collect();
    let mut all = Vec::with_capacity(tasks.len());
    for task in tasks {
        all.push(task.join_unwind().await.map_err(|e| datafusion::error::DataFusionError::External(Box::new(e)))??);
    }
    Ok(all)
}

/// The keys of the rows read so far.
#[derive(Default)]
struct Seen {
    rows: u64,
    nulls: u64,
    whole: PagedBitmap,
    /// Whole numbers that are too scattered for pages, or hashes of other keys.
    list: Vec<u64>,
    is_listed: bool,
    /// A number, or a hash, that several rows have.
    repeated: Option<u64>,
    /// The first hashes, at most `early_max`.
    early: HashSet<u64, RandomState>,
    early_max: usize,
}

async fn seen(
    mut stream: SendableRecordBatchStream,
    types: &[DataType],
    early_max: usize,
    (number, found_by): (usize, &AtomicUsize),
) -> Result<Seen> {
    let encoder = Encoder::new(types)?;
    let mut seen = Seen { early_max, ..Seen::default() };
    while let Some(batch) = stream.next().await {
        seen.add(&encoder.keys(batch?.columns())?);
        if seen.repeated.is_some() {
            found_by.fetch_min(number, Ordering::Relaxed);
        }
        // Partitions before it read on, so that the key that is named does not depend on which of them is faster.
        if found_by.load(Ordering::Relaxed) <= number {
            break;
        }
    }
    Ok(seen)
}

#[expect(clippy::cast_sign_loss, reason = "one to one")]
impl Seen {
    fn add(&mut self, keys: &Keys) {
        self.rows += keys.len() as u64;
        self.nulls += keys.nulls() as u64;
        match keys {
            Keys::Whole(keys) => keys.iter().flatten().for_each(|key| self.add_whole(key)),
            Keys::Bytes(rows, valid) => {
                self.is_listed = true;
                let is_valid = |at: usize| valid.as_ref().is_none_or(|valid| valid.is_valid(at));
                for row in (0..rows.num_rows()).filter(|at| is_valid(*at)).map(|at| rows.row(at)) {
                    self.add_hash(hash(row.as_ref()));
                }
            }
        }
    }

    fn add_whole(&mut self, key: i64) {
        if self.is_listed {
            self.list.push(key as u64);
        } else if !self.whole.insert(key) {
            self.repeated.get_or_insert(key as u64);
        } else if self.whole.len().is_multiple_of(LOOKED_AFTER) && self.whole.are_sparse() {
            self.list_numbers();
        }
    }

    fn add_hash(&mut self, hash: u64) {
        self.list.push(hash);
        if self.early.len() < self.early_max && !self.early.insert(hash) {
            self.repeated.get_or_insert(hash);
        }
    }

    fn list_numbers(&mut self) {
        let pages = std::mem::take(&mut self.whole);
        self.list.extend(pages.numbers().map(|key| key as u64));
        self.is_listed = true;
    }

    fn merge(&mut self, mut other: Self) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.repeated = self.repeated.or(other.repeated);
        match (self.is_listed, other.is_listed) {
            (false, false) => {
                let duplicate = self.whole.merge(other.whole);
                self.repeated = self.repeated.or(duplicate.map(|key| key as u64));
            }
            (mine, theirs) => {
                if !mine {
                    self.list_numbers();
                }
                if !theirs {
                    other.list_numbers();
                }
                self.list.append(&mut other.list);
            }
        }
    }

    /// The numbers or hashes that several rows have.
    fn suspects(&mut self) -> HashSet<u64> {
        if let Some(repeated) = self.repeated {
            return HashSet::from([repeated]);
        }
        self.list.sort_unstable();
        let repeated = self.list.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        repeated.take(COMPARED_MAX).collect()
    }
}

fn hash(key: &[u8]) -> u64 {
    RandomState::default().hash_one(key)
}

/// A key of several rows among those with suspicious numbers or hashes; `None` where different keys had the same hash.
async fn duplicate(
    scan: &Arc<dyn ExecutionPlan>,
    task: &Arc<TaskContext>,
    types: &[DataType],
    suspects: &Arc<HashSet<u64>>,
) -> Result<Option<DuplicateKey>> {
    let is_found = Arc::new(AtomicBool::new(false));
    let counted = partitions(scan, task, |stream| {
        let (types, suspects, is_found) = (types.to_vec(), Arc::clone(suspects), Arc::clone(&is_found));
        async move { counted(stream, &types, &suspects, &is_found).await }
    });
    let (mut all, mut is_counted) = (HashMap::<Vec<u8>, (u64, String)>::new(), true);
    for part in counted.await? {
        is_counted &= part.is_whole;
        for (key, (rows, values)) in part.keys {
            all.entry(key).or_insert((0, values)).0 += rows;
        }
    }
    let duplicate = all.into_values().filter(|(rows, _)| *rows > 1).max();
    Ok(duplicate.map(|(rows, values)| DuplicateKey { values, rows, is_counted }))
}

/// The rows of suspicious keys in one partition.
#[derive(Default)]
struct Counted {
    /// For each key its rows, and its values in words.
    keys: HashMap<Vec<u8>, (u64, String)>,
    /// Whether the partition was read to its end.
    is_whole: bool,
}

async fn counted(
    mut stream: SendableRecordBatchStream,
    types: &[DataType],
    suspects: &HashSet<u64>,
    is_found: &AtomicBool,
) -> Result<Counted> {
    let encoder = Encoder::new(types)?;
    let (mut found, mut read) = (Counted::default(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        read += batch.num_rows() as u64;
        let mut note = |key: &[u8], row: usize| -> Result<()> {
            match found.keys.get_mut(key) {
                Some((rows, _)) => {
                    *rows += 1;
                    is_found.store(true, Ordering::Relaxed);
                }
                None => drop(found.keys.insert(key.to_vec(), (1, in_words(&batch, row)?))),
            }
            Ok(())
        };
        match encoder.keys(batch.columns())? {
            Keys::Whole(keys) => {
                for (row, key) in keys.iter().enumerate() {
                    #[expect(clippy::cast_sign_loss, reason = "one to one")]
                    if let Some(key) = key.filter(|key| suspects.contains(&(*key as u64))) {
                        note(&key.to_le_bytes(), row)?;
                    }
                }
            }
            Keys::Bytes(rows, valid) => {
                let is_valid = |at: usize| valid.as_ref().is_none_or(|valid| valid.is_valid(at));
                for row in (0..rows.num_rows()).filter(|at| is_valid(*at)) {
                    let key = rows.row(row);
                    if suspects.contains(&hash(key.as_ref())) {
                        note(key.as_ref(), row)?;
                    }
                }
            }
        }
        if read > COUNTED_ROWS && is_found.load(Ordering::Relaxed) {
            return Ok(found);
        }
    }
    found.is_whole = true;
    Ok(found)
}

fn in_words(batch: &RecordBatch, row: usize) -> Result<String> {
    let options = FormatOptions::default();
    let value = |column: &ArrayRef| Ok(ArrayFormatter::try_new(column.as_ref(), &options)?.value(row).to_string());
    Ok(batch.columns().iter().map(value).collect::<Result<Vec<_>>>()?.join(", "))
}

#[cfg(test)]
pub(crate) mod tests;
