//! Evaluates levels whose rows are already in the order of their groups.

use super::level_rows::{ProgressiveScan, too_large};
use crate::answer::Result;
use crate::cache::{Key, LevelColumns, LevelPart, Projection, ProjectionState};
use crate::samples::{GroupOrder, SampleBinding};
use plusminus_kernel::{ByGroup, KeepGoing, Program, SURPLUS, numbered};
use plusminus_plan::AggregateQuery;
use std::sync::Arc;
use std::time::Duration;

/// Rows of a sample from which a projection is worth its memory; fewer rows are grouped quickly.
const ROWS_MIN: u64 = 16_384;

/// Time to put one value in order, on the safe side; finding the group of a row takes as long as two values.
const VALUE_TAKES: Duration = Duration::from_nanos(40);
/// Share of the time left that building a projection may take.
const MAKING_SHARE_OF_TIME: f64 = 0.1;

/// Strata from which rows of all levels are stored together, if each has few rows: walking strata then costs more than rows.
const MANY_STRATA: usize = 4_096;
const ROWS_PER_STRATUM: u64 = 64;

/// Outcome of reading levels in the order of groups.
pub(crate) enum Read {
    Done,
    /// Reading was told to stop.
    Stopped,
    /// The levels have to be read one by one.
    Otherwise,
}

/// Rows in the order of groups, with the state that belongs to them.
pub(crate) struct Projected {
    rows: ByGroup,
    program: Option<Program>,
    part_of_group: Vec<u32>,
    pieces: Vec<usize>,
    /// Number of rows in the levels.
    read: u64,
}

