//! Refines level after level until the error is met, the time is up, the sample ends, or the table is the better candidate.

use super::level_choice::Wanted;
use super::level_rows::LevelEstimate;
use super::{ColumnsWanted, LevelDone, Outcome, Refinement, TableReason};
use crate::answer::{Error, Result};
use crate::environment::Cost;
use crate::samples::{
    ErrorBoundProgress, FIRST_LEVEL_MAX, NO_COMPARISON_BELOW_NS, SAFE_SHARE, SPECULATIVE_SHARE, TableFollows, level_ns,
};
use plusminus_statistics::Population;
use std::time::Duration;

/// State of a run after a level.
struct Progress {
    level: usize,
    evaluated: LevelEstimate,
    took: Duration,
    /// Work of all levels evaluated so far, in nanoseconds of the reference machine.
    spent: f64,
}

/// The step after a level was evaluated.
enum Next {
    Level(usize),
    Table(TableReason),
    /// Columns of joined tables are needed at the first levels.
    Columns(ColumnsWanted),
    /// The level estimate is the answer; the value is whether it is within the error, where one is stated.
    Nothing(bool),
}

impl Refinement<'_> {
    /// Refines level after level, starting after the level that was already evaluated, if any.
    pub(crate) async fn refine(
        &mut self,
        piloted: Option<(usize, LevelEstimate)>,
        level_done: LevelDone<'_>,
    ) -> Result<Outcome> {
        let first_step = self.first_step().await?;
        if piloted.is_none() && self.is_dearer_than_table().await? {
            return Ok(Outcome::Table(TableReason::Cheaper));
        }
        let mut found = match piloted {
            Some((level, evaluated)) => Some((level, evaluated, Duration::ZERO)),
            None => match self.first_within(first_step) {
                Some(level) => {
                    self.evaluate_level(level, false).await?.map(|(evaluated, took)| (level, evaluated, took))
                }
                None => None,
            },
        };
        let mut spent = 0.0;
        let mut last = None;
        while let Some((level, evaluated, took)) = found.take() {
            spent += level_ns(self.costs.cells(level));
            let mut progress = Progress { level, evaluated, took, spent };
            let next = self.next(&progress, first_step).await?;
            self.levels.context.timings.lap("decide");
            match next {
                Next::Nothing(is_met) => {
                    return self.finish(progress.level, progress.evaluated, is_met, level_done).await;
                }
                Next::Table(reason) => {
                    self.publish_level_answer(&mut progress, level_done).await?;
                    return Ok(Outcome::Table(reason));
                }
                Next::Columns(wanted) => {
                    self.publish_level_answer(&mut progress, level_done).await?;
                    return Ok(Outcome::Columns(wanted));
                }
                Next::Level(next) => {
                    self.publish_level_answer(&mut progress, level_done).await?;
                    last = Some((progress.level, progress.evaluated));
                    found = self.evaluate_level(next, true).await?.map(|(evaluated, took)| (next, evaluated, took));
                }
            }
        }
        match (last, first_step) {
            // The time ran out before a higher level was finished.
            (Some((level, evaluated)), _) => self.finish(level, evaluated, false, level_done).await,
            (None, Some(follows)) => Ok(Outcome::Table(TableReason::Fits(follows.table))),
            // Without any finished level, the caller must have stopped the query.
            (None, None) => Err(Error::Interrupted),
        }
    }

    /// Decides how a query with a time bound alone begins; `None` where samples answer.
    async fn first_step(&mut self) -> Result<Option<TableFollows>> {
        let context = self.levels.context;
        // A sample that is exact answers sooner than the table.
        if context.goal.within.is_none() || self.levels.view.keyed.is_some() || self.is_exact_at(self.costs.top()) {
            return Ok(None);
        }
        context.table.follows(context.left().filter(|_| context.goal.prefers_exact())).await
    }

    /// The predicted time of the exact answer that follows a first level, where only time is stated and it suffices.
    pub(crate) async fn table_follows(&mut self) -> Result<Option<Duration>> {
        Ok(self.first_step().await?.map(|follows| follows.table))
    }

    /// Whether the levels up to this one hold every row that could matter.
    fn is_exact_at(&self, level: usize) -> bool {
        self.levels.view.at(level).by_part.iter().all(Population::is_exact)
    }

    /// The first level to evaluate; `None` where the exact answer follows and even the lowest level would take too much of its time.
    fn first_within(&self, first_step: Option<TableFollows>) -> Option<usize> {
        let Some(TableFollows { estimate: most, table }) = first_step else { return Some(self.first()) };
        let is_safe = self.levels.context.left().is_some_and(|left| table <= left.mul_f64(SAFE_SHARE));
        if is_safe && self.costs.has_thin_groups() {
            return None;
        }
        match self.costs.predicted_time(0) {
            None => Some(0),
            Some(lowest) => {
                let is_short = |level: &usize| self.costs.predicted_time(*level).is_some_and(|time| time <= most);
                // Some answer must exist in case the exact answer takes longer than predicted.
                let has_room = self.levels.context.left().is_some_and(|left| lowest + table <= left);
                (0..=self.costs.top()).rev().find(is_short).or(has_room.then_some(0))
            }
        }
    }

    /// Whether evaluating the first level costs more than the exact answer, under an error bound.
    pub(crate) async fn is_dearer_than_table(&mut self) -> Result<bool> {
        let context = self.levels.context;
        if context.goal.error.is_none() || context.pinned_level.is_some() {
            return Ok(false);
        }
        let first = level_ns(self.costs.cells(self.first()));
        // A level with so few rows per group would not meet the error.
        let is_vain = self.costs.is_vain();
        if !is_vain && first <= NO_COMPARISON_BELOW_NS || self.is_exact_at(self.costs.last()) {
            return Ok(false);
        }
        let most = match (is_vain, context.goal.reads_table_on_miss()) {
            // HAVING and LIMIT may keep only the few groups that have many rows.
            (true, _) if self.levels.query.chooses_rows => SPECULATIVE_SHARE,
            (true, _) => 0.0,
            // The table may have to be read after it.
            (false, true) => FIRST_LEVEL_MAX,
            (false, false) => 1.0,
        };
        let cost = context.table.cost().await?;
        Ok(cost.is_some_and(|cost| first > most * cost.work.ns && cost.may_end_in(context.left())))
    }

    /// Decides the step after a level.
    async fn next(&mut self, progress: &Progress, first_step: Option<TableFollows>) -> Result<Next> {
        if let Some(follows) = first_step {
            return Ok(Next::Table(TableReason::Fits(follows.table)));
        }
        let context = self.levels.context;
        let is_met = self.levels.met(&progress.evaluated).await?;
        if is_met || context.pinned_level.is_some() {
            return Ok(Next::Nothing(is_met));
        }
        let wanted = self.levels.wanted(progress.level, &progress.evaluated, self.costs.cumulative());
        let (top, last) = (self.costs.top(), self.costs.last());
        if context.goal.error.is_some() && progress.level < last && self.takes_table(progress, &wanted).await? {
            let advice = self.levels.advice(&progress.evaluated, wanted.rows);
            return Ok(Next::Table(TableReason::Missed(advice)));
        }
        if progress.level == top && top < last && context.goal.error.is_some() && context.goal.within.is_none() {
            // Half of the rows that seem to be needed may do; columns are better fetched once for those that surely do.
            let levels = (wanted.level + 2).min(last + 1);
            return Ok(Next::Columns(ColumnsWanted { levels, is_predicted: wanted.rows.is_some() }));
        }
        let next = if progress.level == top {
            None
        } else {
            self.costs.next(progress.level, wanted.level.min(top), progress.took)
        };
        Ok(next.map_or(Next::Nothing(false), Next::Level))
    }

    /// Whether the table answers rather than another level, under an error bound.
    async fn takes_table(&mut self, progress: &Progress, wanted: &Wanted) -> Result<bool> {
        let context = self.levels.context;
        let work = |level: usize| level_ns(self.costs.cells(level));
        let standing = ErrorBoundProgress {
            spent: progress.spent,
            next: work(wanted.level),
            top: work(self.costs.last()),
            reading_next: self.costs.reading_ns(progress.level, wanted.level),
            reading_top: self.costs.reading_ns(progress.level, self.costs.last()),
            rows_needed: wanted.rows,
            rows_held: self.costs.rows(self.costs.last()),
            ends_with_table: context.goal.reads_table_on_miss(),
        };
        // If the highest level is cheap, the cost of the table is not needed.
        if progress.spent + standing.top <= NO_COMPARISON_BELOW_NS {
            return Ok(false);
        }
        let Some(cost) = context.table.cost().await? else { return Ok(false) };
        Ok(standing.takes_table(cost.work.ns) && cost.may_end_in(context.left()))
    }

    /// Hands out the answer of a level that is not the last, if a caller may use it.
    async fn publish_level_answer(&mut self, progress: &mut Progress, level_done: LevelDone<'_>) -> Result<()> {
        if self.levels.context.watch.is_wanted() {
            level_done(self.levels.answer(progress.level, &mut progress.evaluated).await?)?;
            self.levels.context.timings.lap("answers of lower levels");
        }
        Ok(())
    }

    /// Builds the answer of the last level, or turns to the table for estimates that missed the bound.
    async fn finish(
        &mut self,
        level: usize,
        mut evaluated: LevelEstimate,
        is_met: bool,
        level_done: LevelDone<'_>,
    ) -> Result<Outcome> {
        let context = self.levels.context;
        if !is_met && context.goal.reads_table_on_miss() {
            let may_end = match context.table.cost().await? {
                Some(cost) => cost.may_end_in(context.left()),
                // A pinned sample excludes the table as a candidate, but not after a miss; a pinned level is shown as it is.
                None => context.pinned_level.is_none(),
            };
            if may_end {
                return self.repaired(level, evaluated, level_done).await;
            }
        }
        self.levels.keep_only(level);
        let estimated = self.levels.last_answer(level, &mut evaluated).await?;
        context.timings.lap("above the aggregate");
        if self.levels.loading.is_zero() {
            self.costs.learn(Cost::Answer, level, (context.elapsed)());
        }
        Ok(Outcome::Estimated(Box::new(estimated)))
    }

    /// Computes the groups that missed the bound on the table, or turns to the exact answer of the whole query.
    async fn repaired(
        &mut self,
        level: usize,
        mut evaluated: LevelEstimate,
        level_done: LevelDone<'_>,
    ) -> Result<Outcome> {
        let context = self.levels.context;
        let advice = {
            let wanted = self.levels.wanted(level, &evaluated, self.costs.cumulative());
            self.levels.advice(&evaluated, wanted.rows)
        };
        if context.watch.is_wanted() {
            level_done(self.levels.answer(level, &mut evaluated).await?)?;
        }
        match self.levels.repairable(&evaluated).await? {
            Some(failing) => {
                self.levels.keep_only(level);
                let estimated = self.levels.repaired_answer(level, &mut evaluated, &failing, advice).await?;
                Ok(estimated.map_or_else(
                    || Outcome::Table(TableReason::Missed(None)),
                    |estimated| Outcome::Estimated(Box::new(estimated)),
                ))
            }
            None => Ok(Outcome::Table(TableReason::Missed(advice))),
        }
    }
}
