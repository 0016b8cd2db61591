//! Universe samples: all rows of a key, or none.
//!
//! A key is kept when the hash of its value is below the sample's share of all hashes, so that the same keys are kept
//! wherever a column of the same values is sampled with the same seed (VerdictDB calls it a hashed sample). A row
//! whose key is NULL is a key of its own. Given how many keys were kept, they are a simple random sample of all keys,
//! ranked by their hashes: levels, blocks and weights then work on keys as they do on rows elsewhere. Keys with very many rows are
//! kept whatever their hash, as a stratum that is known whole at every level: a total must not depend on whether one of them is drawn.

use crate::distinct::hashes;
use crate::error::SamplingError;
use crate::priority::mix;
use arrow::array::{Array, ArrayRef};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::KeptKeys;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// The keys that a universe family keeps.
#[derive(Debug, Clone)]
pub(crate) struct Universe {
    /// Position of the key in the table.
    pub(crate) column: usize,
    salt: u64,
    /// The highest priority of a key that is kept for its hash.
    pub(crate) threshold: u64,
    /// The keys with so many rows that they are kept whole, whatever their hash, as a stratum of their own.
    pub(crate) heavy: Arc<HeavyKeys>,
    /// The number of all other keys of the table; set by the scan that counts them.
    pub(crate) others: u64,
}

/// Keys with many rows: the number of rows in the table by the key's priority.
pub(crate) type HeavyKeys = BTreeMap<u64, u64>;

impl Universe {
    /// # Errors
    /// [`SamplingError::Request`] for a column whose values have no hash that tells them apart.
    pub(crate) fn new(schema: &SchemaRef, column: usize, seed: u64, threshold: u64) -> Result<Self, SamplingError> {
        let field = schema.field(column);
        let is_key = match field.data_type() {
            DataType::Boolean => false,
            other => crate::distinct::is_counted(other),
        };
        if !is_key {
            let what = format!("UNIVERSE ON keeps keys, and '{}' is {}", field.name(), field.data_type());
            return Err(SamplingError::request(what, "a column of whole numbers, text, dates or decimals"));
        }
        Ok(Self { column, salt: salt(seed), threshold, heavy: Arc::default(), others: 0 })
    }

    pub(crate) fn priority(&self, hash: u64) -> u64 {
        mix(hash ^ self.salt)
    }

    /// A priority below the threshold for a key that is kept whatever its own.
    fn within(&self, priority: u64) -> u64 {
        let scaled = (u128::from(priority) * u128::from(self.threshold)) >> 64;
        u64::try_from(scaled).unwrap_or(priority)
    }
}

fn salt(seed: u64) -> u64 {
    mix(seed ^ 0x756e_6976_6572_7365)
}

/// The priority of each of `values` as a key of a universe sample with this seed; NULL has none.
#[must_use]
pub fn key_priorities(values: &ArrayRef, seed: u64) -> Vec<Option<u64>> {
    let mut found = vec![None; values.len()];
    let nulls = values.logical_nulls();
    let mut rows = (0..values.len()).filter(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)));
    hashes::for_each(values.as_ref(), |hash| {
        if let Some(row) = rows.next() {
            found[row] = Some(mix(hash ^ salt(seed)));
        }
    });
    found
}

/// Whether each of `values`, from the key column of a universe sample with this seed, is in the sample: below the threshold or kept whole.
/// NULL is in none.
#[must_use]
pub fn are_kept(values: &ArrayRef, seed: u64, kept: &KeptKeys) -> Vec<bool> {
    let is_kept = |priority: u64| priority <= kept.threshold || kept.heavy.iter().any(|key| key.priority == priority);
    key_priorities(values, seed).into_iter().map(|priority| priority.is_some_and(is_kept)).collect()
}

/// The priorities of the keys of a batch.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    priorities: Vec<u64>,
}

impl Keys {
    /// The priority of every row's key, and flags for the rows of keys that are kept whole (`None` where no key is). `own` has the
    /// priorities of the rows themselves, for rows without a key.
    pub(crate) fn priorities(
        &mut self,
        universe: &Universe,
        batch: &RecordBatch,
        own: &[u64],
    ) -> (&[u64], Option<BooleanBuffer>) {
        self.priorities.clear();
        self.priorities.extend_from_slice(own);
        let rows = &mut self.priorities;
        each(batch.column(universe.column), universe, |row, priority| rows[row] = priority);
        if universe.heavy.is_empty() {
            return (&self.priorities, None);
        }
        let heavy = self.priorities.iter_mut().map(|priority| {
            let is_heavy = universe.heavy.contains_key(priority);
            if is_heavy {
                *priority = universe.within(*priority);
            }
            is_heavy
        });
        let heavy: BooleanBuffer = heavy.collect();
        (&self.priorities, Some(heavy))
    }
}

