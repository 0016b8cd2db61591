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
use plusminus_kernel::{ByGroup, Compiled, KeepGoing, LevelStrata, Program, Rows, StrataView, merged};
use plusminus_plan::AggregateQuery;
use plusminus_statistics::{Estimate, Population, Quantiles, StratumSize};
use std::sync::Arc;
use std::time::Duration;

/// One level after another.
pub(crate) struct ProgressiveScan<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) query: &'a AggregateQuery,
    pub(crate) view: &'a StrataView,
    pub(crate) binding: &'a SampleBinding,
    pub(crate) program: Option<Program>,
    /// Rows that an ordinary plan chose, by level; only where WHERE holds a subquery.
    pub(crate) chosen: Vec<RecordBatch>,
    /// The rows of each level in turn, some in two pieces.
    pub(crate) rows: Vec<Rows>,
    /// How many pieces there are up to each level.
    pub(crate) pieces: Vec<usize>,
    pub(crate) rows_read: u64,
    /// How many of those are of levels that are looked at.
    pub(crate) read_before: u64,
    /// The rows of the last look, where they lie in the order of groups; then there are no others.
    pub(crate) projected: Option<ByGroup>,
    /// Time that went into reading files for the last look.
    pub(crate) loading: Duration,
    /// Time that went into subqueries for the last look, which no other look takes again.
    pub(crate) aside: Duration,
    /// Values that were read from files meanwhile, to learn what they cost.
    pub(crate) loaded: u64,
    /// Special calls that the catalog knows.
    pub(crate) specials: Vec<CatalogValues>,
    /// The part that each group belongs to.
    pub(crate) part_of_group: Vec<u32>,
    pub(crate) known: &'a ArgumentMoments,
    pub(crate) limits: Option<&'a ValueLimits>,
    pub(crate) memory: MemoryReservation,
}

/// What a look at the levels read so far found.
pub(crate) struct LevelEstimate {
    pub(crate) strata: Arc<LevelStrata>,
    pub(crate) populations: Vec<Population>,
    pub(crate) quantiles: Arc<Quantiles>,
    /// Estimates by smooth function (of the outputs, then hidden ones) and group.
    pub(crate) estimates: Vec<Vec<Estimate>>,
    /// Aggregate calls by call and group.
    pub(crate) calls: Vec<Vec<Option<f64>>>,
    /// The query's rows, when their errors come from replicates.
    pub(crate) nested: Option<ReplicatedAnswer>,
}

impl LevelEstimate {
    /// The hidden estimates.
    pub(crate) fn hidden(&self, query: &AggregateQuery) -> &[Vec<Estimate>] {
        &self.estimates[self.estimates.len() - query.hidden.len()..]
    }
}

