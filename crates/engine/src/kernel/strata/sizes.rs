//! How much of each stratum the levels of a sample hold.

use plusminus_catalog::Strata;
use plusminus_statistics::{Population, StratumSize, cap};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// More strata are not kept by level: they would take more memory than they save time.
pub(super) const KEPT_STRATA_MAX: usize = 131_072;
/// Strata from which sizes are also held in half the memory: looked up in the order of groups, those of so many would not stay in the
/// cache.
const NARROW_MIN: usize = 4_096;

/// The strata of one generation of a sample, with their sizes at the level that was looked at last: no query changes them.
#[derive(Debug)]
pub(crate) struct SampleStrata {
    strata: Strata,
    last: Mutex<Option<(usize, Arc<LevelSizes>)>>,
}

/// The size of each stratum when levels up to one are read, in rows or, where keys were drawn, in keys.
#[derive(Debug)]
pub(crate) struct LevelSizes {
    wide: Vec<StratumSize>,
    narrow: Option<Vec<[u32; 2]>>,
    /// All strata together.
    pub(super) all: Population,
}

impl SampleStrata {
    pub(crate) fn new(strata: Strata) -> Self {
        Self { strata, last: Mutex::default() }
    }

    /// The sizes when levels up to `level` of so many are read.
    pub(crate) fn at(&self, level: usize, levels: usize) -> Arc<LevelSizes> {
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
    pub(crate) fn new(wide: Vec<StratumSize>) -> Self {
        let narrow = |size: &StratumSize| Some([u32::try_from(size.rows).ok()?, u32::try_from(size.sampled).ok()?]);
        let many = (wide.len() >= NARROW_MIN).then(|| wide.iter().map(narrow).collect::<Option<Vec<_>>>());
        let mut all = Population::default();
        wide.iter().for_each(|size| all.add(*size));
        Self { narrow: many.flatten(), wide, all }
    }

    /// The sizes in half the memory, rows of the table first; `None` of few strata, or where that cannot count the rows.
    pub(crate) fn narrow(&self) -> Option<&[[u32; 2]]> {
        self.narrow.as_deref()
    }
}

impl Deref for LevelSizes {
    type Target = [StratumSize];

    fn deref(&self) -> &[StratumSize] {
        &self.wide
    }
}

/// The size of each stratum when levels up to `level` of so many are read, in rows or, where keys were drawn, in keys.
pub(crate) fn sizes(strata: &Strata, level: usize, levels: usize) -> Vec<StratumSize> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (level, levels) = (number(level), number(levels));
    let size = |(&rows, &kept): (&u64, &u64)| {
        let held = cap::at_level(kept, level, levels).max(2).min(kept.max(1));
        StratumSize { rows, sampled: rows.min(held) }
    };
    strata.units().iter().zip(strata.caps()).map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half the memory is enough unless a stratum has more rows than that can count.
    #[test]
    fn sizes_of_many_strata_are_narrow() {
        let mut sizes = vec![StratumSize::new(7, 3); NARROW_MIN];
        assert!(LevelSizes::new(sizes[1..].to_vec()).narrow().is_none());
        assert_eq!(LevelSizes::new(sizes.clone()).narrow().map(|narrow| narrow[0]), Some([7, 3]));
        sizes[5].rows = 1 << 32;
        assert!(LevelSizes::new(sizes).narrow().is_none());
    }
}
