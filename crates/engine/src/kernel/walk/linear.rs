//! The second walk: the linearised values of averages and expressions.

use super::Walk;
use super::halves::Task;
use super::scratch::Scratch;
use super::totals::{Kept, merge_totals};
use crate::error::Result;
use crate::kernel::rows::Rows;
use crate::shape::Variable;
use plusminus_statistics::{Cell, StratumSize, Total};
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
    pub(super) fn fold(&self, total: &mut Total, size: StratumSize, cell: &Cell) {
        if self.one_domain { total.fold_domain(size, 0.0, cell) } else { total.fold(size, 0.0, cell) }
    }

    /// The summed variable and the count that make this an affine function of one column, if it is one.
    fn affine(&self, variables: &[Variable]) -> Option<Affine<'_>> {
        if !self.one_domain {
            return None;
        }
        let (mut sum, mut count) = (None, None);
        for (variable, coefficients) in &self.terms {
            let slot = if variables[*variable].argument.is_some() { &mut sum } else { &mut count };
            if slot.replace((*variable, coefficients.as_slice())).is_some() {
                return None;
            }
        }
        sum.map(|(sum, scales)| Affine { sum, scales, offsets: count.map(|(_, offsets)| offsets) })
    }
}

/// z = scale·y + offset: its cells follow from those of y.
struct Affine<'a> {
    sum: usize,
    scales: &'a [f64],
    offsets: Option<&'a [f64]>,
}

/// A total per (group, linear form), groups outermost; `kept` saves the walk for forms of one column.
pub(crate) fn linearised(
    walk: &Walk<'_>,
    variables: &[Variable],
    linears: &[Linear],
    kept: Option<&Kept>,
) -> Result<Vec<Total>> {
    let from_kept = |linear| kept.and_then(|kept| Linear::affine(linear, variables).filter(|a| kept.is_precise(a.sum)));
    let affine: Vec<_> = linears.iter().map(from_kept).collect();
    let walked: Vec<&Linear> = linears.iter().zip(&affine).filter(|(_, a)| a.is_none()).map(|(l, _)| l).collect();
    let mut found = if walked.is_empty() { Vec::new() } else { walk_rows(walk, variables, &walked)? };
    if walked.len() == linears.len() {
        return Ok(found);
    }
    let width = linears.len();
    let mut all = vec![Total::default(); walk.groups * width];
    let mut next = 0;
    for (at, (linear, affine)) in linears.iter().zip(&affine).enumerate() {
        match (affine, kept) {
            (Some(affine), Some(kept)) => from_cells(&mut all, at, width, walk, linear, affine, kept, variables.len()),
            _ => {
                for group in 0..walk.groups {
                    all[group * width + at] = std::mem::take(&mut found[group * walked.len() + next]);
                }
                next += 1;
            }
        }
    }
    Ok(all)
}

#[expect(clippy::too_many_arguments, reason = "one place of one table, from one column of another")]
fn from_cells(
    totals: &mut [Total],
    at: usize,
    width: usize,
    walk: &Walk<'_>,
    linear: &Linear,
    affine: &Affine<'_>,
    kept: &Kept,
    variables: usize,
) {
    for (place, (stratum, group)) in kept.places.iter().enumerate() {
        let group = *group as usize;
        let scale = affine.scales[group];
        let offset = affine.offsets.map_or(0.0, |offsets| offsets[group]) + scale * kept.shifts[affine.sum];
        let cell = kept.cells[place * variables + affine.sum].affine(scale, offset);
        linear.fold(&mut totals[group * width + at], walk.sizes[*stratum as usize], &cell);
    }
}

fn walk_rows(walk: &Walk<'_>, variables: &[Variable], linears: &[&Linear]) -> Result<Vec<Total>> {
    let terms = walk.levels.iter().map(|rows| linears.iter().map(|l| terms_of(l, rows, variables)).collect()).collect();
    walk.run(&Linearised { levels: walk.levels, terms, linears, groups: walk.groups })
}

struct Linearised<'a> {
    levels: &'a [Rows],
    /// By level and linear form.
    terms: Vec<Vec<Vec<Term<'a>>>>,
    linears: &'a [&'a Linear],
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

    fn fold(&self, totals: &mut Self::Folded, _: u32, size: StratumSize, group: u32, cells: &[Cell]) {
        let start = group as usize * self.linears.len();
        for (at, cell) in cells.iter().enumerate() {
            if !cell.is_empty() {
                self.linears[at].fold(&mut totals[start + at], size, cell);
            }
        }
    }

    fn merge(&self, totals: &mut Self::Folded, later: Self::Folded) {
        merge_totals(totals, &later);
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
