//! Merges entries of several levels.

use super::super::rows::Rows;
use super::super::workers::Workers;
use super::Walk;
use super::halves::CellFold;
use super::scratch::Scratch;
use super::totals::add_rows;
use datafusion::error::Result;
use plusminus_plan::Variable;
use plusminus_statistics::{Cell, Expansion, StratumSize};
use std::ops::Range;

/// All rows of a group in a stratum as one entry.
///
/// # Errors
/// When no threads can be started.
pub fn merged(pieces: &[Rows], groups: usize, variables: &[Variable], workers: &Workers) -> Result<Rows> {
    let walk = Walk { levels: pieces, sizes: &[], groups, workers };
    let mut entries = walk.run(&Compact { pieces, variables })?;
    entries.seal();
    Ok(entries)
}

struct Compact<'a> {
    pieces: &'a [Rows],
    variables: &'a [Variable],
}

impl CellFold for Compact<'_> {
    type Folded = Rows;

    fn width(&self) -> usize {
        self.variables.len()
    }

    fn scratch(&self) -> Scratch {
        Scratch::of_variables(self.variables)
    }

    fn skips(&self, _: StratumSize) -> bool {
        false
    }

    fn add(&self, scratch: &mut Scratch, piece: usize, run: Range<usize>) {
        add_rows(scratch, &self.pieces[piece], run, self.variables);
    }

    /// Entries are put one after another, without adding any.
    fn merges_lightly(&self) -> bool {
        true
    }

    fn empty(&self) -> Rows {
        // There are at least as many entries as in the largest level of entries; how many rows give is not known.
        let most = self.pieces.iter().filter(|rows| rows.cells.is_some()).map(Rows::len).max().unwrap_or(0);
        Rows {
            strata: Vec::with_capacity(most),
            groups: Vec::with_capacity(most),
            cells: Some(Vec::with_capacity(most * self.variables.len())),
            ..Rows::default()
        }
    }

    fn fold(&self, entries: &mut Rows, stratum: u32, _: &Expansion, group: u32, cells: &[Cell]) {
        entries.push_entry(stratum, group, cells);
    }

    fn fold_entry(&self, entries: &mut Rows, stratum: u32, expansion: &Expansion, group: u32, cells: &[Cell]) {
        self.fold(entries, stratum, expansion, group, cells);
    }

    fn merge(&self, entries: &mut Rows, later: Rows) {
        entries.strata.extend(later.strata);
        entries.groups.extend(later.groups);
        entries.cells.get_or_insert_default().extend(later.cells.unwrap_or_default());
    }
}
