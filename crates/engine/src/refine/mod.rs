//! Refines an answer level after level until the error is met, the time is up, or the sample ends.

mod advice;
mod catalog_answer;
mod columns;
pub(crate) mod finish;
mod key_checks;
mod level_choice;
mod level_costs;
mod level_estimate;
mod level_rows;
mod nested;
mod pilot;
mod projected;
mod rank_stability;
mod refinement;
mod repair;
mod subqueries;
mod subquery_filter;

pub(crate) use advice::SampleAdvice;
pub(crate) use finish::fill;
pub(crate) use level_rows::{LevelEstimate, ProgressiveScan};
pub(crate) use pilot::begin;
pub(crate) use rank_stability::{RankStability, ends_in_order, unsettled_by_order};
pub(crate) use subqueries::Subqueries;

use crate::answer::Result;
use crate::bounds::{Goal, Watch};
use crate::cache::LevelCache;
use crate::environment::{Cost, CostModel};
use crate::moments::MomentsCache;
use crate::planning::{PlannedQuery, TableCandidate};
use crate::runtime::{Executor, QuantilesCache, Timings};
use crate::samples::{SHORT, SampleBinding, choose};
use crate::strata::catalog;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use level_costs::LevelCosts;
use plusminus_catalog::{Manifest, Store};
use plusminus_kernel::Workers;
use plusminus_plan::{AggregateQuery, Reason};
use plusminus_statistics::Estimate;
use repair::Repair;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Context of an approximate run besides the query.
pub(crate) struct Context<'a> {
    pub(crate) prepared: &'a PlannedQuery,
    pub(crate) state: &'a SessionState,
    pub(crate) store: &'a Store,
    pub(crate) level_cache: &'a LevelCache,
    pub(crate) moments: &'a MomentsCache,
    pub(crate) quantiles: &'a QuantilesCache,
    pub(crate) workers: &'a Workers,
    pub(crate) executor: &'a Executor,
    pub(crate) goal: &'a Goal,
    /// Time since the statement began.
    pub(crate) elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// A level pinned by `plusminus.level`.
    pub(crate) pinned_level: Option<usize>,
    /// Learnt costs of this machine.
    pub(crate) costs: &'a CostModel,
    /// The exact answer, which may be better than any sample's.
    pub(crate) table: &'a TableCandidate<'a>,
    /// Results of subqueries in WHERE.
    pub(crate) subqueries: &'a Subqueries,
    /// The caller that waits, and the answers for it.
    pub(crate) watch: &'a Watch,
    /// Time by phase.
    pub(crate) timings: &'a Timings,
}

impl Context<'_> {
    /// The time left of WITHIN; `None` without it.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.goal.within?.saturating_sub((self.elapsed)()))
    }

    /// Whether the time is so short that, before the cost of reading is learnt, nothing is read that may not be needed.
    pub(crate) fn is_short_of_time(&self) -> bool {
        self.goal.within.is_some_and(|within| within < SHORT)
    }

    /// The predicted time of the exact answer, where only time is stated and the exact answer fits in well.
    pub(crate) async fn table_in_time(&self) -> Result<Option<Duration>> {
        Ok(self.table.follows(self.left().filter(|_| self.goal.prefers_exact())).await?.map(|follows| follows.table))
    }
}

/// An approximate answer before its [`Answer`](crate::Answer) is built.
#[derive(Debug)]
pub(crate) struct Estimated {
    /// The sample that was used.
    pub(crate) sample: Arc<Manifest>,
    pub(crate) batch: RecordBatch,
    /// For every output that is an estimate, the interval of each row; `None` for other outputs.
    pub(crate) intervals: Vec<Option<Vec<Estimate>>>,
    /// Estimates that error functions refer to, functions × rows.
    pub(crate) error_function_inputs: Vec<Vec<Estimate>>,
    /// The last level read; `None` when the catalog alone answered.
    pub(crate) level: Option<usize>,
    pub(crate) rows_read: u64,
    pub(crate) missing_groups_below: Option<u64>,
    /// Whether every relevant stratum was read whole, or the catalog's counts sufficed.
    pub(crate) is_whole: bool,
    /// Keys of the table that are groups of the query but not in the sample.
    pub(crate) absent_keys: u64,
    pub(crate) unsettled: rank_stability::RankStability,
    pub(crate) warnings: Vec<String>,
    /// Groups that were computed on the table.
    pub(crate) repair: Option<Repair>,
}

/// Outcome of an approximate run.
pub(crate) enum Outcome {
    Estimated(Box<Estimated>),
    /// The table must answer, for this reason.
    Table(TableReason),
    /// The sample lacks columns of joined tables at levels that may meet the bound.
    Columns(ColumnsWanted),
}

