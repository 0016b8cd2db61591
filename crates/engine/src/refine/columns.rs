//! Builds the aggregate's output: keys, then calls; exactly known groups get DataFusion's own values.

use super::level_rows::{LevelEstimate, ProgressiveScan, program};
use crate::answer::Result;
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::UInt32Type;
use plusminus_functions::numbers::estimates_typed;
use plusminus_kernel::{Program, WholeRows, exact_calls};
use plusminus_plan::CallKind;
use plusminus_statistics::Population;

impl ProgressiveScan<'_> {
    /// The aggregate's columns for a level estimate.
    pub(crate) fn columns_of(&mut self, evaluated: &LevelEstimate) -> Result<Vec<ArrayRef>> {
        let native = self.native(evaluated)?;
        let mut columns = self.keys_of(evaluated)?;
        let whole: Vec<bool> = match &native {
            Some(_) => evaluated.populations.iter().map(Population::is_exact).collect(),
            None => Vec::new(),
        };
        for (number, (call, values)) in self.query.calls.iter().zip(&evaluated.calls).enumerate() {
            let estimated = estimates_typed(values, &call.data_type)?;
            columns.push(match &native {
                Some(native) => {
                    // A sum over no rows is NULL, but accumulators know only groups that they have seen.
                    let exact: Vec<bool> = whole.iter().zip(values).map(|(whole, v)| *whole && v.is_some()).collect();
                    let own = native[number].slice(0, evaluated.populations.len());
                    zip(&BooleanArray::from(exact), &own, &estimated)?
                }
                None => estimated,
            });
        }
        Ok(columns)
    }

    /// The GROUP BY columns, one row per group.
    pub(crate) fn keys_of(&mut self, evaluated: &LevelEstimate) -> Result<Vec<ArrayRef>> {
        let mut columns = self.program.as_mut().map_or_else(|| Ok(Vec::new()), Program::group_keys)?;
        if columns.is_empty() && !self.query.keys.is_empty() {
            let fields = self.query.aggregate.schema.fields().iter().take(self.query.keys.len());
            columns = fields.map(|f| arrow::array::new_empty_array(f.data_type())).collect();
        }
        // Groups of a level that was read but not finished come after those of the levels that count.
        Ok(columns.into_iter().map(|c| c.slice(0, evaluated.populations.len())).collect())
    }

    fn native(&mut self, evaluated: &LevelEstimate) -> Result<Option<Vec<ArrayRef>>> {
        let is_count = |c: &plusminus_plan::Call| matches!(c.kind, CallKind::Count { .. });
        if !evaluated.populations.iter().any(Population::is_exact) || self.query.calls.iter().all(is_count) {
            return Ok(None);
        }
        let levels = self.whole_rows(evaluated)?;
        let (Some(first), Some(known)) = (levels.first(), self.program.as_mut()) else { return Ok(None) };
        if self.projected.is_none() {
            return Ok(Some(exact_calls(self.query, self.context.state, known, &levels)?));
        }
        // Projected rows carry their group numbers; rows read by level have to be assigned to the same groups.
        let mut program = program(self.query, self.binding, self.known, self.context, &first.needed)?;
        program.preassign(&known.group_keys()?, &self.part_of_group)?;
        Ok(Some(exact_calls(self.query, self.context.state, &mut program, &levels)?))
    }

    /// Rows of fully sampled strata that may match WHERE, by level.
    fn whole_rows(&self, evaluated: &LevelEstimate) -> Result<Vec<WholeRows>> {
        let is_whole =
            |stratum: u32| evaluated.strata.sizes[stratum as usize].is_exact() && self.view.is_matching(stratum);
        let mut levels = Vec::new();
        if self.query.has_subquery {
            for batch in &self.chosen {
                let strata = batch.column(batch.num_columns() - 1).as_primitive::<UInt32Type>();
                let mask: BooleanArray = strata.values().iter().map(|s| Some(is_whole(*s))).collect();
                let own = filter_record_batch(batch, &mask)?;
                levels.push(WholeRows { needed: own.clone(), own });
            }
            return Ok(levels);
        }
        let (needs, own) = (&self.binding.needs, self.query.named_columns());
        for level in 0..self.pieces.len() {
            let (context, manifest) = (self.context, &self.binding.manifest);
            let part = &self.binding.parts[level];
            let read = |columns: &[String]| context.level_cache.timed_part(context.store, manifest, part, columns);
            let (level_columns, _) = read(&needs.columns)?;
            let ranges = level_columns.ranges(is_whole);
            if ranges.as_ref().is_some_and(Vec::is_empty) && !levels.is_empty() {
                continue;
            }
            let needed = level_columns.batch(&needs.columns, needs.with_ranks, ranges.as_deref())?;
            // More rows of the level than before may be in memory by now.
            let (level_columns, _) = read(&own)?;
            let ranges = level_columns.ranges(is_whole);
            levels.push(WholeRows { needed, own: level_columns.batch(&own, false, ranges.as_deref())? });
        }
        Ok(levels)
    }
}
