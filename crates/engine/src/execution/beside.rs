//! Answers of queries of which some aggregates are estimated and the others computed on the table.

use super::Running;
use super::blocks::Block;
use crate::answer::{Answer, Mode};
use crate::blocks::{Beside, Sides};
use crate::error::Result;
use crate::goal::Goal;
use crate::shape::Reason;
use plusminus_dialect::OnMiss;
use std::sync::Arc;

/// The share of the whole exact answer's work up to which computing a part of it is worth an answer of two blocks.
const WORTH_SHARE: f64 = 0.7;

impl Running {
    /// The answer of a query with aggregates of both kinds, where computing some of them exactly is less work than all; `reason` says why
    /// not all were estimated.
    pub(super) async fn from_both(self: &Arc<Self>, sides: Sides, reason: &Reason) -> Result<Option<Answer>> {
        let Some(beside) = self.prepared.beside(sides).filter(|_| self.goal.is_bounded()) else { return Ok(None) };
        let beside = Arc::clone(beside);
        let part = beside.exact.table_work(&self.session).await?.ns;
        let whole = self.prepared.table_work(&self.session).await?.ns;
        if part > WORTH_SHARE * whole || self.table_after_parts().await?.is_some() {
            return Ok(None);
        }
        let estimated = self.part(Arc::clone(&beside.estimated), self.goal_beside_table(&beside));
        let Block::Answer(estimated) = estimated.block_answer().await? else { return Ok(None) };
        let exact = self.part(Arc::clone(&beside.exact), Goal { error: None, within: self.left(), ..self.goal });
        let exact = exact.exact(reason.clone()).await?;
        let Some(combined) = beside.combined(&estimated, &exact, self.goal.error)? else { return Ok(None) };
        self.parts.lap("estimates and exact aggregates");
        let mut answer = self.with_rows(&estimated, combined);
        let report = &mut answer.report;
        report.rows_read += exact.report.rows_read;
        // The table has every group.
        report.missing_groups_below = Some(0).filter(|_| report.unsettled_absent == 0);
        let (why, how) = (&reason.0, &estimated.report.reason);
        report.reason = match report.mode {
            Mode::Exact => format!("{why}; the others: {how}"),
            Mode::Approximate => format!("{how}; beside it the table, since {why}"),
        };
        self.apply_miss_policy(answer, None).map(Some)
    }

    /// What is asked of the aggregates that are estimated.
    fn goal_beside_table(&self, beside: &Beside) -> Goal {
        let on_miss = match self.goal.on_miss {
            OnMiss::Repair | OnMiss::Exact if self.goal.error.is_some() => OnMiss::Exact,
            _ => OnMiss::Report,
        };
        let within = self.left().map(|left| left / 4);
        Goal { within, on_miss, all_groups: self.goal.all_groups || beside.cuts_rows(), ..self.goal }
    }
}
