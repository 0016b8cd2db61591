//! Compares a sample of keys with known facts about the table, and doubts estimates for which they differ.

use super::level_rows::ProgressiveScan;
use plusminus_kernel::LevelStrata;
use plusminus_plan::{AggregateQuery, Argument, used_inputs};
use plusminus_statistics::Quantiles;
use std::sync::Arc;

/// Average keys per group below which some of many groups hold more sampled keys by chance than expected.
const FEW_KEYS: u64 = 30;

impl ProgressiveScan<'_> {
    /// Quantiles that hold in all groups at once, for counts of keys in groups with few keys each; `None` elsewhere.
    pub(crate) fn of_few_keys(&self, strata: &LevelStrata, groups: usize) -> Option<Arc<Quantiles>> {
        if !self.view.by_key || groups < 2 || self.query.distinct_columns().next().is_none() {
            return None;
        }
        let keys: u64 = strata.by_part.iter().map(|part| part.sampled).sum();
        let confidence = self.context.goal.confidence;
        let own = |intervals| self.context.quantiles.simultaneous(confidence, intervals);
        (keys < FEW_KEYS * groups as u64).then(|| own(groups * self.query.shown_estimates().max(1)))
    }

    /// For each of the query's functions, whether it uses row counts or sums that the sample's keys misstate at this level.
    pub(crate) fn doubted(&self, level: usize, quantiles: &Quantiles) -> Vec<bool> {
        let Some(kept) = self.binding.manifest.keys.as_ref().filter(|_| self.view.keyed.is_none()) else {
            return Vec::new();
        };
        let off = |z: &[f64]| z.get(level).is_some_and(|z| z.abs() > quantiles.normal());
        let is_off =
            |column: Option<&str>| kept.checks.iter().any(|check| check.column.as_deref() == column && off(&check.z));
        if is_off(None) {
            return vec![true; self.query.functions().count()];
        }
        let is_off = |argument: usize| columns(self.query, argument).iter().any(|column| is_off(Some(column)));
        let arguments: Vec<bool> = (0..self.query.arguments.len()).map(is_off).collect();
        let of =
            |input: &usize| self.query.variables.get(*input).and_then(|v| v.argument).is_some_and(|a| arguments[a]);
        self.query.functions().map(|function| used_inputs(function).iter().any(of)).collect()
    }
}

/// The columns that an argument reads.
fn columns(query: &AggregateQuery, argument: usize) -> Vec<String> {
    match &query.arguments[argument] {
        Argument::Plain(expr) => expr.column_refs().iter().map(|column| column.name.clone()).collect(),
        Argument::Centred(of) => columns(query, *of),
        Argument::Product(one, other) => [columns(query, *one), columns(query, *other)].concat(),
    }
}
