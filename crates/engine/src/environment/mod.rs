//! State that all queries of a session share: tables, samples, caches, learnt costs, threads and settings.

mod cost_model;
mod known_joins;
mod manifests;
mod tables;
mod views;

pub(crate) use cost_model::{Cost, CostModel};
pub(crate) use known_joins::KnownJoins;
pub(crate) use tables::{PathTables, definition, memory_content, sql_name};
pub(crate) use views::{SampledView, views_by_depth, with_views_as_tables};

use crate::bounds::Defaults;
use crate::cache::LevelCache;
use crate::moments::MomentsCache;
use crate::runtime::{Clock, Executor, QuantilesCache};
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use plusminus_catalog::Store;
use plusminus_files::LayoutCache;
use plusminus_kernel::Workers;
use plusminus_sampling::{Progress, Watches};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

/// A callback for the progress of a build.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// The state that all queries of a session share.
pub(crate) struct Environment {
    pub(crate) context: SessionContext,
    pub(crate) store: Store,
    pub(crate) level_cache: LevelCache,
    pub(crate) moments: MomentsCache,
    pub(crate) quantiles: QuantilesCache,
    pub(crate) workers: Workers,
    pub(crate) defaults: Mutex<Defaults>,
    /// Definitions of the tables that this process registered; they are written to the store once the table is sampled.
    pub(crate) registered: Mutex<Vec<plusminus_catalog::TableDefinition>>,
    /// The tables that this process sampled, by sample name and generation.
    pub(crate) sampled: Mutex<HashMap<(String, u64), SampledTable>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) threads: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) seed: u64,
    pub(crate) progress: ProgressFn,
    pub(crate) executor: Executor,
    pub(crate) costs: CostModel,
    /// Manifests from the last read of the store.
    pub(crate) manifests: Mutex<Option<manifests::Decoded>>,
    /// The DataFusion state that the last query was planned with.
    pub(crate) planner: Mutex<Option<Arc<SessionState>>>,
    /// Tables whose files are watched.
    pub(crate) watches: Watches,
    /// Layouts of files, cached so that each file is sniffed once.
    pub(crate) layouts: Arc<LayoutCache>,
    /// Held while the rows of a kept table are changed.
    pub(crate) changes: tokio::sync::Mutex<()>,
    /// When the store's declarations changed last, of those that this session knows.
    pub(crate) declarations_seen: Mutex<[Option<SystemTime>; 2]>,
    /// What is known of tables that queries join.
    pub(crate) joins: KnownJoins,
    /// The number of queries so far; traces identify a query by its number.
    pub(crate) queries: AtomicU64,
}

/// A table that was sampled and, for a table in memory, the hash of its content at that time.
type SampledTable = (Weak<dyn TableProvider>, Option<u64>);

impl Environment {
    /// Returns the number of a query that begins, from 1 on.
    pub(crate) fn next_query(&self) -> u64 {
        self.queries.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The settings that SET statements have made so far.
    pub(crate) fn defaults(&self) -> Defaults {
        self.defaults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
