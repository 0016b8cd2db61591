//! Sessions: the entry point to tables, samples and statements.

use super::query::Query;
use super::samples::SampleBuilder;
use crate::answer::{Error, Result};
use crate::cache::LevelCache;
use crate::environment::{CostModel, Environment, KnownJoins, PathTables, ProgressFn};
use crate::moments::MomentsCache;
use crate::planning::PlanCache;
use crate::runtime::{Clock, Executor, FileOrder, QuantilesCache, SystemClock};
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::prelude::{SessionConfig, SessionContext};
use plusminus_catalog::Store;
use plusminus_files::LayoutCache;
use plusminus_functions::overflow::{CheckedArithmetic, CheckedConstants, CheckedFolding};
use plusminus_functions::{DatesWithTimes, ReadableCasts};
use plusminus_kernel::{BufferPool, Workers};
use plusminus_sampling::Watches;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// Opens sessions.
#[derive(Clone)]
pub struct SessionBuilder {
    store: PathBuf,
    threads: usize,
    memory_bytes: u64,
    seed: u64,
    clock: Arc<dyn Clock>,
    progress: ProgressFn,
    context: Option<SessionContext>,
}

impl std::fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionBuilder").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A store with tables and samples, and the settings of one user. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Session {
    pub(crate) env: Arc<Environment>,
    pub(crate) plans: Arc<PlanCache>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("store", &self.env.store.folder()).finish_non_exhaustive()
    }
}

/// Default memory for queries and builds, in bytes.
const MEMORY_BYTES: u64 = 4 << 30;

impl SessionBuilder {
    /// A builder for a session on the store in folder `store`, which the first write creates.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        Self {
            store: store.into(),
            threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            memory_bytes: MEMORY_BYTES,
            seed: 0,
            clock: Arc::new(SystemClock::default()),
            progress: Arc::new(|_| {}),
            context: None,
        }
    }

    /// Sets the number of worker threads.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Sets the bytes that queries and builds may use.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets the seed of samples whose statement names none.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets another source of time, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the callback for progress while samples are built.
    #[must_use]
    pub fn progress(mut self, progress: ProgressFn) -> Self {
        self.progress = progress;
        self
    }

    /// Takes tables and functions from an existing DataFusion context.
    #[must_use]
    pub fn context(mut self, context: SessionContext) -> Self {
        self.context = Some(context);
        self
    }

    /// Opens the store and registers its tables.
    ///
    /// # Errors
    /// [`Error::Catalog`] or [`Error::DamagedStore`] when the folder is not a store or is damaged.
    pub async fn open(self) -> Result<Session> {
        let store = Store::open(&self.store)?;
        let layouts = Arc::new(LayoutCache::default());
        let context = match &self.context {
            Some(context) => context.clone(),
            None => self.fresh_context(&layouts)?,
        };
        plusminus_plan::register(&context)?;
        plusminus_functions::register(&context)?;
        let half = usize::try_from(self.memory_bytes / 2).unwrap_or(usize::MAX);
        let pool = &context.runtime_env().memory_pool;
        let level_cache = LevelCache::new(half, self.threads, pool, Arc::clone(&self.clock));
        let buffers = BufferPool::new(usize::try_from(self.memory_bytes).unwrap_or(usize::MAX), pool);
        let session = Session {
            env: Arc::new(Environment {
                context,
                costs: CostModel::open(&store),
                manifests: Mutex::default(),
                planner: Mutex::default(),
                watches: Watches::default(),
                layouts,
                queries: AtomicU64::default(),
                joins: KnownJoins::new(self.clock.unix_ms()),
                changes: tokio::sync::Mutex::default(),
                declarations_seen: Mutex::default(),
                store,
                level_cache,
                moments: MomentsCache::default(),
                quantiles: QuantilesCache::default(),
                workers: Workers::with_buffers(self.threads, buffers),
                defaults: Mutex::default(),
                registered: Mutex::default(),
                sampled: Mutex::default(),
                clock: self.clock,
                threads: self.threads,
                memory_bytes: self.memory_bytes,
                seed: self.seed,
                progress: self.progress,
                executor: Executor::new(self.threads)?,
            }),
            plans: Arc::default(),
        };
        let seen = session.env.store.declarations_changed();
        session.restore_tables().await?;
        session.restore_views().await?;
        *session.env.declarations_seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(session)
    }

    fn fresh_context(&self, layouts: &Arc<LayoutCache>) -> Result<SessionContext> {
        let limit = usize::try_from(self.memory_bytes).unwrap_or(usize::MAX);
        let top = NonZeroUsize::new(5).unwrap_or(NonZeroUsize::MIN);
        let pool = TrackConsumersPool::new(GreedyMemoryPool::new(limit), top);
        // A cached listing would hide files that were added or changed since.
        let caches = CacheManagerConfig::default().with_list_files_cache_limit(0);
        let runtime =
            RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_cache_manager(caches).build_arc()?;
        let mut config = SessionConfig::new().with_target_partitions(self.threads).with_information_schema(true);
        // Each footer that is read concurrently takes a thread, and a thread costs more than a footer.
        config.options_mut().execution.meta_fetch_concurrency = ConfigNonZeroUsize::try_new(2 * self.threads)?;
        // NULLs come last in either direction, as in DuckDB.
        "nulls_last".clone_into(&mut config.options_mut().sql_parser.default_null_ordering);
        // A folder stands for all files below it, and a glob for all that it matches.
        config.options_mut().execution.listing_table_ignore_subdirectory = false;
        let context = SessionContext::new_with_config_rt(config, runtime);
        let state = context.state();
        // This rule runs first, before others move expressions to where it cannot find them.
        let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![Arc::new(CheckedArithmetic)];
        rules.extend(state.physical_optimizers().iter().cloned());
        rules.push(Arc::new(FileOrder));
        let folding = CheckedFolding::among(state.optimizers());
        // Types are coerced after this rule.
        let mut analyzers: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(DatesWithTimes)];
        analyzers.extend(state.analyzer().rules.iter().cloned());
        let state = SessionStateBuilder::from(state)
            .with_analyzer_rules(analyzers)
            .with_optimizer_rules(folding)
            .with_physical_optimizer_rules(rules)
            .with_analyzer_rule(Arc::new(ReadableCasts))
            .with_analyzer_rule(Arc::new(CheckedConstants))
            .build();
        Ok(PathTables::enable(state.into(), Arc::clone(layouts)))
    }
}

