//! The cells of one domain in a block of groups, side by side.

use super::domains::Domain;
use super::linear::Linear;
use super::runs::Runs;
use super::totals::cell_of;
use crate::kernel::rows::Rows;
use crate::shape::Variable;
use plusminus_statistics::{Cells, InsideCounts, Insides, Total};
use std::ops::Range;

/// Everything that totals and averages of a domain's variables need of its rows in sampled strata.
pub(super) struct Sheet<'a> {
    domain: &'a Domain,
    counts: InsideCounts,
    insides: Insides,
    /// The cells of each of the domain's sums.
    sums: Vec<Cells>,
}

impl<'a> Sheet<'a> {
    /// Without groups, with room for so many runs.
    pub(super) fn with_room(domain: &'a Domain, runs: usize) -> Self {
        let sums = domain.sums.iter().map(|_| Cells::with_room(runs, 0)).collect();
        Self { domain, counts: InsideCounts::with_room(runs, 0), insides: Insides::default(), sums }
    }

    /// Takes these runs in the place of all before.
    pub(super) fn fill(&mut self, variables: &[Variable], rows: &Rows, runs: &Runs<'_>) {
        let mask = rows.domains[self.domain.number].as_deref();
        self.counts.clear();
        for number in 0..runs.groups() {
            let own = runs.sampled(number);
            match mask {
                None => self.counts.extend(own.sizes, own.spans),
                Some(mask) => {
                    let inside = own.iter().map(|(size, run)| (size, count_of(mask, run)));
                    inside.filter(|(_, count)| *count > 0).for_each(|(size, count)| self.counts.push(size, count));
                }
            }
            self.counts.end_group();
        }
        self.counts.fill(&mut self.insides);
        for (sum, cells) in self.domain.sums.iter().zip(&mut self.sums) {
            fill_cells(cells, &variables[*sum], mask, rows, runs);
        }
    }

    /// Folds everything into the totals of the variables, `width` per group.
    pub(super) fn fold(&self, totals: &mut [Total], width: usize) {
        for (sum, cells) in self.domain.sums.iter().zip(&self.sums) {
            self.insides.fold_values(cells, totals[*sum..].iter_mut().step_by(width));
        }
        for count in &self.domain.counts {
            self.insides.fold_counts(totals[*count..].iter_mut().step_by(width));
        }
    }

    /// A form that is an average over the domain.
    pub(super) fn average<'s>(&'s self, linear: &'s Linear, variables: &[Variable]) -> Option<Average<'s>> {
        let [(sum, scale), (count, offset)] = linear.terms.as_slice() else { return None };
        if !linear.one_domain || variables[*count].argument.is_some() {
            return None;
        }
        let cells = &self.sums[self.domain.sums.iter().position(|own| own == sum)?];
        Some(Average { insides: &self.insides, cells, scale, offset })
    }
}

/// A form `scale·y + offset` by group, whose cells follow from those of a sum.
pub(super) struct Average<'a> {
    insides: &'a Insides,
    cells: &'a Cells,
    scale: &'a [f64],
    offset: &'a [f64],
}

impl Average<'_> {
    /// Folds it into one total per group.
    pub(super) fn fold<'t>(&self, own: impl Iterator<Item = &'t mut Total>) {
        self.insides.fold_domain_values(self.cells, self.scale, self.offset, own);
    }
}

/// Rows of a run within a domain.
fn count_of(mask: &[bool], run: Range<usize>) -> u64 {
    mask[run].iter().filter(|inside| **inside).count() as u64
}

/// The cells of a sum, one for every run with rows in its domain, in the place of all before.
fn fill_cells(cells: &mut Cells, variable: &Variable, mask: Option<&[bool]>, rows: &Rows, runs: &Runs<'_>) {
    cells.clear();
    let values = variable.argument.map_or(&[][..], |argument| &rows.arguments[argument]);
    for number in 0..runs.groups() {
        let own = runs.sampled(number);
        match mask {
            None => cells.extend(values, own.spans, own.longer),
            Some(_) => {
                let inside = own.iter().map(|(_, run)| cell_of(rows, run, variable));
                inside.filter(|cell| !cell.is_empty()).for_each(|cell| cells.push(&cell));
            }
        }
        cells.end_group();
    }
}
