//! Values within a budget of bytes: those with the highest benefit per byte stay.

use datafusion::execution::memory_pool::MemoryReservation;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

/// Uses of the cache after which an earlier use counts half.
const HALF_LIFE: f64 = 64.0;

/// Cache within a budget of bytes, all of them reserved from a memory pool.
#[derive(Debug)]
pub(super) struct BenefitCache<K, V> {
    budget: usize,
    reserved: MemoryReservation,
    entries: HashMap<K, Entry<V>>,
    uses: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    /// Time that reading or building the value took.
    load: Duration,
    /// Uses as of `last`, older ones counting less.
    uses: f64,
    last: u64,
}

/// The limit that a value exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Budget,
    Pool,
}

impl<V> Entry<V> {
    fn uses_at(&self, now: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a number of uses")]
        let age = (now - self.last) as f64;
        self.uses * (-age / HALF_LIFE).exp2()
    }

    /// Seconds of reading that each byte is expected to save.
    fn benefit_per_byte(&self, now: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a number of bytes")]
        let bytes = self.bytes.max(1) as f64;
        self.uses_at(now) * self.load.as_secs_f64() / bytes
    }
}

impl<K: Clone + Debug + Eq + Hash + PartialOrd, V: Clone> BenefitCache<K, V> {
    /// An empty cache of at most `budget` bytes, which are taken from the pool of `reserved`.
    pub(super) fn new(budget: usize, reserved: MemoryReservation) -> Self {
        Self { budget, reserved, entries: HashMap::new(), uses: 0 }
    }

    /// Bytes that values may take.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// The value of a key; the lookup counts as a use.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        self.uses += 1;
        let now = self.uses;
        let entry = self.entries.get_mut(key)?;
        entry.uses = entry.uses_at(now) + 1.0;
        entry.last = now;
        Some(entry.value.clone())
    }

    /// The value of a key; the lookup does not count as a use.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The keys with values for which `is_wanted` holds; the question does not count as a use.
    pub(super) fn keys(&self, is_wanted: impl Fn(&K, &V) -> bool) -> Vec<K> {
        let entries = self.entries.iter().filter(|(key, entry)| is_wanted(key, &entry.value));
        entries.map(|(key, _)| key.clone()).collect()
    }

    /// Keeps a value of `bytes` bytes that took `load` to make, in the place of the key's value before, whose uses and loading time count on.
    ///
    /// Values for which `may_go`, given their recent uses, is true are evicted, lowest benefit per byte first, until it fits.
    ///
    /// # Errors
    /// The limit that is exceeded. The key then has no value, and values that might go may have gone.
    pub(super) fn put(
        &mut self,
        key: K,
        value: V,
        bytes: usize,
        load: Duration,
        may_go: impl Fn(&K, f64) -> bool,
    ) -> Result<(), Full> {
        let now = self.uses;
        let before = self.remove(&key);
        let uses = before.as_ref().map_or(1.0, |entry| entry.uses_at(now));
        let load = load + before.map_or(Duration::ZERO, |entry| entry.load);
        self.reserve(bytes, may_go)?;
        self.entries.insert(key, Entry { value, bytes, load, uses, last: now });
        Ok(())
    }

    /// Reserves `bytes`, to be given back by [`Self::release`], and evicts for them like [`Self::put`].
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub(super) fn reserve(&mut self, bytes: usize, may_go: impl Fn(&K, f64) -> bool) -> Result<(), Full> {
        if bytes > self.budget {
            return Err(Full::Budget);
        }
        let now = self.uses;
        while self.reserved.size() + bytes > self.budget || self.reserved.try_grow(bytes).is_err() {
            let benefit = |entry: &Entry<V>| entry.benefit_per_byte(now);
            let may_go = self.entries.iter().filter(|(key, entry)| may_go(key, entry.uses_at(now)));
            let least = may_go.min_by(|a, b| {
                let by_key = || a.0.partial_cmp(b.0).unwrap_or(Ordering::Equal);
                benefit(a.1).total_cmp(&benefit(b.1)).then_with(by_key)
            });
            let Some(least) = least.map(|(key, _)| key.clone()) else { return Err(Full::Pool) };
            tracing::debug!(entry = ?least, "evicted");
            self.remove(&least);
        }
        Ok(())
    }

    /// Gives back reserved bytes.
    pub(super) fn release(&mut self, bytes: usize) {
        self.reserved.shrink(bytes.min(self.reserved.size()));
    }

    /// Whether `bytes` would fit if all values went for which `may_go`, given their recent uses, is true.
    pub(super) fn has_room(&self, bytes: usize, may_go: impl Fn(&K, f64) -> bool) -> bool {
        let idle = self.entries.iter().filter(|(key, entry)| may_go(key, entry.uses_at(self.uses)));
        let idle: usize = idle.map(|(_, entry)| entry.bytes).sum();
        (self.reserved.size() - idle).saturating_add(bytes) <= self.budget
    }

    /// Drops the values of keys for which `is_kept` is false.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&K) -> bool) {
        let old: Vec<K> = self.entries.keys().filter(|key| !is_kept(key)).cloned().collect();
        old.iter().for_each(|key| drop(self.remove(key)));
    }

    fn remove(&mut self, key: &K) -> Option<Entry<V>> {
        let entry = self.entries.remove(key)?;
        self.reserved.shrink(entry.bytes);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
    use std::sync::Arc;

    fn cache(budget: usize, pool: &Arc<dyn MemoryPool>) -> BenefitCache<u32, ()> {
        BenefitCache::new(budget, MemoryConsumer::new("test").register(pool))
    }

    #[test]
    fn what_saves_least_per_byte_goes_first_and_all_is_accounted_for() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1_000_000));
        let mut cache = cache(36_000, &pool);
        let second = Duration::from_secs(1);
        let all = |_: &u32, _: f64| true;
        cache.put(0, (), 12_000, second, all).unwrap();
        cache.put(1, (), 12_000, second, all).unwrap();
        for _ in 0..5 {
            assert!(cache.get(&0).is_some());
        }
        assert_eq!(pool.reserved(), 24_000);
        // The third does not fit beside both; the less used one is evicted.
        cache.put(2, (), 18_000, second, all).unwrap();
        assert!(cache.peek(&1).is_none() && cache.peek(&0).is_some() && cache.peek(&2).is_some());
        assert_eq!(pool.reserved(), 30_000);
        // Nothing may go for the fourth.
        assert!(!cache.has_room(12_000, |_, _| false) && cache.has_room(12_000, |key, _| *key == 0));
        assert_eq!(cache.put(3, (), 12_000, second, |_, _| false), Err(Full::Pool));
        assert_eq!(pool.reserved(), 30_000);
        // A value with more bytes replaces its own.
        cache.put(2, (), 20_000, second, all).unwrap();
        assert_eq!(pool.reserved(), 32_000);
        cache.retain(|key| *key != 0);
        assert_eq!(pool.reserved(), 20_000);
        drop(cache);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_can_never_fit_leaves_nothing_behind() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(20_000));
        let mut large = cache(1_000_000, &pool);
        assert_eq!(large.put(0, (), 120_000, Duration::ZERO, |_, _| true), Err(Full::Pool));
        assert_eq!(cache(1_000, &pool).put(0, (), 12_000, Duration::ZERO, |_, _| true), Err(Full::Budget));
        assert_eq!(pool.reserved(), 0);
        // Reserved bytes are given back.
        large.reserve(5_000, |_, _| true).unwrap();
        assert_eq!(pool.reserved(), 5_000);
        large.release(5_000);
        assert_eq!(pool.reserved(), 0);
    }
}
