//! Chooses the sample that answers: where several might, a pilot evaluates a low level of each.

use super::level_costs::LevelCosts;
use super::level_rows::LevelEstimate;
use super::{Context, Refinement};
use crate::answer::{Error, Result};
use crate::samples::{NO_COMPARISON_BELOW_NS, SPECULATIVE_SHARE, SampleBinding, choose};
use crate::strata::catalog;
use plusminus_plan::AggregateQuery;
use plusminus_statistics::{Estimate, Target, absolute_error, relative_error};
use std::sync::Arc;
use tracing::Instrument;

/// The error that pilots compare with where none is stated.
const USUAL: Target = Target::Relative(0.05);

/// Factor by which a sample must need fewer rows to replace a likelier one.
const CLEARLY: f64 = 2.0;

/// Starts a run on the chosen sample; the second result is the level that a pilot already evaluated.
pub(crate) async fn begin<'a>(
    query: &'a AggregateQuery,
    context: &'a Context<'a>,
    candidates: &'a [Arc<SampleBinding>],
    non_linear: Vec<catalog::CatalogValues>,
) -> Result<(Refinement<'a>, Option<(usize, LevelEstimate)>)> {
    let mut tried: Vec<&SampleBinding> = candidates.iter().map(Arc::as_ref).collect();
    // A pilot that would take much of the time, or read more rows than a pilot should, is left out. Only predicted costs are compared,
    // since creating a run reads what it has to know of the arguments.
    let is_small = |binding: &&SampleBinding| {
        let costs = LevelCosts::new(query, context, binding);
        pilot_level(&costs).is_some_and(|level| costs.is_small(level))
    };
    if tried.len() > 1 && context.pinned_level.is_none() && tried.iter().any(is_small) {
        tried.retain(is_small);
    }
    // Pilots that are large, or whose files have unknown cost, may take all the time there is.
    let is_known = |binding: &&SampleBinding| LevelCosts::new(query, context, binding).is_learnt();
    let are_large = !tried.iter().any(is_small) && tried.first().is_some_and(is_known);
    if context.goal.within.is_some() && (are_large || context.is_short_of_time() && !tried.iter().any(is_known)) {
        tried.truncate(1);
    }
    // Where the table answers anyway, the likeliest sample suffices for the estimate before it.
    let is_vain = tried.first().is_some_and(|binding| LevelCosts::new(query, context, binding).is_vain());
    if tried.len() > 1 && (is_vain || context.table_in_time().await?.is_some()) {
        tried.truncate(1);
    }
    if tried.len() > 1 && cost_too_much(query, context, &tried).await? {
        tried.truncate(1);
    }
    let (Some(likeliest), others) = (tried.first(), tried.get(1..).unwrap_or_default()) else {
        return Err(Error::data("there is no sample to look at"));
    };
    let mut first = Refinement::new(query, context, likeliest, non_linear.clone())?;
    if others.is_empty() || context.pinned_level.is_some() {
        return Ok((first, None));
    }
    let mut best = match piloted(&mut first).await? {
        Some((level, evaluated, rows)) => (first, level, evaluated, rows),
        // Rows of an unfinished pilot do not count.
        None => return Ok((Refinement::new(query, context, likeliest, non_linear)?, None)),
    };
    let mut rows_read = 0;
    for binding in others {
        let mut run = Refinement::new(query, context, binding, non_linear.clone())?;
        let Some((level, evaluated, rows)) = piloted(&mut run).await? else { continue };
        // The likelier sample stays unless the other is clearly better and shows no fewer groups: a variance that is small by chance must
        // not decide.
        let mut other = (run, level, evaluated, rows);
        let shows_all = other.2.populations.len() >= best.2.populations.len();
        if CLEARLY * other.3 < best.3 && shows_all {
            std::mem::swap(&mut best, &mut other);
        }
        rows_read += other.0.levels.rows_read;
    }
    context.timings.lap("pilots");
    let (mut run, level, evaluated, _) = best;
    run.levels.rows_read += rows_read;
    Ok((run, Some((level, evaluated))))
}

/// Whether pilots on all of `tried` cost more than a choice is worth, compared with the exact answer. All files count as not yet
/// opened, so that the choice depends on the store alone.
async fn cost_too_much(query: &AggregateQuery, context: &Context<'_>, tried: &[&SampleBinding]) -> Result<bool> {
    let work = |binding: &&SampleBinding| {
        let costs = LevelCosts::new(query, context, binding);
        pilot_level(&costs).map_or(0.0, |level| costs.first_ns(level))
    };
    let work: f64 = tried.iter().map(work).sum();
    if work <= NO_COMPARISON_BELOW_NS {
        return Ok(false);
    }
    Ok(context.table.cost().await?.is_some_and(|cost| work > SPECULATIVE_SHARE * cost.work.ns))
}

/// The level of a pilot, among those that can be read; `None` when the lowest level with enough rows is too large.
fn pilot_level(costs: &LevelCosts<'_>) -> Option<usize> {
    choose::pilot_level(costs.cumulative()).map(|level| level.min(costs.top()))
}

/// Evaluates the pilot level, and predicts the number of rows that the error needs.
async fn piloted(run: &mut Refinement<'_>) -> Result<Option<(usize, LevelEstimate, f64)>> {
    let Some(level) = pilot_level(&run.costs) else { return Ok(None) };
    let pilot = tracing::debug_span!("pilot", sample = %run.levels.binding.manifest.name);
    let Some((evaluated, _)) = run.evaluate_level(level, true).instrument(pilot).await? else { return Ok(None) };
    let held = run.costs.cumulative()[level];
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    let rows = held as f64 * worst_square(&evaluated, run.levels.query, run.levels.context.goal.error.unwrap_or(USUAL));
    Ok(Some((level, evaluated, rows)))
}

/// The largest squared ratio of an estimate's error to the allowed error; infinite where an error is not known.
fn worst_square(evaluated: &LevelEstimate, query: &AggregateQuery, target: Target) -> f64 {
    if evaluated.populations.is_empty() {
        return f64::INFINITY;
    }
    let square = |estimate: &Estimate| {
        let (error, allowed) = match target {
            Target::Relative(allowed) => (relative_error(estimate), allowed),
            Target::Absolute(allowed) => (absolute_error(estimate), allowed),
        };
        error.map_or(f64::INFINITY, |error| (error / allowed).powi(2))
    };
    evaluated.estimates[..query.shown_estimates()].iter().flatten().map(square).fold(0.0, f64::max)
}
