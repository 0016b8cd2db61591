use super::Context;
use super::catalog::{Known, certain_extremes, known_variable};
use super::nested::Nested;
use crate::error::Result;
use crate::estimate::{Estimator, special};
use crate::kernel::{Program, Rows, StrataView, filtered, key_totals, mean, totals, with_strata};
use crate::knowledge::{ArgumentKnowledge, Opened};
use crate::shape::Shape;
use arrow::record_batch::RecordBatch;
use plusminus_statistics::{Estimate, Knowledge, Population, Quantiles, StratumSize};
use std::time::Duration;

/// One level after another.
pub(super) struct Levels<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) shape: &'a Shape,
    pub(super) view: StrataView,
    pub(super) program: Option<Program>,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: Vec<Rows>,
    pub(super) rows_read: u64,
    /// Time that went into reading files for the last look.
    pub(super) loading: Duration,
    columns: Vec<String>,
    /// Special calls that the catalog knows.
    specials: Vec<Known>,
    /// The part that each group belongs to.
    part_of_group: Vec<u32>,
    shifts: Vec<f64>,
    pub(super) knowledge: Vec<ArgumentKnowledge>,
    /// Where keys were drawn, what is known of their row counts.
    rows_of_keys: Option<Knowledge>,
}

/// What a look at the levels read so far found.
pub(super) struct Look {
    pub(super) sizes: Vec<StratumSize>,
    pub(super) populations: Vec<Population>,
    pub(super) quantiles: Quantiles,
    /// Estimates by smooth function (of the outputs, then hidden ones) and group.
    pub(super) estimates: Vec<Vec<Estimate>>,
    /// Aggregate calls by call and group.
    pub(super) calls: Vec<Vec<Option<f64>>>,
    /// The query's rows, when their errors come from replicates.
    pub(super) nested: Option<Nested>,
}

impl Look {
    /// The hidden estimates.
    pub(super) fn hidden(&self, shape: &Shape) -> &[Vec<Estimate>] {
        &self.estimates[self.estimates.len() - shape.hidden.len()..]
    }
}

impl<'a> Levels<'a> {
    pub(super) fn new(
        shape: &'a Shape,
        context: &'a Context<'a>,
        view: StrataView,
        specials: Vec<Known>,
    ) -> Result<Self> {
        let opened = Opened {
            store: context.store,
            images: context.images,
            manifest: context.manifest,
            strata: &context.strata,
        };
        let knowledge = context.knowledge.of(shape, context.state, &opened)?;
        let rows_of_keys =
            if view.by_key { Some(context.knowledge.rows_of_keys(shape, context.state, &opened)?) } else { None };
        Ok(Self {
            context,
            shape,
            columns: shape.columns(),
            view,
            specials,
            program: None,
            batches: Vec::new(),
            rows: Vec::new(),
            rows_read: 0,
            loading: Duration::ZERO,
            part_of_group: Vec::new(),
            shifts: Vec::new(),
            knowledge,
            rows_of_keys,
        })
    }

    /// Evaluates the levels up to `level` that were not yet. With `may_stop`, false when the time ran out on the way;
    /// what was read then does not count.
    pub(super) async fn read_to(&mut self, level: usize, may_stop: bool) -> Result<bool> {
        let context = self.context;
        self.loading = Duration::ZERO;
        for next in self.rows.len()..=level {
            let before = (context.elapsed)();
            let image = context.images.level(context.store, context.manifest, next, &self.columns)?;
            self.loading += (context.elapsed)().saturating_sub(before);
            let with_ranks = self.shape.is_beyond || self.view.by_key;
            let mut batch = with_strata(&image, &self.columns, with_ranks)?;
            let read = batch.num_rows() as u64;
            if self.shape.has_subquery {
                batch = filtered(self.shape, context.state, &batch).await?;
            }
            let program = match &mut self.program {
                Some(program) => program,
                none => {
                    let centres = self.knowledge.iter().map(|k| k.whole.mean.unwrap_or(f64::NAN)).collect();
                    none.insert(Program::new(self.shape, context.state, &batch.schema(), centres, with_ranks)?)
                }
            };
            let deadline = context.goal.within;
            let in_time =
                || !context.watch.is_stopped() && (!may_stop || deadline.is_none_or(|d| (context.elapsed)() < d));
            let Some(rows) = program.evaluate(&batch, &in_time)? else {
                return Ok(false);
            };
            self.rows_read += read;
            self.note_groups(&rows);
            self.rows.push(rows);
            self.batches.push(batch);
        }
        Ok(true)
    }

