//! The table itself, which is a candidate for every query.

use super::TableCost;
use crate::costs::Cost;
use crate::error::Result;
use crate::prepared::Prepared;
use crate::session::Session;
use std::time::Duration;

/// The exact answer of one query, priced when somebody asks for it.
pub(crate) struct TableCandidate<'a> {
    session: &'a Session,
    prepared: &'a Prepared,
    /// A pinned sample or level leaves the table out.
    is_left_out: bool,
}

impl<'a> TableCandidate<'a> {
    pub(crate) fn new(session: &'a Session, prepared: &'a Prepared, is_left_out: bool) -> Self {
        Self { session, prepared, is_left_out }
    }

    /// What the exact answer costs; `None` where it may not be taken.
    pub(crate) async fn cost(&self) -> Result<Option<TableCost>> {
        if self.is_left_out {
            return Ok(None);
        }
        let work = self.prepared.table_work(self.session).await?.clone();
        let costs = &self.session.inner.costs;
        let others = |ns: f64| Some(costs.predict_scan(&work.tables, ns));
        let time = costs.predict_scan(&work.tables, work.ns).mul_f64(self.prepared.pace.of(Cost::Table, others));
        let is_learnt = costs.knows_scans_of(&work.tables);
        Ok(Some(TableCost { work, time, is_learnt }))
    }

    /// The exact answer took `time`.
    pub(crate) async fn learn(&self, time: Duration) -> Result<()> {
        let work = self.prepared.table_work(self.session).await?;
        self.prepared.pace.note(Cost::Table, work.ns, time);
        if let Some(learnt) = self.session.inner.costs.learn_scan(&work.tables, work.ns, time) {
            let store = self.session.inner.store.clone();
            // Aside, since the disk may take its time; a store that cannot be written teaches this process only.
            tokio::task::spawn_blocking(move || drop(store.keep_costs(&learnt)));
        }
        Ok(())
    }
}
