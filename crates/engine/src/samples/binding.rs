use super::choose::cumulative_rows;
use crate::answer::Result;
use crate::cache::LevelPart;
use crate::moments::{ArgumentFacts, MomentsCache, Opened, UnsampledRows, ValueLimits, measures};
use arrow::datatypes::Schema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use plusminus_catalog::{Manifest, Store};
use plusminus_kernel::{Compiled, FLOAT, Needs, SampleStrata, StrataView, bare, names};
use plusminus_plan::AggregateQuery;
use plusminus_statistics::{PopulationMoments, StratumSize};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Largest size in bytes of bounds on unsampled rows of which several levels are cached; of larger ones only the last level is.
const UNSAMPLED_BYTES_MAX: usize = 16 << 10;

/// A query bound to one generation of a sample.
#[derive(Debug)]
pub(crate) struct SampleBinding {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) view: Arc<StrataView>,
    pub(crate) needs: Needs,
    /// Rows that may pass WHERE, held by levels up to and including each.
    pub(crate) cumulative: Vec<u64>,
    /// The number of levels, from the lowest on, that have all columns that are needed.
    pub(crate) readable: usize,
    /// The part of each level that may hold such rows.
    pub(crate) parts: Vec<LevelPart>,
    compiled: OnceLock<Arc<Compiled>>,
    group_order: OnceLock<GroupOrder>,
    known: OnceLock<ArgumentMoments>,
    /// Cached bounds on the effect of unsampled rows, by level.
    unsampled: Mutex<Vec<(usize, Arc<UnsampledRows>)>>,
    limits: OnceLock<Option<ValueLimits>>,
}

/// Expressions for rows in the order of their groups.
#[derive(Debug)]
pub(crate) struct GroupOrder {
    /// GROUP BY expressions over unqualified columns; `key_columns` are the columns that they read.
    pub(crate) keys: Arc<[Expr]>,
    pub(crate) key_columns: Vec<String>,
    pub(crate) needs: Needs,
    compiled: OnceLock<Arc<Compiled>>,
}

/// Facts about the query's arguments.
#[derive(Debug)]
pub(crate) struct ArgumentMoments {
    /// One entry per argument.
    pub(crate) arguments: Vec<ArgumentFacts>,
    /// Moments of the number of rows per key, where keys were drawn.
    pub(crate) rows_of_keys: Option<PopulationMoments>,
}

impl ArgumentMoments {
    /// The mean of each argument, about which products are computed; NaN where it is not known.
    pub(crate) fn centres(&self) -> Vec<f64> {
        self.arguments.iter().map(|known| known.mean.unwrap_or(f64::NAN)).collect()
    }
}

impl SampleBinding {
    pub(crate) fn new(
        query: &AggregateQuery,
        state: &SessionState,
        manifest: &Arc<Manifest>,
        strata: Arc<SampleStrata>,
    ) -> Result<Self> {
        let view = Arc::new(StrataView::new(query, state, manifest, strata)?);
        let needs = Needs::new(query, &view);
        let cumulative = cumulative_rows(&view, manifest);
        let parts = LevelPart::matching(&view, manifest);
        let levels_with = |name: &String| manifest.levels_with(name.strip_prefix(FLOAT).unwrap_or(name));
        let readable = needs.columns.iter().map(levels_with).min().unwrap_or(manifest.levels.len());
        let manifest = Arc::clone(manifest);
        Ok(Self {
            manifest,
            view,
            needs,
            cumulative,
            readable,
            parts,
            compiled: OnceLock::new(),
            group_order: OnceLock::new(),
            known: OnceLock::new(),
            unsampled: Mutex::default(),
            limits: OnceLock::new(),
        })
    }

    /// Bytes held by this binding alone.
    pub(crate) fn bytes(&self) -> usize {
        let unsampled = self.unsampled.lock().unwrap_or_else(PoisonError::into_inner);
        self.view.bytes() + unsampled.iter().map(|(_, unsampled)| unsampled.bytes()).sum::<usize>()
    }

