//! Walks over kept rows, stratum by stratum: the runs of one stratum fill cells, which are folded when it ends.
//!
//! Many rows are walked in two halves at the same time. Where they are cut depends on the rows alone, and the halves are
//! added in order, so that every sum comes out the same on any number of threads.

mod block;
mod by_group;
mod domain_cells;
mod domains;
mod halves;
mod keys;
mod linear;
mod pre_aggregator;
mod runs;
mod scratch;
mod totals;

pub use block::{Block, BlockAggregator, SumUses};
pub(crate) use by_group::GroupRows;
pub use by_group::{ByGroup, GroupRange};
pub use keys::{key_linearised, key_totals};
pub use linear::{LinearisedVariable, linearised};
pub(crate) use pre_aggregator::PreAggregator;
pub(crate) use scratch::fits_cache;
pub use totals::totals;

use super::rows::{Rows, Run};
use super::workers::Workers;

#[cfg(test)]
mod passes;
#[cfg(test)]
mod tests;

use plusminus_statistics::StratumSize;
use std::ops::Range;

/// Rows per entry at least, where rows are added up; with fewer, entries take more memory than the rows would.
const ROWS_PER_ENTRY: usize = 8;

/// The rows of a walk, and the sizes of their strata.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    /// Evaluated rows, one entry per level or piece of one.
    pub levels: &'a [Rows],
    /// The size of each stratum, by its number.
    pub sizes: &'a [StratumSize],
    /// The number of groups.
    pub groups: usize,
    /// Threads for halves of the work.
    pub workers: &'a Workers,
}

/// Rows of one stratum in one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    run: Run,
    level: u32,
}

impl Piece {
    fn rows(&self) -> Range<usize> {
        self.run.range()
    }

    fn level(&self) -> usize {
        self.level as usize
    }
}

/// The rows of all levels, stratum by stratum; within a stratum the levels are in order.
fn pieces(levels: &[Rows]) -> Vec<Piece> {
    let all =
        || (0..).zip(levels).flat_map(|(level, rows)| rows.runs.iter().map(move |run| Piece { run: *run, level }));
    if levels.len() < 2 {
        return all().collect();
    }
    // Pieces are counted and put in place: with many strata and levels, searching all levels for the next stratum costs more.
    let strata =
        levels.iter().filter_map(|rows| rows.runs.last()).map(|run| run.stratum as usize + 1).max().unwrap_or(0);
    let mut next = vec![0_u32; strata + 1];
    levels.iter().flat_map(|rows| &rows.runs).for_each(|run| next[run.stratum as usize + 1] += 1);
    for stratum in 1..next.len() {
        next[stratum] += next[stratum - 1];
    }
    let mut found = vec![Piece { run: Run { stratum: 0, from: 0, to: 0 }, level: 0 }; next[strata] as usize];
    for piece in all() {
        let place = &mut next[piece.run.stratum as usize];
        found[*place as usize] = piece;
        *place += 1;
    }
    found
}

/// Calls `visit(level, rows)` for the runs of each stratum in turn, then `end(stratum)`.
pub(crate) fn by_stratum<S>(
    levels: &[Rows],
    state: &mut S,
    mut visit: impl FnMut(&mut S, usize, Range<usize>),
    mut end: impl FnMut(&mut S, u32),
) {
    let mut last = None;
    for piece in pieces(levels) {
        let stratum = piece.run.stratum;
        if let Some(before) = last.replace(stratum).filter(|before| *before != stratum) {
            end(state, before);
        }
        visit(state, piece.level(), piece.rows());
    }
    if let Some(stratum) = last {
        end(state, stratum);
    }
}
