//! Rows of all levels in the order of their groups, for walks that take one group after another.
//!
//! When cells by stratum and group are about as many as rows, or those of all groups do not stay in the cache, walking stratum by
//! stratum touches memory far apart for every row. In group order everything a group needs lies side by side, its totals
//! stay in registers and the nearest cache, and threads share nothing.

use super::super::buffer_pool::BufferPool;
use super::super::rows::Rows;
use super::super::workers::Workers;
use super::domains::Domain;
use super::scratch::fits_cache;
use super::{Walk, pieces};
use datafusion::error::Result;
use plusminus_plan::Variable;
use std::ops::Range;
use std::sync::Arc;

/// Groups at least, so that both threads have about as much to do.
const GROUPS_MIN: usize = 16;
/// Totals at most that a walk by strata adds to without leaving the nearest caches.
const TOTALS_MAX: usize = 2_048;
/// Rows per cell below which putting rows in order costs less than adding to cells all over the cache; with more, cells are seldom folded.
const ROWS_PER_CELL: usize = 4;

/// Rows of all levels in group order; the rows of a group are by stratum, those of a stratum by level.
pub struct ByGroup {
    groups: GroupRows,
    /// The groups after those, where two threads put them in order.
    later: Option<GroupRows>,
    /// The variables that are walked, by domain.
    domains: Vec<Domain>,
    /// The buffer pool that takes the memory of the rows in the end, if there is one.
    buffers: Option<Arc<BufferPool>>,
}

/// Rows of consecutive groups, in group order.
pub(crate) struct GroupRows {
    /// The strata, domains and arguments of the rows.
    pub rows: Rows,
    /// The number of the first group.
    pub first: usize,
    /// The first row of each group, then the number of rows.
    pub starts: Vec<u32>,
}

/// A range of groups that one thread walks.
pub struct GroupRange<'a> {
    pub(crate) piece: &'a GroupRows,
    /// The variables that are walked, by domain.
    pub domains: &'a [Domain],
    groups: Range<usize>,
}

impl ByGroup {
    /// Whether to walk by group.
    ///
    /// The rows themselves have to be there. Either they are of so many groups that their cells leave the cache, or cells hold few rows each
    /// and there are many totals to fold them into.
    pub fn pays(walk: &Walk<'_>, variables: usize) -> bool {
        let groups = walk.groups;
        // A level without rows may hold an empty list of cells.
        let has_entries = walk.levels.iter().any(|rows| rows.cells.is_some() && !rows.is_empty());
        let rows: usize = walk.levels.iter().map(Rows::len).sum();
        if groups < GROUPS_MIN || has_entries || u32::try_from(rows).is_err() {
            return false;
        }
        let runs: usize = walk.levels.iter().map(|rows| rows.runs.len()).sum();
        let strata = runs.min(walk.sizes.len());
        let is_decided = walk.levels.iter().all(|rows| rows.one_group_per_run || rows.is_empty());
        let cells = if is_decided { strata } else { strata * groups };
        let are_small = cells.saturating_mul(ROWS_PER_CELL) > rows;
        !fits_cache(groups * variables) || are_small && (variables > 1 || groups > TOTALS_MAX)
    }

    /// Bytes that the rows of `levels` take once more in this order.
    pub fn bytes_for(levels: &[Rows]) -> usize {
        levels.iter().map(Rows::bytes).sum()
    }

    /// Puts rows in group order, to be walked for these variables.
    ///
    /// # Errors
    /// When no threads can be started.
    pub fn new(levels: &[Rows], groups: usize, variables: &[Variable], workers: &Workers) -> Result<Self> {
        let (starts, places) = places(levels, groups);
        let any = levels.iter().find(|rows| rows.cells.is_none());
        let (domains, arguments) = any.map_or((0, 0), |rows| (rows.domains.len(), rows.arguments.len()));
        let strata = || put(&places, |level| Some(&levels[level].strata));
        let domain = |number: usize| {
            let of = |rows: &'_ Rows| rows.domains.get(number).is_some_and(Option::is_some);
            let put = || put(&places, |level| levels[level].domains.get(number)?.as_ref());
            levels.iter().any(of).then(put)
        };
        // An argument that is only counted has no values.
        let argument = |number: usize| {
            let of = |level: usize| levels[level].arguments.get(number).filter(|values| !values.is_empty());
            if (0..levels.len()).any(|level| of(level).is_some()) { put(&places, of) } else { Vec::new() }
        };
        let middle = arguments / 2;
        let ((strata, domains, mut first), second) = workers.join(
            || (strata(), (0..domains).map(domain).collect(), (0..middle).map(argument).collect::<Vec<_>>()),
            || (middle..arguments).map(argument).collect::<Vec<_>>(),
        )?;
        first.extend(second);
        let rows = Rows { strata, domains, arguments: first, ..Rows::default() };
        Ok(Self::of(GroupRows { rows, first: 0, starts }, None, variables))
    }

