//! Folds over a universe sample, where all rows of a key are one value.

use super::super::rows::Rows;
use super::Walk;
use super::halves::CellFold;
use super::linear::{LinearisedVariable, add_linear, terms_of};
use super::scratch::Scratch;
use super::totals::{add_run, merge_totals};
use datafusion::error::Result;
use plusminus_plan::Variable;
use plusminus_statistics::{Cell, Expansion, StratumSize, Total};
use std::ops::Range;

/// A fold over keys: a key's rows are added up to a unit first, which counts as one value in the cell of its stratum.
struct KeyFold<'a, A, F> {
    levels: &'a [Rows],
    groups: usize,
    /// For each place, whether its value is the number of rows, rather than the sum of their values.
    is_count: Vec<bool>,
    /// Adds rows of one level to the cells of a unit.
    add: A,
    /// Adds the cell of a stratum's units, given its place, to a total.
    fold: F,
}

impl<A, F> CellFold for KeyFold<'_, A, F>
where
    A: Fn(&mut Scratch, usize, Range<usize>) + Sync,
    F: Fn(&mut Total, usize, &Expansion, &Cell) + Sync,
{
    type Folded = Vec<Total>;

    fn width(&self) -> usize {
        self.is_count.len()
    }

    fn scratch(&self) -> Scratch {
        Scratch::of_units(self.width())
    }

    fn skips(&self, _: StratumSize) -> bool {
        false
    }

    /// Rows of one rank are one key, and lie side by side.
    fn may_part(&self, level: usize, row: usize) -> bool {
        row == 0 || self.levels[level].ranks[row] != self.levels[level].ranks[row - 1]
    }

    fn add(&self, scratch: &mut Scratch, level: usize, run: Range<usize>) {
        let rows = &self.levels[level];
        let Some(mut unit) = scratch.unit.take() else { return };
        let mut from = run.start;
        while from < run.end {
            let rank = rows.ranks[from];
            let to = from + rows.ranks[from..run.end].iter().take_while(|other| **other == rank).count();
            for group in &rows.groups[from..to] {
                unit.touch(*group);
                scratch.touch(*group);
            }
            (self.add)(&mut unit, level, from..to);
            unit.flush(|group, cells| {
                for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
                    let value = if self.is_count[at] { cell.count as f64 } else { cell.sum() };
                    scratch.of(group)[at].add(value);
                }
            });
            from = to;
        }
        scratch.unit = Some(unit);
    }

    fn empty(&self) -> Self::Folded {
        vec![Total::default(); self.groups * self.width()]
    }

    fn fold(&self, totals: &mut Self::Folded, _: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        let start = group as usize * cells.len();
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            (self.fold)(&mut totals[start + at], at, expansion, cell);
        }
    }

    /// Rows of keys are never added up before.
    fn fold_entry(&self, totals: &mut Self::Folded, stratum: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        self.fold(totals, stratum, expansion, group, cells);
    }

    fn merge(&self, totals: &mut Self::Folded, later: Self::Folded) {
        merge_totals(totals, &later);
    }
}

/// The first walk over a universe sample, in which every key's count or sum is one value.
///
/// Returns a total per (group, variable), groups outermost.
///
/// # Errors
/// When no threads can be started.
pub fn key_totals(walk: &Walk<'_>, variables: &[Variable]) -> Result<Vec<Total>> {
    let add = |unit: &mut Scratch, level: usize, run: Range<usize>| {
        for (at, variable) in variables.iter().enumerate() {
            add_run(unit, &walk.levels[level], run.clone(), at, variable);
        }
    };
    let fold = |total: &mut Total, _: usize, stratum: &Expansion, cell: &Cell| total.fold_cell(stratum, cell);
    let is_count = variables.iter().map(|variable| variable.argument.is_none()).collect();
    walk.run(&KeyFold { levels: walk.levels, groups: walk.groups, is_count, add, fold })
}

/// The second walk over a universe sample: a total per (group, linear form), groups outermost.
///
/// # Errors
/// When no threads can be started.
pub fn key_linearised(walk: &Walk<'_>, variables: &[Variable], linears: &[LinearisedVariable]) -> Result<Vec<Total>> {
    let terms: Vec<Vec<_>> =
        walk.levels.iter().map(|rows| linears.iter().map(|l| terms_of(l, rows, variables)).collect()).collect();
    let add = |unit: &mut Scratch, level: usize, run: Range<usize>| {
        for (at, terms) in terms[level].iter().enumerate() {
            add_linear(unit, &walk.levels[level].groups, run.clone(), at, terms);
        }
    };
    let fold = |total: &mut Total, at: usize, stratum: &Expansion, cell: &Cell| linears[at].fold(total, stratum, cell);
    let is_count = vec![false; linears.len()];
    walk.run(&KeyFold { levels: walk.levels, groups: walk.groups, is_count, add, fold })
}
