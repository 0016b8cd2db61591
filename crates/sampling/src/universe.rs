//! Universe samples: all rows of a key, or none.
//!
//! A key is kept when the hash of its value is below the sample's share of all hashes, so that the same keys are kept
//! wherever a column of the same values is sampled with the same seed (VerdictDB calls it a hashed sample). A row
//! whose key is NULL is a key of its own. Given how many keys were kept, they are a simple random sample of all keys,
//! ranked by their hashes: levels, blocks and weights then work on keys as they do on rows elsewhere.

use crate::distinct::hashes;
use crate::error::SamplingError;
use crate::priority::mix;
use arrow::array::Array;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Which keys a family keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Universe {
    /// Position of the key in the table.
    pub(crate) column: usize,
    salt: u64,
}

/// Bytes that one key takes in a set at least: its hash and a control byte.
const KEY_BYTES: u64 = 9;

impl Universe {
    /// # Errors
    /// [`SamplingError::Request`] for a column whose values have no hash that tells them apart.
    pub(crate) fn new(schema: &SchemaRef, column: usize, seed: u64) -> Result<Self, SamplingError> {
        let field = schema.field(column);
        let is_key = match field.data_type() {
            DataType::Boolean => false,
            other => crate::distinct::is_counted(other),
        };
        if !is_key {
            let what = format!("UNIVERSE ON keeps keys, and '{}' is {}", field.name(), field.data_type());
            return Err(SamplingError::request(what, "a column of whole numbers, text, dates or decimals"));
        }
        Ok(Self { column, salt: mix(seed ^ 0x756e_6976_6572_7365) })
    }

    fn priority(self, hash: u64) -> u64 {
        mix(hash ^ self.salt)
    }
}

/// The keys that one worker met.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seen: HashSet<u64, BuildHasherDefault<Itself>>,
    nulls: u64,
    priorities: Vec<u64>,
}

impl Keys {
    /// The priority of every row's key; `own` are those of the rows themselves, for rows without a key.
    pub(crate) fn priorities(&mut self, universe: Universe, batch: &RecordBatch, own: &[u64]) -> &[u64] {
        let column = batch.column(universe.column);
        self.priorities.clear();
        self.priorities.extend_from_slice(own);
        match column.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
            None => {
                let mut rows = self.priorities.iter_mut();
                hashes::for_each(column.as_ref(), |hash| {
                    if let Some(row) = rows.next() {
                        *row = universe.priority(hash);
                    }
                });
                self.seen.extend(&self.priorities);
            }
            Some(nulls) => {
                let mut rows = nulls.valid_indices();
                hashes::for_each(column.as_ref(), |hash| {
                    if let Some(row) = rows.next() {
                        let priority = universe.priority(hash);
                        self.priorities[row] = priority;
                        self.seen.insert(priority);
                    }
                });
                self.nulls += nulls.null_count() as u64;
            }
        }
        &self.priorities
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        if other.seen.len() > self.seen.len() {
            let smaller = std::mem::replace(&mut self.seen, other.seen);
            self.seen.extend(smaller);
        } else {
            self.seen.extend(other.seen);
        }
    }

    /// The number of different keys.
    pub(crate) fn count(&self) -> u64 {
        self.seen.len() as u64 + self.nulls
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.seen.capacity() as u64 * KEY_BYTES
    }
}

/// The hash of a number that is one already.
#[derive(Debug, Default)]
pub(crate) struct Itself(u64);

impl Hasher for Itself {
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
