//! Walks over rows in the order of their groups, some groups at a time.

use super::super::rows::Rows;
use super::super::strata::LevelSizes;
use super::by_group::GroupRange;
use super::domain_cells::DomainCells;
use super::domains::Domain;
use super::linear::{LinearisedVariable, fold_forms, linear_cell, share_rows, terms_of};
use super::runs::Runs;
use plusminus_plan::Variable;
use plusminus_statistics::Total;
use std::ops::Range;

/// Groups of a block at most, and below rows: few enough that all that is theirs stays in the cache of a core.
///
/// A group with more rows is walked by itself, so many runs at a time.
const GROUPS_MAX: usize = 128;
const ROWS_MAX: usize = 1_536;

/// The uses of sums in a query, by the numbers of the variables.
#[derive(Debug, Default)]
pub struct SumUses {
    /// Sums of which an average is asked.
    pub averages: Vec<usize>,
    /// Sums of which only an average is asked, so that their own intervals are not needed.
    pub average_only: Vec<usize>,
}

impl SumUses {
    /// Whether anything needs the interval of a sum itself.
    pub(crate) fn own_interval(&self, sum: usize) -> bool {
        !self.average_only.contains(&sum)
    }
}

/// Consecutive groups of rows in group order, with their cells.
pub struct Block<'a> {
    rows: &'a Rows,
    domains: &'a [Domain],
    sizes: &'a LevelSizes,
    groups: Range<usize>,
    /// The first row of the block, and below for each group the row after its last.
    first: usize,
    ends: &'a [u32],
    /// The cells of all groups of the block, or of the last runs of a single group that has more.
    cells: &'a CellBlock<'a>,
    is_whole: bool,
}

/// The cells of consecutive groups, side by side.
struct CellBlock<'a> {
    runs: Runs<'a>,
    /// The cells of each domain.
    by_domain: Vec<DomainCells<'a>>,
}

/// Makes the cells of one block after the other, in the same memory.
pub struct BlockAggregator<'a> {
    half: &'a GroupRange<'a>,
    sizes: &'a LevelSizes,
    asked: &'a SumUses,
    cells: CellBlock<'a>,
}

impl<'a> BlockAggregator<'a> {
    /// An aggregator for the blocks of a range of groups.
    pub fn new(half: &'a GroupRange<'a>, sizes: &'a LevelSizes, asked: &'a SumUses) -> Self {
        Self { half, sizes, asked, cells: CellBlock::new(&half.piece.rows, half.domains, sizes) }
    }

    /// The block that begins at `group`, and a total per (group, variable), groups outermost.
    ///
    /// It has as many groups as are walked together. `variables` are those that the rows were put in order for.
    pub fn walked(&mut self, group: usize, variables: &[Variable]) -> (Block<'_>, Vec<Total>) {
        let piece = self.half.piece;
        let first = piece.of(group).start;
        let mut end = group + 1;
        while end < self.half.groups().end.min(group + GROUPS_MAX) && piece.of(end).end - first <= ROWS_MAX {
            end += 1;
        }
        let ends = &piece.starts[group - piece.first + 1..=end - piece.first];
        let mut totals = vec![Total::default(); ends.len() * variables.len()];
        let is_whole = self.add_up(first, ends, variables, &mut totals);
        let (rows, domains, sizes) = (&piece.rows, self.half.domains, self.sizes);
        (Block { rows, domains, sizes, groups: group..end, first, ends, cells: &self.cells, is_whole }, totals)
    }

    /// Adds rows to the totals of their groups; true when the cell block holds the cells of all of them.
    fn add_up(&mut self, first: usize, ends: &[u32], variables: &[Variable], totals: &mut [Total]) -> bool {
        let (rows, cells) = (&self.half.piece.rows, &mut self.cells);
        let (mut next, mut is_first) = (first, true);
        loop {
            next = cells.fill(rows, next, ends, variables);
            let is_end = is_end(next, ends);
            if is_end && is_first {
                cells.by_domain.iter().for_each(|domain_cells| domain_cells.fold(totals, variables.len(), self.asked));
                return true;
            }
            cells.by_domain.iter_mut().for_each(|domain_cells| domain_cells.fold_part(totals, self.asked, is_first));
            if is_end {
                return false;
            }
            is_first = false;
        }
    }
}

