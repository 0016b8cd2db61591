//! What all queries of a session share: tables, samples, caches, learnt costs, threads and settings.

mod cost_model;
mod manifests;
mod tables;
mod views;

pub(crate) use cost_model::{Cost, CostModel};
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

/// Called with the progress of a build.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// The state that all queries of a session share.
pub(crate) struct Environment {
    pub(crate) context: SessionContext,
    pub(crate) store: Store,
    pub(crate) level_cache: LevelCache,
    pub(crate) knowledge: MomentsCache,
    pub(crate) quantiles: QuantilesCache,
    pub(crate) workers: Workers,
    pub(crate) defaults: Mutex<Defaults>,
    /// Definitions of the tables that this process registered, kept in the store once sampled.
    pub(crate) registered: Mutex<Vec<plusminus_catalog::TableDefinition>>,
    /// The tables that this process sampled, by family and generation, and what those in memory held then.
    pub(crate) sampled: Mutex<HashMap<(String, u64), SampledTable>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) threads: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) seed: u64,
    pub(crate) progress: ProgressFn,
    pub(crate) executor: Executor,
    pub(crate) costs: CostModel,
    /// Manifests as they were read last.
    pub(crate) manifests: Mutex<Option<manifests::Decoded>>,
    /// What the last query was planned with.
    pub(crate) planner: Mutex<Option<Arc<SessionState>>>,
    /// Tables whose files are watched.
    pub(crate) watches: Watches,
    /// How files are laid out, so that each is sniffed once.
    pub(crate) layouts: Arc<LayoutCache>,
    /// Queries so far, by which traces tell them apart.
    pub(crate) queries: AtomicU64,
}

/// A table that was sampled, and what it held then where it is in memory.
type SampledTable = (Weak<dyn TableProvider>, Option<u64>);

impl Environment {
    /// The number of a query that begins, from 1 on.
    pub(crate) fn next_query(&self) -> u64 {
        self.queries.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The settings that SET has made so far.
    pub(crate) fn defaults(&self) -> Defaults {
        self.defaults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
