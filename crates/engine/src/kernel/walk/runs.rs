//! The rows of each stratum in each group.

use crate::kernel::rows::Run;
use plusminus_statistics::StratumSize;
use std::ops::Range;

/// Runs of rows of one stratum, group after group.
pub(super) struct Runs<'a> {
    /// The stratum of each row.
    of_rows: &'a [u32],
    runs: Vec<Run>,
    /// The size of the stratum of each run.
    ///
    /// Side by side, because in the order of strata they lie far apart, and one after the other would be waited for.
    sizes: Vec<StratumSize>,
    /// The first run of each group, and the number of runs.
    starts: Vec<usize>,
}

impl<'a> Runs<'a> {
    /// None, of rows with these strata, with room for so many.
    pub(super) fn with_room(of_rows: &'a [u32], runs: usize) -> Self {
        Self { of_rows, runs: Vec::with_capacity(runs), sizes: Vec::new(), starts: vec![0] }
    }

    /// Whether any of the strata is known whole.
    pub(super) fn have_whole(&self) -> bool {
        self.sizes.iter().any(StratumSize::is_exact)
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// The rows that a group has in sampled strata, stratum by stratum, given its number.
    pub(super) fn sampled(&self, number: usize) -> impl Iterator<Item = (StratumSize, Range<usize>)> {
        self.of(number).filter(|(size, _)| !size.is_exact())
    }

    /// The rows that a group has in strata that are known whole.
    pub(super) fn whole(&self, number: usize) -> impl Iterator<Item = (StratumSize, Range<usize>)> {
        self.of(number).filter(|(size, _)| size.is_exact())
    }

    fn of(&self, number: usize) -> impl Iterator<Item = (StratumSize, Range<usize>)> {
        let own = self.starts[number]..self.starts[number + 1];
        self.sizes[own.clone()].iter().copied().zip(self.runs[own].iter().map(|run| run.range()))
    }

    /// Appends a group with `rows`, at most so many runs of them; returns the first row that was left.
    pub(super) fn append(&mut self, rows: Range<usize>, runs_max: usize) -> usize {
        let mut from = rows.start;
        let before = self.runs.len();
        while from < rows.end && self.runs.len() - before < runs_max {
            let stratum = self.of_rows[from];
            let to = from + self.of_rows[from..rows.end].iter().take_while(|other| **other == stratum).count();
            #[expect(clippy::cast_possible_truncation, reason = "rows in order of groups are fewer than 2^32")]
            self.runs.push(Run { stratum, from: from as u32, to: to as u32 });
            from = to;
        }
        self.starts.push(self.runs.len());
        from
    }

    /// Looks the sizes of the strata up.
    pub(super) fn look_up(&mut self, sizes: &[StratumSize]) {
        self.sizes.clear();
        self.sizes.extend(self.runs.iter().map(|run| sizes[run.stratum as usize]));
    }
}
