use super::Context;
use super::nested::ReplicatedAnswer;
use super::projected::Read;
use super::subquery_filter::filtered;
use crate::answer::{Error, Result};
use crate::moments::{Opened, ValueLimits};
use crate::samples::{ArgumentMoments, SampleBinding};
use crate::strata::{CatalogValues, certain_extremes};
use arrow::record_batch::RecordBatch;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use plusminus_kernel::{ByGroup, Compiled, KeepGoing, LevelStrata, Program, Rows, StrataView};
use plusminus_plan::AggregateQuery;
use plusminus_statistics::{Estimate, Population, Quantiles, StratumSize};
use std::sync::Arc;
use std::time::Duration;

/// Evaluates one level of a sample after another.
pub(crate) struct ProgressiveScan<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) query: &'a AggregateQuery,
    pub(crate) view: &'a StrataView,
    pub(crate) binding: &'a SampleBinding,
    pub(crate) program: Option<Program>,
    /// Rows that an ordinary plan chose, by level; only where WHERE holds a subquery.
    pub(crate) chosen: Vec<RecordBatch>,
    /// Evaluated rows of each level in turn; a level may have two pieces.
    pub(crate) rows: Vec<Rows>,
    /// Number of pieces in `rows` up to and including each level.
    pub(crate) pieces: Vec<usize>,
    pub(crate) rows_read: u64,
    /// Rows among `rows_read` that belong to the current levels.
    pub(crate) read_before: u64,
    /// Rows of the current level in the order of groups; `rows` is then empty.
    pub(crate) projected: Option<ByGroup>,
    /// Time that reading files took for the current level.
    pub(crate) loading: Duration,
    /// Time that subqueries took for the current level; later levels reuse their results.
    pub(crate) subquery_time: Duration,
    /// Values read from files in that time, from which costs are learnt.
    pub(crate) loaded: u64,
    /// Special calls that the catalog knows, by call.
    pub(crate) non_linear: Vec<CatalogValues>,
    /// The part of the strata that each group belongs to; `u32::MAX` before it is known.
    pub(crate) part_of_group: Vec<u32>,
    pub(crate) known: &'a ArgumentMoments,
    pub(crate) limits: Option<&'a ValueLimits>,
    pub(crate) memory: MemoryReservation,
}

/// Estimates from the levels read so far.
pub(crate) struct LevelEstimate {
    pub(crate) strata: Arc<LevelStrata>,
    /// Row counts of the strata that could hold rows of each group, one entry per group.
    pub(crate) populations: Vec<Population>,
    pub(crate) quantiles: Arc<Quantiles>,
    /// Estimates, functions × groups; functions are those of the outputs, then the hidden ones.
    pub(crate) estimates: Vec<Vec<Estimate>>,
    /// Values of aggregate calls, calls × groups.
    pub(crate) calls: Vec<Vec<Option<f64>>>,
    /// The query's rows, where their errors come from replicates.
    pub(crate) nested: Option<ReplicatedAnswer>,
}

impl LevelEstimate {
    /// The hidden estimates, functions × groups.
    pub(crate) fn hidden(&self, query: &AggregateQuery) -> &[Vec<Estimate>] {
        &self.estimates[self.estimates.len() - query.hidden.len()..]
    }
}

impl<'a> ProgressiveScan<'a> {
    pub(crate) fn new(
        query: &'a AggregateQuery,
        context: &'a Context<'a>,
        binding: &'a SampleBinding,
        non_linear: Vec<CatalogValues>,
    ) -> Result<Self> {
        let view: &StrataView = &binding.view;
        let opened = Opened {
            store: context.store,
            level_cache: context.level_cache,
            manifest: &binding.manifest,
            strata: &view.strata,
        };
        let known = binding.known(query, context.state, context.moments, &opened)?;
        let limits = match view.by_key {
            true => None,
            false => binding.limits(query, context.state, context.store, known)?,
        };
        let pool = &context.state.runtime_env().memory_pool;
        let memory = MemoryConsumer::new("rows of a sample under way").register(pool);
        Ok(Self {
            context,
            query,
            view,
            binding,
            non_linear,
            program: None,
            chosen: Vec::new(),
            rows: Vec::new(),
            pieces: Vec::new(),
            rows_read: 0,
            read_before: 0,
            projected: None,
            loading: Duration::ZERO,
            subquery_time: Duration::ZERO,
            loaded: 0,
            part_of_group: Vec::new(),
            known,
            limits,
            memory,
        })
    }

