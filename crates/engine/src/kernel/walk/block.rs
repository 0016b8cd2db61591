//! Walks over rows in the order of their groups, some groups at a time.

use super::by_group::Half;
use super::domains::Domain;
use super::linear::{Linear, fold_forms, linear_cell, share_rows, terms_of};
use super::runs::Runs;
use super::sheet::Sheet;
use super::totals::cell_of;
use crate::kernel::rows::Rows;
use crate::shape::Variable;
use plusminus_statistics::{StratumSize, Total};
use std::ops::Range;

/// Groups, and their rows, that are walked and estimated together, so few that all that is theirs stays in the cache of a core. A group
/// with more rows is walked by itself, so many runs at a time.
const GROUPS_MAX: usize = 128;
const ROWS_MAX: usize = 1_536;

/// Consecutive groups of rows in group order.
pub(crate) struct Block<'a> {
    rows: &'a Rows,
    domains: &'a [Domain],
    /// The first row of each group, and the end.
    starts: &'a [u32],
    groups: Range<usize>,
    /// By stratum.
    sizes: &'a [StratumSize],
    /// What all rows were made into, where they are one chunk.
    kept: Option<&'a Chunk<'a>>,
}

/// Cells of a block's groups, side by side; its memory serves one block after the other.
pub(crate) struct Chunk<'a> {
    runs: Runs<'a>,
    /// By domain, the cells of sampled strata.
    sheets: Vec<Sheet<'a>>,
}

impl<'a> Block<'a> {
    /// As many groups as are walked together, from this one on, and a total per (group, variable), groups outermost; `variables` are
    /// those that rows were put in order for, `chunk` has room for that half's cells.
    pub(crate) fn walked<'h: 'a>(
        group: usize,
        half: &Half<'h>,
        chunk: &'a mut Chunk<'h>,
        variables: &[Variable],
    ) -> (Self, Vec<Total>) {
        let piece = half.piece;
        let first = piece.of(group).start;
        let mut end = group + 1;
        while end < half.groups().end.min(group + GROUPS_MAX) && piece.of(end).end - first <= ROWS_MAX {
            end += 1;
        }
        let starts = &piece.starts[group - piece.first..=end - piece.first];
        let sizes = chunk.runs.sizes();
        let mut block =
            Self { rows: &piece.rows, domains: half.domains, starts, groups: group..end, sizes, kept: None };
        let totals = block.totals(chunk, variables);
        block.kept = totals.1.then_some(chunk);
        (block, totals.0)
    }

    pub(crate) fn groups(&self) -> Range<usize> {
        self.groups.clone()
    }

    /// The totals, and whether the chunk holds all rows.
    fn totals(&self, chunk: &mut Chunk<'_>, variables: &[Variable]) -> (Vec<Total>, bool) {
        let mut totals = vec![Total::default(); self.groups.len() * variables.len()];
        let (mut next, mut chunks) = (self.starts[0] as usize, 0);
        while self.fill(chunk, &mut next, variables) {
            chunk.sheets.iter().for_each(|sheet| sheet.fold(&mut totals, variables.len()));
            chunk.add_whole(self.rows, variables, &mut totals);
            chunks += 1;
        }
        (totals, chunks == 1)
    }

    /// A total per (group, linear form), groups outermost, given those of the variables.
    ///
    /// A stratum that is known whole adds nothing to any variance, and is left out.
    pub(crate) fn linearised(&self, variables: &[Variable], linears: &[Linear], totals: &[Total]) -> Vec<Total> {
        let mut found = vec![Total::default(); self.groups.len() * linears.len()];
        match self.kept {
            Some(chunk) => chunk.fold_forms(self.rows, variables, linears, &mut found),
            None => {
                let mut chunk = Chunk::of(self.rows, self.domains, self.sizes);
                let mut next = self.starts[0] as usize;
                while self.fill(&mut chunk, &mut next, variables) {
                    chunk.fold_forms(self.rows, variables, linears, &mut found);
                }
            }
        }
        for (own, totals) in found.chunks_exact_mut(linears.len()).zip(totals.chunks_exact(variables.len())) {
            share_rows(linears, own, totals);
        }
        found
    }

    /// Makes cells of the rows from `next` on, which moves behind them; false when no row is left.
    fn fill(&self, chunk: &mut Chunk<'_>, next: &mut usize, variables: &[Variable]) -> bool {
        let Some(end) = self.starts.last().map(|end| *end as usize).filter(|end| *next < *end) else { return false };
        let runs = &mut chunk.runs;
        runs.clear();
        if self.groups.len() == 1 {
            *next = runs.append(*next..end, ROWS_MAX);
        } else {
            for ends in self.starts.windows(2) {
                *next = runs.append(ends[0] as usize..ends[1] as usize, ROWS_MAX);
            }
        }
        chunk.sheets.iter_mut().for_each(|sheet| sheet.fill(variables, self.rows, runs));
        true
    }
}

impl<'a> Chunk<'a> {
    /// For the blocks of a half; `sizes` are those of all strata.
    pub(crate) fn new(half: &Half<'a>, sizes: &'a [StratumSize]) -> Self {
        Self::of(&half.piece.rows, half.domains, sizes)
    }

    fn of(rows: &'a Rows, domains: &'a [Domain], sizes: &'a [StratumSize]) -> Self {
        let sheets = domains.iter().map(|domain| Sheet::with_room(domain, ROWS_MAX)).collect();
        Self { runs: Runs::with_room(&rows.strata, sizes, ROWS_MAX), sheets }
    }
}

impl Chunk<'_> {
    /// Adds rows of strata that are known whole.
    fn add_whole(&self, rows: &Rows, variables: &[Variable], totals: &mut [Total]) {
        if !self.runs.have_whole() {
            return;
        }
        for (number, own) in totals.chunks_exact_mut(variables.len()).enumerate() {
            for (size, run) in self.runs.whole(number) {
                let stratum = size.into();
                for (variable, total) in variables.iter().zip(own.iter_mut()) {
                    total.fold_cell(&stratum, &cell_of(rows, run.clone(), variable));
                }
            }
        }
    }

    fn fold_forms(&self, rows: &Rows, variables: &[Variable], linears: &[Linear], found: &mut [Total]) {
        for (form, linear) in linears.iter().enumerate() {
            let own = found[form..].iter_mut().step_by(linears.len());
            match self.sheets.iter().find_map(|sheet| sheet.average(linear, variables)) {
                Some(average) => average.fold(own),
                None => self.fold_row_by_row(rows, variables, linear, own),
            }
        }
    }

    fn fold_row_by_row<'t>(
        &self,
        rows: &Rows,
        variables: &[Variable],
        linear: &Linear,
        own: impl Iterator<Item = &'t mut Total>,
    ) {
        let terms = terms_of(linear, rows, variables);
        for (number, z) in own.enumerate() {
            for (size, run) in self.runs.sampled(number).iter() {
                let stratum = size.into();
                let cell = linear_cell(&terms, number, run);
                fold_forms(std::slice::from_ref(linear), std::slice::from_mut(z), &stratum, |_| cell);
            }
        }
    }
}
