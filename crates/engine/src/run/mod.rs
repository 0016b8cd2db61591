//! Level after level until the error is met, the time is up, or the sample ends.

mod catalog;
mod columns;
mod finish;
mod levels;
mod nested;
mod price;
mod repair;
mod settled;
mod stopping;

pub(crate) use stopping::meets_or_null;

use crate::choose;
use crate::control::Watch;
use crate::costs::Costs;
use crate::error::{Error, Result};
use crate::goal::Goal;
use crate::image::ImageCache;
use crate::kernel::StrataView;
use crate::knowledge::KnowledgeCache;
use crate::shape::{Reason, Shape};
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use levels::Levels;
use plusminus_catalog::{Manifest, Store, Strata};
use plusminus_statistics::Estimate;
use price::Price;
use std::sync::Arc;
use std::time::Duration;

/// What an approximate run needs besides the query.
pub(crate) struct Context<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) store: &'a Store,
    pub(crate) images: &'a ImageCache,
    pub(crate) knowledge: &'a KnowledgeCache,
    pub(crate) manifest: &'a Manifest,
    pub(crate) strata: Arc<Strata>,
    pub(crate) goal: &'a Goal,
    /// Time since the statement began.
    pub(crate) elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// A level to replay, set by `plusminus.level`.
    pub(crate) pinned_level: Option<usize>,
    /// What looks cost here.
    pub(crate) costs: &'a Costs,
    /// Who waits.
    pub(crate) watch: &'a Watch,
}

/// An approximate answer before it is dressed.
#[derive(Debug)]
pub(crate) struct Estimated {
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
    pub(crate) unsettled: settled::Unsettled,
    pub(crate) warnings: Vec<String>,
    /// Groups that were computed again on the table.
    pub(crate) repaired: usize,
}

/// What a family makes of a query.
pub(crate) enum Outcome {
    Estimated(Box<Estimated>),
    /// Nothing it could stand for.
    Refused(Reason),
}

/// Takes the estimates of a finished level that is not the last.
pub(crate) type LevelDone<'a> = &'a (dyn Fn(Estimated) -> Result<()> + Sync);

/// Answers `shape` from a family.
pub(crate) async fn approximate(shape: &Shape, context: &Context<'_>, level_done: LevelDone<'_>) -> Result<Outcome> {
    let view = StrataView::new(shape, context.state, context.manifest, Arc::clone(&context.strata))?;
    if shape.is_beyond && !view.keys_decided {
        let reason = "an aggregate of groups that the sample is not stratified by may miss some: answered exactly";
        return Ok(Outcome::Refused(Reason::new(reason)));
    }
    let specials = match catalog::specials(shape, context.manifest, &view, context.goal)? {
        Ok(specials) => specials,
        Err(reason) => return Ok(Outcome::Refused(reason)),
    };
    if let Some(known) = catalog::known_calls(shape, &view, &specials) {
        return catalog::answer(shape, context, &view, &known).await.map(|e| Outcome::Estimated(Box::new(e)));
    }
    let mut levels = Levels::new(shape, context, view, specials)?;
    let cumulative = choose::cumulative_rows(context.manifest);
    let top = cumulative.len().saturating_sub(1);
    let price = Price::new(shape, context, &cumulative);
    let first = choose::first_level(shape, context.manifest, context.goal, &cumulative);
    let mut level = context.pinned_level.unwrap_or_else(|| price.first(first)).min(top);
    let mut last = None;
    loop {
        let before = (context.elapsed)();
        if !levels.read_to(level, last.is_some()).await? {
            break;
        }
        let mut look = levels.look(level).await?;
        let met = levels.met(&look).await?;
        let took = (context.elapsed)().saturating_sub(before);
        price.learn(level, took.saturating_sub(levels.loading));
        let next = price.next(level, levels.next_level(level, &look, &cumulative), took);
        let is_last = met || level == top || context.pinned_level.is_some();
        let Some(next) = next.filter(|_| !is_last) else {
            last = Some((level, look));
            break;
        };
        if context.watch.is_wanted() {
            level_done(levels.answer(level, &mut look, false).await?)?;
        }
        last = Some((level, look));
        level = next;
    }
    // Without a level somebody stopped the query before the first was finished.
    let Some((level, mut look)) = last else { return Err(Error::Interrupted) };
    levels.answer(level, &mut look, true).await.map(|e| Outcome::Estimated(Box::new(e)))
}
