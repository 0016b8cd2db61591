//! The distinct values of one column: the hashes themselves while they are few, a sketch from then on.

use super::hashes;
use super::sketch::{SKETCH_ERROR, Sketch};
use crate::universe::IdentityHasher;
use arrow::array::Array;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;

/// Values that are counted one by one; two of them share a hash of 64 bits with a probability of 5·10⁻¹³.
const COUNTED_MAX: usize = 4_096;

/// Few hashes, or a sketch.
#[derive(Debug)]
pub(crate) enum Counter {
    Few(HashSet<u64, BuildHasherDefault<IdentityHasher>>),
    Many(Sketch),
}

impl Default for Counter {
    fn default() -> Self {
        Self::Few(HashSet::default())
    }
}

impl Counter {
    pub(crate) fn add(&mut self, column: &dyn Array) {
        match self {
            Self::Many(sketch) => hashes::for_each(column, |hash| sketch.add(hash)),
            Self::Few(few) => {
                let mut sketch = None;
                hashes::for_each(column, |hash| match &mut sketch {
                    None => {
                        few.insert(hash);
                        if few.len() > COUNTED_MAX {
                            sketch = Some(sketched(few));
                        }
                    }
                    Some(sketch) => sketch.add(hash),
                });
                if let Some(sketch) = sketch {
                    *self = Self::Many(sketch);
                }
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Many(sketch), Self::Many(other)) => sketch.merge(other),
            (Self::Many(sketch), Self::Few(others)) => others.iter().for_each(|hash| sketch.add(*hash)),
            (Self::Few(few), Self::Many(other)) => {
                let mut sketch = sketched(few);
                sketch.merge(other);
                *self = Self::Many(sketch);
            }
            (Self::Few(few), Self::Few(others)) => {
                few.extend(others);
                if few.len() > COUNTED_MAX {
                    *self = Self::Many(sketched(few));
                }
            }
        }
    }

    /// The number of values, and its relative standard error: 0 where they were counted one by one.
    pub(crate) fn count(&self) -> (u64, f64) {
        match self {
            Self::Few(few) => (few.len() as u64, 0.0),
            Self::Many(sketch) => (sketch.count(), SKETCH_ERROR),
        }
    }
}

fn sketched(few: &HashSet<u64, BuildHasherDefault<IdentityHasher>>) -> Sketch {
    let mut sketch = Sketch::default();
    few.iter().for_each(|hash| sketch.add(*hash));
    sketch
}
