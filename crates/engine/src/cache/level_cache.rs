//! The levels, strata and projections of samples in memory.

use super::benefit::{BenefitCache, Full};
use super::level_columns::{LevelColumns, load};
use super::level_part::LevelPart;
use super::loads::{Load, Loads};
use super::projection::Projection;
use crate::answer::{Error, Result};
use crate::runtime::Clock;
use arrow::datatypes::DataType;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use datafusion::logical_expr::Expr;
use plusminus_catalog::{Manifest, Store};
use plusminus_kernel::{FLOAT, SampleStrata};
use quick_cache::sync::Cache;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Columns of a table above which strata are read only with the columns that queries name.
const WIDE_COLUMNS: usize = 64;
/// Numbers of strata times columns above which they are.
const MANY_STRATUM_VALUES: u64 = 50_000;
/// Columns that determine the order of a level's rows: stratum and rank, with the bytes that both and the strata's runs take per row.
const ORDER_COLUMNS: usize = 2;
const ORDER_BYTES: usize = 12;
/// Bytes that a value of a type without a width is taken to have before its level is read.
const TEXT_BYTES: usize = 32;

/// Projections that were requested and are not in memory; of more, some are forgotten.
const REQUESTED_MAX: usize = 256;

/// Key of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
pub(crate) struct Key {
    item: Item,
    sample: String,
    generation: u64,
}

/// An item of a sample's generation; of items with equal benefits the first goes first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd)]
enum Item {
    Level(LevelPart),
    /// Rows of the levels up to `level`, in the order of the groups of these expressions.
    Projection {
        level: usize,
        keys: Arc<[Expr]>,
    },
    Strata,
}

impl Key {
    fn of(manifest: &Manifest, item: Item) -> Self {
        Self { item, sample: manifest.name.clone(), generation: manifest.generation }
    }

    fn level(manifest: &Manifest, part: &LevelPart) -> Self {
        Self::of(manifest, Item::Level(part.clone()))
    }

    /// Whether both are of one generation.
    fn is_beside(&self, other: &Self) -> bool {
        self.sample == other.sample && self.generation == other.generation
    }

    /// The key of a projection of the levels up to `level`.
    pub(crate) fn projection(manifest: &Manifest, level: usize, keys: &Arc<[Expr]>) -> Self {
        Self::of(manifest, Item::Projection { level, keys: Arc::clone(keys) })
    }

    fn is_projection(&self) -> bool {
        matches!(self.item, Item::Projection { .. })
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
    /// Strata, and the table's columns of which they have statistics; `None` for all columns.
    Strata(Arc<SampleStrata>, Option<BTreeSet<String>>),
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Self::Level(level_columns) => level_columns.bytes(),
            Self::Projection(projection) => projection.bytes(),
            Self::Strata(strata, _) => strata.bytes(),
        }
    }
}

/// Cache of levels, strata and projections within a budget of bytes, which is part of the session's memory.
#[derive(Debug)]
pub(crate) struct LevelCache {
    threads: usize,
    clock: Arc<dyn Clock>,
    held: Mutex<BenefitCache<Key, Content>>,
    loads: Loads<Key>,
    /// Projections that were requested and are not in memory; true for those that cannot be built.
    requested: Cache<Key, bool>,
}

impl LevelCache {
    /// A cache of at most `budget` bytes, taken from `pool`, whose levels are read on `threads` threads.
    pub(crate) fn new(budget: usize, threads: usize, pool: &Arc<dyn MemoryPool>, clock: Arc<dyn Clock>) -> Self {
        let reserved = MemoryConsumer::new("samples in memory").register(pool);
        let held = Mutex::new(BenefitCache::new(budget, reserved));
        Self { threads, clock, held, loads: Loads::default(), requested: Cache::new(REQUESTED_MAX) }
    }

    /// The strata of a sample's generation, with their statistics of at least `columns` of the table. Without memory they are not kept.
    pub(crate) fn strata(&self, store: &Store, manifest: &Manifest, columns: &[String]) -> Result<Arc<SampleStrata>> {
        let key = Key::of(manifest, Item::Strata);
        let is_wide = is_wide(manifest);
        let mut wanted: Option<BTreeSet<String>> = is_wide.then(|| columns.iter().cloned().collect());
        if let Some(strata) = self.lock().get(&key).and_then(|content| strata_with(&content, wanted.as_ref())) {
            return Ok(strata);
        }
        let _load = self.loads.begin(&key);
        let known = self.lock().peek(&key).cloned();
        if let Some(strata) = known.as_ref().and_then(|content| strata_with(content, wanted.as_ref())) {
            return Ok(strata);
        }
        // The columns of queries before are read, too, so that these find them again.
        if let (Some(Content::Strata(_, Some(others))), Some(wanted)) = (known, &mut wanted) {
            wanted.extend(others);
        }
        let before = self.clock.elapsed();
        let names: Option<Vec<String>> = wanted.as_ref().map(|columns| columns.iter().cloned().collect());
        let strata = store.strata(manifest, names.as_deref())?;
        let strata = Arc::new(SampleStrata::new(strata, manifest.has_whole_classes()));
        // If there is no room, the next query reads them again.
        let _ = self.keep(key, Content::Strata(Arc::clone(&strata), wanted), self.since(before));
        Ok(strata)
    }