/// Calls `visit` with the row and the priority of every key of a column that is not NULL.
fn each(column: &ArrayRef, universe: &Universe, mut visit: impl FnMut(usize, u64)) {
    match column.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        None => {
            let mut row = 0;
            hashes::for_each(column.as_ref(), |hash| {
                visit(row, universe.priority(hash));
                row += 1;
            });
        }
        Some(nulls) => {
            let mut rows = nulls.valid_indices();
            hashes::for_each(column.as_ref(), |hash| {
                if let Some(row) = rows.next() {
                    visit(row, universe.priority(hash));
                }
            });
        }
    }
}

/// The number of rows of each key, by the key's priority.
#[derive(Debug, Default)]
pub(crate) struct KeyCounts {
    rows: HashMap<u64, u64, BuildHasherDefault<IdentityHasher>>,
    nulls: u64,
}

impl KeyCounts {
    pub(crate) fn add(&mut self, universe: &Universe, column: &ArrayRef) {
        let rows = &mut self.rows;
        let mut keys = 0;
        each(column, universe, |_, priority| {
            *rows.entry(priority).or_default() += 1;
            keys += 1;
        });
        self.nulls += column.len() as u64 - keys;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        let (mut larger, smaller) = if other.rows.len() > self.rows.len() {
            (other.rows, std::mem::take(&mut self.rows))
        } else {
            (std::mem::take(&mut self.rows), other.rows)
        };
        smaller.into_iter().for_each(|(key, rows)| *larger.entry(key).or_default() += rows);
        self.rows = larger;
    }

    /// Bytes held, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.rows.capacity() as u64 * KEY_BYTES
    }

    /// Sets the keys of `universe` that are kept whole, and the number of all others.
    ///
    /// # Errors
    /// [`SamplingError::Request`] when too few keys would be kept to estimate anything.
    pub(crate) fn settle(&self, universe: &mut Universe, name: &str) -> Result<(), SamplingError> {
        let heavy = self.heavy();
        let others = self.rows.len() as u64 - heavy.len() as u64 + self.nulls;
        let is_kept = |priority: &&u64| **priority <= universe.threshold && !heavy.contains_key(priority);
        // Rows without a key are keys of their own, of which the same share is kept.
        let nulls = (u128::from(self.nulls) * u128::from(universe.threshold)) >> 64;
        let kept = self.rows.keys().filter(is_kept).count() as u64 + u64::try_from(nulls).unwrap_or(u64::MAX);
        if kept < KEPT_MIN.min(others) {
            return Err(SamplingError::request(
                format!("UNIVERSE ON ({name}) would keep {kept} of {others} keys, from which nothing can be told"),
                "a larger SIZE, a column with more values, or STRATIFIED BY the column",
            ));
        }
        universe.heavy = Arc::new(heavy);
        universe.others = others;
        Ok(())
    }

    /// The keys whose rows are many beside those of all others, so that a total would depend on whether they are drawn.
    fn heavy(&self) -> HeavyKeys {
        let rows: u64 = self.rows.values().sum();
        let mean = rows / (self.rows.len() as u64).max(1);
        let least = (rows / HEAVY_SHARE).max(mean.saturating_mul(HEAVY_MEANS)).max(2);
        let mut heavy: Vec<(u64, u64)> =
            self.rows.iter().filter(|(_, rows)| **rows >= least).map(|(key, rows)| (*rows, *key)).collect();
        heavy.sort_unstable_by(|a, b| b.cmp(a));
        heavy.into_iter().take(HEAVY_MAX).map(|(rows, key)| (key, rows)).collect()
    }
}

/// Bytes that one key takes in a map: its hash, its rows and a control byte.
const KEY_BYTES: u64 = 17;
/// The least number of keys that has a variance.
const KEPT_MIN: u64 = 2;
/// A key with one row in so many of the table is heavy...
const HEAVY_SHARE: u64 = 1_000;
/// ... if it has at least so many times the rows of the mean key.
const HEAVY_MEANS: u64 = 8;
/// Keys that are kept whole, at most.
const HEAVY_MAX: usize = 64;

/// A hasher that takes a number, which is a hash already, as it is.
#[derive(Debug, Default)]
pub(crate) struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Only whole words come here; anything else still has to have some hash.
        bytes.iter().for_each(|byte| self.0 = mix(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