/// Levels that need the columns of joined tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnsWanted {
    /// The number of levels, the first ones.
    pub(crate) levels: usize,
    /// Whether they are expected to meet the bound; otherwise too few rows were seen to tell.
    pub(crate) is_predicted: bool,
}

/// Reason why the table answers a query for which samples were considered.
#[derive(Debug)]
pub(crate) enum TableReason {
    /// No sample can answer the query.
    Refused(Reason),
    /// The exact answer is predicted to end within the time.
    Fits(Duration),
    /// The exact answer costs less than the rows that a sample would have to read.
    Cheaper,
    /// No level is, or is expected to be, within the error; the sample that would have been.
    Missed(Option<SampleAdvice>),
}

/// Takes the estimates of a finished level that is not the last.
pub(crate) type LevelDone<'a> = &'a (dyn Fn(Estimated) -> Result<()> + Sync);

/// Answers `query` from one of `candidates`, which are ordered with the likeliest first.
pub(crate) async fn approximate(
    query: &AggregateQuery,
    context: &Context<'_>,
    candidates: &[Arc<SampleBinding>],
    level_done: LevelDone<'_>,
) -> Result<Outcome> {
    let non_linear = match catalog::start(query, context.goal, context.state, candidates)? {
        catalog::CatalogOutcome::Answered(binding, known) => {
            let estimated = catalog_answer::answer(query, context, binding, &known).await?;
            if !estimated.is_whole
                && let Some(time) = context.table_in_time().await?
            {
                level_done(estimated)?;
                return Ok(Outcome::Table(TableReason::Fits(time)));
            }
            return Ok(Outcome::Estimated(Box::new(estimated)));
        }
        catalog::CatalogOutcome::Refused(reason) => return Ok(Outcome::Table(TableReason::Refused(reason))),
        catalog::CatalogOutcome::NonLinear(non_linear) => non_linear,
    };
    context.timings.lap("catalog");
    let (mut run, piloted) = pilot::begin(query, context, candidates, non_linear).await?;
    run.refine(piloted, level_done).await
}

/// The levels of one sample, and their costs.
pub(crate) struct Refinement<'a> {
    pub(crate) levels: ProgressiveScan<'a>,
    pub(crate) costs: LevelCosts<'a>,
}

impl<'a> Refinement<'a> {
    pub(crate) fn new(
        query: &'a AggregateQuery,
        context: &'a Context<'a>,
        binding: &'a SampleBinding,
        non_linear: Vec<crate::strata::CatalogValues>,
    ) -> Result<Self> {
        let costs = LevelCosts::new(query, context, binding);
        Ok(Self { levels: ProgressiveScan::new(query, context, binding, non_linear)?, costs })
    }

    /// The level to begin with.
    pub(crate) fn first(&self) -> usize {
        let context = self.levels.context;
        // The top level holds the most keys, and every key in it is known whole.
        if self.levels.view.keyed.is_some() {
            return context.pinned_level.unwrap_or(self.costs.top()).min(self.costs.top());
        }
        let first = choose::first_level(self.levels.view, context.goal, self.costs.cumulative());
        context.pinned_level.unwrap_or_else(|| self.costs.first(first)).min(self.costs.top())
    }

    /// Reads and estimates a level; `None` when the time ran out. The returned time is the one that [`LevelCosts::next`] takes.
    pub(crate) async fn evaluate_level(
        &mut self,
        level: usize,
        may_stop: bool,
    ) -> Result<Option<(LevelEstimate, Duration)>> {
        let span = tracing::debug_span!("level", sample = %self.sample(), level, rows = tracing::field::Empty);
        let found = self.read_and_estimate(level, may_stop).instrument(span.clone()).await?;
        span.record("rows", self.levels.read_before);
        Ok(found)
    }

    async fn read_and_estimate(&mut self, level: usize, may_stop: bool) -> Result<Option<(LevelEstimate, Duration)>> {
        let elapsed = self.levels.context.elapsed;
        let before = elapsed();
        if !self.levels.read_to(level, may_stop).await? {
            return Ok(None);
        }
        let evaluated = self.levels.estimate_level(level).await?;
        let took = elapsed().saturating_sub(before).saturating_sub(self.levels.subquery_time);
        let walked = took.saturating_sub(self.levels.loading);
        self.costs.learn(Cost::Level, level, walked);
        if self.levels.projected.is_none() {
            self.costs.learn_load(self.levels.loaded, self.levels.loading);
        }
        // Before the cost of reading is learnt, the time of this level includes reading, as that of the next one will.
        Ok(Some((evaluated, if self.costs.knows_loads() { walked } else { took })))
    }

    fn sample(&self) -> &str {
        &self.levels.binding.manifest.name
    }
}