    /// A whole level with at least `columns`.
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
        self.timed_part(store, manifest, &LevelPart::whole(level), columns).map(|(level_columns, _)| level_columns)
    }

    /// Returns at least `columns` of at least the rows of `part`, in the level's order, and the values that were read from its files.
    ///
    /// # Errors
    /// See [`Self::level`].
    pub(crate) fn timed_part(
        &self,
        store: &Store,
        manifest: &Manifest,
        part: &LevelPart,
        columns: &[String],
    ) -> Result<(Arc<LevelColumns>, Loaded)> {
        let key = Key::level(manifest, part);
        if let Some(known) = self.held_part(&key, part, columns) {
            return Ok((known, Loaded::default()));
        }
        let before = self.clock.elapsed();
        let _load = self.loads.begin(&key);
        let known = match self.lock().peek(&key) {
            Some(Content::Level(known)) => Some(Arc::clone(known)),
            _ => None,
        };
        let lacking = known.as_ref().map_or_else(|| columns.to_vec(), |known| known.lacking(columns));
        if let Some(known) = known.as_ref().filter(|_| lacking.is_empty()) {
            return Ok((Arc::clone(known), Loaded::default()));
        }
        let span = tracing::debug_span!("load", sample = %manifest.name, level = part.level, columns = lacking.len());
        let _span = span.entered();
        let read = |columns: &[String], known: Option<&LevelColumns>| {
            let room = self.room(&key, part_bytes(manifest, part, columns, known.is_none()))?;
            let level_columns = Arc::new(load((store, self.threads), manifest, part, columns, known)?);
            drop(room);
            self.keep_level(&key, &level_columns, self.since(before))?;
            let columns_read = columns.len() + if known.is_none() { ORDER_COLUMNS } else { 0 };
            let values = (columns_read * level_columns.strata.len()) as u64;
            Ok((level_columns, Loaded { values, took: self.since(before) }))
        };
        match known {
            // With the columns of earlier queries as well it may be too large, though not with those of this query alone.
            Some(known) => read(&lacking, Some(&known)).or_else(|_: Error| read(columns, None)),
            None => read(columns, None),
        }
    }

    /// A part in memory with all of `columns` and all rows of `part`.
    fn held_part(&self, key: &Key, part: &LevelPart, columns: &[String]) -> Option<Arc<LevelColumns>> {
        let mut held = self.lock();
        if let Some(Content::Level(known)) = held.get(key)
            && known.lacking(columns).is_empty()
        {
            return Some(known);
        }
        let suffices = |other: &Key, content: &Content| {
            let Item::Level(own) = &other.item else { return false };
            let Content::Level(known) = content else { return false };
            other.is_beside(key) && own.includes(part) && known.lacking(columns).is_empty()
        };
        match held.keys(suffices).first().and_then(|other| held.get(other)) {
            Some(Content::Level(known)) => Some(known),
            _ => None,
        }
    }

    /// Looks up a projection; a lookup that finds none counts as a request.
    pub(crate) fn projection(&self, key: &Key) -> ProjectionState {
        if let Some(Content::Projection(projection)) = self.lock().get(key) {
            return ProjectionState::Cached(projection);
        }
        match self.requested.get(key) {
            Some(true) => ProjectionState::Infeasible,
            Some(false) => ProjectionState::Requested,
            None => {
                self.requested.insert(key.clone(), false);
                ProjectionState::Unseen
            }
        }
    }

    /// The right to build or extend a projection; `None` while another query does.
    pub(crate) fn build(&self, key: &Key) -> Option<Load<'_, Key>> {
        self.loads.try_begin(key)
    }

    /// Notes that a projection cannot be built.
    pub(crate) fn refuse_projection(&self, key: &Key) {
        tracing::debug!(entry = ?key, "projection refused");
        self.requested.insert(key.clone(), true);
    }

    /// Whether a projection is in memory; the question does not count as a request.
    pub(crate) fn holds(&self, key: &Key) -> bool {
        self.lock().peek(key).is_some()
    }

    /// Whether a projection of `bytes` bytes can be kept.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.lock().has_room(bytes, is_idle)
    }

    /// Keeps a projection, new or with more columns than before, that took so long to build. Without room it is not kept, and what was
    /// there before stays: levels and projections in use are not evicted for it.
    pub(crate) fn keep_projection(&self, key: &Key, projection: Arc<Projection>, took: Duration) {
        let bytes = projection.bytes();
        let mut held = self.lock();
        self.requested.remove(key);
        if held.has_room(bytes, |other, uses| other == key || is_idle(other, uses)) {
            let content = Content::Projection(projection);
            // The pool may still be full; the projection is then built again later.
            let _ = held.put(key.clone(), content, bytes, took, is_idle);
        }
    }

    /// Number of values in `columns` of a part that are not in memory, plus strata and ranks where nothing of the part is.
    pub(crate) fn unread_values(&self, manifest: &Manifest, part: &LevelPart, columns: &[String]) -> u64 {
        let key = Key::level(manifest, part);
        if self.held_part(&key, part, columns).is_some() {
            return 0;
        }
        let columns = match self.lock().peek(&key) {
            Some(Content::Level(level_columns)) => level_columns.lacking(columns).len(),
            _ => columns.len() + ORDER_COLUMNS,
        };
        part.rows(manifest).saturating_mul(columns as u64)
    }

    /// Memory for a level that is about to be read, until it is kept.
    fn room(&self, key: &Key, bytes: usize) -> Result<Room<'_>> {
        let mut held = self.lock();
        held.reserve(bytes, |_, _| true).map_err(|full| too_large(key, bytes, held.budget(), full))?;
        Ok(Room { cache: self, bytes })
    }

    /// Keeps a part of a level in the place of those that it makes superfluous.
    fn keep_level(&self, key: &Key, level_columns: &Arc<LevelColumns>, load: Duration) -> Result<()> {
        if let Item::Level(part) = &key.item {
            let is_superfluous = |other: &Key, content: &Content| {
                let (Item::Level(own), Content::Level(known)) = (&other.item, content) else { return false };
                other != key && other.is_beside(key) && part.includes(own) && level_columns.holds_columns_of(known)
            };
            let mut held = self.lock();
            let superfluous = held.keys(is_superfluous);
            held.retain(|other| !superfluous.contains(other));
        }
        let content = Content::Level(Arc::clone(level_columns));
        let bytes = content.bytes();
        self.keep(key.clone(), content, load).map_err(|full| too_large(key, bytes, self.lock().budget(), full))
    }

    /// Keeps a part of a generation in the place of those of other generations of the sample.
    fn keep(&self, key: Key, content: Content, load: Duration) -> Result<(), Full> {
        let mut held = self.lock();
        held.retain(|other| other.sample != key.sample || other.generation == key.generation);
        let bytes = content.bytes();
        held.put(key, content, bytes, load, |_, _| true)
    }

    fn since(&self, before: Duration) -> Duration {
        self.clock.elapsed().saturating_sub(before)
    }

    fn lock(&self) -> MutexGuard<'_, BenefitCache<Key, Content>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Strata with statistics of at least `wanted` columns (all columns when `None`).
