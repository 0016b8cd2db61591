//! Level after level until the error is met, the time is up, or the sample ends.

mod advice;
mod catalog_answer;
mod climb;
mod columns;
pub(crate) mod finish;
mod key_checks;
mod level_choice;
mod level_estimate;
mod level_rows;
mod nested;
mod pilot;
mod price;
mod projected;
mod rank_stability;
mod repair;
mod subqueries;
mod subquery_filter;

pub(crate) use advice::SampleAdvice;
pub(crate) use finish::fill;
pub(crate) use level_rows::{Levels, Look};
pub(crate) use pilot::begin;
pub(crate) use rank_stability::{Unsettled, ends_in_order, unsettled_by_order};
pub(crate) use subqueries::Subqueries;

use crate::answer::Result;
use crate::bounds::{Goal, Watch};
use crate::cache::ImageCache;
use crate::environment::{Cost, Costs};
use crate::moments::KnowledgeCache;
use crate::planning::{Prepared, TableCandidate};
use crate::runtime::{Executor, Parts, QuantilesCache};
use crate::samples::{Fitted, Opening, choose, opening};
use crate::strata::catalog;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use plusminus_catalog::{Manifest, Store};
use plusminus_kernel::Workers;
use plusminus_plan::{Reason, Shape};
use plusminus_statistics::Estimate;
use price::Price;
use repair::Repair;
use std::sync::Arc;
use std::time::Duration;

/// Under a shorter time the lowest level of the likeliest sample comes first as long as nothing was learnt.
const HASTY: Duration = Duration::from_millis(200);

/// What an approximate run needs besides the query.
pub(crate) struct Context<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) state: &'a SessionState,
    pub(crate) store: &'a Store,
    pub(crate) images: &'a ImageCache,
    pub(crate) knowledge: &'a KnowledgeCache,
    pub(crate) quantiles: &'a QuantilesCache,
    pub(crate) workers: &'a Workers,
    pub(crate) executor: &'a Executor,
    pub(crate) goal: &'a Goal,
    /// Time since the statement began.
    pub(crate) elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// A level to replay, set by `plusminus.level`.
    pub(crate) pinned_level: Option<usize>,
    /// What looks cost here.
    pub(crate) costs: &'a Costs,
    /// The exact answer, which may be better than any sample's.
    pub(crate) table: &'a TableCandidate<'a>,
    /// Results of subqueries in WHERE.
    pub(crate) subqueries: &'a Subqueries,
    /// Who waits.
    pub(crate) watch: &'a Watch,
    /// Where the time goes.
    pub(crate) parts: &'a Parts,
}

impl Context<'_> {
    /// The time that is left of what was stated.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.goal.within?.saturating_sub((self.elapsed)()))
    }

    /// Whether the time is so short that nothing is read which may not be needed, as long as nothing is known of what reading takes.
    pub(crate) fn is_hasty(&self) -> bool {
        self.goal.within.is_some_and(|within| within < HASTY)
    }

    /// The predicted time of the exact answer, where time alone is stated and it fits in well.
    pub(crate) async fn table_in_time(&self) -> Result<Option<Duration>> {
        let Some(left) = self.left().filter(|_| self.goal.prefers_exact()) else { return Ok(None) };
        let Some(cost) = self.table.cost().await? else { return Ok(None) };
        Ok(matches!(opening(&cost, left), Opening::LookThenTable(_)).then_some(cost.time))
    }
}

/// An approximate answer before it is dressed.
#[derive(Debug)]
pub(crate) struct Estimated {
    /// The sample that was used.
    pub(crate) sample: Arc<Manifest>,
    pub(crate) batch: RecordBatch,
    /// For every output that is an estimate, the interval of each row.
    pub(crate) intervals: Vec<Option<Vec<Estimate>>>,
    /// Estimates that error functions speak of, for each row.
    pub(crate) spoken_of: Vec<Vec<Estimate>>,
    /// `None` when the catalog alone answered.
    pub(crate) level: Option<usize>,
    pub(crate) rows_read: u64,
    pub(crate) missing_groups_below: Option<u64>,
    /// Whether every stratum that matters was read whole, or only counts of the catalog were needed.
    pub(crate) is_whole: bool,
    /// Keys of the table that are groups of the query and are not in the sample.
    pub(crate) absent_keys: u64,
    pub(crate) unsettled: rank_stability::Unsettled,
    pub(crate) warnings: Vec<String>,
    /// Groups that were computed on the table.
    pub(crate) repair: Option<Repair>,
}