    /// Reads and evaluates levels up to `level`. With `may_stop`, returns false when the time runs out before they are finished; rows
    /// read until then do not count.
    pub(crate) async fn read_to(&mut self, level: usize, may_stop: bool) -> Result<bool> {
        (self.loading, self.subquery_time, self.loaded) = (Duration::ZERO, Duration::ZERO, 0);
        let context = self.context;
        let deadline = context.goal.within;
        let in_time = || !context.watch.is_stopped() && (!may_stop || deadline.is_none_or(|d| (context.elapsed)() < d));
        match self.read_projected(level, &in_time)? {
            Read::Stopped => return Ok(false),
            Read::Done => return Ok(true),
            Read::Otherwise => {}
        }
        let left = self.leave_projection();
        let is_read = self.read_levels(level, &in_time).await?;
        match left {
            // The level before is still the best.
            Some(left) if !is_read => self.return_to(left)?,
            _ => self.memory.try_resize(self.rows.iter().map(Rows::bytes).sum()).map_err(|_| too_large(level))?,
        }
        Ok(is_read)
    }

    /// Reads and evaluates level after level; false when stopped.
    async fn read_levels(&mut self, level: usize, in_time: KeepGoing<'_>) -> Result<bool> {
        let context = self.context;
        for next in self.pieces.len()..=level {
            let batch = self.matching_rows(next)?;
            let read = batch.num_rows() as u64;
            let batch = match self.query.has_subquery {
                true => {
                    let (state, executor) = (context.state, context.executor);
                    let before = (context.elapsed)();
                    let conditions =
                        context.subqueries.computed(&self.query.predicates, state, executor, context.watch).await?;
                    self.subquery_time += (context.elapsed)().saturating_sub(before);
                    filtered(self.query, conditions, state, executor, &batch).await?
                }
                false => batch,
            };
            let program = match &mut self.program {
                Some(program) => program,
                none => none.insert(program(self.query, self.binding, self.known, context, &batch)?),
            };
            context.timings.lap("read and compile");
            // The rows of a key have to stay together.
            let may_halve = !self.view.by_key;
            let Some(pieces) = program.evaluate(&batch, may_halve, context.workers, in_time)? else {
                return Ok(false);
            };
            self.memory.try_grow(pieces.iter().map(Rows::bytes).sum()).map_err(|_| too_large(next))?;
            self.rows_read += read;
            self.read_before += read;
            pieces.iter().for_each(|rows| self.note_groups(rows));
            self.rows.extend(pieces);
            self.pieces.push(self.rows.len());
            if self.query.has_subquery {
                self.chosen.push(batch);
            }
            context.timings.lap("evaluate rows");
        }
        Ok(true)
    }

    /// Rows of a level in strata that may match WHERE.
    fn matching_rows(&mut self, level: usize) -> Result<RecordBatch> {
        let (context, needs) = (self.context, &self.binding.needs);
        let manifest = &self.binding.manifest;
        let (level_columns, loaded) =
            context.level_cache.timed_part(context.store, manifest, &self.binding.parts[level], &needs.columns)?;
        self.loading += loaded.took;
        self.loaded += loaded.values;
        let ranges = if self.view.all_may_match() {
            None
        } else {
            level_columns.ranges(|stratum| self.view.is_matching(stratum))
        };
        level_columns.batch(&needs.columns, needs.with_ranks, ranges.as_deref())
    }