fn strata_with(content: &Content, wanted: Option<&BTreeSet<String>>) -> Option<Arc<SampleStrata>> {
    let Content::Strata(strata, columns) = content else { return None };
    let suffices = match (columns, wanted) {
        (None, _) => true,
        (Some(columns), Some(wanted)) => wanted.is_subset(columns),
        (Some(_), None) => false,
    };
    suffices.then(|| Arc::clone(strata))
}

/// Whether a projection was not used recently.
fn is_idle(key: &Key, uses: f64) -> bool {
    key.is_projection() && uses < 1.0
}

/// Whether strata are read only with the columns that queries name.
fn is_wide(manifest: &Manifest) -> bool {
    let columns = manifest.base.columns.len() + manifest.base.joined.len();
    columns > WIDE_COLUMNS || manifest.strata_count.saturating_mul(columns as u64) > MANY_STRATUM_VALUES
}

/// Bytes that columns of a part are expected to take, with those that give the order of its rows where it `is_new`.
fn part_bytes(manifest: &Manifest, part: &LevelPart, columns: &[String], is_new: bool) -> usize {
    let rows = part.rows(manifest);
    let width = |name: &String| {
        let data_type: Option<DataType> = manifest.column_type(name).and_then(|data_type| data_type.parse().ok());
        match data_type {
            Some(DataType::Boolean) => 1,
            Some(data_type) => data_type.primitive_width().unwrap_or(TEXT_BYTES),
            None if name.starts_with(FLOAT) => size_of::<f64>(),
            None => TEXT_BYTES,
        }
    };
    let widths = columns.iter().map(width).sum::<usize>() + if is_new { ORDER_BYTES } else { 0 };
    usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(widths)
}

