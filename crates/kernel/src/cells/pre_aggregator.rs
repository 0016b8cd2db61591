//! Rows added up by stratum and group as they are evaluated, so that they need not be kept.

use super::super::rows::Rows;
use super::ROWS_PER_ENTRY;
use super::scratch::{Scratch, fits_cache};
use super::totals::add_rows;
use plusminus_plan::Variable;
/// The entries found so far.
pub(crate) struct PreAggregator<'a> {
    variables: &'a [Variable],
    scratch: Scratch,
    /// The stratum whose rows are being added.
    stratum: Option<u32>,
    entries: Rows,
    rows: usize,
}

impl<'a> PreAggregator<'a> {
    /// A pre-aggregator of these variables, without entries.
    pub(crate) fn new(variables: &'a [Variable]) -> Self {
        let entries = Rows { cells: Some(Vec::new()), ..Rows::default() };
        Self { variables, scratch: Scratch::of_variables(variables), stratum: None, entries, rows: 0 }
    }

    /// Adds rows, whose groups are below `groups`.
    ///
    /// Returns false, and does nothing, when the cells of so many groups would not stay in the cache and rows of a stratum may be of several
    /// groups.
    pub(crate) fn add(&mut self, rows: &Rows, groups: usize) -> bool {
        if !rows.one_group_per_run && !fits_cache(groups * self.variables.len()) {
            return false;
        }
        self.scratch.grow(groups);
        for run in &rows.runs {
            if self.stratum != Some(run.stratum) {
                self.close();
                self.stratum = Some(run.stratum);
            }
            add_rows(&mut self.scratch, rows, run.range(), self.variables);
        }
        self.rows += rows.len();
        true
    }

    /// Whether there are few entries for the rows so far.
    pub(crate) fn pays(&self) -> bool {
        let entries = self.entries.len() + self.scratch.groups_touched();
        entries * ROWS_PER_ENTRY <= self.rows
    }

    /// Ends the current stratum, whose cells become entries.
    fn close(&mut self) {
        let Some(stratum) = self.stratum.take() else { return };
        let entries = &mut self.entries;
        self.scratch.flush(|group, cells| entries.push_entry(stratum, group, cells));
    }

    /// Ends the last stratum and returns the entries.
    pub(crate) fn finish(mut self) -> Rows {
        self.close();
        let mut entries = self.entries;
        entries.index_runs();
        entries
    }
}