impl<'a> ProgressiveScan<'a> {
    pub(crate) fn new(
        query: &'a AggregateQuery,
        context: &'a Context<'a>,
        binding: &'a SampleBinding,
        specials: Vec<CatalogValues>,
    ) -> Result<Self> {
        let view: &StrataView = &binding.view;
        let opened = Opened {
            store: context.store,
            level_cache: context.level_cache,
            manifest: &binding.manifest,
            strata: &view.strata,
        };
        let known = binding.known(query, context.state, context.knowledge, &opened)?;
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
            specials,
            program: None,
            chosen: Vec::new(),
            rows: Vec::new(),
            pieces: Vec::new(),
            rows_read: 0,
            read_before: 0,
            projected: None,
            loading: Duration::ZERO,
            aside: Duration::ZERO,
            loaded: 0,
            part_of_group: Vec::new(),
            known,
            limits,
            memory,
        })
    }

    /// Evaluates the levels up to `level` that were not yet. With `may_stop`, false when the time ran out on the way;
    /// what was read then does not count.
    pub(crate) async fn read_to(&mut self, level: usize, may_stop: bool) -> Result<bool> {
        (self.loading, self.aside, self.loaded) = (Duration::ZERO, Duration::ZERO, 0);
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
            // The look before is still the best.
            Some(left) if !is_read => self.return_to(left)?,
            _ => self.memory.try_resize(self.rows.iter().map(Rows::bytes).sum()).map_err(|_| too_large(level))?,
        }
        Ok(is_read)
    }

    /// Evaluates level after level; false when told to stop.
    async fn read_levels(&mut self, level: usize, in_time: KeepGoing<'_>) -> Result<bool> {
        let context = self.context;
        for next in self.pieces.len()..=level {
            let batch = self.living(next)?;
            let read = batch.num_rows() as u64;
            let batch = match self.query.has_subquery {
                true => {
                    let (state, executor) = (context.state, context.executor);
                    let before = (context.elapsed)();
                    let conditions =
                        context.subqueries.computed(&self.query.predicates, state, executor, context.watch).await?;
                    self.aside += (context.elapsed)().saturating_sub(before);
                    filtered(self.query, conditions, state, executor, &batch).await?
                }
                false => batch,
            };
            let program = match &mut self.program {
                Some(program) => program,
                none => none.insert(program(self.query, self.binding, self.known, context, &batch)?),
            };
            context.parts.lap("read and compile");
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
            context.parts.lap("evaluate rows");
        }
        Ok(true)
    }

    /// The rows that a level adds of strata that may hold a row within WHERE.
    fn living(&mut self, level: usize) -> Result<RecordBatch> {
        let (context, needs) = (self.context, &self.binding.needs);
        let manifest = &self.binding.manifest;
        let (level_columns, loaded) =
            context.level_cache.timed_level(context.store, manifest, level, &needs.columns)?;
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
            // Without parts to tell apart there is nothing to look for.
            if self.view.parts == 1 {
                self.part_of_group[known..].fill(0);
            } else {
                note_parts(&mut self.part_of_group, rows, self.view);
            }
        }
    }

    /// One confidence for each cell, or for all at once: those of one column where rows are chosen by an estimate, all that are
    /// shown with FOR ALL GROUPS (Bonferroni).
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

    pub(crate) async fn look(&mut self, level: usize) -> Result<LevelEstimate> {
        let mut look = self.estimated(level)?;
        self.context.parts.lap("estimate");
        if self.query.is_beyond {
            look.nested = Some(self.nested(&look).await?);
            self.context.parts.lap("replicates");
        }
        Ok(look)
    }

    /// Takes what is added up of the levels up to `level` together: later looks are at higher levels only.
    pub(crate) fn merge_pieces(&mut self, level: usize, groups: usize) -> Result<()> {
        let count = self.pieces_up_to(level);
        let are_entries = self.rows[..count].iter().all(|rows| rows.cells.is_some());
        if count < 2 || !are_entries {
            return Ok(());
        }
        // For a moment both are there; without room for that the pieces stay as they are.
        let room = self.rows[..count].iter().map(Rows::bytes).sum();
        if self.memory.try_grow(room).is_err() {
            return Ok(());
        }
        let later = self.rows.split_off(count);
        let pieces = std::mem::take(&mut self.rows);
        self.rows.push(merged(&pieces, groups, &self.query.variables, self.context.workers)?);
        self.rows.extend(later);
        self.pieces.iter_mut().for_each(|pieces| *pieces = (*pieces + 1).saturating_sub(count).max(1));
        self.memory.try_resize(self.rows.iter().map(Rows::bytes).sum()).map_err(|_| too_large(level))
    }

    /// The pieces of the levels up to `level`.
    pub(crate) fn pieces_up_to(&self, level: usize) -> usize {
        self.pieces.get(level).copied().unwrap_or(self.rows.len())
    }

    pub(crate) fn part(&self, group: usize) -> usize {
        self.part_of_group.get(group).copied().filter(|p| *p != u32::MAX).unwrap_or(0) as usize
    }

    /// For an extreme over whole strata: the extreme of the sampled strata by group, where their moments tell.
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

/// The compiled expressions, for batches like `batch`.
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

/// Finds the parts of groups that are new.
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