fn too_large(key: &Key, bytes: usize, budget: usize, full: Full) -> Error {
    let mib = |bytes: usize| bytes.div_ceil(1 << 20);
    let level = match &key.item {
        Item::Level(part) => part.level,
        Item::Projection { level, .. } => *level,
        Item::Strata => 0,
    };
    let limit = match full {
        Full::Budget => format!("samples may hold {} MiB of it", mib(budget)),
        Full::Pool => "other queries hold the rest".to_owned(),
    };
    Error::Data {
        what: format!("level {level} of sample '{}' needs {} MiB of memory, and {limit}", key.sample, mib(bytes)),
        next: "more memory (--memory), a smaller SIZE or CAP, or fewer columns".to_owned(),
    }
}

/// Memory that is reserved for a level while it is read.
struct Room<'a> {
    cache: &'a LevelCache,
    bytes: usize,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.cache.lock().release(self.bytes);
    }
}

/// Values read from a level's file, and the time that took; 0 where everything was in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loaded {
    pub(crate) values: u64,
    pub(crate) took: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemClock;
    use arrow::array::{ArrayRef, Int64Array, UInt32Array};
    use arrow::datatypes::Field;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use plusminus_catalog::StrataColumns;
    use std::collections::HashMap;

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

    fn key(item: Item, generation: u64) -> Key {
        Key { item, sample: "s".to_owned(), generation }
    }

    fn cache(budget: usize, pool: &Arc<dyn MemoryPool>) -> LevelCache {
        LevelCache::new(budget, 1, pool, Arc::new(SystemClock::default()))
    }

    #[test]
    fn another_generation_takes_the_place_of_all_parts_of_the_one_before() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1 << 20));
        let cache = cache(1 << 20, &pool);
        let other = Key { sample: "t".to_owned(), ..key(Item::Level(LevelPart::whole(0)), 1) };
        cache.keep_level(&other, &level_columns(10), Duration::ZERO).unwrap();
        cache.keep_level(&key(Item::Level(LevelPart::whole(0)), 1), &level_columns(10), Duration::ZERO).unwrap();
        cache.keep(key(Item::Strata, 1), Content::Strata(strata(10), None), Duration::ZERO).unwrap();
        cache.keep_level(&key(Item::Level(LevelPart::whole(1)), 2), &level_columns(20), Duration::ZERO).unwrap();
        assert!(!cache.holds(&key(Item::Level(LevelPart::whole(0)), 1)) && !cache.holds(&key(Item::Strata, 1)));
        assert!(cache.holds(&key(Item::Level(LevelPart::whole(1)), 2)) && cache.holds(&other));
        assert_eq!(pool.reserved(), 12 * 30);
    }

    #[test]
    fn a_level_that_can_never_fit_is_an_error_that_says_what_would_help() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(20_000));
        let large = key(Item::Level(LevelPart::whole(3)), 1);
        let error = cache(1_000_000, &pool).keep_level(&large, &level_columns(10_000), Duration::ZERO).unwrap_err();
        assert!(
            error.to_string().contains("level 3 of sample 's'") && error.to_string().contains("--memory"),
            "{error}"
        );
        let small = cache(1_000, &pool);
        let error = small.keep_level(&large, &level_columns(1_000), Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("samples may hold 1 MiB"), "{error}");
        assert!(small.room(&large, 2_000).is_err());
        assert_eq!(pool.reserved(), 0);
        let room = small.room(&large, 900).unwrap();
        assert_eq!(pool.reserved(), 900);
        drop(room);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn strata_suffice_where_they_have_the_columns() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let some = Content::Strata(strata(10), Some(set(&["x", "y"])));
        assert!(strata_with(&some, Some(&set(&["y"]))).is_some());
        assert!(strata_with(&some, Some(&set(&["y", "z"]))).is_none() && strata_with(&some, None).is_none());
        let all = Content::Strata(strata(10), None);
        assert!(strata_with(&all, None).is_some() && strata_with(&all, Some(&set(&["z"]))).is_some());
    }
}
