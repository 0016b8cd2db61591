//! The second walk: the linearised values of averages and expressions.

use super::Walk;
use super::halves::Task;
use super::scratch::Scratch;
use super::totals::merge_totals;
use crate::error::Result;
use crate::kernel::rows::Rows;
use crate::shape::Variable;
use plusminus_statistics::{Cell, Expansion, StratumSize, Total};
use std::ops::Range;

/// A linearised value z = Σ coefficient · y, with its own coefficients for each group.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// (variable, coefficient by group)
    pub(crate) terms: Vec<(usize, Vec<f64>)>,
    /// Whether all variables share one domain, whose rows alone then count (as for an average).
    pub(crate) one_domain: bool,
}

impl Linear {
    pub(super) fn fold(&self, total: &mut Total, stratum: &Expansion, cell: &Cell) {
        if self.one_domain { total.fold_domain_cell(stratum, cell) } else { total.fold_cell(stratum, cell) }
    }

    /// The summed variable and the count that make this an affine function of one column; nothing else is asked of rows that
    /// are added up already.
    fn affine(&self, variables: &[Variable]) -> Option<Affine<'_>> {
        let is_sum = |(variable, _): &&(usize, Vec<f64>)| variables[*variable].argument.is_some();
        let (sum, scales) = self.terms.iter().find(is_sum)?;
        let count = self.terms.iter().find(|term| !is_sum(term));
        Some(Affine { sum: *sum, scales, offsets: count.map(|(_, offsets)| offsets.as_slice()) })
    }
}

/// z = scale·y + offset: its cells follow from those of y.
struct Affine<'a> {
    sum: usize,
    scales: &'a [f64],
    offsets: Option<&'a [f64]>,
}

/// A total per (group, linear form), groups outermost.
pub(crate) fn linearised(walk: &Walk<'_>, variables: &[Variable], linears: &[Linear]) -> Result<Vec<Total>> {
    let terms = |rows| linears.iter().map(|l| terms_of(l, rows, variables)).collect();
    let terms = walk.levels.iter().map(|rows| if rows.cells.is_some() { Vec::new() } else { terms(rows) }).collect();
    let affine = linears.iter().map(|linear| linear.affine(variables)).collect();
    let task =
        Linearised { levels: walk.levels, terms, affine, variables: variables.len(), linears, groups: walk.groups };
    walk.run(&task)
}

struct Linearised<'a> {
    levels: &'a [Rows],
    /// By level and linear form.
    terms: Vec<Vec<Vec<Term<'a>>>>,
    /// By linear form, for rows that are added up.
    affine: Vec<Option<Affine<'a>>>,
    variables: usize,
    linears: &'a [Linear],
    groups: usize,
}

impl Task for Linearised<'_> {
    type Folded = Vec<Total>;

    fn width(&self) -> usize {
        self.linears.len()
    }

    /// A stratum that is known whole adds nothing to any variance.
    fn skips(&self, size: StratumSize) -> bool {
        size.is_exact()
    }

    fn add(&self, scratch: &mut Scratch, level: usize, run: Range<usize>) {
        let rows = &self.levels[level];
        if let Some(cells) = &rows.cells {
            self.add_entries(scratch, rows, run, cells);
            return;
        }
        let touched = if rows.one_group_per_run { run.start..run.start + 1 } else { run.clone() };
        for group in &rows.groups[touched] {
            scratch.touch(*group);
        }
        for (at, terms) in self.terms[level].iter().enumerate() {
            add_linear(scratch, &rows.groups, run.clone(), at, terms);
        }
    }

    fn empty(&self) -> Self::Folded {
        vec![Total::default(); self.groups * self.linears.len()]
    }

    fn fold(&self, totals: &mut Self::Folded, _: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        let start = group as usize * self.linears.len();
        for (at, cell) in cells.iter().enumerate() {
            self.linears[at].fold(&mut totals[start + at], expansion, cell);
        }
    }

    fn fold_entries(&self, totals: &mut Self::Folded, expansion: &Expansion, level: usize, run: Range<usize>) -> bool {
        let rows = &self.levels[level];
        let Some(cells) = &rows.cells else { return false };
        for entry in run {
            let group = rows.groups[entry] as usize;
            let own = &cells[entry * self.variables..(entry + 1) * self.variables];
            let totals = &mut totals[group * self.linears.len()..];
            for ((linear, affine), total) in self.linears.iter().zip(&self.affine).zip(totals) {
                if let Some(affine) = affine {
                    linear.fold(total, expansion, &affine.of(group, own));
                }
            }
        }
        true
    }

    fn merge(&self, totals: &mut Self::Folded, later: Self::Folded) {
        merge_totals(totals, &later);
    }
}

impl Linearised<'_> {
    fn add_entries(&self, scratch: &mut Scratch, rows: &Rows, run: Range<usize>, cells: &[Cell]) {
        for entry in run {
            let group = rows.groups[entry];
            scratch.touch(group);
            let added = &cells[entry * self.variables..(entry + 1) * self.variables];
            for (own, affine) in scratch.of(group).iter_mut().zip(&self.affine) {
                if let Some(affine) = affine {
                    own.merge(&affine.of(group as usize, added));
                }
            }
        }
    }
}

impl Affine<'_> {
    /// The cell of z from the cells of the variables.
    fn of(&self, group: usize, cells: &[Cell]) -> Cell {
        cells[self.sum].affine(self.scales[group], self.offsets.map_or(0.0, |offsets| offsets[group]))
    }
}

/// One variable of a linear form over the rows of one level.
pub(super) struct Term<'a> {
    mask: Option<&'a [bool]>,
    values: Option<&'a [f64]>,
    coefficients: &'a [f64],
}

pub(super) fn terms_of<'a>(linear: &'a Linear, rows: &'a Rows, variables: &[Variable]) -> Vec<Term<'a>> {
    let term = |(variable, coefficients): &'a (usize, Vec<f64>)| Term {
        mask: rows.domains[variables[*variable].domain].as_deref(),
        values: variables[*variable].argument.map(|a| rows.arguments[a].as_slice()),
        coefficients,
    };
    linear.terms.iter().map(term).collect()
}

/// Adds z of every row that is in the domain of any term.
pub(super) fn add_linear(scratch: &mut Scratch, groups: &[u32], run: Range<usize>, at: usize, terms: &[Term<'_>]) {
    let width = scratch.width;
    for row in run {
        let group = groups[row] as usize;
        let (mut z, mut inside) = (0.0, false);
        for term in terms {
            if term.mask.is_none_or(|mask| mask[row]) {
                inside = true;
                z += term.coefficients[group] * term.values.map_or(1.0, |values| values[row]);
            }
        }
        if inside {
            scratch.cells[group * width + at].add(z);
        }
    }
}
