//! Answers queries with subqueries: first the subqueries, estimated where that is cheaper, then the query with their values.
//!
//! An estimated scalar has an interval. The query is answered for the scalar's value and for both ends, each at a confidence that leaves
//! room for the others (Bonferroni). Each number's interval is then widened to contain those of all these answers ([`envelope`]). A list
//! of members that an estimate chooses is used where the intervals settle the choice.

mod envelope;
mod values;

use super::blocks::Block;
use super::{Fetching, QueryExecution};
use crate::answer::{Answer, Bounds, Error, Mode, Report, Result};
use crate::bounds::{Best, Forward, Goal, Watch, meets_or_null};
use crate::planning::PlannedQuery;
use crate::refine::{Subqueries, TableReason};
use crate::runtime::Timings;
use plusminus_dialect::OnMiss;
use plusminus_plan::{Reason, Role, roles};
use plusminus_statistics::Target;
use std::sync::Arc;
use values::{Precision, Values};

/// Share of the error that is left for the query itself where subqueries are estimated.
const OWN_SHARE_OF_ERROR: f64 = 0.7;

/// Outcome of an answer that must hold for all values of subqueries within their intervals.
enum Envelope {
    Answer(Box<Answer>),
    /// The answer misses a bound, or could not be computed; the answer as far as there is one.
    Missed(Option<Box<Answer>>),
}

impl QueryExecution {
    /// Answers a query whose subqueries are replaced by values; `None` where none is replaced.
    pub(crate) async fn with_subqueries(self: &Arc<Self>) -> Result<Option<Answer>> {
        if !self.goal.is_bounded() || self.prepared.subqueries().is_empty() {
            return Ok(None);
        }
        let precision = self.precision().await?;
        let values = self.values_of_subqueries(precision).await?;
        self.timings.lap("subqueries");
        if values.0.is_empty() {
            return Ok(None);
        }
        if values.are_exact() {
            return self.with_values(&values).await.map(Some);
        }
        let best = match self.enveloped(&values).await? {
            Envelope::Answer(answer) => return Ok(Some(*answer)),
            Envelope::Missed(best) => best,
        };
        // Over the values' intervals the answer is too uncertain, so that the values themselves are computed if there is time.
        let computed = match best.is_some() && !self.table_may_end().await? {
            true => Err(Error::Interrupted),
            false => self.with_computed_values().await,
        };
        match (computed, best) {
            (Err(Error::BoundMissed { answer: None, .. } | Error::Interrupted), Some(best)) => {
                self.apply_miss_policy(*best, None).map(Some)
            }
            (computed, _) => computed,
        }
    }

    /// Answers the query with values of its subqueries that are computed on the table.
    async fn with_computed_values(self: &Arc<Self>) -> Result<Option<Answer>> {
        let values = self.values_of_subqueries(Precision::Exact).await?;
        self.timings.lap("subqueries");
        match values.0.is_empty() {
            true => Ok(None),
            false => self.with_values(&values).await.map(Some),
        }
    }

    /// The query with the values of its subqueries, to be explained, and a sentence on each value.
    pub(crate) async fn explained_with_subqueries(self: &Arc<Self>) -> Result<Option<(Arc<Self>, Vec<String>)>> {
        if !self.goal.is_bounded() || self.prepared.subqueries().is_empty() {
            return Ok(None);
        }
        let precision = self.precision().await?;
        let values = self.values_of_subqueries(precision).await?;
        if values.0.is_empty() {
            return Ok(None);
        }
        let filled = match values.are_exact() {
            true => self.filled(&values)?,
            false => self.part(self.prepared.with_values(&values.central())?, self.goal_beside_subqueries(1)),
        };
        Ok(Some((filled, values.sentences())))
    }

    /// The query with values in the place of its subqueries.
    fn filled(&self, values: &Values) -> Result<Arc<Self>> {
        let clock = &self.env.clock;
        Ok(Arc::new(Self {
            env: Arc::clone(&self.env),
            prepared: self.prepared.with_values(&values.central())?,
            goal: self.goal,
            start: self.start,
            watch: Arc::clone(&self.watch),
            timings: Timings::new(Arc::clone(clock), clock.elapsed()),
            subqueries: Subqueries::default(),
            is_part: self.is_part,
            fetching: Fetching::default(),
        }))
    }

    /// Answers the query with exactly known values of its subqueries.
    async fn with_values(self: &Arc<Self>, values: &Values) -> Result<Answer> {
        let filled = self.filled(values)?;
        let mut answer = match self.prepared.is_of_scalars() {
            true => Box::pin(filled.exact(Reason::new(values.answered_by()))).await?,
            false => Box::pin(filled.answer()).await?,
        };
        self.mark_estimates(&mut answer);
        answer.report.rows_read += values.rows_read();
        let own = std::mem::replace(&mut answer.report.parts, self.timings.taken());
        answer.report.parts.extend(own);
        Ok(answer)
    }

    /// Marks columns that are the known value of a subquery over an aggregate as exact estimates.
    fn mark_estimates(&self, answer: &mut Answer) {
        let roles = roles(&self.prepared.plan);
        for ((column, values), role) in answer.columns.iter_mut().zip(answer.batch.columns()).zip(roles) {
            if role == Role::Estimate && column.bounds.is_none() {
                column.role = role;
                column.bounds = Some(Bounds::exact(values));
            }
        }
    }

