//! The level columns and projections in memory: entries with the highest benefit per byte stay.

use super::level_columns::{LevelColumns, load};
use super::projection::Projection;
use super::strata::{Found, StrataCache};
use crate::answer::{Error, Result};
use crate::runtime::Clock;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::logical_expr::Expr;
use plusminus_catalog::{Manifest, Store};
use plusminus_kernel::SampleStrata;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Uses of the cache after which an earlier use counts half.
const HALF_LIFE: f64 = 64.0;

/// One part in so many of the memory for samples is the most that strata may take.
const STRATA_SHARE: usize = 4;

/// Columns of a table above which strata are read only with the columns that queries name.
const WIDE_COLUMNS: usize = 64;
/// Columns that determine the order of a level's rows: stratum and rank.
const ORDER_COLUMNS: usize = 2;

/// Projections that were requested and are not in memory; when there are so many, all requests are forgotten.
const ASKED_MAX: usize = 256;

/// Key of an entry: a level of a sample's generation, or a projection of the levels up to `level`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    family: String,
    generation: u64,
    level: usize,
    /// For a projection, the GROUP BY expressions that its rows are ordered by.
    keys: Option<Arc<[Expr]>>,
}

impl Key {
    fn level(manifest: &Manifest, level: usize) -> Self {
        Self { family: manifest.name.clone(), generation: manifest.generation, level, keys: None }
    }

    /// The key of a projection of the levels up to `level`.
    pub(crate) fn projection(manifest: &Manifest, level: usize, keys: &Arc<[Expr]>) -> Self {
        Self { keys: Some(Arc::clone(keys)), ..Self::level(manifest, level) }
    }

    fn is_projection(&self) -> bool {
        self.keys.is_some()
    }
}

/// State of a projection in the cache.
#[derive(Debug)]
pub(crate) enum ProjectionState {
    Cached(Arc<Projection>),
    /// It was requested before, so that building it is worth while.
    Requested,
    /// It was not requested before.
    Unseen,
    /// It cannot be built.
    Infeasible,
}

#[derive(Debug, Clone)]
enum Content {
    Level(Arc<LevelColumns>),
    Projection(Arc<Projection>),
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Self::Level(level_columns) => level_columns.bytes(),
            Self::Projection(projection) => projection.bytes(),
        }
    }
}

#[derive(Debug)]
struct Entry {
    content: Content,
    bytes: usize,
    /// Time that reading or building it took.
    load: Duration,
    /// Uses as of `last`, older ones counting less.
    uses: f64,
    last: u64,
}

impl Entry {
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

#[derive(Debug)]
struct Held {
    entries: HashMap<Key, Entry>,
    /// Projections that were requested and are not in memory; true for those that cannot be built.
    asked: HashMap<Key, bool>,
    strata: StrataCache,
    reserved: MemoryReservation,
    uses: u64,
}

/// Cache of level columns and projections within a budget of bytes, which is part of the session's memory.
#[derive(Debug)]
pub(crate) struct LevelCache {
    budget: usize,
    threads: usize,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

impl LevelCache {
    /// A cache of at most `budget` bytes, taken from `pool`, whose levels are read on `threads` threads.
    pub(crate) fn new(budget: usize, threads: usize, pool: &Arc<dyn MemoryPool>, clock: Arc<dyn Clock>) -> Self {
        let reserved = MemoryConsumer::new("samples in memory").register(pool);
        let strata = StrataCache::new(MemoryConsumer::new("strata of samples in memory").register(pool));
        let held = Held { entries: HashMap::new(), asked: HashMap::new(), strata, reserved, uses: 0 };
        Self { budget, threads, clock, held: Mutex::new(held) }
    }

