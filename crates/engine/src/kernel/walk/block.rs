//! Walks over rows in the order of their groups, some groups at a time.

use super::by_group::Half;
use super::domains::Domain;
use super::linear::{Linear, fold_forms, linear_cell, share_rows, terms_of};
use super::runs::Runs;
use super::sheet::Sheet;
use super::totals::cell_of;
use crate::kernel::rows::Rows;
use crate::kernel::strata::LevelSizes;
use crate::shape::Variable;
use plusminus_statistics::Total;
use std::ops::Range;

/// Groups, and their rows, that are walked and estimated together, so few that all that is theirs stays in the cache of a core. A group
/// with more rows is walked by itself, so many runs at a time.
const GROUPS_MAX: usize = 128;
const ROWS_MAX: usize = 1_536;
/// Bytes of chunks of a large group that are kept for the second walk; cells of further rows are made again.
const KEPT_BYTES: usize = 12 << 20;
/// Bytes per run of a chunk: of itself, in each domain, and of each sum.
const RUN_BYTES: [usize; 3] = [36, 104, 32];

/// Consecutive groups of rows in group order.
pub(crate) struct Block<'a> {
    rows: &'a Rows,
    domains: &'a [Domain],
    sizes: &'a LevelSizes,
    /// The first row of each group, and the end.
    starts: &'a [u32],
    groups: Range<usize>,
    /// The cells of the first rows, and the first row that they have not.
    kept: &'a [Chunk<'a>],
    rest: usize,
}

/// Cells of groups, side by side.
struct Chunk<'a> {
    runs: Runs<'a>,
    /// By domain, the cells of sampled strata.
    sheets: Vec<Sheet<'a>>,
}

/// Where the cells of one block after the other are made, in the same memory.
pub(crate) struct Desk<'a> {
    half: &'a Half<'a>,
    sizes: &'a LevelSizes,
    chunks: Vec<Chunk<'a>>,
    /// How many are kept.
    kept_max: usize,
}

impl<'a> Desk<'a> {
    /// For the blocks of a half.
    pub(crate) fn new(half: &'a Half<'a>, sizes: &'a LevelSizes) -> Self {
        let sums: usize = half.domains.iter().map(|domain| domain.sums.len()).sum();
        let bytes = RUN_BYTES[0] + RUN_BYTES[1] * half.domains.len() + RUN_BYTES[2] * sums;
        Self { half, sizes, chunks: Vec::new(), kept_max: KEPT_BYTES / (bytes * ROWS_MAX) }
    }

    /// A chunk to fill; those that are not kept take the place of each other.
    fn chunk(&mut self, number: usize) -> &mut Chunk<'a> {
        let number = number.min(self.kept_max);
        if number == self.chunks.len() {
            self.chunks.push(Chunk::new(&self.half.piece.rows, self.half.domains, self.sizes));
        }
        &mut self.chunks[number]
    }
}

impl<'a> Block<'a> {
    /// As many groups as are walked together, from this one on, and a total per (group, variable), groups outermost; `variables` are
    /// those that rows were put in order for.
    pub(crate) fn walked<'d: 'a>(group: usize, desk: &'a mut Desk<'d>, variables: &[Variable]) -> (Self, Vec<Total>) {
        let (half, piece) = (desk.half, desk.half.piece);
        let first = piece.of(group).start;
        let mut end = group + 1;
        while end < half.groups().end.min(group + GROUPS_MAX) && piece.of(end).end - first <= ROWS_MAX {
            end += 1;
        }
        let starts = &piece.starts[group - piece.first..=end - piece.first];
        let (rows, domains, sizes) = (&piece.rows, half.domains, desk.sizes);
        let mut block = Self { rows, domains, sizes, starts, groups: group..end, kept: &[], rest: first };
        let totals = block.totals(desk, variables);
        (block, totals)
    }

    pub(crate) fn groups(&self) -> Range<usize> {
        self.groups.clone()
    }

    fn totals(&mut self, desk: &'a mut Desk<'_>, variables: &[Variable]) -> Vec<Total> {
        let mut totals = vec![Total::default(); self.groups.len() * variables.len()];
        let (mut next, mut chunks) = (self.rest, 0);
        while !self.is_end(next) {
            let chunk = desk.chunk(chunks);
            self.fill(chunk, &mut next, variables);
            chunk.sheets.iter().for_each(|sheet| sheet.fold(&mut totals, variables.len()));
            chunk.add_whole(self.rows, variables, &mut totals);
            chunks += 1;
            if chunks <= desk.kept_max {
                self.rest = next;
            }
        }
        self.kept = &desk.chunks[..chunks.min(desk.kept_max)];
        totals
    }

    /// A total per (group, linear form), groups outermost, given those of the variables.
    ///
    /// A stratum that is known whole adds nothing to any variance, and is left out.
    pub(crate) fn linearised(&self, variables: &[Variable], linears: &[Linear], totals: &[Total]) -> Vec<Total> {
        let mut found = vec![Total::default(); self.groups.len() * linears.len()];
        self.kept.iter().for_each(|chunk| chunk.fold_forms(self.rows, variables, linears, &mut found));
        if !self.is_end(self.rest) {
            let (mut chunk, mut next) = (Chunk::new(self.rows, self.domains, self.sizes), self.rest);
            while !self.is_end(next) {
                self.fill(&mut chunk, &mut next, variables);
                chunk.fold_forms(self.rows, variables, linears, &mut found);
            }
        }
        for (own, totals) in found.chunks_exact_mut(linears.len()).zip(totals.chunks_exact(variables.len())) {
            share_rows(linears, own, totals);
        }
        found
    }

    fn is_end(&self, next: usize) -> bool {
        self.starts.last().is_none_or(|end| next >= *end as usize)
    }

    /// Makes cells of the rows from `next` on, which moves behind them.
    fn fill(&self, chunk: &mut Chunk<'_>, next: &mut usize, variables: &[Variable]) {
        let runs = &mut chunk.runs;
        runs.clear();
        match self.starts {
            [_, end] => *next = runs.append(*next..*end as usize, ROWS_MAX),
            starts => {
                for ends in starts.windows(2) {
                    *next = runs.append(ends[0] as usize..ends[1] as usize, ROWS_MAX);
                }
            }
        }
        chunk.sheets.iter_mut().for_each(|sheet| sheet.fill(variables, self.rows, runs));
    }
}

impl<'a> Chunk<'a> {
    fn new(rows: &'a Rows, domains: &'a [Domain], sizes: &'a LevelSizes) -> Self {
        let sheets = domains.iter().map(|domain| Sheet::with_room(domain, ROWS_MAX)).collect();
        Self { runs: Runs::with_room(&rows.strata, sizes, ROWS_MAX), sheets }
    }
}

impl Chunk<'_> {
    /// Adds rows of strata that are known whole.
    fn add_whole(&self, rows: &Rows, variables: &[Variable], totals: &mut [Total]) {
        for (group, size, run) in self.runs.whole() {
            let stratum = size.into();
            let own = &mut totals[group * variables.len()..(group + 1) * variables.len()];
            for (variable, total) in variables.iter().zip(own) {
                total.fold_cell(&stratum, &cell_of(rows, run.clone(), variable));
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
