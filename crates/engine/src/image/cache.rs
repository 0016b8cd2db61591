//! The images in memory: what is worth most per byte stays.

use super::{Image, load};
use crate::clock::Clock;
use crate::error::{Error, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use plusminus_catalog::{Manifest, Store, Strata};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Uses of other images after which a use counts half.
const HALF_LIFE: f64 = 64.0;

/// (family, generation, level)
type Key = (String, u64, usize);

#[derive(Debug)]
struct Entry {
    image: Arc<Image>,
    bytes: usize,
    /// What it took to read it.
    load: Duration,
    /// Uses, older ones counting less, as of `last`.
    uses: f64,
    last: u64,
}

impl Entry {
    fn uses_at(&self, now: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a number of uses")]
        let age = (now - self.last) as f64;
        self.uses * (-age / HALF_LIFE).exp2()
    }

    /// Seconds of reading that a byte is expected to save.
    fn benefit_per_byte(&self, now: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a number of bytes")]
        let bytes = self.bytes.max(1) as f64;
        self.uses_at(now) * self.load.as_secs_f64() / bytes
    }
}

#[derive(Debug)]
struct Held {
    images: HashMap<Key, Entry>,
    strata: HashMap<(String, u64), Arc<Strata>>,
    reserved: MemoryReservation,
    uses: u64,
}

/// Images within a budget of bytes that is part of the session's memory.
#[derive(Debug)]
pub(crate) struct ImageCache {
    budget: usize,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

impl ImageCache {
    /// Images of `budget` bytes at most, taken from `pool`.
    pub(crate) fn new(budget: usize, pool: &Arc<dyn MemoryPool>, clock: Arc<dyn Clock>) -> Self {
        let reserved = MemoryConsumer::new("samples in memory").register(pool);
        let held = Held { images: HashMap::new(), strata: HashMap::new(), reserved, uses: 0 };
        Self { budget, clock, held: Mutex::new(held) }
    }

    /// The strata of a generation.
    pub(crate) fn strata(&self, store: &Store, manifest: &Manifest) -> Result<Arc<Strata>> {
        let key = (manifest.name.clone(), manifest.generation);
        if let Some(strata) = self.lock().strata.get(&key) {
            return Ok(Arc::clone(strata));
        }
        let strata = Arc::new(store.strata(manifest)?);
        let mut held = self.lock();
        held.strata.retain(|(name, generation), _| *name != key.0 || *generation == key.1);
        held.strata.insert(key, Arc::clone(&strata));
        Ok(strata)
    }

    /// A level with at least `columns`.
    ///
    /// # Errors
    /// [`Error::Data`] when it does not fit into memory with nothing else in it; a damaged file.
    pub(crate) fn level(
        &self,
        store: &Store,
        manifest: &Manifest,
        level: usize,
        columns: &[String],
    ) -> Result<Arc<Image>> {
        self.timed_level(store, manifest, level, columns).map(|(image, _)| image)
    }

    /// The same, and how long it took to read what was not in memory.
    pub(crate) fn timed_level(
        &self,
        store: &Store,
        manifest: &Manifest,
        level: usize,
        columns: &[String],
    ) -> Result<(Arc<Image>, Duration)> {
        let key = (manifest.name.clone(), manifest.generation, level);
        let held = self.get(&key);
        let lacking: Vec<String> = match &held {
            Some(image) => columns.iter().filter(|c| !image.columns.contains_key(*c)).cloned().collect(),
            None => columns.to_vec(),
        };
        match held {
            Some(image) if lacking.is_empty() => Ok((image, Duration::ZERO)),
            held => {
                let before = self.clock.elapsed();
                let took = || self.clock.elapsed().saturating_sub(before);
                if let Some(known) = &held {
                    let image = Arc::new(load(store, manifest, level, &lacking, Some(known))?);
                    if self.put(&key, Arc::clone(&image), took()).is_ok() {
                        return Ok((image, took()));
                    }
                }
                // With all the columns of earlier queries it may be too large, though not with those of this one.
                let image = Arc::new(load(store, manifest, level, columns, None)?);
                self.put(&key, Arc::clone(&image), took())?;
                Ok((image, took()))
            }
        }
    }

    fn get(&self, key: &Key) -> Option<Arc<Image>> {
        let mut held = self.lock();
        held.uses += 1;
        let now = held.uses;
        let entry = held.images.get_mut(key)?;
        entry.uses = entry.uses_at(now) + 1.0;
        entry.last = now;
        Some(Arc::clone(&entry.image))
    }

    fn put(&self, key: &Key, image: Arc<Image>, load: Duration) -> Result<()> {
        let mut held = self.lock();
        let now = held.uses;
        // Older generations of the family are of no more use.
        held.drop_images(|(name, generation, _), _| *name == key.0 && *generation != key.1);
        // With more columns the same level takes its own place; what was read before counts on.
        let before = held.remove(key);
        let uses = before.as_ref().map_or(1.0, |entry| entry.uses_at(now));
        let load = load + before.map_or(Duration::ZERO, |entry| entry.load);
        let bytes = image.bytes();
        if let Err(next) = held.make_room(bytes, self.budget, now) {
            let mib = |bytes: usize| bytes.div_ceil(1 << 20);
            return Err(Error::Data {
                what: format!(
                    "level {} of sample '{}' needs {} MiB of memory, and {}",
                    key.2,
                    key.0,
                    mib(bytes),
                    match next {
                        Full::Budget => format!("samples may hold {} MiB of it", mib(self.budget)),
                        Full::Pool => "other queries hold the rest".to_owned(),
                    }
                ),
                next: "more memory (--memory), a smaller SIZE or CAP, or fewer columns".to_owned(),
            });
        }
        held.images.insert(key.clone(), Entry { image, bytes, load, uses, last: now });
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is full.
enum Full {
    Budget,
    Pool,
}

impl Held {
    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.images.remove(key)?;
        self.reserved.shrink(entry.bytes);
        Some(entry)
    }

    fn drop_images(&mut self, is_old: impl Fn(&Key, &Entry) -> bool) {
        let old: Vec<Key> = self.images.iter().filter(|(k, e)| is_old(k, e)).map(|(k, _)| k.clone()).collect();
        for key in old {
            self.remove(&key);
        }
    }

    /// Reserves `bytes`, giving up what is worth least per byte until they fit.
    fn make_room(&mut self, bytes: usize, budget: usize, now: u64) -> Result<(), Full> {
        if bytes > budget {
            return Err(Full::Budget);
        }
        while self.reserved.size() + bytes > budget || self.reserved.try_grow(bytes).is_err() {
            let benefit = |entry: &Entry| entry.benefit_per_byte(now);
            let least = self.images.iter().min_by(|a, b| benefit(a.1).total_cmp(&benefit(b.1)).then(a.0.cmp(b.0)));
            let Some(least) = least.map(|(key, _)| key.clone()) else { return Err(Full::Pool) };
            self.remove(&least);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use arrow::array::UInt32Array;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    /// An image of `rows` rows without columns, 12 bytes each.
    fn image(rows: u32) -> Arc<Image> {
        let strata = UInt32Array::from(vec![0; rows as usize]);
        Arc::new(Image {
            ranks: strata.clone(),
            order: strata.clone(),
            runs: Arc::default(),
            columns: HashMap::new(),
            strata,
        })
    }

    fn key(level: usize) -> Key {
        ("s".to_owned(), 1, level)
    }

    #[test]
    fn what_saves_least_per_byte_goes_first_and_all_is_accounted_for() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1_000_000));
        let cache = ImageCache::new(36_000, &pool, Arc::new(SystemClock::default()));
        let second = Duration::from_secs(1);
        cache.put(&key(0), image(1_000), second).unwrap();
        cache.put(&key(1), image(1_000), second).unwrap();
        for _ in 0..5 {
            assert!(cache.get(&key(0)).is_some());
        }
        assert_eq!(pool.reserved(), 24_000);
        // The third does not fit beside both; the one that was used less goes.
        cache.put(&key(2), image(1_500), second).unwrap();
        assert!(cache.get(&key(1)).is_none() && cache.get(&key(0)).is_some() && cache.get(&key(2)).is_some());
        assert_eq!(pool.reserved(), 30_000);
        // Another generation makes the older ones useless.
        cache.put(&("s".to_owned(), 2, 0), image(100), second).unwrap();
        assert_eq!(pool.reserved(), 1_200);
        drop(cache);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_can_never_fit_is_an_error_and_leaves_nothing_behind() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(20_000));
        let cache = ImageCache::new(1_000_000, &pool, Arc::new(SystemClock::default()));
        let error = cache.put(&key(3), image(10_000), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("level 3 of sample 's'") && error.contains("--memory"), "{error}");
        let small = ImageCache::new(1_000, &pool, Arc::new(SystemClock::default()));
        let error = small.put(&key(0), image(1_000), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("samples may hold 1 MiB"), "{error}");
        assert_eq!(pool.reserved(), 0);
    }
}
