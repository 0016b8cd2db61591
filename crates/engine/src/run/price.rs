//! Which level can be looked at in the time that is left.

use super::Context;
use crate::shape::{Argument, Shape};
use std::time::Duration;

/// The part of the time left that a first look may take. Whatever the later ones do, there is an answer then; predictions
/// of queries that were never asked may be off by a factor of several.
const FIRST_LOOK: f64 = 0.1;
/// The part of the time left that any further look may take.
const NEXT_LOOK: f64 = 0.6;

/// Looks of one query, priced.
pub(super) struct Price<'a> {
    context: &'a Context<'a>,
    /// Rows held by the levels up to each.
    cumulative: &'a [u64],
    /// Cells per row: what each row passes through.
    width: f64,
}

impl<'a> Price<'a> {
    pub(super) fn new(shape: &Shape, context: &'a Context<'a>, cumulative: &'a [u64]) -> Self {
        let plain = shape.arguments.iter().filter(|a| matches!(a, Argument::Plain(_))).count();
        let passes = 1 + shape.predicates.len() + 2 * shape.keys.len() + plain + shape.variables.len();
        // A percentile sorts, and replicates count every row many times.
        let heavy = 4 * shape.specials.len() + if shape.is_beyond { 16 } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let width = (passes + heavy) as f64;
        Self { context, cumulative, width }
    }

    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    fn cells(&self, level: usize) -> f64 {
        self.cumulative[level] as f64 * self.width
    }

    fn left(&self) -> Option<Duration> {
        let within = self.context.goal.within?;
        Some(within.saturating_sub((self.context.elapsed)()))
    }

    pub(super) fn learn(&self, level: usize, took: Duration) {
        if let Some(learnt) = self.context.costs.learn(self.cells(level), took) {
            let store = self.context.store.clone();
            // Aside, since the disk may take its time; a store that cannot be written teaches this process only.
            tokio::task::spawn_blocking(move || drop(store.keep_costs(&learnt)));
        }
    }

    /// The first level to look at: the top, if time alone is stated and there is plenty of it; otherwise `first`, or a lower
    /// one if that takes too long.
    pub(super) fn first(&self, first: usize) -> usize {
        let Some(left) = self.left() else { return first };
        let top = self.cumulative.len().saturating_sub(1);
        let fits = |level: usize| {
            self.context.costs.predict(self.cells(level)).is_some_and(|time| time <= left.mul_f64(FIRST_LOOK))
        };
        if self.context.goal.error.is_none() && fits(top) {
            return top;
        }
        match self.context.costs.predict(self.cells(first)) {
            None => first,
            Some(_) => (0..=first).rev().find(|level| fits(*level)).unwrap_or(0),
        }
    }

    /// The level to look at after `level`, which took so long: the `wanted` one under an error bound, else the highest, if it
    /// ends in time; a lower one that does; or none.
    pub(super) fn next(&self, level: usize, wanted: usize, took: Duration) -> Option<usize> {
        let Some(left) = self.left() else { return Some(wanted) };
        let top = self.cumulative.len().saturating_sub(1);
        let highest = if self.context.goal.error.is_some() { wanted } else { top };
        let time = |next: usize| {
            // A look that is slower than learnt (it read files, or the machine is busy) says so of the next one, too.
            let known = self.context.costs.predict(self.cells(level)).unwrap_or(took);
            let slower = (took.as_secs_f64() / known.as_secs_f64().max(1e-9)).max(1.0);
            let share = self.cells(next) / self.cells(level).max(1.0);
            let predicted = self.context.costs.predict(self.cells(next));
            predicted.map_or_else(|| took.mul_f64(share.clamp(1.0, 1e6)), |time| time.mul_f64(slower.min(1e3)))
        };
        (level + 1..=highest).rev().find(|next| time(*next) <= left.mul_f64(NEXT_LOOK))
    }
}
