//! Whether a sample of keys is a witness: what it says of the table, beside what is known.

use super::level_rows::Levels;
use plusminus_kernel::LevelStrata;
use plusminus_plan::{Argument, Shape, used_inputs};
use plusminus_statistics::Quantiles;
use std::sync::Arc;

/// Keys per group, on average, below which some of many groups show more keys by luck than they have.
const FEW_KEYS: u64 = 30;

impl Levels<'_> {
    /// For counts of keys in groups that have few each: intervals that hold in all groups at once.
    pub(crate) fn of_few_keys(&self, strata: &LevelStrata, groups: usize) -> Option<Arc<Quantiles>> {
        if !self.view.by_key || groups < 2 || self.shape.distinct_columns().next().is_none() {
            return None;
        }
        let keys: u64 = strata.by_part.iter().map(|part| part.sampled).sum();
        let confidence = self.context.goal.confidence;
        let own = |intervals| self.context.quantiles.simultaneous(confidence, intervals);
        (keys < FEW_KEYS * groups as u64).then(|| own(groups * self.shape.shown_estimates().max(1)))
    }

    /// By function of the shape, whether it is about rows or sums that the sample's keys misstate for the whole table at this level.
    pub(crate) fn doubted(&self, level: usize, quantiles: &Quantiles) -> Vec<bool> {
        let Some(kept) = self.fitted.manifest.keys.as_ref().filter(|_| self.view.keyed.is_none()) else {
            return Vec::new();
        };
        let off = |z: &[f64]| z.get(level).is_some_and(|z| z.abs() > quantiles.normal());
        let is_off =
            |column: Option<&str>| kept.checks.iter().any(|check| check.column.as_deref() == column && off(&check.z));
        if is_off(None) {
            return vec![true; self.shape.smooths().count()];
        }
        let is_off = |argument: usize| columns(self.shape, argument).iter().any(|column| is_off(Some(column)));
        let arguments: Vec<bool> = (0..self.shape.arguments.len()).map(is_off).collect();
        let of =
            |input: &usize| self.shape.variables.get(*input).and_then(|v| v.argument).is_some_and(|a| arguments[a]);
        self.shape.smooths().map(|smooth| used_inputs(smooth).iter().any(of)).collect()
    }
}

/// The columns of an argument.
fn columns(shape: &Shape, argument: usize) -> Vec<String> {
    match &shape.arguments[argument] {
        Argument::Plain(expr) => expr.column_refs().iter().map(|column| column.name.clone()).collect(),
        Argument::Centred(of) => columns(shape, *of),
        Argument::Product(one, other) => [columns(shape, *one), columns(shape, *other)].concat(),
    }
}