    fn note_groups(&mut self, rows: &Rows) {
        let groups = self.program.as_ref().map_or(0, Program::group_count);
        let mut unknown = groups.saturating_sub(self.part_of_group.iter().filter(|p| **p != u32::MAX).count());
        self.part_of_group.resize(groups, u32::MAX);
        for (group, stratum) in rows.groups.iter().zip(&rows.strata) {
            if unknown == 0 {
                break;
            }
            let part = &mut self.part_of_group[*group as usize];
            if *part == u32::MAX {
                *part = self.view.part_of[*stratum as usize];
                unknown -= 1;
            }
        }
        if self.shifts.is_empty() && rows.len() > 0 {
            self.shifts = rows.arguments.iter().map(|values| mean(values)).collect();
        }
    }

    /// One confidence for each group, or for all at once where rows are chosen by an estimate or FOR ALL GROUPS.
    fn quantiles(&self) -> Quantiles {
        let confidence = self.context.goal.confidence;
        if self.context.goal.all_groups || self.shape.selects_by_estimate {
            Quantiles::simultaneous(confidence, self.part_of_group.len().max(1))
        } else {
            Quantiles::new(confidence)
        }
    }

    pub(super) async fn look(&mut self, level: usize) -> Result<Look> {
        let groups = self.program.as_ref().map_or(0, Program::group_count);
        let quantiles = self.quantiles();
        let sizes = self.view.sizes(level);
        let shifts = if self.shifts.is_empty() { vec![0.0; self.shape.arguments.len()] } else { self.shifts.clone() };
        let variables = &self.shape.variables;
        let totals = match self.view.by_key {
            true => key_totals(&self.rows, &sizes, variables, groups),
            false => totals(&self.rows, &sizes, variables, &shifts, groups),
        };
        let by_part = self.view.populations(&sizes);
        let parts: Vec<usize> = (0..groups).map(|g| self.part(g)).collect();
        let populations: Vec<Population> = parts.iter().map(|p| by_part[*p]).collect();
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        let known: Vec<Option<Vec<f64>>> = (0..self.shape.variables.len())
            .map(|v| {
                let counts = known_variable(self.shape, &self.view, v)?;
                Some(parts.iter().map(|p| counts[*p] as f64).collect())
            })
            .collect();
        let is_tail_whole = self.view.is_tail_whole(&sizes);
        let knowledge: Vec<crate::estimate::Known> = self.knowledge.iter().map(|k| k.at(is_tail_whole)).collect();
        let mut estimator = Estimator {
            shape: self.shape,
            levels: &self.rows,
            sizes: &sizes,
            totals: &totals,
            populations: &populations,
            known: &known,
            specials: Vec::new(),
            knowledge: &knowledge,
            whole_strata: self.view.decides_all(),
            rows_of_keys: self.rows_of_keys,
            quantiles: &quantiles,
            key_values: self.program.as_ref().map_or(&[], Program::key_numbers),
        };
        for (call, known) in self.shape.specials.iter().zip(&self.specials) {
            let own = match known {
                Some(known) => parts.iter().map(|p| known[*p].estimate(&quantiles)).collect(),
                None => special::estimates(&estimator, call, &self.known_ends(call, &sizes, &parts)),
            };
            estimator.specials.push(own);
        }
        let estimates = estimator.all_estimates();
        let calls =
            self.shape.calls.iter().map(|c| (0..groups).map(|g| estimator.call_value(c, g)).collect()).collect();
        let mut look = Look { sizes, populations, quantiles, estimates, calls, nested: None };
        if self.shape.is_beyond {
            look.nested = Some(self.nested(&look).await?);
        }
        Ok(look)
    }

    fn part(&self, group: usize) -> usize {
        self.part_of_group.get(group).copied().filter(|p| *p != u32::MAX).unwrap_or(0) as usize
    }

    /// For an extreme over whole strata: the extreme of the sampled strata by group, where their moments tell.
    fn known_ends(&self, call: &crate::shape::Special, sizes: &[StratumSize], parts: &[usize]) -> Vec<Option<f64>> {
        let crate::shape::SpecialKind::Extreme { is_max, truth: false } = call.kind else {
            return vec![None; parts.len()];
        };
        let is_known_whole = |h: usize| sizes[h].is_exact();
        let manifest = self.context.manifest;
        match certain_extremes(self.shape, call, is_max, manifest, &self.view, is_known_whole) {
            Some(ends) => parts.iter().map(|p| ends[*p]).collect(),
            None => vec![None; parts.len()],
        }
    }
}