    /// The strata of a sample's generation, with their statistics of at least `columns` of the table.
    pub(crate) fn strata(&self, store: &Store, manifest: &Manifest, columns: &[String]) -> Result<Arc<SampleStrata>> {
        let key = (manifest.name.clone(), manifest.generation);
        let mut columns: Option<BTreeSet<String>> =
            (manifest.base.columns.len() > WIDE_COLUMNS).then(|| columns.iter().cloned().collect());
        match self.lock().strata.get(&key, columns.as_ref()) {
            Found::Strata(strata) => return Ok(strata),
            // The columns of both are read at once, so that the next query finds them.
            Found::OfOthers(others) => columns.iter_mut().for_each(|own| own.extend(others.iter().cloned())),
            Found::Nothing => {}
        }
        let names: Option<Vec<String>> = columns.as_ref().map(|columns| columns.iter().cloned().collect());
        let strata = store.strata(manifest, names.as_deref())?;
        let strata = Arc::new(SampleStrata::new(strata, manifest.has_whole_classes()));
        self.lock().strata.keep(key, columns, &strata, self.budget / STRATA_SHARE);
        Ok(strata)
    }

    /// A level with at least `columns`.
    ///
    /// # Errors
    /// [`Error::Data`] when the level does not fit into memory even alone; a damaged file.
    pub(crate) fn level(
        &self,
        store: &Store,
        manifest: &Manifest,
        level: usize,
        columns: &[String],
    ) -> Result<Arc<LevelColumns>> {
        self.timed_level(store, manifest, level, columns).map(|(level_columns, _)| level_columns)
    }

    /// Returns a level with at least `columns`, and the values that were read from its file.
    pub(crate) fn timed_level(
        &self,
        store: &Store,
        manifest: &Manifest,
        level: usize,
        columns: &[String],
    ) -> Result<(Arc<LevelColumns>, Loaded)> {
        let key = Key::level(manifest, level);
        let held = match self.get(&key) {
            Some(Content::Level(level_columns)) => Some(level_columns),
            _ => None,
        };
        let lacking: Vec<String> = match &held {
            Some(level_columns) => {
                columns.iter().filter(|c| !level_columns.columns.contains_key(*c)).cloned().collect()
            }
            None => columns.to_vec(),
        };
        match held {
            Some(level_columns) if lacking.is_empty() => Ok((level_columns, Loaded::default())),
            held => {
                let before = self.clock.elapsed();
                let took = || self.clock.elapsed().saturating_sub(before);
                let columns_read = lacking.len() + if held.is_none() { ORDER_COLUMNS } else { 0 };
                let loaded = |level_columns: &LevelColumns| Loaded {
                    values: (columns_read * level_columns.strata.len()) as u64,
                    took: took(),
                };
                if let Some(known) = &held {
                    let level_columns = Arc::new(load((store, self.threads), manifest, level, &lacking, Some(known))?);
                    if self.put(&key, Arc::clone(&level_columns), took()).is_ok() {
                        let loaded = loaded(&level_columns);
                        return Ok((level_columns, loaded));
                    }
                }
                // With the columns of earlier queries as well it may be too large, though not with those of this query alone.
                let _span =
                    tracing::debug_span!("load", sample = %manifest.name, level, columns = columns.len()).entered();
                let level_columns = Arc::new(load((store, self.threads), manifest, level, columns, None)?);
                self.put(&key, Arc::clone(&level_columns), took())?;
                let loaded = loaded(&level_columns);
                Ok((level_columns, loaded))
            }
        }
    }

    /// Looks up a projection; a lookup that finds none counts as a request.
    pub(crate) fn projection(&self, key: &Key) -> ProjectionState {
        if let Some(Content::Projection(projection)) = self.get(key) {
            return ProjectionState::Cached(projection);
        }
        let mut held = self.lock();
        if held.asked.len() >= ASKED_MAX {
            held.asked.clear();
        }
        match held.asked.get(key) {
            Some(true) => ProjectionState::Infeasible,
            Some(false) => ProjectionState::Requested,
            None => {
                held.asked.insert(key.clone(), false);
                ProjectionState::Unseen
            }
        }
    }

