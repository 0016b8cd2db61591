//! Evaluates rows of levels, and numbers the groups found in them.

use super::cells::{ByGroup, PreAggregator, fits_cache};
use super::compiled::Compiled;
use super::grouped;
use super::groups::Groups;
use super::rows::Rows;
use super::selection::Selection;
use super::workers::Workers;
use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{Float64Type, UInt32Type};
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;
use plusminus_plan::{AggregateQuery, Variable};
use std::sync::Arc;

/// Rows evaluated at a time; small enough for the cache, large enough to hide the calls.
pub(crate) const BATCH_ROWS: usize = 16_384;

/// Rows per group from which rows are added up as they come although the cells of all groups leave the cache; with fewer, walking group
/// by group costs less.
const ROWS_OF_MANY_GROUPS: usize = 32;

/// Asked before every batch whether to go on.
pub type KeepGoing<'a> = &'a (dyn Fn() -> bool + Sync);

/// Compiled expressions with the groups and centres of one query.
pub struct Program {
    compiled: Arc<Compiled>,
    groups: Groups,
    /// For each argument, the centre that is subtracted where it occurs in a product; NaN until it is known.
    centres: Vec<f64>,
    with_ranks: bool,
    /// The variables whose cells rows are added up to as they are evaluated; `None` where the rows themselves are needed later.
    pre_aggregated: Option<Vec<Variable>>,
    /// Keys as numbers: keys × groups; present where an expression above the aggregate uses them.
    key_numbers: Option<Vec<Vec<f64>>>,
    known_key_numbers: usize,
}

impl Program {
    /// A program for `query`; `with_ranks` keeps rows, and their ranks.
    ///
    /// `centres` has a number near the mean of each argument, NaN where unknown.
    pub fn new(
        query: &AggregateQuery,
        compiled: Arc<Compiled>,
        groups: Groups,
        centres: Vec<f64>,
        with_ranks: bool,
    ) -> Self {
        let key_numbers = query.uses_key_numbers().then(Vec::new);
        let pre_aggregated = (!with_ranks && query.is_computable_from_cells()).then(|| query.variables.clone());
        Self { compiled, groups, centres, with_ranks, pre_aggregated, key_numbers, known_key_numbers: 0 }
    }

    /// A program for rows whose groups are known.
    pub fn of_groups(query: &AggregateQuery, compiled: Arc<Compiled>, centres: Vec<f64>) -> Self {
        Self::new(query, compiled, Groups::One, centres, false)
    }

    /// Numbers these groups before any other: by their keys or, where strata decide the groups, by their parts.
    ///
    /// # Errors
    /// When the keys cannot be grouped by.
    pub fn preassign(&mut self, keys: &[ArrayRef], parts: &[u32]) -> Result<()> {
        self.groups.preassign(keys, parts)
    }

    /// The number of groups found; one when there is no GROUP BY.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The groups' keys: keys × groups, one array per key, in the order of the groups' numbers.
    ///
    /// # Errors
    /// When the keys cannot be turned back into their type.
    pub fn group_keys(&mut self) -> Result<Vec<ArrayRef>> {
        self.groups.keys()
    }

    /// For each group its part of the strata, where strata decide the groups.
    pub fn group_parts(&self) -> Option<&[u32]> {
        self.groups.parts()
    }

    /// Evaluates the rows that a level adds, in one piece or in consecutive ones; `None` when `keep_going` said no.
    ///
    /// The last column is the stratum, before it the rank where there is one. `keep_going` is asked before every batch.
    ///
    /// # Errors
    /// When an expression fails on a value, or no threads can be started.
    pub fn evaluate(
        &mut self,
        batch: &RecordBatch,
        may_halve: bool,
        workers: &Workers,
        keep_going: KeepGoing<'_>,
    ) -> Result<Option<Vec<Rows>>> {
        let part = Part {
            compiled: &self.compiled,
            pre_aggregated: self.pre_aggregated.as_deref(),
            with_ranks: self.with_ranks,
            keep_going,
        };
        let mut pieces = if !workers.halves(batch.num_rows()) || !may_halve {
            let Some(rows) = part.evaluate(&mut self.groups, batch)? else { return Ok(None) };
            rows
        } else {
            let middle = batch.num_rows() / 2;
            let (first, second) = (batch.slice(0, middle), batch.slice(middle, batch.num_rows() - middle));
            let groups = &mut self.groups;
            let mut later = groups.empty_like()?;
            let (first, second) =
                workers.join(|| part.evaluate(groups, &first), || part.evaluate(&mut later, &second))?;
            let (Some(mut pieces), Some(mut second)) = (first?, second?) else { return Ok(None) };
            let numbers = self.groups.absorb(later)?;
            if !matches!(self.groups, Groups::One) {
                let later = second.iter_mut().flat_map(|rows| &mut rows.groups);
                later.for_each(|group| *group = numbers[*group as usize]);
            }
            pieces.append(&mut second);
            pieces
        };
        self.note_key_numbers()?;
        pieces.iter_mut().for_each(|rows| self.compiled.derive(rows, &mut self.centres));
        Ok(Some(pieces))
    }

