//! Walks over rows in the order of their groups, some groups at a time.

use super::by_group::ByGroup;
use super::linear::{Linear, Term, terms_of, z_of};
use super::totals::add_to_one;
use crate::kernel::rows::{Rows, Run};
use crate::kernel::strata::Expansions;
use crate::shape::Variable;
use plusminus_statistics::{Cell, Expansion, Total};
use std::ops::Range;

/// Groups that are walked and estimated together, and rows after which no further group is added: few enough for all that is theirs to
/// stay in the cache of a core.
const GROUPS_MAX: usize = 128;
const ROWS_MAX: usize = 1_024;

/// Consecutive groups of rows in group order.
pub(crate) struct Block<'a> {
    sorted: &'a ByGroup,
    groups: Range<usize>,
    /// The rows of each stratum in each group.
    runs: Vec<Run>,
    /// What the cells of each run are multiplied by.
    ///
    /// Side by side, because in the order of strata they lie far apart, and one after the other would be waited for.
    strata: Vec<Expansion>,
    /// The first run of each group, and the number of runs.
    starts: Vec<usize>,
}

impl<'a> Block<'a> {
    /// As many of `groups` as are walked together, the first ones; `strata` are those of the sample.
    pub(crate) fn first_of(groups: Range<usize>, sorted: &'a ByGroup, strata: Expansions<'_>) -> Self {
        let (mut runs, mut starts) = (Vec::with_capacity(ROWS_MAX), Vec::with_capacity(GROUPS_MAX + 1));
        starts.push(0);
        let first = sorted.of(groups.start).start;
        let mut end = groups.start;
        while end < groups.end.min(groups.start + GROUPS_MAX) && sorted.of(end).start - first < ROWS_MAX {
            append_runs(&mut runs, &sorted.rows.strata, sorted.of(end));
            starts.push(runs.len());
            end += 1;
        }
        let strata = strata.of(runs.iter().map(|run: &Run| run.stratum));
        Self { sorted, groups: groups.start..end, runs, strata, starts }
    }

    pub(crate) fn groups(&self) -> Range<usize> {
        self.groups.clone()
    }

    /// The rows of the group with this number in the block, stratum by stratum.
    fn runs(&self, number: usize) -> impl Iterator<Item = (&Expansion, Range<usize>)> {
        let own = self.starts[number]..self.starts[number + 1];
        self.strata[own.clone()].iter().zip(self.runs[own].iter().map(|run| run.range()))
    }

    /// A total per (group, variable), groups outermost.
    pub(crate) fn totals(&self, variables: &[Variable]) -> Vec<Total> {
        let rows = &self.sorted.rows;
        let domains = by_domain(variables);
        let mut totals = vec![Total::default(); self.groups.len() * variables.len()];
        for (number, own) in totals.chunks_exact_mut(variables.len()).enumerate() {
            for (stratum, run) in self.runs(number) {
                for (domain, members) in &domains {
                    let count = count_of(rows, *domain, &run);
                    if count == 0 {
                        continue;
                    }
                    let inside = stratum.inside(count);
                    own[members[0]].fold_rows(&inside);
                    for member in members {
                        own[*member].fold_values(&inside, &cell_of(rows, &run, &variables[*member], count));
                    }
                }
            }
            for (_, members) in &domains {
                let first = own[members[0]];
                members[1..].iter().for_each(|member| own[*member].share_rows(&first));
            }
        }
        totals
    }

    /// A total per (group, linear form), groups outermost, given those of the variables.
    ///
    /// A stratum that is known whole adds nothing to any variance, and is left out.
    pub(crate) fn linearised(&self, variables: &[Variable], linears: &[Linear], totals: &[Total]) -> Vec<Total> {
        let terms: Vec<Vec<Term<'_>>> = linears.iter().map(|l| terms_of(l, &self.sorted.rows, variables)).collect();
        let mut found = vec![Total::default(); self.groups.len() * linears.len()];
        let of_groups = found.chunks_exact_mut(linears.len()).zip(totals.chunks_exact(variables.len()));
        for (number, (own, totals)) in of_groups.enumerate() {
            for (stratum, run) in self.runs(number).filter(|(stratum, _)| !stratum.is_exact()) {
                let mut inside = stratum.inside(run.len() as u64);
                for ((linear, terms), z) in linears.iter().zip(&terms).zip(own.iter_mut()) {
                    let cell = linear_cell(terms, number, run.clone());
                    if cell.is_empty() {
                        continue;
                    }
                    if !linear.one_domain {
                        z.fold_cell(stratum, &cell);
                        continue;
                    }
                    if inside.count() != cell.count {
                        inside = stratum.inside(cell.count);
                    }
                    z.fold_domain_values(&inside, &cell);
                }
            }
            for (linear, z) in linears.iter().zip(own).filter(|(linear, _)| linear.one_domain) {
                z.share_rows(&totals[linear.terms[0].0]);
            }
        }
        found
    }
}

/// Appends the runs of equal strata among `rows`.
fn append_runs(runs: &mut Vec<Run>, strata: &[u32], rows: Range<usize>) {
    let mut from = rows.start;
    while from < rows.end {
        let stratum = strata[from];
        let to = from + strata[from..rows.end].iter().take_while(|other| **other == stratum).count();
        #[expect(clippy::cast_possible_truncation, reason = "rows in order of groups are fewer than 2^32")]
        runs.push(Run { stratum, from: from as u32, to: to as u32 });
        from = to;
    }
}

/// The variables of each domain that has any.
fn by_domain(variables: &[Variable]) -> Vec<(usize, Vec<usize>)> {
    let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
    for (number, variable) in variables.iter().enumerate() {
        match found.iter_mut().find(|(domain, _)| *domain == variable.domain) {
            Some((_, members)) => members.push(number),
            None => found.push((variable.domain, vec![number])),
        }
    }
    found
}

/// Rows of a run within a domain.
fn count_of(rows: &Rows, domain: usize, run: &Range<usize>) -> u64 {
    match rows.domains[domain].as_deref() {
        Some(mask) => mask[run.clone()].iter().filter(|inside| **inside).count() as u64,
        None => run.len() as u64,
    }
}

/// The cell of a variable over a run with `count` rows in its domain.
fn cell_of(rows: &Rows, run: &Range<usize>, variable: &Variable, count: u64) -> Cell {
    match variable.argument {
        None => Cell::of_count(count),
        Some(argument) if run.len() == 1 => Cell::of(rows.arguments[argument][run.start]),
        Some(_) => {
            let mut cell = Cell::default();
            add_to_one(&mut cell, rows, run.clone(), variable);
            cell
        }
    }
}

/// The cell of a linear form over a run of one group.
fn linear_cell(terms: &[Term<'_>], group: usize, run: Range<usize>) -> Cell {
    let mut cell = Cell::default();
    match affine(terms, group) {
        Some((values, scale, offset)) => values[run].iter().for_each(|y| cell.add(scale * y + offset)),
        None => run.filter_map(|row| z_of(terms, row, group)).for_each(|z| cell.add(z)),
    }
    cell
}

/// The values, factor and summand of an average, whose rows are all rows.
fn affine<'a>(terms: &[Term<'a>], group: usize) -> Option<(&'a [f64], f64, f64)> {
    let [sum, count] = terms else { return None };
    let is_whole = sum.mask.is_none() && count.mask.is_none() && count.values.is_none();
    Some((sum.values.filter(|_| is_whole)?, sum.coefficients[group], count.coefficients[group]))
}