    /// Notes that a projection cannot be built.
    pub(crate) fn refuse_projection(&self, key: &Key) {
        tracing::debug!(sample = %key.family, level = key.level, "projection refused");
        self.lock().asked.insert(key.clone(), true);
    }

    /// Whether a projection is in memory; the question does not count as a request.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.lock().entries.contains_key(key)
    }

    /// Whether a projection of `bytes` bytes can be kept.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let held = self.lock();
        let now = held.uses;
        let idle: usize =
            held.entries.iter().filter(|(key, entry)| is_idle(key, entry, now)).map(|(_, e)| e.bytes).sum();
        (held.reserved.size() - idle).saturating_add(bytes) <= self.budget
    }

    /// Keeps a projection, new or with more columns than before, that took so long to build. Without room it is not kept: levels and
    /// projections in use are not evicted for it.
    pub(crate) fn keep_projection(&self, key: &Key, projection: Arc<Projection>, took: Duration) {
        let mut held = self.lock();
        let now = held.uses;
        let before = held.remove(key);
        let uses = before.as_ref().map_or(1.0, |entry| entry.uses_at(now));
        let load = took + before.as_ref().map_or(Duration::ZERO, |entry| entry.load);
        let content = Content::Projection(projection);
        let bytes = content.bytes();
        held.asked.remove(key);
        if held.make_room(bytes, self.budget, now, |key, entry| is_idle(key, entry, now)).is_ok() {
            held.entries.insert(key.clone(), Entry { content, bytes, load, uses, last: now });
        } else if let Some(before) = before.filter(|before| held.reserved.try_grow(before.bytes).is_ok()) {
            held.entries.insert(key.clone(), before);
        }
    }

    /// Number of `columns` of a level that are not in memory, plus stratum and rank where nothing of the level is.
    pub(crate) fn lacking(&self, manifest: &Manifest, level: usize, columns: &[String]) -> usize {
        match self.lock().entries.get(&Key::level(manifest, level)).map(|entry| &entry.content) {
            Some(Content::Level(level_columns)) => {
                columns.iter().filter(|name| !level_columns.columns.contains_key(*name)).count()
            }
            _ => columns.len() + ORDER_COLUMNS,
        }
    }

    fn get(&self, key: &Key) -> Option<Content> {
        let mut held = self.lock();
        held.uses += 1;
        let now = held.uses;
        let entry = held.entries.get_mut(key)?;
        entry.uses = entry.uses_at(now) + 1.0;
        entry.last = now;
        Some(entry.content.clone())
    }

    fn put(&self, key: &Key, level_columns: Arc<LevelColumns>, load: Duration) -> Result<()> {
        let mut held = self.lock();
        let now = held.uses;
        // Older generations of the sample are useless.
        held.drop_entries(|other| other.family == key.family && other.generation != key.generation);
        // A level with more columns replaces its own entry, and keeps its uses and loading time.
        let before = held.remove(key);
        let uses = before.as_ref().map_or(1.0, |entry| entry.uses_at(now));
        let load = load + before.map_or(Duration::ZERO, |entry| entry.load);
        let bytes = level_columns.bytes();
        if let Err(next) = held.make_room(bytes, self.budget, now, |_, _| true) {
            let mib = |bytes: usize| bytes.div_ceil(1 << 20);
            return Err(Error::Data {
                what: format!(
                    "level {} of sample '{}' needs {} MiB of memory, and {}",
                    key.level,
                    key.family,
                    mib(bytes),
                    match next {
                        Full::Budget => format!("samples may hold {} MiB of it", mib(self.budget)),
                        Full::Pool => "other queries hold the rest".to_owned(),
                    }
                ),
                next: "more memory (--memory), a smaller SIZE or CAP, or fewer columns".to_owned(),
            });
        }
        held.entries
            .insert(key.clone(), Entry { content: Content::Level(level_columns), bytes, load, uses, last: now });
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a projection was not used recently.
fn is_idle(key: &Key, entry: &Entry, now: u64) -> bool {
    key.is_projection() && entry.uses_at(now) < 1.0
}

/// Values read from a level's file, and the time that took; 0 where everything was in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loaded {
    pub(crate) values: u64,
    pub(crate) took: Duration,
}

/// The limit that an entry exceeds.
enum Full {
    Budget,
    Pool,
}

impl Held {
    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.reserved.shrink(entry.bytes);
        Some(entry)
    }

