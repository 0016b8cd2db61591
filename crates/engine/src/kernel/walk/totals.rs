//! The first walk: counts and sums.

use super::Walk;
use super::halves::Task;
use super::scratch::Scratch;
use crate::error::Result;
use crate::kernel::rows::Rows;
use crate::shape::Variable;
use plusminus_statistics::{Cell, StratumSize, Total};
use std::ops::Range;

/// The cells of the first walk, where there are few: enough for the variance of averages.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// (stratum, group)
    pub(crate) places: Vec<(u32, u32)>,
    /// By place and variable, places outermost; values are shifted.
    pub(crate) cells: Vec<Cell>,
    /// What was subtracted, by variable.
    pub(crate) shifts: Vec<f64>,
    /// Rows in them.
    rows: u64,
}

/// The least spread of a cell beside its values from which powers of the values still tell it: the third powers cancel to about
/// four digits of sixteen then.
const SPREAD_MIN: f64 = 1e-8;
/// The same for two values, which have a variance and no skewness.
const SPREAD_OF_TWO_MIN: f64 = 1e-12;

impl Kept {
    /// Whether the values of `variable` spread enough in every cell for sums of their powers to be moved to another centre.
    ///
    /// Values that lie far from the common shift and close to one another (a group of its own at 10⁹ ± 1, say) have to be walked.
    pub(super) fn is_precise(&self, variable: usize) -> bool {
        let width = self.shifts.len();
        self.cells.iter().skip(variable).step_by(width).all(|cell| {
            #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
            let spread = cell.s2 - cell.s1 * cell.s1 / cell.count.max(1) as f64;
            let least = if cell.count <= 2 { SPREAD_OF_TWO_MIN } else { SPREAD_MIN };
            cell.is_empty() || cell.min >= cell.max || spread >= least * cell.s2
        })
    }
}

/// Cells beyond this size do not stay in the cache of a core while rows are added.
const CACHE_BYTES: usize = 512 << 10;

/// Rows per kept place: with fewer, walking the rows again costs no more than the memory.
const ROWS_PER_PLACE: usize = 4;
/// Places that are always kept.
const PLACES_MIN: usize = 1_024;

/// A total per (group, variable), groups outermost, and the cells behind them unless there are too many.
///
/// `shifts` has one value per argument, near its mean.
pub(crate) fn totals(walk: &Walk<'_>, variables: &[Variable], shifts: &[f64]) -> Result<(Vec<Total>, Option<Kept>)> {
    let task = Totals {
        levels: walk.levels,
        variables,
        shifts: variables.iter().map(|v| v.argument.map_or(0.0, |a| shifts[a])).collect(),
        groups: walk.groups,
    };
    let (totals, kept) = walk.run(&task)?;
    Ok((totals, kept.map(|kept| Kept { shifts: task.shifts, ..kept })))
}

struct Totals<'a> {
    levels: &'a [Rows],
    variables: &'a [Variable],
    shifts: Vec<f64>,
    groups: usize,
}

impl Task for Totals<'_> {
    type Folded = (Vec<Total>, Option<Kept>);

    fn width(&self) -> usize {
        self.variables.len()
    }

    fn skips(&self, _: StratumSize) -> bool {
        false
    }

    fn add(&self, scratch: &mut Scratch, level: usize, run: Range<usize>) {
        let rows = &self.levels[level];
        if rows.one_group_per_run {
            let group = rows.groups[run.start];
            scratch.touch(group);
            for (at, variable) in self.variables.iter().enumerate() {
                let cell = &mut scratch.cells[group as usize * self.variables.len() + at];
                add_to_one(cell, rows, run.clone(), variable, self.shifts[at]);
            }
            return;
        }
        for group in &rows.groups[run.clone()] {
            scratch.touch(*group);
        }
        if size_of_val(scratch.cells.as_slice()) > CACHE_BYTES {
            add_row_by_row(scratch, rows, run, self.variables, &self.shifts);
            return;
        }
        for (at, variable) in self.variables.iter().enumerate() {
            add_run(scratch, rows, run.clone(), at, variable, self.shifts[at]);
        }
    }

    fn empty(&self) -> Self::Folded {
        (vec![Total::default(); self.groups * self.variables.len()], Some(Kept::default()))
    }

    fn fold(&self, folded: &mut Self::Folded, stratum: u32, size: StratumSize, group: u32, cells: &[Cell]) {
        let (totals, kept) = folded;
        let start = group as usize * self.variables.len();
        let own = &mut totals[start..start + self.variables.len()];
        for (at, (total, cell)) in own.iter_mut().zip(cells).enumerate() {
            match self.variables[at].argument {
                Some(_) => total.fold(size, self.shifts[at], cell),
                None => total.fold(size, 0.0, &Cell::of_count(cell.count)),
            }
        }
        // A stratum that is known whole adds nothing to any variance.
        if let Some(places) = kept.as_mut().filter(|_| !size.is_exact()) {
            places.places.push((stratum, group));
            places.cells.extend_from_slice(cells);
            places.rows += cells.iter().map(|cell| cell.count).max().unwrap_or(0);
            if places.places.len() > PLACES_MIN && (places.places.len() * ROWS_PER_PLACE) as u64 > places.rows {
                *kept = None;
            }
        }
    }

    fn merge(&self, folded: &mut Self::Folded, later: Self::Folded) {
        merge_totals(&mut folded.0, &later.0);
        folded.1 = match (folded.1.take(), later.1) {
            (Some(mut own), Some(later)) => {
                own.places.extend(later.places);
                own.cells.extend(later.cells);
                own.rows += later.rows;
                Some(own)
            }
            _ => None,
        };
    }
}

