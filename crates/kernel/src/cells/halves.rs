//! A walk in one piece or in two halves.

use super::super::rows::Run;
use super::scratch::{BoundaryCells, Scratch};
use super::{Piece, Walk, pieces};
use datafusion::error::Result;
use plusminus_statistics::{Cell, Expansion, StratumSize};
use std::ops::Range;

/// Totals from which adding those of two threads costs more than it saves.
const MERGED_MAX: usize = 16_384;

/// A fold over cells: rows fill the cells of a stratum, which are folded into a result.
pub(crate) trait CellFold: Sync {
    /// The result that the cells of whole strata are folded into.
    type Folded: Send;

    /// Cells per group.
    fn width(&self) -> usize;
    /// Cells to add to, without any group.
    fn scratch(&self) -> Scratch {
        Scratch::new(self.width())
    }
    /// Whether rows of a stratum of this size are left out.
    fn skips(&self, size: StratumSize) -> bool;
    /// Whether a row of a level and the one before it, both of one stratum, may be in different halves.
    fn may_part(&self, _level: usize, _row: usize) -> bool {
        true
    }
    /// Adds rows of one stratum and level to the cells of their groups, and touches these groups.
    fn add(&self, scratch: &mut Scratch, level: usize, rows: Range<usize>);
    fn empty(&self) -> Self::Folded;
    /// Folds the cells of one group in one stratum.
    fn fold(&self, folded: &mut Self::Folded, stratum: u32, expansion: &Expansion, group: u32, cells: &[Cell]);
    /// Folds an entry that is all of a group's rows in one stratum; `cells` has a cell per variable.
    fn fold_entry(&self, folded: &mut Self::Folded, stratum: u32, expansion: &Expansion, group: u32, cells: &[Cell]);
    /// Merges the result of later strata.
    fn merge(&self, folded: &mut Self::Folded, later: Self::Folded);
}

/// The result of a half: whole strata folded, and the cells of a stratum that both halves share.
struct FoldedHalf<F> {
    folded: F,
    scratch: Scratch,
    /// For the second half, its cells of the first half's last stratum.
    open: BoundaryCells,
}

/// The stratum of a half that both halves share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SplitStratum {
    Nothing,
    Last,
    First,
}

impl Walk<'_> {
    /// Runs the fold over all groups, on two threads where there are enough rows.
    ///
    /// # Errors
    /// When no threads can be started.
    pub(crate) fn run<T: CellFold>(&self, fold_task: &T) -> Result<T::Folded> {
        let mut all = pieces(self.levels);
        let rows: usize = all.iter().map(|p| p.rows().len()).sum();
        // Folding entries of very many groups costs less than merging the results of two threads.
        let are_entries = self.levels.iter().all(|rows| rows.cells.is_some());
        let merges_heavily = self.groups * fold_task.width() > MERGED_MAX;
        if !self.workers.halves(rows) || are_entries && merges_heavily {
            return Ok(self.half(fold_task, &all, SplitStratum::Nothing).folded);
        }
        let (at, is_shared) = cut(&mut all, rows, |level, row| fold_task.may_part(level, row));
        let (first, second) = all.split_at(at);
        let sharing = |shared| if is_shared { shared } else { SplitStratum::Nothing };
        let (mut one, other) = self.workers.join(
            || self.half(fold_task, first, sharing(SplitStratum::Last)),
            || self.half(fold_task, second, sharing(SplitStratum::First)),
        )?;
        if let Some(piece) = first.last().filter(|_| is_shared) {
            one.scratch.grow(self.groups);
            one.scratch.merge(&other.open);
            self.fold(fold_task, &mut one, piece.run.stratum);
        }
        fold_task.merge(&mut one.folded, other.folded);
        Ok(one.folded)
    }

    fn half<T: CellFold>(&self, fold_task: &T, pieces: &[Piece], shared: SplitStratum) -> FoldedHalf<T::Folded> {
        let scratch = fold_task.scratch();
        let mut half = FoldedHalf { folded: fold_task.empty(), scratch, open: BoundaryCells::default() };
        let (mut is_first, mut is_begun) = (true, false);
        for (number, piece) in pieces.iter().enumerate() {
            let next = pieces.get(number + 1);
            let is_alone = !is_begun && next.is_none_or(|next| next.run.stratum != piece.run.stratum);
            let is_whole = is_alone
                && !(is_first && shared == SplitStratum::First || next.is_none() && shared == SplitStratum::Last);
            if is_whole && self.is_folded(fold_task, &mut half.folded, piece) {
                is_first = false;
                continue;
            }
            if !fold_task.skips(self.size(piece.run.stratum)) {
                half.scratch.grow(self.groups);
                fold_task.add(&mut half.scratch, piece.level(), piece.rows());
            }
            is_begun = next.is_some_and(|next| next.run.stratum == piece.run.stratum);
            if is_begun {
                continue;
            }
            match shared {
                SplitStratum::First if is_first => half.open = half.scratch.take_open(),
                SplitStratum::Last if next.is_none() => {}
                _ => self.fold(fold_task, &mut half, piece.run.stratum),
            }
            is_first = false;
        }
        half
    }

    fn fold<T: CellFold>(&self, fold_task: &T, half: &mut FoldedHalf<T::Folded>, stratum: u32) {
        let expansion = self.size(stratum).into();
        let folded = &mut half.folded;
        half.scratch.flush(|group, cells| fold_task.fold(folded, stratum, &expansion, group, cells));
    }

    /// Folds the entries of a stratum, which lie in one piece; false where rows have to be added up first.
    fn is_folded<T: CellFold>(&self, fold_task: &T, folded: &mut T::Folded, piece: &Piece) -> bool {
        let rows = &self.levels[piece.level()];
        let Some(cells) = &rows.cells else { return false };
        let size = self.size(piece.run.stratum);
        if !fold_task.skips(size) {
            let (expansion, width) = (size.into(), cells.len() / rows.len());
            for entry in piece.rows() {
                let own = &cells[entry * width..(entry + 1) * width];
                fold_task.fold_entry(folded, piece.run.stratum, &expansion, rows.groups[entry], own);
            }
        }
        true
    }

    fn size(&self, stratum: u32) -> StratumSize {
        self.sizes[stratum as usize]
    }
}

