//! The sizes of strata: how many of their rows the levels of a sample hold.

use plusminus_catalog::{Strata, ValueRanges};
use plusminus_statistics::{Population, StratumSize, cap};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Strata up to which sizes are kept by level; those of more would take more memory than they save time.
pub(crate) const KEPT_STRATA_MAX: usize = 131_072;

/// The strata of one generation of a sample, with their sizes at the level asked for last. No query changes them.
#[derive(Debug)]
pub struct SampleStrata {
    strata: Strata,
    /// Whether every level holds tails whole: keys with very many rows, and values far from the median.
    has_whole_tails: bool,
    last: Mutex<Option<(usize, Arc<LevelSizes>)>>,
    values: OnceLock<Option<Arc<ValueRanges>>>,
}

/// The size of each stratum when levels up to one are read, in rows or, for a universe sample, in keys.
#[derive(Debug)]
pub struct LevelSizes {
    wide: Vec<StratumSize>,
    compact: CompactSizes,
    /// The population of all strata together.
    pub all: Population,
}

/// The size of each stratum in fewer bytes: rows in the table, rows sampled.
///
/// Sizes are looked up in the order of groups; full sizes of many strata would not stay in the cache.
#[derive(Debug)]
pub(crate) enum CompactSizes {
    U16(Vec<[u16; 2]>),
    U32(Vec<[u32; 2]>),
    /// There are none, since a stratum has more rows than 32 bits count.
    None,
}

impl SampleStrata {
    /// `has_whole_classes` says whether every level holds the values far from the median whole.
    pub fn new(strata: Strata, has_whole_classes: bool) -> Self {
        let has_whole_tails = strata.is_universe() || has_whole_classes;
        Self { strata, has_whole_tails, last: Mutex::default(), values: OnceLock::new() }
    }

    /// Bytes held, with the sizes of a level.
    pub fn bytes(&self) -> usize {
        self.strata.bytes() + self.strata.len() * size_of::<(StratumSize, [u32; 2])>()
    }

    /// The extremes of measures by value of the columns of few values; `read` reads them at the first call.
    ///
    /// # Errors
    /// When `read` fails.
    pub fn values<E>(
        &self,
        read: impl FnOnce() -> Result<Option<ValueRanges>, E>,
    ) -> Result<Option<Arc<ValueRanges>>, E> {
        match self.values.get() {
            Some(values) => Ok(values.clone()),
            None => {
                let values = read()?.map(Arc::new);
                Ok(self.values.get_or_init(|| values).clone())
            }
        }
    }

    /// The sizes when levels up to `level` of all `levels` are read; those of the level asked for last are kept.
    pub fn at(&self, level: usize, levels: usize) -> Arc<LevelSizes> {
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = lock().as_ref().filter(|(last, _)| *last == level) {
            return Arc::clone(known);
        }
        let sizes = Arc::new(LevelSizes::new(sizes(self, level, levels)));
        if self.strata.len() <= KEPT_STRATA_MAX {
            *lock() = Some((level, Arc::clone(&sizes)));
        }
        sizes
    }
}

impl Deref for SampleStrata {
    type Target = Strata;

    fn deref(&self) -> &Strata {
        &self.strata
    }
}

impl LevelSizes {
    /// The sizes of all strata, in the order of their numbers.
    pub fn new(wide: Vec<StratumSize>) -> Self {
        let quarter = narrowed(&wide).map(CompactSizes::U16);
        let compact = quarter.or_else(|| narrowed(&wide).map(CompactSizes::U32)).unwrap_or(CompactSizes::None);
        let mut all = Population::default();
        wide.iter().for_each(|size| all.add(*size));
        Self { wide, compact, all }
    }

    /// The sizes in fewer bytes, where these count the rows.
    pub(crate) fn compact(&self) -> &CompactSizes {
        &self.compact
    }
}

fn narrowed<T: TryFrom<u64>>(sizes: &[StratumSize]) -> Option<Vec<[T; 2]>> {
    let compact = |size: &StratumSize| Some([T::try_from(size.rows).ok()?, T::try_from(size.sampled).ok()?]);
    sizes.iter().map(compact).collect()
}

impl Deref for LevelSizes {
    type Target = [StratumSize];

    fn deref(&self) -> &[StratumSize] {
        &self.wide
    }
}

/// The size of each stratum when levels up to `level` of all `levels` are read, in rows or, for a universe sample, in keys.
pub(super) fn sizes(strata: &SampleStrata, level: usize, levels: usize) -> Vec<StratumSize> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (level, levels) = (number(level), number(levels));
    let is_whole = |stratum: usize| strata.has_whole_tails && strata.is_tail(stratum);
    let size = |(stratum, (&rows, &kept)): (usize, (&u64, &u64))| {
        if is_whole(stratum) {
            return StratumSize { rows, sampled: rows };
        }
        let held = cap::at_level(kept, level, levels).max(2).min(kept.max(1));
        StratumSize { rows, sampled: rows.min(held) }
    };
    strata.units().iter().zip(strata.caps()).enumerate().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter or half of the memory is enough unless a stratum has more rows than that can count.
    #[test]
    fn sizes_are_narrow() {
        let mut sizes = vec![StratumSize::new(7, 3); 9];
        let with = |sizes: &[StratumSize]| LevelSizes::new(sizes.to_vec());
        assert!(matches!(with(&sizes).compact(), CompactSizes::U16(compact) if compact[0] == [7, 3]));
        sizes[5].rows = 1 << 16;
        assert!(matches!(with(&sizes).compact(), CompactSizes::U32(compact) if compact[5] == [1 << 16, 3]));
        sizes[5].rows = 1 << 32;
        assert!(matches!(with(&sizes).compact(), CompactSizes::None));
    }
}