    /// Rows that are in order already, to be walked for these variables; the groups of `later` follow those of `groups`.
    pub(crate) fn of(groups: GroupRows, later: Option<GroupRows>, variables: &[Variable]) -> Self {
        Self { groups, later, domains: Domain::all(variables), buffers: None }
    }

    /// Has the memory of the rows given to `buffers`, a buffer pool, in the end.
    pub(crate) fn returned_to(mut self, buffers: Option<&Arc<BufferPool>>) -> Self {
        self.buffers = buffers.cloned();
        self
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let all = [Some(&self.groups), self.later.as_ref()];
        all.into_iter().flatten().map(|piece| piece.rows.bytes() + 4 * piece.starts.capacity()).sum()
    }

    /// The stratum of the first row of each group, in the order of the groups.
    pub fn first_strata(&self) -> impl Iterator<Item = u32> {
        let all = [Some(&self.groups), self.later.as_ref()].into_iter().flatten();
        all.flat_map(|piece| piece.groups().map(|group| piece.rows.strata[piece.of(group).start]))
    }

    /// All groups in two ranges with about as many rows; where they part depends on the rows alone.
    pub fn halves(&self) -> [GroupRange<'_>; 2] {
        let half = |piece, groups| GroupRange { piece, domains: &self.domains, groups };
        let (all, one) = (self.groups.groups(), &self.groups);
        match &self.later {
            Some(later) => [half(one, all), half(later, later.groups())],
            None => {
                let middle = one.starts[all.len()].div_ceil(2);
                let middle = one.starts.partition_point(|start| *start < middle).min(all.len());
                [half(one, 0..middle), half(one, middle..all.end)]
            }
        }
    }
}

impl Drop for ByGroup {
    fn drop(&mut self) {
        if let Some(buffers) = &self.buffers {
            let all = [Some(&mut self.groups), self.later.as_mut()].into_iter().flatten();
            all.for_each(|piece| buffers.keep(std::mem::take(&mut piece.rows)));
        }
    }
}

impl GroupRows {
    fn groups(&self) -> Range<usize> {
        self.first..self.first + self.starts.len() - 1
    }

    /// The rows of a group.
    pub(crate) fn of(&self, group: usize) -> Range<usize> {
        let at = group - self.first;
        self.starts[at] as usize..self.starts[at + 1] as usize
    }
}

impl GroupRange<'_> {
    /// The groups of the range.
    pub fn groups(&self) -> Range<usize> {
        self.groups.clone()
    }
}

/// The first row of each group, then the number of rows; and for each level the place of each of its rows in group order.
fn places(levels: &[Rows], groups: usize) -> (Vec<u32>, Vec<Vec<u32>>) {
    let mut starts = vec![0_u32; groups + 1];
    levels.iter().flat_map(|rows| &rows.groups).for_each(|group| starts[*group as usize + 1] += 1);
    for group in 0..groups {
        starts[group + 1] += starts[group];
    }
    let mut next = starts.clone();
    let mut places: Vec<Vec<u32>> = levels.iter().map(|rows| vec![0; rows.len()]).collect();
    for piece in pieces(levels) {
        let places = &mut places[piece.level()][piece.rows()];
        for (group, place) in levels[piece.level()].groups[piece.rows()].iter().zip(places) {
            let next = &mut next[*group as usize];
            *place = *next;
            *next += 1;
        }
    }
    (starts, places)
}

/// The values of all levels at their places; those of a level without values are neutral ones.
fn put<'a, T: Copy + Neutral + 'a>(places: &[Vec<u32>], of: impl Fn(usize) -> Option<&'a Vec<T>>) -> Vec<T> {
    let mut found = vec![T::NEUTRAL; places.iter().map(Vec::len).sum()];
    for (level, places) in places.iter().enumerate() {
        for (place, value) in places.iter().zip(of(level).into_iter().flatten()) {
            found[*place as usize] = *value;
        }
    }
    found
}

/// The value at places where nothing is put.
trait Neutral {
    const NEUTRAL: Self;
}

impl Neutral for u32 {
    const NEUTRAL: Self = 0;
}

impl Neutral for f64 {
    const NEUTRAL: Self = 0.0;
}

/// A domain without flags holds every row.
impl Neutral for bool {
    const NEUTRAL: Self = true;
}
