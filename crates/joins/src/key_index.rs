//! The keys of sampled rows, to be looked up in batches of another table.

use super::encode::Keys;
use super::paged_bitmap::{PagedBitmap, RankedBitmap};
use arrow::array::Array;
use arrow::buffer::NullBuffer;
use datafusion::common::hash_utils::RandomState;
use std::collections::HashMap;

/// Numbers the different keys of sampled rows.
pub(crate) struct KeyIndex {
    numbers: Numbers,
    /// For each sampled row the number of its key; `u32::MAX` where it has none.
    pub(crate) of_row: Vec<u32>,
    /// The number of different keys.
    pub(crate) len: usize,
}

enum Numbers {
    Bitmap(RankedBitmap),
    Whole(HashMap<i64, u32, RandomState>),
    Bytes(HashMap<Box<[u8]>, u32, RandomState>),
}

/// The number of a row without a key.
pub(crate) const NO_KEY: u32 = u32::MAX;

impl KeyIndex {
    pub(crate) fn new(keys: &Keys) -> Self {
        let mut of_row = vec![NO_KEY; keys.len()];
        let numbers = match keys {
            Keys::Whole(keys) => {
                let mut pages = PagedBitmap::default();
                let mut is_sparse = false;
                for (at, key) in keys.iter().flatten().enumerate() {
                    pages.insert(key);
                    // Looked at now and then, so that scattered keys do not fill the memory.
                    if at % 4_096 == 4_095 && pages.are_sparse() {
                        is_sparse = true;
                        break;
                    }
                }
                if is_sparse || pages.are_sparse() {
                    let mut numbers = HashMap::with_hasher(RandomState::default());
                    for (own, key) in of_row.iter_mut().zip(keys).filter_map(|(own, key)| Some((own, key?))) {
                        let next = as_u32(numbers.len());
                        *own = *numbers.entry(key).or_insert(next);
                    }
                    Numbers::Whole(numbers)
                } else {
                    let pages = pages.ranked();
                    let present = keys.iter().enumerate().filter_map(|(at, key)| Some((at, key?)));
                    pages.look_up(present, |at, number| of_row[at] = number);
                    Numbers::Bitmap(pages)
                }
            }
            Keys::Bytes(rows, valid) => {
                let mut numbers: HashMap<Box<[u8]>, u32, RandomState> = HashMap::with_hasher(RandomState::default());
                for (at, own) in of_row.iter_mut().enumerate().filter(|(at, _)| is_valid(valid.as_ref(), *at)) {
                    let (key, next) = (rows.row(at), as_u32(numbers.len()));
                    *own = match numbers.get(key.as_ref()) {
                        Some(known) => *known,
                        None => {
                            numbers.insert(key.as_ref().into(), next);
                            next
                        }
                    };
                }
                Numbers::Bytes(numbers)
            }
        };
        let len = of_row.iter().filter(|own| **own != NO_KEY).max().map_or(0, |max| *max as usize + 1);
        Self { numbers, of_row, len }
    }

    /// The rows of a batch whose key is wanted, and the numbers of these keys, added to `rows` and `numbers`.
    pub(crate) fn look_up(&self, keys: &Keys, rows: &mut Vec<u32>, numbers: &mut Vec<u32>) {
        let mut found = |at: usize, number: u32| {
            rows.push(as_u32(at));
            numbers.push(number);
        };
        match (&self.numbers, keys) {
            (Numbers::Bitmap(pages), Keys::Whole(keys)) if keys.null_count() == 0 => {
                pages.look_up(keys.values().iter().copied().enumerate(), found);
            }
            (Numbers::Bitmap(pages), Keys::Whole(keys)) => {
                pages.look_up(keys.iter().enumerate().filter_map(|(at, key)| Some((at, key?))), found);
            }
            (Numbers::Whole(known), Keys::Whole(keys)) => {
                let present = keys.iter().enumerate().filter_map(|(at, key)| Some((at, *known.get(&key?)?)));
                present.for_each(|(at, number)| found(at, number));
            }
            (Numbers::Bytes(known), Keys::Bytes(all, valid)) => {
                for at in (0..all.num_rows()).filter(|at| is_valid(valid.as_ref(), *at)) {
                    if let Some(number) = known.get(all.row(at).as_ref()) {
                        found(at, *number);
                    }
                }
            }
            // Both sides are encoded by one encoder.
            _ => {}
        }
    }
}

fn is_valid(valid: Option<&NullBuffer>, at: usize) -> bool {
    valid.is_none_or(|valid| valid.is_valid(at))
}

/// Rows of a batch and sampled rows are far below 2³².
fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
