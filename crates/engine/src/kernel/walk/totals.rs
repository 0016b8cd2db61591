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
}

/// Rows per kept place: with fewer, walking the rows again costs no more than the memory.
const ROWS_PER_PLACE: usize = 4;
/// Places that are always kept.
const PLACES_MIN: usize = 1_024;

/// A total per (group, variable), groups outermost, and the cells behind them unless there are too many.
///
/// `shifts` has one value per argument, near its mean.
pub(crate) fn totals(walk: &Walk<'_>, variables: &[Variable], shifts: &[f64]) -> Result<(Vec<Total>, Option<Kept>)> {
    let rows: usize = walk.levels.iter().map(Rows::len).sum();
    let task = Totals {
        levels: walk.levels,
        variables,
        shifts: variables.iter().map(|v| v.argument.map_or(0.0, |a| shifts[a])).collect(),
        groups: walk.groups,
        places_max: (rows / ROWS_PER_PLACE).max(PLACES_MIN),
    };
    let (totals, kept) = walk.run(&task)?;
    Ok((totals, kept.map(|kept| Kept { shifts: task.shifts, ..kept })))
}

struct Totals<'a> {
    levels: &'a [Rows],
    variables: &'a [Variable],
    shifts: Vec<f64>,
    groups: usize,
    places_max: usize,
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
            if places.places.len() > self.places_max {
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