/// Whether groups with these ends have no row from `next` on.
fn is_end(next: usize, ends: &[u32]) -> bool {
    ends.last().is_none_or(|end| next >= *end as usize)
}

impl Block<'_> {
    /// The groups of the block.
    pub fn groups(&self) -> Range<usize> {
        self.groups.clone()
    }

    /// A total per (group, linear form), groups outermost, given the totals of the variables.
    ///
    /// The total of an average has only what its interval is made of.
    ///
    /// A stratum that is known whole adds nothing to any variance, and is left out.
    pub fn linearised(&self, variables: &[Variable], linears: &[LinearisedVariable], totals: &[Total]) -> Vec<Total> {
        let width = linears.len();
        let mut found = vec![Total::default(); self.groups.len() * width];
        if self.is_whole {
            for form in 0..width {
                let own = found[form..].iter_mut().step_by(width);
                self.cells.fold_form(self.rows, variables, &linears[form], own);
            }
        } else {
            let again: Vec<usize> =
                (0..width).filter(|form| !self.sets_from_polynomial(variables, linears, *form, &mut found)).collect();
            self.fold_again(variables, linears, &again, &mut found);
        }
        for (own, totals) in found.chunks_exact_mut(width).zip(totals.chunks_exact(variables.len())) {
            share_rows(linears, own, totals);
        }
        found
    }

    /// Sets the total of a form over the only group from what was added up on the way; false where that does not suffice.
    fn sets_from_polynomial(
        &self,
        variables: &[Variable],
        linears: &[LinearisedVariable],
        form: usize,
        found: &mut [Total],
    ) -> bool {
        let average =
            self.cells.by_domain.iter().find_map(|domain_cells| domain_cells.average(&linears[form], variables));
        let total = average.and_then(|average| average.of_form());
        total.is_some_and(|total| {
            found[form] = total;
            true
        })
    }

    /// Folds `forms` over the only group, whose cells are made once more.
    fn fold_again(&self, variables: &[Variable], linears: &[LinearisedVariable], forms: &[usize], found: &mut [Total]) {
        let mut next = self.first;
        let mut cells = CellBlock::new(self.rows, self.domains, self.sizes);
        while !forms.is_empty() && !is_end(next, self.ends) {
            next = cells.fill(self.rows, next, self.ends, variables);
            for form in forms {
                let own = std::slice::from_mut(&mut found[*form]);
                cells.fold_form(self.rows, variables, &linears[*form], own.iter_mut());
            }
        }
    }
}

impl<'a> CellBlock<'a> {
    fn new(rows: &'a Rows, domains: &'a [Domain], sizes: &'a LevelSizes) -> Self {
        Self { runs: Runs::new(&rows.strata, sizes), by_domain: domains.iter().map(DomainCells::new).collect() }
    }

    /// Makes the cells of rows from `first` on, in groups with these ends; returns the first row that is left.
    fn fill(&mut self, rows: &Rows, first: usize, ends: &[u32], variables: &[Variable]) -> usize {
        let next = self.runs.fill(first, ends, ROWS_MAX);
        self.by_domain.iter_mut().for_each(|domain_cells| domain_cells.fill(variables, rows, &self.runs));
        next
    }

    fn fold_form<'t>(
        &self,
        rows: &Rows,
        variables: &[Variable],
        linear: &LinearisedVariable,
        own: impl Iterator<Item = &'t mut Total>,
    ) {
        match self.by_domain.iter().find_map(|domain_cells| domain_cells.average(linear, variables)) {
            Some(average) => average.fold(own),
            None => self.fold_row_by_row(rows, variables, linear, own),
        }
    }

    fn fold_row_by_row<'t>(
        &self,
        rows: &Rows,
        variables: &[Variable],
        linear: &LinearisedVariable,
        own: impl Iterator<Item = &'t mut Total>,
    ) {
        let terms = terms_of(linear, rows, variables);
        for (number, z) in own.enumerate() {
            for (size, run) in self.runs.of_group(number).filter(|(size, _)| !size.is_exact()) {
                let stratum = size.into();
                let cell = linear_cell(&terms, number, run);
                fold_forms(std::slice::from_ref(linear), std::slice::from_mut(z), &stratum, |_| cell);
            }
        }
    }
}