/// What samples make of a query.
pub(crate) enum Outcome {
    Estimated(Box<Estimated>),
    /// The table answers, for this reason.
    Table(TableReason),
}

/// Why the table answers a query that samples were looked at for.
#[derive(Debug)]
pub(crate) enum TableReason {
    /// Samples could not stand for it.
    Refused(Reason),
    /// The exact answer is predicted to end within the time.
    Fits(Duration),
    /// It costs less than what a sample would have to read.
    Cheaper,
    /// No level is, or is expected to be, within the error; what would have been.
    Missed(Option<SampleAdvice>),
}

/// Takes the estimates of a finished level that is not the last.
pub(crate) type LevelDone<'a> = &'a (dyn Fn(Estimated) -> Result<()> + Sync);

/// Answers `shape` from one of `candidates`, the likeliest of which comes first.
pub(crate) async fn approximate(
    shape: &Shape,
    context: &Context<'_>,
    candidates: &[Arc<Fitted>],
    level_done: LevelDone<'_>,
) -> Result<Outcome> {
    let specials = match catalog::start(shape, context.goal, context.state, candidates)? {
        catalog::Start::Known(fitted, known) => {
            let estimated = catalog_answer::answer(shape, context, fitted, &known).await?;
            if !estimated.is_whole
                && let Some(time) = context.table_in_time().await?
            {
                level_done(estimated)?;
                return Ok(Outcome::Table(TableReason::Fits(time)));
            }
            return Ok(Outcome::Estimated(Box::new(estimated)));
        }
        catalog::Start::Refused(reason) => return Ok(Outcome::Table(TableReason::Refused(reason))),
        catalog::Start::Look(specials) => specials,
    };
    context.parts.lap("catalog");
    let (mut run, looked) = pilot::begin(shape, context, candidates, specials).await?;
    run.climb(looked, level_done).await
}

/// Levels of one sample, and what they cost.
pub(crate) struct Run<'a> {
    pub(crate) levels: Levels<'a>,
    pub(crate) price: Price<'a>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        shape: &'a Shape,
        context: &'a Context<'a>,
        fitted: &'a Fitted,
        specials: Vec<crate::strata::Known>,
    ) -> Result<Self> {
        let price = Price::new(shape, context, fitted);
        Ok(Self { levels: Levels::new(shape, context, fitted, specials)?, price })
    }

    /// The level to begin with.
    pub(crate) fn first(&self) -> usize {
        let context = self.levels.context;
        // Of keys, the top holds the most, and all of each is known.
        if self.levels.view.keyed.is_some() {
            return context.pinned_level.unwrap_or(self.price.top()).min(self.price.top());
        }
        let first = choose::first_level(self.levels.view, context.goal, self.price.cumulative());
        context.pinned_level.unwrap_or_else(|| self.price.first(first)).min(self.price.top())
    }

    /// Reads and looks; `None` when the time ran out on the way. The time is what [`Price::next`] asks for.
    pub(crate) async fn look_at(&mut self, level: usize, may_stop: bool) -> Result<Option<(Look, Duration)>> {
        let elapsed = self.levels.context.elapsed;
        let before = elapsed();
        if !self.levels.read_to(level, may_stop).await? {
            return Ok(None);
        }
        let look = self.levels.look(level).await?;
        let took = elapsed().saturating_sub(before).saturating_sub(self.levels.aside);
        let walked = took.saturating_sub(self.levels.loading);
        self.price.learn(Cost::Look, level, walked);
        if self.levels.projected.is_none() {
            self.price.learn_load(self.levels.loaded, self.levels.loading);
        }
        // As long as nothing is known of reading files, this look tells how long the next one reads.
        Ok(Some((look, if self.price.knows_loads() { walked } else { took })))
    }
}