    fn note_groups(&mut self, rows: &Rows) {
        let Some(program) = &self.program else { return };
        if let Some(parts) = program.group_parts() {
            self.part_of_group.clear();
            self.part_of_group.extend_from_slice(parts);
        } else {
            let groups = program.group_count();
            let known = self.part_of_group.len();
            self.part_of_group.resize(groups, u32::MAX);
            // A single part needs no lookup.
            if self.view.parts == 1 {
                self.part_of_group[known..].fill(0);
            } else {
                note_parts(&mut self.part_of_group, rows, self.view);
            }
        }
    }

    /// Quantiles for the intervals: simultaneous (Bonferroni) over all shown estimates with FOR ALL GROUPS, over one column's groups where
    /// an estimate chooses rows, and for each estimate alone elsewhere.
    pub(crate) fn quantiles(&self) -> Arc<Quantiles> {
        let confidence = self.context.goal.confidence;
        let groups = self.part_of_group.len();
        if self.context.goal.all_groups {
            self.context.quantiles.simultaneous(confidence, groups * self.query.shown_estimates().max(1))
        } else if self.query.selects_by_estimate {
            self.context.quantiles.simultaneous(confidence, groups)
        } else {
            self.context.quantiles.each(confidence)
        }
    }

    pub(crate) async fn estimate_level(&mut self, level: usize) -> Result<LevelEstimate> {
        let mut evaluated = self.estimated(level)?;
        self.context.timings.lap("estimate");
        if self.query.has_upper_aggregate {
            evaluated.nested = Some(self.nested(&evaluated).await?);
            self.context.timings.lap("replicates");
        }
        Ok(evaluated)
    }

    /// Number of pieces of the levels up to `level`.
    pub(crate) fn pieces_up_to(&self, level: usize) -> usize {
        self.pieces.get(level).copied().unwrap_or(self.rows.len())
    }

    pub(crate) fn part(&self, group: usize) -> usize {
        self.part_of_group.get(group).copied().filter(|p| *p != u32::MAX).unwrap_or(0) as usize
    }

    /// For an extreme over whole strata, the extreme of the sampled strata by group, from the build-time scan; `None` where it is unknown.
    pub(crate) fn known_ends(
        &self,
        call: &plusminus_plan::NonLinearAggregate,
        sizes: &[StratumSize],
        parts: &[usize],
    ) -> Vec<Option<f64>> {
        let plusminus_plan::NonLinearKind::Extreme { is_max, truth: false } = call.kind else {
            return vec![None; parts.len()];
        };
        let is_known_whole = |h: usize| sizes[h].is_exact();
        let manifest = &self.binding.manifest;
        match certain_extremes(self.query, call, is_max, manifest, self.view, is_known_whole) {
            Some(ends) => parts.iter().map(|p| ends[*p]).collect(),
            None => vec![None; parts.len()],
        }
    }
}

pub(crate) fn too_large(level: usize) -> Error {
    Error::Data {
        what: format!("the rows of level {level} do not fit into memory"),
        next: "more memory (--memory), a smaller sample, or SET plusminus.level to a lower one".to_owned(),
    }
}

/// Compiles the query's expressions for batches with the schema of `batch`.
pub(crate) fn program(
    query: &AggregateQuery,
    binding: &SampleBinding,
    known: &ArgumentMoments,
    context: &Context<'_>,
    batch: &RecordBatch,
) -> Result<Program> {
    let compiled: Arc<Compiled> = binding.compiled(query, context.state, &batch.schema())?;
    let groups = compiled.groups(&binding.view, !query.keys.is_empty())?;
    Ok(Program::new(query, compiled, groups, known.centres(), binding.needs.with_ranks))
}

/// Finds the parts of groups that have none yet.
fn note_parts(part_of_group: &mut [u32], rows: &Rows, view: &StrataView) {
    let mut unknown = part_of_group.iter().filter(|p| **p == u32::MAX).count();
    for (group, stratum) in rows.groups.iter().zip(&rows.strata) {
        if unknown == 0 {
            break;
        }
        let part = &mut part_of_group[*group as usize];
        if *part == u32::MAX {
            *part = view.part_of[*stratum as usize];
            unknown -= 1;
        }
    }
}
