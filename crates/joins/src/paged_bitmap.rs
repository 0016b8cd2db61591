//! Sets of whole numbers as pages of bits.

use datafusion::common::hash_utils::RandomState;
use std::collections::HashMap;

const WORDS: usize = 1 << 10;
/// Bits of a number that say its place in a page.
const PAGE_BITS: u32 = 16;
/// Bytes of a page with the counts that ranks need.
const PAGE_BYTES: usize = WORDS * (size_of::<u64>() + size_of::<u16>());
/// Bytes per number above which pages are too empty, and bytes that are no matter.
const BYTES_MAX: usize = 32;
const BYTES_FREE: usize = 4 << 20;

/// A set of whole numbers in pages of 65,536.
#[derive(Default)]
pub(crate) struct PagedBitmap {
    places: HashMap<i64, u32, RandomState>,
    pages: Vec<Page>,
    /// The page used last, which is often the next one, too.
    last: Option<(i64, u32)>,
    len: usize,
}

struct Page {
    number: i64,
    words: Box<[u64; WORDS]>,
}

/// The page of a key, the word in it, and the bit in that.
fn split(key: i64) -> (i64, usize, u64) {
    let within = key & ((1 << PAGE_BITS) - 1);
    #[expect(clippy::cast_sign_loss, reason = "below 65,536")]
    let within = within as usize;
    (key >> PAGE_BITS, within / 64, 1 << (within % 64))
}

impl PagedBitmap {
    /// Adds a number; false where it was there before.
    pub(crate) fn insert(&mut self, key: i64) -> bool {
        let (number, word, bit) = split(key);
        let place = match self.last {
            Some((last, place)) if last == number => place,
            _ => self.place(number),
        };
        let word = &mut self.pages[place as usize].words[word];
        let is_new = *word & bit == 0;
        *word |= bit;
        self.len += usize::from(is_new);
        is_new
    }

    fn place(&mut self, number: i64) -> u32 {
        let next = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(number).or_insert(next);
        if place == next {
            self.pages.push(Page { number, words: Box::new([0; WORDS]) });
        }
        self.last = Some((number, place));
        place
    }

    /// The number of numbers.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether so many pages are almost empty that a list of the numbers takes less memory.
    pub(crate) fn are_sparse(&self) -> bool {
        self.pages.len() * PAGE_BYTES > self.len * BYTES_MAX + BYTES_FREE
    }

    /// The numbers, in no particular order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = i64> {
        self.pages.iter().flat_map(|page| {
            page.words.iter().zip(0_i64..).filter(|(word, _)| **word != 0).flat_map(move |(word, at)| {
                let start = (page.number << PAGE_BITS) + at * 64;
                let rest = std::iter::successors(Some(*word), |rest| Some(rest & (rest - 1)).filter(|rest| *rest != 0));
                rest.map(move |rest| start + i64::from(rest.trailing_zeros()))
            })
        })
    }

    /// Adds the numbers of another set; returns one that both have, if there is any.
    pub(crate) fn merge(&mut self, other: Self) -> Option<i64> {
        let mut shared = None;
        for page in other.pages {
            let place = self.place(page.number);
            let own = &mut self.pages[place as usize];
            for ((word, theirs), at) in own.words.iter_mut().zip(page.words.iter()).zip(0_i64..) {
                let both = *word & theirs;
                if both != 0 && shared.is_none() {
                    shared = Some((page.number << PAGE_BITS) + at * 64 + i64::from(both.trailing_zeros()));
                }
                *word |= theirs;
            }
        }
        self.len += other.len;
        shared
    }

    /// The set with the rank of each number.
    pub(crate) fn ranked(mut self) -> RankedBitmap {
        self.pages.sort_unstable_by_key(|page| page.number);
        let mut places = HashMap::with_capacity_and_hasher(self.pages.len(), RandomState::default());
        let mut found = Vec::with_capacity(self.pages.len());
        let mut before: u32 = 0;
        for (page, place) in self.pages.into_iter().zip(0_u32..) {
            let mut counts = Box::new([0_u16; WORDS]);
            let mut within: u32 = 0;
            for (word, count) in page.words.iter().zip(counts.iter_mut()) {
                // A page of 65,536 numbers has at most 65,472 before its last word.
                *count = u16::try_from(within).unwrap_or(u16::MAX);
                within += word.count_ones();
            }
            places.insert(page.number, place);
            found.push(RankedPage { words: page.words, counts, before });
            before += within;
        }
        RankedBitmap { places, pages: found }
    }
}

/// A set of whole numbers that knows how many of them are smaller than each.
pub(crate) struct RankedBitmap {
    places: HashMap<i64, u32, RandomState>,
    pages: Vec<RankedPage>,
}

struct RankedPage {
    words: Box<[u64; WORDS]>,
    /// Numbers in the words before each.
    counts: Box<[u16; WORDS]>,
    /// Numbers in the pages before.
    before: u32,
}

impl RankedBitmap {
    /// Calls `found` with the place in `keys` and the rank of each of them that is in the set.
    pub(crate) fn look_up(&self, keys: impl Iterator<Item = (usize, i64)>, mut found: impl FnMut(usize, u32)) {
        let mut last: Option<(i64, Option<u32>)> = None;
        for (at, key) in keys {
            let (number, word, bit) = split(key);
            let place = match last {
                Some((known, place)) if known == number => place,
                _ => {
                    let place = self.places.get(&number).copied();
                    last = Some((number, place));
                    place
                }
            };
            let Some(page) = place.map(|place| &self.pages[place as usize]) else { continue };
            let own = page.words[word];
            if own & bit != 0 {
                found(at, page.before + u32::from(page.counts[word]) + (own & (bit - 1)).count_ones());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [i64; 9] = [i64::MIN, -65_537, -1, 0, 63, 64, 65_535, 65_536, i64::MAX];

    #[test]
    fn numbers_are_found_with_their_ranks() {
        let mut pages = PagedBitmap::default();
        for key in KEYS.iter().rev() {
            assert!(pages.insert(*key), "{key}");
        }
        assert!(KEYS.iter().all(|key| !pages.insert(*key)));
        let mut all: Vec<i64> = pages.numbers().collect();
        all.sort_unstable();
        assert_eq!(all, KEYS);
        let asked = [5, -1, i64::MAX, 64, 62, i64::MIN];
        let mut found = Vec::new();
        pages.ranked().look_up(asked.into_iter().enumerate(), |at, rank| found.push((asked[at], rank)));
        assert_eq!(found, [(-1, 2), (i64::MAX, 8), (64, 5), (i64::MIN, 0)]);
    }

    #[test]
    fn sets_are_merged_and_shared_numbers_seen() {
        let of = |keys: &[i64]| {
            let mut pages = PagedBitmap::default();
            keys.iter().for_each(|key| {
                pages.insert(*key);
            });
            pages
        };
        let mut all = of(&[1, 70_000]);
        assert_eq!(all.merge(of(&[2, 200_000])), None);
        assert_eq!(all.merge(of(&[9, 70_000])), Some(70_000));
        let mut numbers: Vec<i64> = all.numbers().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 9, 70_000, 200_000]);
    }

    #[test]
    fn scattered_numbers_are_sparse() {
        let mut pages = PagedBitmap::default();
        (0..1_000_000).for_each(|key| {
            pages.insert(key);
        });
        assert!(!pages.are_sparse());
        (0..10_000).for_each(|key| {
            pages.insert(key << 40);
        });
        assert!(pages.are_sparse());
    }
}