impl ProgressiveScan<'_> {
    /// Evaluates the levels up to `level` from a projection, if there is one; rows evaluated before are dropped then.
    ///
    /// The second request for a missing projection builds it, if there is time.
    pub(crate) fn read_projected(&mut self, level: usize, keep_going: KeepGoing<'_>) -> Result<Read> {
        if !self.context.prepared.is_repeatable() || !may_project(self.query, self.binding, level) {
            return Ok(Read::Otherwise);
        }
        let binding = self.binding;
        let group_order = binding.group_order(self.query)?;
        let Some(projection) = self.projection(level, group_order, keep_going)? else { return Ok(Read::Otherwise) };
        let context = self.context;
        let batch = projection.batch(&group_order.needs.columns)?;
        let compiled = group_order.compiled(self.query, context.state, &batch.schema())?;
        // Rows that are added up as they are read may take less.
        let room = compiled.bytes_for(batch.num_rows());
        let room = room + room / SURPLUS;
        if self.memory.try_grow(room).is_err() {
            // Memory that is kept for reuse by such rows may be what is lacking.
            context.workers.buffers().iter().for_each(|buffers| buffers.clear());
            if self.memory.try_grow(room).is_err() {
                return Ok(Read::Otherwise);
            }
        }
        let mut program = Program::of_groups(self.query, compiled, self.known.centres());
        context.timings.lap("read and compile");
        let (starts, variables) = (&projection.starts, &self.query.variables);
        let rows = program.evaluate_groups(&batch, starts, &projection.keys, variables, context.workers, keep_going)?;
        let Some(rows) = rows else {
            self.memory.shrink(room);
            return Ok(Read::Stopped);
        };
        self.rows.clear();
        self.memory.try_resize(rows.bytes()).map_err(|_| too_large(level))?;
        let read = batch.num_rows() as u64;
        self.rows_read = (self.rows_read + read).saturating_sub(self.read_before);
        self.read_before = read;
        self.part_of_group.clear();
        match self.query.keys.is_empty() {
            true => self.part_of_group.push(0),
            false => self.part_of_group.extend(rows.first_strata().map(|stratum| self.view.part_of[stratum as usize])),
        }
        self.pieces = vec![0; level + 1];
        self.program = Some(program);
        self.projected = Some(rows);
        context.timings.lap("evaluate rows by group");
        Ok(Read::Done)
    }

    /// Sets rows in the order of groups aside, before others are read.
    pub(crate) fn leave_projection(&mut self) -> Option<Projected> {
        let rows = self.projected.take()?;
        let read = std::mem::take(&mut self.read_before);
        self.rows_read -= read;
        Some(Projected {
            rows,
            program: self.program.take(),
            part_of_group: std::mem::take(&mut self.part_of_group),
            pieces: std::mem::take(&mut self.pieces),
            read,
        })
    }

    /// Restores rows that were set aside, in the place of rows read since.
    pub(crate) fn return_to(&mut self, left: Projected) -> Result<()> {
        self.rows.clear();
        self.memory.try_resize(left.rows.bytes())?;
        self.rows_read = self.rows_read - self.read_before + left.read;
        self.read_before = left.read;
        self.program = left.program;
        self.part_of_group = left.part_of_group;
        self.pieces = left.pieces;
        self.projected = Some(left.rows);
        Ok(())
    }

    /// The projection with all columns that the query needs; builds or extends it where worth while.
    fn projection(
        &mut self,
        level: usize,
        group_order: &GroupOrder,
        keep_going: KeepGoing<'_>,
    ) -> Result<Option<Arc<Projection>>> {
        let level_cache = self.context.level_cache;
        let key = Key::projection(&self.binding.manifest, level, &group_order.keys);
        let needed = &group_order.needs.columns;
        let lacking = |known: Option<&Projection>| known.map_or_else(|| needed.clone(), |known| known.lacking(needed));
        let is_cached = match level_cache.projection(&key) {
            ProjectionState::Cached(known) if lacking(Some(&known)).is_empty() => return Ok(Some(known)),
            ProjectionState::Cached(_) => true,
            ProjectionState::Requested => false,
            ProjectionState::Unseen | ProjectionState::Infeasible => return Ok(None),
        };
        // While another query builds it, this one reads the levels.
        let Some(_build) = level_cache.build(&key) else { return Ok(None) };
        let known = match level_cache.projection(&key) {
            ProjectionState::Cached(known) => Some(known),
            // It was evicted meanwhile.
            _ if is_cached => return Ok(None),
            _ => None,
        };
        let lacking = lacking(known.as_deref());
        if lacking.is_empty() {
            return Ok(known);
        }
        let before = (self.context.elapsed)();
        let made = self.made(level, group_order, known.as_deref(), &lacking, keep_going);
        let took = (self.context.elapsed)().saturating_sub(before);
        self.loading += took;
        match made {
            Ok(Some((projection, read))) => {
                let projection = Arc::new(projection);
                level_cache.keep_projection(&key, Arc::clone(&projection), took.saturating_sub(read));
                Ok(Some(projection))
            }
            Ok(None) => Ok(None),
            // GROUP BY may fail on rows that every query filters out. Damaged files are reported when the levels themselves are read.
            Err(_) => {
                level_cache.refuse_projection(&key);
                Ok(None)
            }
        }
    }

    /// Builds a projection with the `lacking` columns beside those of `known`; the second result is the time spent reading files. `None`
    /// where time or memory is too short, or when told to stop.
    fn made(
        &self,
        level: usize,
        group_order: &GroupOrder,
        known: Option<&Projection>,
        lacking: &[String],
        keep_going: KeepGoing<'_>,
    ) -> Result<Option<(Projection, Duration)>> {
        let (context, rows) = (self.context, self.binding.cumulative[level]);
        let left = || context.goal.within.map(|within| within.saturating_sub((context.elapsed)()));
        if !has_time(left(), rows, lacking.len()) {
            return Ok(None);
        }
        let mut columns = lacking.to_vec();
        if known.is_none() {
            columns.extend(group_order.key_columns.iter().filter(|name| !lacking.contains(name)).cloned());
        }
        let Some((levels, read)) = self.levels_up_to(level, &columns, keep_going)? else { return Ok(None) };
        let bytes = Projection::bytes_for(&levels, lacking);
        let room = self.memory.new_empty();
        let has_room = context.level_cache.has_room(bytes) && room.try_grow(bytes).is_ok();
        if !has_room || !has_time(left(), rows, lacking.len()) {
            return Ok(None);
        }
        let mut made = match known {
            Some(known) => known.clone(),
            None if group_order.keys.is_empty() => Projection::by_stratum(&levels)?,
            None => {
                let keys =
                    levels.iter().map(|level_columns| level_columns.batch(&group_order.key_columns, false, None));
                let keys = keys.collect::<Result<Vec<_>>>()?;
                let Some(numbered) = numbered(&group_order.keys, context.state, &keys, keep_going)? else {
                    return Ok(None);
                };
                Projection::by_group(&levels, &numbered.groups, numbered.keys)?
            }
        };
        for column in lacking {
            if !keep_going() {
                return Ok(None);
            }
            made = made.with_column(&levels, column)?;
        }
        Ok(Some((made, read)))
    }

    /// The columns of levels up to `level`, and the time that reading them took; `None` when told to stop.
    fn levels_up_to(
        &self,
        level: usize,
        columns: &[String],
        keep_going: KeepGoing<'_>,
    ) -> Result<Option<(Vec<Arc<LevelColumns>>, Duration)>> {
        let (context, mut read) = (self.context, Duration::ZERO);
        let mut levels = Vec::with_capacity(level + 1);
        for level in 0..=level {
            if !keep_going() {
                return Ok(None);
            }
            let (level_columns, loaded) = context.level_cache.timed_part(
                context.store,
                &self.binding.manifest,
                &LevelPart::whole(level),
                columns,
            )?;
            read += loaded.took;
            levels.push(level_columns);
        }
        Ok(Some((levels, read)))
    }
}

/// Whether the query may use a projection of levels up to `level`: it needs all rows, and keys or many strata to order them by.
pub(crate) fn may_project(query: &AggregateQuery, binding: &SampleBinding, level: usize) -> bool {
    let (needs, view) = (&binding.needs, &binding.view);
    let rows = binding.cumulative.get(level).copied().unwrap_or(0);
    let is_plain =
        query.non_linear.is_empty() && !query.has_subquery && !query.has_upper_aggregate && !needs.with_ranks;
    let is_scattered = view.strata.len() >= MANY_STRATA && rows / ROWS_PER_STRATUM <= view.strata.len() as u64;
    is_plain && !view.by_key && (!needs.keys.is_empty() || is_scattered) && rows >= ROWS_MIN && view.all_may_match()
}

/// Whether the time left, if bounded, suffices to put `rows` rows with `columns` columns in order.
fn has_time(left: Option<Duration>, rows: u64, columns: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    let values = rows as f64 * (2 + columns) as f64;
    left.is_none_or(|left| VALUE_TAKES.mul_f64(values) <= left.mul_f64(MAKING_SHARE_OF_TIME))
}

#[cfg(test)]
mod tests;
