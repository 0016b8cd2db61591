//! Walks over kept rows, stratum by stratum: cells are filled by the runs of one stratum and folded when it ends.
//!
//! Many rows are walked in two halves at the same time. Where they are cut depends on the rows alone, and the halves are
//! added in order, so that every sum comes out the same on any number of threads.

mod compact;
mod gather;
mod halves;
mod keys;
mod linear;
mod scratch;
mod totals;

pub(super) use compact::compacted;
pub(crate) use compact::merged;
pub(super) use gather::Gather;
#[cfg(test)]
mod tests;

pub(crate) use keys::{key_linearised, key_totals};
pub(crate) use linear::{Linear, linearised};
pub(crate) use totals::totals;

use super::rows::Rows;
use super::workers::Workers;
use plusminus_statistics::StratumSize;
use std::ops::Range;

/// What is walked.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a> {
    pub(crate) levels: &'a [Rows],
    /// The size of each stratum.
    pub(crate) sizes: &'a [StratumSize],
    pub(crate) groups: usize,
    pub(crate) workers: &'a Workers,
}

/// Rows of one stratum in one level.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    stratum: u32,
    level: usize,
    rows: Range<usize>,
}

/// The rows of all levels, stratum by stratum.
fn pieces(levels: &[Rows]) -> Vec<Piece> {
    let mut found = Vec::with_capacity(levels.iter().map(|l| l.runs.len()).sum());
    let mut heads = vec![0; levels.len()];
    loop {
        let next = levels.iter().zip(&heads).filter_map(|(l, h)| Some(l.runs.get(*h)?.stratum)).min();
        let Some(stratum) = next else { return found };
        for (level, (rows, head)) in levels.iter().zip(&mut heads).enumerate() {
            if let Some(run) = rows.runs.get(*head).filter(|run| run.stratum == stratum) {
                found.push(Piece { stratum, level, rows: run.range() });
                *head += 1;
            }
        }
    }
}

/// Calls `visit(level, rows)` for the runs of each stratum in turn, then `end(stratum)`.
pub(super) fn by_stratum<S>(
    levels: &[Rows],
    state: &mut S,
    mut visit: impl FnMut(&mut S, usize, Range<usize>),
    mut end: impl FnMut(&mut S, u32),
) {
    let mut last = None;
    for piece in pieces(levels) {
        if let Some(before) = last.replace(piece.stratum).filter(|before| *before != piece.stratum) {
            end(state, before);
        }
        visit(state, piece.level, piece.rows);
    }
    if let Some(stratum) = last {
        end(state, stratum);
    }
}
