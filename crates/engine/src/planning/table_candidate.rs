//! The table itself, which is a candidate for every query.

use super::planned_query::PlannedQuery;
use crate::answer::Result;
use crate::environment::{Cost, Environment};
use crate::samples::{TableCost, TableFollows, TableWork, rows_by_keys};
use std::sync::PoisonError;
use std::time::Duration;
use tokio::runtime::Handle;

/// Work, in nanoseconds of the reference machine, above which an exact answer shows how fast its tables are read.
const LEARNABLE_NS: f64 = 5e6;

/// The exact answer of one query as a candidate; its cost is computed on demand.
pub(crate) struct TableCandidate<'a> {
    env: &'a Environment,
    prepared: &'a PlannedQuery,
    /// Whether a pinned sample or level excludes the table.
    is_left_out: bool,
}

impl<'a> TableCandidate<'a> {
    pub(crate) fn new(env: &'a Environment, prepared: &'a PlannedQuery, is_left_out: bool) -> Self {
        Self { env, prepared, is_left_out }
    }

    /// The work and the predicted time of the exact answer; `None` where the table is excluded.
    pub(crate) async fn cost(&self) -> Result<Option<TableCost>> {
        if self.is_left_out {
            return Ok(None);
        }
        let work = self.prepared.table_work(self.env).await?.clone();
        let time = self.time_of(&work);
        let is_learnt = self.env.costs.knows_scans_of(&work.tables);
        // The time follows from past runs, which spared as much.
        let rows_read = *self.prepared.rows_read.lock().unwrap_or_else(PoisonError::into_inner);
        let work = rows_read.map_or_else(|| work.clone(), |rows| work.reading(rows));
        Ok(Some(TableCost { work, time, is_learnt }))
    }

    /// Looks at the keys of small filtered tables, which may spare row groups of larger ones, so that [`TableCandidate::cost`] counts the rows
    /// that are left. It takes a few milliseconds; nothing is looked at where the query was answered exactly before.
    pub(crate) async fn look_at_keys(&self) -> Result<()> {
        let rows_read = || self.prepared.rows_read.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = rows_read().is_some();
        let Some(cost) = self.cost().await?.filter(|_| !is_known) else { return Ok(()) };
        // Keys that cannot be looked at spare nothing.
        let rows = match rows_by_keys(self.env, &self.prepared.plan, self.prepared.state()).await {
            Ok(rows) => rows.unwrap_or(cost.work.rows),
            Err(error) => {
                tracing::info!(%error, "keys of joined tables were not looked at");
                cost.work.rows
            }
        };
        rows_read().get_or_insert(rows);
        Ok(())
    }

    /// The exact answer that follows an estimate, where `left` is the time left of a query without an error bound and suffices for it;
    /// `None` where samples answer.
    pub(crate) async fn follows(&self, left: Option<Duration>) -> Result<Option<TableFollows>> {
        let Some(left) = left else { return Ok(None) };
        Ok(self.cost().await?.and_then(|cost| cost.follows(left)))
    }

    /// The predicted time of the exact answer, where its work was computed before.
    pub(crate) fn known_time(&self) -> Option<Duration> {
        self.prepared.known_table_work().map(|work| self.time_of(work))
    }

    /// The predicted time of `work`, from past runs of this query and of others on the same tables.
    fn time_of(&self, work: &TableWork) -> Duration {
        let costs = &self.env.costs;
        let others = |ns: f64| Some(costs.predict_scan(&work.tables, ns));
        costs.predict_scan(&work.tables, work.ns).mul_f64(self.prepared.query_cost.of(Cost::Table, others))
    }

    /// Learns from an exact answer that read `rows` rows.
    pub(crate) fn learn_rows(&self, rows: u64) {
        *self.prepared.rows_read.lock().unwrap_or_else(PoisonError::into_inner) = Some(rows);
    }

    /// Learns from an exact answer that took `time`, or at least that long.
    pub(crate) fn learn(&self, time: Duration) {
        let Some(work) = self.prepared.known_table_work() else { return };
        self.prepared.query_cost.note(Cost::Table, work.ns, time);
        // The time of a short answer is mostly start-up, which does not show how fast tables are read.
        if work.tables.is_empty() || work.ns < LEARNABLE_NS {
            return;
        }
        if let (Some(learnt), Ok(runtime)) =
            (self.env.costs.learn_scan(&work.tables, work.ns, time), Handle::try_current())
        {
            let store = self.env.store.clone();
            // Written in the background, since disks are slow; if the store cannot be written, only this process learns.
            runtime.spawn_blocking(move || drop(store.keep_costs(&learnt)));
        }
    }
}