    /// Evaluates rows in the order of their groups; `None` when `keep_going` said no. Groups without a row that passes WHERE are left out.
    ///
    /// The groups begin at `starts` and have these keys: keys × groups. Without keys all rows are one group, in two parts. The last column is
    /// the stratum.
    ///
    /// # Errors
    /// When an expression fails on a value, or no threads can be started.
    pub fn evaluate_groups(
        &mut self,
        batch: &RecordBatch,
        starts: &[u32],
        keys: &[ArrayRef],
        variables: &[Variable],
        workers: &Workers,
        keep_going: KeepGoing<'_>,
    ) -> Result<Option<ByGroup>> {
        let Some(mut found) = grouped::passing(&self.compiled, batch, starts, workers, keep_going)? else {
            return Ok(None);
        };
        if !keys.is_empty() {
            self.groups = Groups::numbered_before(keys, found.seen, starts.len() - 1)?;
        }
        self.note_key_numbers()?;
        for piece in [&mut found.groups, &mut found.later] {
            self.compiled.derive(&mut piece.rows, &mut self.centres);
        }
        Ok(Some(ByGroup::of(found.groups, Some(found.later), variables).returned_to(workers.buffers())))
    }

    /// Which rows of `batch` pass WHERE (`None`: all), and the groups of those.
    pub(crate) fn groups_of(&mut self, batch: &RecordBatch) -> Result<(Option<Selection>, Vec<usize>)> {
        let passing = self.compiled.passing(batch)?;
        let kept = self.compiled.kept(batch, passing.as_ref())?;
        let (mut strata, mut found) = (Vec::new(), Vec::new());
        extend(&mut strata, numbers_from_end(batch, 0), passing.as_ref());
        self.groups.intern(&strata, &self.compiled.keys(&kept)?, &mut found)?;
        Ok((passing, found.into_iter().map(|group| group as usize).collect()))
    }

    /// Keys as numbers: keys × groups; a key that is not numeric has none, and there are no keys unless the query uses them.
    pub fn key_numbers(&self) -> &[Vec<f64>] {
        self.key_numbers.as_deref().unwrap_or_default()
    }

    /// Notes the numeric value of each key, when there are new groups.
    fn note_key_numbers(&mut self) -> Result<()> {
        if self.key_numbers.is_none() || self.known_key_numbers == self.groups.len() {
            return Ok(());
        }
        let number = |key: &ArrayRef| -> Result<Vec<f64>> {
            if !key.data_type().is_numeric() {
                return Ok(Vec::new());
            }
            let values = super::compiled::numbers(key)?;
            Ok(values.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect())
        };
        self.key_numbers = Some(self.groups.keys()?.iter().map(number).collect::<Result<_>>()?);
        self.known_key_numbers = self.groups.len();
        Ok(())
    }
}

/// The strata (`back` is 0) or ranks (`back` is 1) of a batch, which are its last columns.
pub(crate) fn numbers_from_end(batch: &RecordBatch, back: usize) -> &UInt32Array {
    batch.column(batch.num_columns() - 1 - back).as_primitive::<UInt32Type>()
}

/// Appends those of `numbers` whose row passes.
pub(crate) fn extend(found: &mut Vec<u32>, numbers: &UInt32Array, passing: Option<&Selection>) {
    match passing {
        None => found.extend_from_slice(numbers.values()),
        Some(selection) => selection.extend(found, numbers.values()),
    }
}