    /// Ranges of arguments where WHERE, FILTER or GROUP BY fix a column with few values; `None` where they do not.
    pub(crate) fn limits(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        store: &Store,
        known: &ArgumentMoments,
    ) -> Result<Option<&ValueLimits>> {
        if let Some(limits) = self.limits.get() {
            return Ok(limits.as_ref());
        }
        let measures = measures(query);
        let filters = query.domains.iter().filter_map(|domain| domain.filter.as_ref());
        let fixes = filters.chain(&query.predicates).chain(&query.keys).next().is_some();
        let values = match fixes && !measures.is_empty() && self.manifest.values.is_some() {
            true => self.view.strata.values(|| store.values(&self.manifest))?,
            false => None,
        };
        let limits = values.map(|values| {
            ValueLimits::new(query, state, &values, &known.arguments, &measures, (&self.manifest, &self.view.strata))
        });
        let limits = limits.transpose()?;
        Ok(self.limits.get_or_init(|| limits).as_ref())
    }

    /// Bounds on the effect of rows outside levels up to `level`; cached for every level where they are small, else for one.
    pub(crate) fn unsampled(
        &self,
        query: &AggregateQuery,
        known: &ArgumentMoments,
        level: usize,
        sizes: &[StratumSize],
    ) -> Arc<UnsampledRows> {
        let lock = || self.unsampled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, unsampled)) = lock().iter().find(|(of, _)| *of == level) {
            return Arc::clone(unsampled);
        }
        let limits = self.limits.get().and_then(Option::as_ref);
        let unsampled =
            Arc::new(UnsampledRows::new(query, &self.view, sizes, &self.manifest, &known.arguments, limits));
        let mut all = lock();
        if let Some((_, unsampled)) = all.iter().find(|(of, _)| *of == level) {
            return Arc::clone(unsampled);
        }
        if unsampled.bytes() > UNSAMPLED_BYTES_MAX {
            all.clear();
        }
        all.push((level, Arc::clone(&unsampled)));
        unsampled
    }

    /// The compiled expressions for batches with `schema`, which all levels share.
    pub(crate) fn compiled(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        schema: &Schema,
    ) -> Result<Arc<Compiled>> {
        compiled(&self.compiled, || Ok(Compiled::new(query, &self.needs, state, schema)?))
    }

    /// The expressions for rows in the order of their groups.
    pub(crate) fn group_order(&self, query: &AggregateQuery) -> Result<&GroupOrder> {
        match self.group_order.get() {
            Some(group_order) => Ok(group_order),
            None => {
                let keys: Arc<[Expr]> = bare(&query.keys)?.into();
                let (key_columns, needs) = (names(keys.iter()), self.needs.without_keys());
                Ok(self.group_order.get_or_init(|| GroupOrder { keys, key_columns, needs, compiled: OnceLock::new() }))
            }
        }
    }

    pub(crate) fn known(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        cache: &MomentsCache,
        sample: &Opened<'_>,
    ) -> Result<&ArgumentMoments> {
        match self.known.get() {
            Some(known) => Ok(known),
            None => {
                let arguments = cache.of(query, state, sample)?;
                let by_key = self.view.by_key;
                let rows_of_keys = by_key.then(|| cache.rows_of_keys(query, state, sample)).transpose()?;
                Ok(self.known.get_or_init(|| ArgumentMoments { arguments, rows_of_keys }))
            }
        }
    }
}

impl GroupOrder {
    /// The compiled expressions for batches with `schema`.
    pub(crate) fn compiled(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        schema: &Schema,
    ) -> Result<Arc<Compiled>> {
        compiled(&self.compiled, || Ok(Compiled::new(query, &self.needs, state, schema)?))
    }
}

fn compiled(slot: &OnceLock<Arc<Compiled>>, compile: impl FnOnce() -> Result<Compiled>) -> Result<Arc<Compiled>> {
    match slot.get() {
        Some(compiled) => Ok(Arc::clone(compiled)),
        None => {
            let compiled = Arc::new(compile()?);
            Ok(Arc::clone(slot.get_or_init(|| compiled)))
        }
    }
}
