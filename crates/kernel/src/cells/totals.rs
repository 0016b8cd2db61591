//! The first walk: totals of counts and sums.

use super::super::rows::Rows;
use super::Walk;
use super::domains::Domain;
use super::halves::CellFold;
use super::scratch::Scratch;
use datafusion::error::Result;
use plusminus_plan::Variable;
use plusminus_statistics::{Cell, Expansion, StratumSize, Total};
use std::ops::Range;

/// A total per (group, variable), groups outermost.
///
/// # Errors
/// When no threads can be started.
pub fn totals(walk: &Walk<'_>, variables: &[Variable]) -> Result<Vec<Total>> {
    let domains = Domain::all(variables);
    let fold_task = Totals { levels: walk.levels, variables, domains: &domains, groups: walk.groups };
    let mut totals = walk.run(&fold_task)?;
    for own in totals.chunks_exact_mut(variables.len().max(1)) {
        domains.iter().for_each(|domain| domain.share(own));
    }
    Ok(totals)
}

struct Totals<'a> {
    levels: &'a [Rows],
    variables: &'a [Variable],
    domains: &'a [Domain],
    groups: usize,
}

impl CellFold for Totals<'_> {
    type Folded = Vec<Total>;

    fn width(&self) -> usize {
        self.variables.len()
    }

    fn scratch(&self) -> Scratch {
        Scratch::of_variables(self.variables)
    }

    fn skips(&self, _: StratumSize) -> bool {
        false
    }

    fn add(&self, scratch: &mut Scratch, level: usize, run: Range<usize>) {
        add_rows(scratch, &self.levels[level], run, self.variables);
    }

    fn empty(&self) -> Self::Folded {
        vec![Total::default(); self.groups * self.variables.len()]
    }

    fn fold(&self, totals: &mut Self::Folded, _: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        let start = group as usize * cells.len();
        let own = &mut totals[start..start + cells.len()];
        for domain in self.domains {
            domain.fold(own, expansion, domain.count(cells), |sum| cells[sum]);
        }
    }

    fn fold_entry(&self, totals: &mut Self::Folded, stratum: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        self.fold(totals, stratum, expansion, group, cells);
    }

    fn merge(&self, totals: &mut Self::Folded, later: Self::Folded) {
        merge_totals(totals, &later);
    }
}

pub(crate) fn merge_totals(totals: &mut [Total], later: &[Total]) {
    for (total, later) in totals.iter_mut().zip(later) {
        if !later.is_empty() {
            total.merge(later);
        }
    }
}

/// Adds rows of one stratum to the cells of their groups, and touches these groups.
pub(crate) fn add_rows(scratch: &mut Scratch, rows: &Rows, run: Range<usize>, variables: &[Variable]) {
    if let Some(cells) = &rows.cells {
        add_entries(scratch, rows, run, cells);
        return;
    }
    if rows.one_group_per_run {
        let group = rows.groups[run.start];
        scratch.touch(group);
        for (variable, cell) in variables.iter().zip(scratch.of(group)) {
            add_to_one(cell, rows, run.clone(), variable);
        }
        return;
    }
    for group in &rows.groups[run.clone()] {
        scratch.touch(*group);
    }
    if !scratch.fits_cache() {
        add_row_by_row(scratch, rows, run, variables);
        return;
    }
    for (at, variable) in variables.iter().enumerate() {
        if !scratch.follows_from_sum(at) {
            add_run(scratch, rows, run.clone(), at, variable);
        }
    }
}

/// Adds entries, which are rows added up before.
fn add_entries(scratch: &mut Scratch, rows: &Rows, run: Range<usize>, cells: &[Cell]) {
    let width = scratch.width;
    for entry in run {
        let group = rows.groups[entry];
        scratch.touch(group);
        let added = &cells[entry * width..(entry + 1) * width];
        scratch.of(group).iter_mut().zip(added).for_each(|(own, cell)| own.merge(cell));
    }
}

/// Adds rows that are all of one group.
pub(crate) fn add_to_one(cell: &mut Cell, rows: &Rows, run: Range<usize>, variable: &Variable) {
    let mask = rows.domains[variable.domain].as_deref().map(|mask| &mask[run.clone()]);
    let values = variable.argument.map(|a| &rows.arguments[a][run.clone()]);
    match (values, mask) {
        (Some(values), None) => cell.add_all(values),
        (Some(values), Some(mask)) => cell.add_masked(values, mask),
        (None, None) => cell.merge(&Cell::of_count(run.len() as u64)),
        (None, Some(mask)) => cell.merge(&Cell::of_count(mask.iter().filter(|inside| **inside).count() as u64)),
    }
}

/// The cell of rows that are all of one group.
pub(crate) fn cell_of(rows: &Rows, run: Range<usize>, variable: &Variable) -> Cell {
    let mut cell = Cell::default();
    add_to_one(&mut cell, rows, run, variable);
    cell
}

/// Adds rows of so many groups that their cells are not in the cache: all cells of a row's group at once.
fn add_row_by_row(scratch: &mut Scratch, rows: &Rows, run: Range<usize>, variables: &[Variable]) {
    let mut columns = Vec::with_capacity(variables.len());
    for (at, variable) in variables.iter().enumerate().filter(|(at, _)| !scratch.follows_from_sum(*at)) {
        let values = variable.argument.map(|a| rows.arguments[a].as_slice());
        columns.push((at, values, rows.domains[variable.domain].as_deref()));
    }
    for row in run {
        let cells = scratch.of(rows.groups[row]);
        for (at, values, mask) in &columns {
            if mask.is_none_or(|mask| mask[row]) {
                match values {
                    Some(values) => cells[*at].add(values[row]),
                    None => cells[*at].count_one(),
                }
            }
        }
    }
}

/// Adds rows of any groups, which were touched, to the cells at place `at`.
pub(crate) fn add_run(scratch: &mut Scratch, rows: &Rows, run: Range<usize>, at: usize, variable: &Variable) {
    let width = scratch.width;
    let cells = &mut scratch.cells[..];
    let groups = &rows.groups[run.clone()];
    let place = |group: u32| group as usize * width + at;
    let mask = rows.domains[variable.domain].as_deref().map(|mask| &mask[run.clone()]);
    let values = variable.argument.map(|a| &rows.arguments[a][run.clone()]);
    match (values, mask) {
        (Some(values), None) => groups.iter().zip(values).for_each(|(group, value)| cells[place(*group)].add(*value)),
        (Some(values), Some(mask)) => {
            for ((group, value), inside) in groups.iter().zip(values).zip(mask) {
                if *inside {
                    cells[place(*group)].add(*value);
                }
            }
        }
        (None, None) => groups.iter().for_each(|group| cells[place(*group)].count_one()),
        (None, Some(mask)) => {
            for (group, inside) in groups.iter().zip(mask) {
                if *inside {
                    cells[place(*group)].count_one();
                }
            }
        }
    }
}