/// The place to cut `pieces`, which have `rows` rows, and whether a stratum has rows on both sides.
///
/// The cut is between strata where that is near the middle, otherwise at the first row from the middle on that `may_part` from the one
/// before it, given its level and its number.
fn cut(pieces: &mut Vec<Piece>, rows: usize, may_part: impl Fn(usize, usize) -> bool) -> (usize, bool) {
    let middle = rows / 2;
    let mut before: usize = 0;
    let mut best: Option<(usize, usize)> = None;
    let mut at_middle = (0, 0);
    for (number, piece) in pieces.iter().enumerate() {
        let is_start = number > 0 && pieces[number - 1].run.stratum != piece.run.stratum;
        let distance = before.abs_diff(middle);
        if is_start && best.is_none_or(|(_, least)| distance < least) {
            best = Some((number, distance));
        }
        if before <= middle {
            at_middle = (number, middle - before);
        }
        before += piece.rows().len();
    }
    if let Some((number, _)) = best.filter(|(_, distance)| *distance <= rows / 8) {
        return (number, false);
    }
    let (number, offset) = at_middle;
    let whole = pieces[number];
    let end = whole.rows().end;
    let split = (whole.rows().start + offset..end).find(|row| may_part(whole.level(), *row)).unwrap_or(end);
    if split == end {
        let next = pieces.get(number + 1);
        return (number + 1, next.is_some_and(|next| next.run.stratum == whole.run.stratum));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a level has fewer than 2^32 rows")]
    let split = split as u32;
    pieces[number].run.to = split;
    pieces.insert(number + 1, Piece { run: Run { from: split, ..whole.run }, ..whole });
    (number + 1, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(lengths: &[(u32, u32)]) -> Vec<Piece> {
        lengths
            .iter()
            .map(|(stratum, to)| Piece { run: Run { stratum: *stratum, from: 0, to: *to }, level: 0 })
            .collect()
    }

    fn check(lengths: &[(u32, u32)], at: usize, is_shared: bool) {
        let mut pieces = made(lengths);
        let rows = lengths.iter().map(|(_, n)| *n as usize).sum();
        assert_eq!(cut(&mut pieces, rows, |_, _| true), (at, is_shared), "{lengths:?}");
        assert_eq!(pieces.iter().map(|p| p.rows().len()).sum::<usize>(), rows);
        let first: usize = pieces[..at].iter().map(|p| p.rows().len()).sum();
        assert!(first.abs_diff(rows / 2) <= rows / 8, "{first} of {rows}");
        assert_eq!(pieces[at - 1].run.stratum == pieces[at].run.stratum, is_shared);
    }

    #[test]
    fn work_is_cut_between_strata_if_that_is_near_the_middle() {
        check(&[(0, 50), (1, 50)], 1, false);
        check(&[(0, 40), (1, 10), (2, 50)], 2, false);
        check(&[(0, 10), (0, 10), (1, 10), (1, 10)], 2, false);
        check(&[(0, 100)], 1, true);
        check(&[(0, 10), (1, 80), (2, 10)], 2, true);
        check(&[(0, 30), (0, 70)], 2, true);
        check(&[(0, 50), (0, 50)], 2, true);
    }

    #[test]
    fn rows_that_may_not_part_stay_in_one_half() {
        let mut pieces = made(&[(0, 100)]);
        assert_eq!(cut(&mut pieces, 100, |_, row| row % 30 == 0), (1, true));
        assert_eq!(pieces.iter().map(Piece::rows).collect::<Vec<_>>(), [0..60, 60..100]);
        let mut pieces = made(&[(0, 80), (0, 30), (1, 10)]);
        assert_eq!(cut(&mut pieces, 120, |_, _| false), (1, true));
        assert_eq!(pieces.len(), 3);
        let mut pieces = made(&[(0, 100)]);
        assert_eq!(cut(&mut pieces, 100, |_, _| false), (1, false));
    }
}
