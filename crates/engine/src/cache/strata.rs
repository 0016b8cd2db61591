//! The strata of samples in memory, within a share of the memory for samples.

use datafusion::execution::memory_pool::MemoryReservation;
use plusminus_kernel::SampleStrata;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Cache of strata, one generation of each sample; the least recently used are evicted first.
#[derive(Debug)]
pub(crate) struct StrataCache {
    kept: HashMap<(String, u64), Kept>,
    reserved: MemoryReservation,
    uses: u64,
}

/// Result of a lookup of strata.
pub(crate) enum Found {
    Strata(Arc<SampleStrata>),
    /// Strata with statistics of these columns only.
    OfOthers(BTreeSet<String>),
    Nothing,
}

#[derive(Debug)]
struct Kept {
    strata: Arc<SampleStrata>,
    /// The table's columns with statistics; `None` for all columns.
    columns: Option<BTreeSet<String>>,
    bytes: usize,
    last_use: u64,
}

impl StrataCache {
    pub(crate) fn new(reserved: MemoryReservation) -> Self {
        Self { kept: HashMap::new(), reserved, uses: 0 }
    }

    /// The strata of a generation with statistics of at least `columns` (all columns when `None`).
    pub(crate) fn get(&mut self, key: &(String, u64), columns: Option<&BTreeSet<String>>) -> Found {
        self.uses += 1;
        let Some(kept) = self.kept.get_mut(key) else { return Found::Nothing };
        kept.last_use = self.uses;
        match (&kept.columns, columns) {
            (None, _) => Found::Strata(Arc::clone(&kept.strata)),
            (Some(own), Some(wanted)) if wanted.is_subset(own) => Found::Strata(Arc::clone(&kept.strata)),
            (Some(own), _) => Found::OfOthers(own.clone()),
        }
    }

    /// Keeps the strata of a generation in the place of other generations of the sample, if memory has room for them. Beyond `budget`
    /// bytes, the least recently used strata of other samples are evicted; a single sample may exceed the budget, since reading its strata
    /// again for each query would cost more than anything else.
    pub(crate) fn keep(
        &mut self,
        key: (String, u64),
        columns: Option<BTreeSet<String>>,
        strata: &Arc<SampleStrata>,
        budget: usize,
    ) {
        self.kept.retain(|(name, generation), _| *name != key.0 || *generation == key.1);
        self.kept.remove(&key);
        let bytes = strata.bytes();
        loop {
            let held: usize = self.kept.values().map(|kept| kept.bytes).sum();
            let fits = held + bytes <= budget || self.kept.is_empty();
            if fits && self.reserved.try_resize(held + bytes).is_ok() {
                break;
            }
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.last_use).map(|(key, _)| key.clone());
            match oldest {
                Some(oldest) => drop(self.kept.remove(&oldest)),
                None => {
                    self.reserved.free();
                    return;
                }
            }
        }
        self.uses += 1;
        self.kept.insert(key, Kept { strata: Arc::clone(strata), columns, bytes, last_use: self.uses });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{DataType, Field};
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
    use plusminus_catalog::StrataColumns;

    fn strata(count: i64) -> Arc<SampleStrata> {
        let keys: ArrayRef = Arc::new((0..count).collect::<Int64Array>());
        let ones = vec![1; usize::try_from(count).unwrap()];
        let columns = StrataColumns {
            keys: vec![(Field::new("g", DataType::Int64, true), keys)],
            rows: ones.clone(),
            caps: ones,
            ..StrataColumns::default()
        };
        Arc::new(SampleStrata::new(columns.build().unwrap(), false))
    }

    #[test]
    fn the_strata_used_last_stay_within_the_budget() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
        let mut cache = StrataCache::new(MemoryConsumer::new("strata").register(&pool));
        let budget = 3 * strata(1_000).bytes();
        let key = |name: &str, generation| (name.to_owned(), generation);
        let is_kept = |cache: &mut StrataCache, name, generation| {
            matches!(cache.get(&key(name, generation), None), Found::Strata(_))
        };
        for name in ["a", "b", "c"] {
            cache.keep(key(name, 1), None, &strata(1_000), budget);
        }
        assert!(is_kept(&mut cache, "a", 1));
        cache.keep(key("d", 1), None, &strata(1_000), budget);
        assert!(!is_kept(&mut cache, "b", 1) && is_kept(&mut cache, "a", 1));
        // Another generation replaces the one before.
        cache.keep(key("a", 2), None, &strata(1_000), budget);
        assert!(!is_kept(&mut cache, "a", 1) && is_kept(&mut cache, "a", 2));
        assert!(pool.reserved() <= budget && pool.reserved() > 0);
        // Strata for which there is no room are not kept.
        cache.keep(key("e", 1), None, &strata(100_000), budget);
        assert!(!is_kept(&mut cache, "e", 1) && pool.reserved() == 0);
    }

    #[test]
    fn strata_that_know_other_columns_are_told_apart() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
        let mut cache = StrataCache::new(MemoryConsumer::new("strata").register(&pool));
        let key = ("a".to_owned(), 1);
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        cache.keep(key.clone(), Some(set(&["x", "y"])), &strata(10), 1 << 20);
        assert!(matches!(cache.get(&key, Some(&set(&["y"]))), Found::Strata(_)));
        assert!(
            matches!(cache.get(&key, Some(&set(&["y", "z"]))), Found::OfOthers(others) if others == set(&["x", "y"]))
        );
        assert!(matches!(cache.get(&key, None), Found::OfOthers(_)));
        let before = pool.reserved();
        cache.keep(key.clone(), Some(set(&["x", "y", "z"])), &strata(10), 1 << 20);
        assert!(matches!(cache.get(&key, Some(&set(&["z", "x"]))), Found::Strata(_)));
        assert_eq!(pool.reserved(), before);
    }
}
