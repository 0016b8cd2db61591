//! Builds the answer of a level from its level estimate.

use super::Estimated;
use super::advice::SampleAdvice;
use super::level_rows::{LevelEstimate, ProgressiveScan};
use super::rank_stability::{RankStability, unsettled};
use super::repair::Repair;
use crate::answer::Result;
use crate::post as above;
use crate::post::Upper;
use arrow::array::{ArrayRef, Float64Array};
use plusminus_functions::numbers::{ends_typed, steps};
use plusminus_kernel::{Keyed, LevelStrata, Program};
use plusminus_plan::{AggregateQuery, NonLinearKind};
use plusminus_statistics::{Estimate, Population, missing, rows_beyond};
use std::sync::Arc;

/// Fills the slot that lookups of error functions read with their values.
pub(crate) fn fill(query: &AggregateQuery, hidden: &[Vec<Estimate>]) -> Result<()> {
    if query.error_calls.is_empty() {
        return Ok(());
    }
    let mut values: Vec<ArrayRef> = Vec::with_capacity(query.error_calls.len());
    for (call, estimates) in query.error_calls.iter().zip(hidden) {
        let unit = steps(&call.data_type);
        let round = |x: f64| match (call.function.rounding(), unit) {
            (Some(round), Some(unit)) => round(x * unit) / unit,
            _ => x,
        };
        let own: Float64Array = estimates.iter().map(|e| call.function.of(e).map(round)).collect();
        values.push(ends_typed(own, &call.data_type)?);
    }
    query.slot.fill(values);
    Ok(())
}

