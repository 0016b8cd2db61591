//! Answers of queries that rank groups by an estimate.

use super::blocks::Block;
use super::{Running, ms};
use crate::answer::{Answer, Mode};
use crate::blocks::{Combined, Ranked};
use crate::control::Best;
use crate::error::Result;
use crate::goal::Goal;
use crate::run::TableReason;
use plusminus_dialect::OnMiss;
use plusminus_statistics::Target;
use std::sync::Arc;

impl Running {
    /// The answer of a query with ranks: the groups' estimates, which hold for all at once, and the ranks that these leave open.
    pub(super) async fn from_ranks(self: &Arc<Self>, ranked: &Arc<Ranked>) -> Result<Option<Answer>> {
        let table_time = self.table_after_parts().await?;
        let on_miss = match self.goal.on_miss {
            // Of rows that are not shown no error matters, and with little time an estimate comes first.
            OnMiss::Repair | OnMiss::Exact
                if self.goal.error.is_some() && self.goal.within.is_none() && !ranked.cuts_rows() =>
            {
                OnMiss::Exact
            }
            _ => OnMiss::Report,
        };
        let mut error = self.goal.error;
        let (part, combined) = loop {
            let goal = Goal { error, within: self.left(), on_miss, all_groups: true, ..self.goal };
            let answer = match self.part(Arc::clone(&ranked.block), goal).block_answer().await? {
                Block::Answer(answer) => *answer,
                Block::Table(reason) => return self.on_table(reason).await.map(Some),
            };
            let Some(combined) = ranked.combined(&answer, self.goal.error)? else { return Ok(None) };
            let is_top =
                answer.report.level.zip(answer.report.levels).is_none_or(|(level, levels)| level + 1 >= levels);
            // Numbers within the error may leave ranks open that a higher level settles.
            match error {
                Some(target) if !combined.is_met && !is_top && self.in_time() => error = Some(tighter(target)),
                _ => break (answer, combined),
            }
        };
        self.parts.lap("estimates");
        let answer = self.with_rows(&part, combined);
        let is_met = answer.report.met == Some(true);
        if let Some(time) = table_time.filter(|_| answer.report.mode == Mode::Approximate) {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Fits(time)).await.map(Some);
        }
        if !is_met && self.goal.reads_table_on_miss() && self.table_may_end().await? {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Missed(None)).await.map(Some);
        }
        self.apply_miss_policy(answer, None).map(Some)
    }

    /// The answer of this query with rows made of those of a part of it.
    pub(super) fn with_rows(&self, part: &Answer, combined: Combined) -> Answer {
        let mut report = self.report(part.report.mode, &part.report.reason);
        report.sample.clone_from(&part.report.sample);
        (report.level, report.levels) = (part.report.level, part.report.levels);
        (report.rows_read, report.rows_total) = (part.report.rows_read, part.report.rows_total);
        report.met = Some(combined.is_met && self.in_time());
        report.missing_groups_below = part.report.missing_groups_below.filter(|_| combined.unsettled.absent == 0);
        report.warnings = super::blocks::notes(&[&part.report]);
        report.warnings.extend(combined.unsettled.sentences());
        report.unsettled_ranks.clone_from(&combined.unsettled.ranks);
        report.unsettled_members.clone_from(&combined.unsettled.members);
        report.unsettled_absent = combined.unsettled.absent;
        (report.parts, report.elapsed_ms) = (self.parts.taken(), ms(self.elapsed()));
        Answer { is_query: true, batch: combined.batch, columns: combined.columns, report }
    }
}

/// A third of an error, which takes nine times the rows.
fn tighter(target: Target) -> Target {
    match target {
        Target::Relative(error) => Target::Relative(error / 3.0),
        Target::Absolute(error) => Target::Absolute(error / 3.0),
    }
}