    fn drop_entries(&mut self, is_old: impl Fn(&Key) -> bool) {
        self.asked.retain(|key, _| !is_old(key));
        let old: Vec<Key> = self.entries.keys().filter(|key| is_old(key)).cloned().collect();
        for key in old {
            self.remove(&key);
        }
    }

    /// Reserves `bytes`; entries for which `may_go` is true are evicted, lowest benefit per byte first, until they fit.
    fn make_room(
        &mut self,
        bytes: usize,
        budget: usize,
        now: u64,
        may_go: impl Fn(&Key, &Entry) -> bool,
    ) -> Result<(), Full> {
        if bytes > budget {
            return Err(Full::Budget);
        }
        while self.reserved.size() + bytes > budget || self.reserved.try_grow(bytes).is_err() {
            let benefit = |entry: &Entry| entry.benefit_per_byte(now);
            let order = |key: &Key| (key.is_projection(), key.family.clone(), key.level);
            let may_go = self.entries.iter().filter(|(key, entry)| may_go(key, entry));
            let least =
                may_go.min_by(|a, b| benefit(a.1).total_cmp(&benefit(b.1)).then_with(|| order(a.0).cmp(&order(b.0))));
            let Some(least) = least.map(|(key, _)| key.clone()) else { return Err(Full::Pool) };
            tracing::debug!(sample = %least.family, level = least.level, is_projection = least.is_projection(), "evicted");
            self.remove(&least);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemClock;
    use arrow::array::UInt32Array;
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    /// Level columns of `rows` rows without table columns, 12 bytes each.
    fn level_columns(rows: u32) -> Arc<LevelColumns> {
        let strata = UInt32Array::from(vec![0; rows as usize]);
        Arc::new(LevelColumns {
            ranks: strata.clone(),
            places: None,
            runs: Arc::default(),
            columns: HashMap::new(),
            strata,
        })
    }

    fn key(level: usize) -> Key {
        Key { family: "s".to_owned(), generation: 1, level, keys: None }
    }

    #[test]
    fn what_saves_least_per_byte_goes_first_and_all_is_accounted_for() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1_000_000));
        let cache = LevelCache::new(36_000, 1, &pool, Arc::new(SystemClock::default()));
        let second = Duration::from_secs(1);
        cache.put(&key(0), level_columns(1_000), second).unwrap();
        cache.put(&key(1), level_columns(1_000), second).unwrap();
        for _ in 0..5 {
            assert!(cache.get(&key(0)).is_some());
        }
        assert_eq!(pool.reserved(), 24_000);
        // The third does not fit beside both; the less used one is evicted.
        cache.put(&key(2), level_columns(1_500), second).unwrap();
        assert!(cache.get(&key(1)).is_none() && cache.get(&key(0)).is_some() && cache.get(&key(2)).is_some());
        assert_eq!(pool.reserved(), 30_000);
        // Another generation makes the older entries useless.
        cache.put(&Key { generation: 2, ..key(0) }, level_columns(100), second).unwrap();
        assert_eq!(pool.reserved(), 1_200);
        drop(cache);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_can_never_fit_is_an_error_and_leaves_nothing_behind() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(20_000));
        let cache = LevelCache::new(1_000_000, 2, &pool, Arc::new(SystemClock::default()));
        let error = cache.put(&key(3), level_columns(10_000), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("level 3 of sample 's'") && error.contains("--memory"), "{error}");
        let small = LevelCache::new(1_000, 1, &pool, Arc::new(SystemClock::default()));
        let error = small.put(&key(0), level_columns(1_000), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("samples may hold 1 MiB"), "{error}");
        assert_eq!(pool.reserved(), 0);
    }
}