impl ProgressiveScan<'_> {
    /// Runs the plan above the aggregate on the aggregate's columns.
    pub(crate) async fn upper(&mut self, columns: Vec<ArrayRef>, evaluated: &LevelEstimate) -> Result<Upper> {
        let (state, compiled) = (self.context.state, &self.context.prepared.compiled_post_aggregate);
        above::run(self.query, state, compiled, columns, evaluated.populations.len()).await
    }

    /// Drops rows that were read beyond `level`, which is the last level.
    pub(crate) fn keep_only(&mut self, level: usize) {
        self.rows.truncate(self.pieces_up_to(level));
        self.pieces.truncate(level + 1);
        self.chosen.truncate(level + 1);
    }

    /// Builds the answer of a level after which others may follow.
    pub(crate) async fn answer(&mut self, level: usize, evaluated: &mut LevelEstimate) -> Result<Estimated> {
        let columns = self.known_columns(evaluated)?;
        self.answered(level, evaluated, columns, Keep::Estimates).await
    }

    /// Builds the answer of the last level.
    pub(crate) async fn last_answer(&mut self, level: usize, evaluated: &mut LevelEstimate) -> Result<Estimated> {
        let columns = self.known_columns(evaluated)?;
        self.answered(level, evaluated, columns, Keep::Nothing).await
    }

    /// Builds the answer of the last level with some groups computed on the table; `None` when one was not found there.
    pub(crate) async fn repaired_answer(
        &mut self,
        level: usize,
        evaluated: &mut LevelEstimate,
        failing: &[u32],
        advice: Option<SampleAdvice>,
    ) -> Result<Option<Estimated>> {
        let mut columns = self.known_columns(evaluated)?;
        let before = (self.context.elapsed)();
        let read_before = self.rows_read;
        if !self.repair(failing, evaluated, &mut columns).await? {
            return Ok(None);
        }
        let repair = Repair {
            groups: failing.len(),
            rows: self.rows_read - read_before,
            took: (self.context.elapsed)().saturating_sub(before),
            advice,
        };
        let estimated = self.answered(level, evaluated, columns, Keep::Nothing).await?;
        Ok(Some(Estimated { repair: Some(repair), ..estimated }))
    }

    /// The aggregate's columns; hidden estimates of fully known groups are made exact. Empty where replicates computed the rows.
    fn known_columns(&mut self, evaluated: &mut LevelEstimate) -> Result<Vec<ArrayRef>> {
        if evaluated.nested.is_some() {
            return Ok(Vec::new());
        }
        let columns = self.columns_of(evaluated)?;
        self.settle_known(&columns, evaluated)?;
        Ok(columns)
    }

    async fn answered(
        &mut self,
        level: usize,
        evaluated: &mut LevelEstimate,
        columns: Vec<ArrayRef>,
        keep: Keep,
    ) -> Result<Estimated> {
        let absent_keys = self.view.absent_keys();
        let is_whole = evaluated.strata.by_part.iter().all(Population::is_exact) && absent_keys == 0;
        let missing_groups_below = self.missing(&evaluated.strata);
        if let Some(nested) = evaluated.nested.clone() {
            return Ok(Estimated {
                sample: Arc::clone(&self.binding.manifest),
                batch: nested.batch,
                intervals: nested.columns,
                error_function_inputs: Vec::new(),
                level: Some(level),
                rows_read: self.rows_read,
                missing_groups_below,
                is_whole,
                absent_keys,
                unsettled: RankStability::default(),
                warnings: Vec::new(),
                repair: None,
            });
        }
        fill(self.query, evaluated.hidden(self.query))?;
        let upper = self.upper(columns, evaluated).await?;
        let (unsettled, warnings) = (self.unsettled(evaluated, &upper.groups), self.warnings(evaluated));
        let is_all =
            upper.groups.len() == evaluated.populations.len() && (0..).zip(&upper.groups).all(|(g, own)| g == *own);
        let mut estimates = match keep == Keep::Nothing && is_all {
            // The estimates are not used again and need not be copied.
            true => std::mem::take(&mut evaluated.estimates),
            false => evaluated.estimates.iter().map(|by_group| picked(by_group, &upper.groups)).collect(),
        }
        .into_iter();
        let mut intervals = Vec::with_capacity(self.query.outputs.len());
        for output in &self.query.outputs {
            intervals.push(output.function.as_ref().and_then(|_| estimates.next()));
        }
        Ok(Estimated {
            sample: Arc::clone(&self.binding.manifest),
            intervals,
            error_function_inputs: estimates.take(self.query.error_calls.len()).collect(),
            level: Some(level),
            rows_read: self.rows_read,
            missing_groups_below,
            absent_keys,
            is_whole: is_whole
                || absent_keys == 0
                    && evaluated.populations.iter().all(Population::is_exact)
                    && missing_groups_below == Some(0),
            unsettled,
            warnings,
            batch: upper.batch,
            repair: None,
        })
    }

    /// Choices of rows that the intervals leave open, among shown groups and others.
    fn unsettled(&self, evaluated: &LevelEstimate, shown: &[u32]) -> RankStability {
        let mut found = unsettled(self.query, evaluated, shown);
        if self.query.selects_by_estimate {
            found.absent += self.view.absent_keys();
        }
        found
    }

    /// A row count that no absent group reaches, with the answer's confidence; `None` where there is no such count.
    pub(crate) fn missing(&self, strata: &LevelStrata) -> Option<u64> {
        let mut all = Population::default();
        for population in &strata.by_part {
            all.merge(population);
        }
        match self.view.keyed {
            Some(Keyed::Grouped { absent, .. }) => return (absent == 0).then_some(0),
            Some(Keyed::Named) => return Some(0),
            Some(Keyed::Absent) | None => {}
        }
        if self.query.keys.is_empty() || self.view.decides_all() || all.is_exact() {
            return Some(0);
        }
        // Where strata decide the groups, none is missing once each group of the strata was seen.
        let seen = self.program.as_ref().map_or(0, Program::group_count);
        if self.view.keys_decided && seen >= self.view.matching_key_groups() {
            return Some(0);
        }
        // All rows of a group may belong to one key, which is either in the sample or not.
        if self.view.by_key {
            return None;
        }
        Some(missing::any_group_below(all.rows, all.rate_min, self.context.goal.confidence))
    }

    /// A sentence for the report where groups are keys of which the sample holds only some.
    fn absent_keys(&self) -> Option<String> {
        let Some(Keyed::Grouped { absent, all }) = self.view.keyed else { return None };
        let column = self.binding.manifest.design.universe.as_deref().filter(|_| absent > 0)?;
        Some(format!("{absent} of {all} values of {column} are not in the sample; the others are exact"))
    }

    /// Sentences for the report on missing keys, and on how many rows may exceed an extreme.
    fn warnings(&self, evaluated: &LevelEstimate) -> Vec<String> {
        let mut found: Vec<String> = self.absent_keys().into_iter().collect();
        if self.query.non_linear.is_empty() {
            return found;
        }
        let confidence = self.context.goal.confidence;
        let beyond = evaluated.populations.iter().map(|p| rows_beyond(p, confidence)).max().unwrap_or(0);
        if beyond == 0 {
            return found;
        }
        for (number, special) in self.query.non_linear.iter().enumerate() {
            let NonLinearKind::Extreme { is_max, truth: false } = special.kind else { continue };
            let input = self.query.variables.len() + number;
            let is_open = |(function, own): (&plusminus_statistics::expression::DifferentiableExpr, &Vec<Estimate>)| {
                function.is_linear_in_one().is_some_and(|l| l.input == input) && own.iter().any(|e| !e.trust.is_exact())
            };
            if self.query.functions().zip(&evaluated.estimates).any(is_open) {
                let (name, end, exceed) =
                    if is_max { ("MAX", "largest", "exceed it") } else { ("MIN", "smallest", "are below it") };
                found.push(format!(
                    "{name} is the {end} value seen: with {} % confidence at most {beyond} rows of a group {exceed}",
                    confidence.level() * 100.0
                ));
            }
        }
        found.dedup();
        found
    }
}

fn picked(by_group: &[Estimate], groups: &[u32]) -> Vec<Estimate> {
    groups.iter().map(|group| by_group[*group as usize]).collect()
}

/// Parts of a level estimate that are needed after its answer was built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Estimates,
    Nothing,
}

impl Estimated {
    /// Sentences for the report.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.warnings.clone();
        notes.extend(self.repair.as_ref().map(Repair::sentence));
        notes.extend(self.unsettled.sentences());
        notes
    }
}
