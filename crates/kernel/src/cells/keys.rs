//! Walks over a universe sample, where all rows of a key are one value.

use super::super::rows::Rows;
use super::linear::{Linear, add_linear, terms_of};
use super::scratch::Scratch;
use super::totals::add_run;
use super::{Walk, by_stratum};
use plusminus_plan::Variable;
use plusminus_statistics::{Cell, Expansion, Total};
use std::ops::Range;

/// Sums within one unit (a key and all its rows), which count as one value in the cell of its stratum.
struct Units<'a> {
    by_stratum: Scratch,
    unit: Scratch,
    /// For each place, whether its value is the number of rows, rather than the sum of their values.
    is_count: &'a [bool],
}

impl<'a> Units<'a> {
    fn new(groups: usize, is_count: &'a [bool]) -> Self {
        let width = is_count.len();
        let scratch = || {
            let mut scratch = Scratch::new(width);
            scratch.grow(groups);
            scratch
        };
        Self { by_stratum: scratch(), unit: scratch(), is_count }
    }

    /// Visits `run` unit by unit: rows of one rank are one unit, and lie side by side.
    fn visit(&mut self, rows: &Rows, run: Range<usize>, mut add: impl FnMut(&mut Scratch, Range<usize>)) {
        let mut from = run.start;
        while from < run.end {
            let rank = rows.ranks[from];
            let to = from + rows.ranks[from..run.end].iter().take_while(|r| **r == rank).count();
            for group in &rows.groups[from..to] {
                self.unit.touch(*group);
                self.by_stratum.touch(*group);
            }
            add(&mut self.unit, from..to);
            let (all, is_count) = (&mut self.by_stratum.cells, self.is_count);
            self.unit.flush(|group, cells| {
                let start = group as usize * is_count.len();
                for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
                    let value = if is_count[at] { cell.count as f64 } else { cell.sum() };
                    all[start + at].add(value);
                }
            });
            from = to;
        }
    }
}

/// Walks unit by unit: `add` fills the cells of a unit from rows of one level, `fold` takes the cell of a stratum's units.
fn by_key(
    walk: &Walk<'_>,
    is_count: &[bool],
    add: impl Fn(&mut Scratch, usize, Range<usize>),
    fold: impl Fn(&mut Total, usize, &Expansion, &Cell),
) -> Vec<Total> {
    let mut totals = vec![Total::default(); walk.groups * is_count.len()];
    by_stratum(
        walk.levels,
        &mut Units::new(walk.groups, is_count),
        |units, level, run| units.visit(&walk.levels[level], run, |unit, run| add(unit, level, run)),
        |units, stratum| {
            let expansion = walk.sizes[stratum as usize].into();
            units.by_stratum.flush(|group, cells| {
                let start = group as usize * is_count.len();
                for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    fold(&mut totals[start + at], at, &expansion, cell);
                }
            });
        },
    );
    totals
}

/// The first walk over a universe sample, in which every key's count or sum is one value.
///
/// Returns a total per (group, variable), groups outermost.
pub fn key_totals(walk: &Walk<'_>, variables: &[Variable]) -> Vec<Total> {
    let is_count: Vec<bool> = variables.iter().map(|v| v.argument.is_none()).collect();
    let add = |unit: &mut Scratch, level: usize, run: Range<usize>| {
        for (at, variable) in variables.iter().enumerate() {
            add_run(unit, &walk.levels[level], run.clone(), at, variable);
        }
    };
    by_key(walk, &is_count, add, |total, _, stratum, cell| total.fold_cell(stratum, cell))
}

/// The second walk over a universe sample: a total per (group, linear form), groups outermost.
pub fn key_linearised(walk: &Walk<'_>, variables: &[Variable], linears: &[Linear]) -> Vec<Total> {
    let terms: Vec<Vec<_>> =
        walk.levels.iter().map(|rows| linears.iter().map(|l| terms_of(l, rows, variables)).collect()).collect();
    let add = |unit: &mut Scratch, level: usize, run: Range<usize>| {
        for (at, terms) in terms[level].iter().enumerate() {
            add_linear(unit, &walk.levels[level].groups, run.clone(), at, terms);
        }
    };
    by_key(walk, &vec![false; linears.len()], add, |total, at, stratum, cell| linears[at].fold(total, stratum, cell))
}