/// Appends the strata of rows that pass; strata are sorted, and often all equal.
fn extend_strata(found: &mut Vec<u32>, strata: &UInt32Array, passing: Option<&Selection>) {
    match (passing, strata.values().first(), strata.values().last()) {
        (Some(selection), Some(first), Some(last)) if first == last => {
            found.resize(found.len() + selection.len(), *first);
        }
        _ => extend(found, strata, passing),
    }
}

/// The settings under which consecutive rows are evaluated.
struct Part<'a> {
    compiled: &'a Compiled,
    pre_aggregated: Option<&'a [Variable]>,
    with_ranks: bool,
    keep_going: KeepGoing<'a>,
}

impl Part<'_> {
    /// Evaluates batch by batch; `None` when `keep_going` said no.
    ///
    /// Rows are added up as long as that saves memory. Their entries come first, then the other rows.
    fn evaluate(&self, groups: &mut Groups, batch: &RecordBatch) -> Result<Option<Vec<Rows>>> {
        let mut found = Vec::with_capacity(2);
        let mut gather = self
            .pre_aggregated
            .filter(|own| may_pre_aggregate(groups.expected_len(), own, batch.num_rows()))
            .map(PreAggregator::new);
        let mut rows = self.compiled.no_rows();
        let mut is_reserved = false;
        let mut from = 0;
        while from < batch.num_rows() {
            if !(self.keep_going)() {
                return Ok(None);
            }
            let length = BATCH_ROWS.min(batch.num_rows() - from);
            self.extend(groups, &batch.slice(from, length), &mut rows)?;
            from += length;
            let passed = rows.len();
            if let Some(mut gathering) = gather.take() {
                index_runs(&mut rows, groups);
                let is_added = gathering.add(&rows, groups.len());
                let is_first = from == length;
                if is_added && gathering.pays() {
                    gather = Some(gathering);
                    rows.clear();
                } else if !is_first {
                    found.push(gathering.finish());
                    if is_added {
                        rows.clear();
                    }
                }
            }
            if gather.is_none() && !is_reserved {
                is_reserved = true;
                let rest = share_of(batch.num_rows() - from, passed, length);
                self.compiled.reserve(&mut rows, rest);
            }
        }
        found.extend(gather.map(PreAggregator::finish));
        if !rows.is_empty() || found.is_empty() {
            rows.shrink_excess();
            index_runs(&mut rows, groups);
            found.push(rows);
        }
        Ok(Some(found))
    }

    /// Appends the rows of `batch` that pass WHERE.
    fn extend(&self, groups: &mut Groups, batch: &RecordBatch, rows: &mut Rows) -> Result<()> {
        let passing = self.compiled.passing(batch)?;
        let kept = self.compiled.kept(batch, passing.as_ref())?;
        if kept.num_rows() == 0 {
            return Ok(());
        }
        self.compiled.reserve(rows, kept.num_rows());
        let before = rows.strata.len();
        extend_strata(&mut rows.strata, numbers_from_end(batch, 0), passing.as_ref());
        if self.with_ranks {
            extend(&mut rows.ranks, numbers_from_end(batch, 1), passing.as_ref());
        }
        groups.intern(&rows.strata[before..], &self.compiled.keys(&kept)?, &mut rows.groups)?;
        self.compiled.values(batch, passing.as_ref(), &kept, rows)
    }
}

/// Whether rows of so many groups may be added up as they come: their cells stay in the cache, or hold many rows each.
fn may_pre_aggregate(groups: usize, variables: &[Variable], rows: usize) -> bool {
    fits_cache(groups * variables.len()) || groups.saturating_mul(ROWS_OF_MANY_GROUPS) <= rows
}

/// An estimate of how many of `rows` pass when `passed` of `seen` did, a little high rather than low.
fn share_of(rows: usize, passed: usize, seen: usize) -> usize {
    let expected = rows.saturating_mul(passed) / seen.max(1);
    rows.min(expected + expected / 32)
}

fn index_runs(rows: &mut Rows, groups: &Groups) {
    rows.index_runs();
    rows.one_group_per_run = groups.are_decided();
}