impl Session {
    /// Opens a session on the store in folder `store` with default settings.
    ///
    /// # Errors
    /// See [`SessionBuilder::open`].
    pub async fn open(store: impl Into<PathBuf>) -> Result<Self> {
        SessionBuilder::new(store).open().await
    }

    /// Opens a session on `store` with the tables and functions of an existing DataFusion context.
    ///
    /// # Errors
    /// See [`SessionBuilder::open`].
    pub async fn from_context(store: impl Into<PathBuf>, context: SessionContext) -> Result<Self> {
        SessionBuilder::new(store).context(context).open().await
    }

    /// Starts a query, to be bounded and run.
    pub fn query(&self, sql: impl Into<String>) -> Query {
        Query::new(self.clone(), sql.into())
    }

    /// Starts a sample of `table`, to be designed and built.
    pub fn sample(&self, table: impl Into<String>) -> SampleBuilder {
        SampleBuilder::new(self.clone(), table.into())
    }

    /// Creates the store's folder at once rather than with the first sample.
    ///
    /// # Errors
    /// [`Error::Catalog`] when the folder cannot be written.
    pub fn create_store(&self) -> Result<()> {
        Ok(self.env.store.initialise()?)
    }

    /// Waits until what answers left to the background is stored, such as columns of joined tables; for each no longer than the time that
    /// its query stated. Returns whether all of it is stored. A session that is dropped before ends that work.
    pub async fn finish(&self) -> bool {
        self.env.executor.finish().await
    }

    /// The DataFusion context behind the session.
    #[must_use]
    pub fn context(&self) -> &SessionContext {
        &self.env.context
    }

    /// The store's folder.
    #[must_use]
    pub fn store_folder(&self) -> &std::path::Path {
        self.env.store.folder()
    }
}

impl Error {
    /// An error for a missing table; it suggests the nearest name in `tables`.
    pub(crate) fn no_table(name: &str, tables: &[String]) -> Self {
        let near = plusminus_dialect::nearest(name, tables.iter().map(String::as_str));
        let next = match near {
            Some(near) => format!("did you mean '{near}'?"),
            None => "SHOW TABLES lists what there is; --table NAME=PATH names a file, FROM 'file.parquet' reads one"
                .to_owned(),
        };
        Self::invalid(format!("there is no table named '{name}'"), next)
    }
}