pub(super) fn merge_totals(totals: &mut [Total], later: &[Total]) {
    for (total, later) in totals.iter_mut().zip(later) {
        if !later.is_empty() {
            total.merge(later);
        }
    }
}

/// Adds rows that are all of one group.
fn add_to_one(cell: &mut Cell, rows: &Rows, run: Range<usize>, variable: &Variable, shift: f64) {
    let mask = rows.domains[variable.domain].as_deref().map(|mask| &mask[run.clone()]);
    let values = variable.argument.map(|a| &rows.arguments[a][run.clone()]);
    match (values, mask) {
        (Some(values), None) => cell.add_all(values, shift),
        (Some(values), Some(mask)) => cell.add_masked(values, mask, shift),
        (None, None) => cell.count += run.len() as u64,
        (None, Some(mask)) => cell.count += mask.iter().filter(|inside| **inside).count() as u64,
    }
}

/// Adds rows of so many groups that their cells are not in the cache: all cells of a row's group at once.
fn add_row_by_row(scratch: &mut Scratch, rows: &Rows, run: Range<usize>, variables: &[Variable], shifts: &[f64]) {
    let columns: Vec<_> = variables
        .iter()
        .zip(shifts)
        .map(|(variable, shift)| {
            let mask = rows.domains[variable.domain].as_deref();
            (variable.argument.map(|a| rows.arguments[a].as_slice()), mask, *shift)
        })
        .collect();
    for row in run {
        let start = rows.groups[row] as usize * columns.len();
        let cells = &mut scratch.cells[start..start + columns.len()];
        for (cell, (values, mask, shift)) in cells.iter_mut().zip(&columns) {
            if mask.is_none_or(|mask| mask[row]) {
                match values {
                    Some(values) => cell.add(values[row] - shift),
                    None => cell.count += 1,
                }
            }
        }
    }
}

/// Adds rows of any groups, which were touched.
pub(super) fn add_run(
    scratch: &mut Scratch,
    rows: &Rows,
    run: Range<usize>,
    at: usize,
    variable: &Variable,
    shift: f64,
) {
    let width = scratch.width;
    let cells = &mut scratch.cells[..];
    let groups = &rows.groups[run.clone()];
    let place = |group: u32| group as usize * width + at;
    let mask = rows.domains[variable.domain].as_deref().map(|mask| &mask[run.clone()]);
    let values = variable.argument.map(|a| &rows.arguments[a][run.clone()]);
    match (values, mask) {
        (Some(values), None) => {
            groups.iter().zip(values).for_each(|(group, value)| cells[place(*group)].add(value - shift));
        }
        (Some(values), Some(mask)) => {
            for ((group, value), inside) in groups.iter().zip(values).zip(mask) {
                if *inside {
                    cells[place(*group)].add(value - shift);
                }
            }
        }
        (None, None) => groups.iter().for_each(|group| cells[place(*group)].count += 1),
        (None, Some(mask)) => {
            groups.iter().zip(mask).for_each(|(group, inside)| cells[place(*group)].count += u64::from(*inside));
        }
    }
}