    /// A part of this query as a query of its own.
    pub(crate) fn part(self: &Arc<Self>, prepared: Arc<PlannedQuery>, goal: Goal) -> Arc<Self> {
        self.watched_part(prepared, goal, Box::new(|_| Ok(())))
    }

    /// A part of this query as a query of its own, whose answers so far go to `forward`.
    pub(crate) fn watched_part(
        self: &Arc<Self>,
        prepared: Arc<PlannedQuery>,
        goal: Goal,
        forward: Forward,
    ) -> Arc<Self> {
        let clock = &self.env.clock;
        let start = clock.elapsed();
        Arc::new(Self {
            env: Arc::clone(&self.env),
            prepared,
            goal,
            start,
            watch: Arc::new(Watch::of_block(&self.watch, forward)),
            timings: Timings::new(Arc::clone(clock), start),
            subqueries: Subqueries::default(),
            is_part: true,
            fetching: Fetching::default(),
        })
    }

    /// Answers the query with intervals that hold for all values of its subqueries within theirs.
    async fn enveloped(self: &Arc<Self>, values: &Values) -> Result<Envelope> {
        let table_time = self.table_after_parts().await?;
        let corners = values.corners();
        let mut answers = Vec::with_capacity(corners.len());
        for corner in &corners {
            let ahead = u32::try_from(corners.len() - answers.len()).unwrap_or(u32::MAX);
            let part = self.part(self.prepared.with_values(corner)?, self.goal_beside_subqueries(ahead));
            if self.prepared.is_of_scalars() {
                answers.push(Box::pin(part.exact(Reason::new("its subqueries were estimated"))).await?);
                continue;
            }
            match part.block_answer().await? {
                Block::Answer(answer) => answers.push(*answer),
                // Parts of it may still be estimated once the values are known.
                Block::Table(TableReason::Refused(_)) => return Ok(Envelope::Missed(None)),
                Block::Table(reason) => return self.on_table(reason).await.map(|a| Envelope::Answer(Box::new(a))),
            }
        }
        let dependent = values.dependent(answers.first().map_or(0, |answer| answer.columns.len()));
        let Some(mut answer) = envelope::of(&answers, values.doubt(), &dependent)? else {
            return Ok(Envelope::Missed(None));
        };
        self.mark_estimates(&mut answer);
        let is_within = |answer: &Answer, target| -> Result<bool> {
            Ok(answer.all_estimates()?.iter().all(|estimate| meets_or_null(estimate, target)))
        };
        let is_met = answer.report.met == Some(true)
            && match self.goal.error {
                // Lists of members widen no interval.
                Some(target) if !values.have_no_ends() => is_within(&answer, target)?,
                _ => true,
            };
        answer.report = self.report_of_envelope(&answer, values, is_met);
        if let Some(time) = table_time.filter(|_| answer.report.mode == Mode::Approximate) {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Fits(time)).await.map(|a| Envelope::Answer(Box::new(a)));
        }
        if !is_met && self.goal.reads_table_on_miss() {
            let (execution, best) = (Arc::clone(self), answer.clone());
            let finish = Box::new(move |answer| execution.apply_miss_policy(answer, None));
            self.watch.level_done(Best { build: Box::new(|| Ok(best)), finish })?;
            return Ok(Envelope::Missed(Some(Box::new(answer))));
        }
        self.apply_miss_policy(answer, None).map(|a| Envelope::Answer(Box::new(a)))
    }

    /// The goal of the query with values of its subqueries, when `ahead` such answers are still to come.
    fn goal_beside_subqueries(&self, ahead: u32) -> Goal {
        let parts = self.prepared.subqueries().len() + 1;
        let error = self.goal.error.map(|target| match target {
            Target::Relative(error) => Target::Relative(error * OWN_SHARE_OF_ERROR),
            Target::Absolute(error) => Target::Absolute(error * OWN_SHARE_OF_ERROR),
        });
        let on_miss = match self.goal.on_miss {
            // A miss is computed with the values themselves; with little time only once another answer is available.
            OnMiss::Repair | OnMiss::Exact if error.is_some() && self.goal.within.is_none() => OnMiss::Exact,
            _ => OnMiss::Report,
        };
        let within = self.left().map(|left| left / ahead.max(1));
        Goal { error, within, confidence: self.goal.confidence.for_each_of(parts), on_miss, ..self.goal }
    }

    fn report_of_envelope(&self, answer: &Answer, values: &Values, is_met: bool) -> Report {
        let mut report = answer.report.clone();
        let own = self.report(report.mode, "");
        report.met = Some(is_met && self.in_time());
        report.rows_read += values.rows_read();
        if self.prepared.is_of_scalars() {
            report.reason = values.answered_by();
        }
        report.reason.push_str(match values.estimated() {
            _ if self.prepared.is_of_scalars() => "",
            1 => "; a subquery was estimated, too, and the intervals hold with it",
            _ => "; subqueries were estimated, too, and the intervals hold with them",
        });
        report.parts = self.timings.taken();
        Report {
            confidence: own.confidence,
            error_bound: own.error_bound,
            error_is_relative: own.error_is_relative,
            within_ms: own.within_ms,
            elapsed_ms: own.elapsed_ms,
            ..report
        }
    }
}
