//! Strata, ranks and levels of the rows of one side, once keys with very many rows on either side are known whole.

use super::rows::SampleRows;
use plusminus_catalog::Strata;
use plusminus_statistics::cap;
use std::collections::HashSet;

/// The stratum of all other keys, and that of keys with very many rows.
const BODY: u32 = 0;
const WHOLE: u32 = 1;

/// A row's place: level, stratum and rank, then the row of the side it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) level: usize,
    pub(super) stratum: u32,
    pub(super) rank: u32,
    pub(super) row: u32,
}

/// Sizes of one stratum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Rows of the sampled table.
    pub(super) rows: u64,
    /// Keys of the sampled table, and those that are held.
    pub(super) keys: u64,
    pub(super) held: u64,
}

/// Rows in the order of the levels, and the sizes of the body and of the keys that are held whole.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) body: Sizes,
    pub(super) whole: Sizes,
}

/// Lays out the rows of a sample and, behind them, rows of further keys that are held whole.
///
/// `moved` are ranks of the body whose keys are held whole from now on; `added` has the number of the key for each row of the further ones.
pub(super) fn lay_out(
    sample: &SampleRows,
    strata: &Strata,
    levels: usize,
    moved: &HashSet<u32>,
    added: &[u32],
) -> Layout {
    let sizes = |of_tail: bool| {
        let own = (0..strata.len()).filter(|stratum| strata.is_tail(*stratum) == of_tail);
        own.fold(Sizes::default(), |sum, stratum| Sizes {
            rows: sum.rows + strata.rows()[stratum],
            keys: sum.keys + strata.units()[stratum],
            held: sum.held + strata.units()[stratum].min(strata.caps()[stratum]),
        })
    };
    let (mut body, mut whole) = (sizes(false), sizes(true));
    let mut all_moved: Vec<u32> = moved.iter().copied().collect();
    all_moved.sort_unstable();
    let tail_keys = number(whole.keys);
    let added_keys = added.iter().max().map_or(0, |last| u64::from(*last) + 1);
    let is_tail = |row: usize| strata.is_tail(sample.strata[row] as usize);
    let rows_moved =
        (0..sample.ranks.len()).filter(|row| !is_tail(*row) && moved.contains(&sample.ranks[*row])).count() as u64;
    let (rows, keys) = (rows_moved + added.len() as u64, all_moved.len() as u64 + added_keys);
    body = Sizes { rows: body.rows - rows, keys: body.keys - keys, held: body.held - all_moved.len() as u64 };
    whole = Sizes { rows: whole.rows + rows, keys: whole.keys + keys, held: whole.keys + keys };
    let bounds: Vec<u64> =
        (0..number(levels as u64)).map(|level| cap::at_level(body.held, level, number(levels as u64)).max(2)).collect();
    let level_of =
        |rank: u32| bounds.partition_point(|bound| *bound <= u64::from(rank)).min(bounds.len().saturating_sub(1));
    let place = |row: usize| {
        let (rank, number_of_row) = (sample.ranks[row], number(row as u64));
        // Ranks of the body close up over those that left it.
        let before = number(all_moved.partition_point(|moved| *moved < rank) as u64);
        match (is_tail(row), moved.contains(&rank)) {
            (true, _) => Place { level: 0, stratum: WHOLE, rank, row: number_of_row },
            (false, true) => Place { level: 0, stratum: WHOLE, rank: tail_keys + before, row: number_of_row },
            (false, false) => {
                Place { level: level_of(rank - before), stratum: BODY, rank: rank - before, row: number_of_row }
            }
        }
    };
    let mut places: Vec<Place> = (0..sample.ranks.len()).map(place).collect();
    let (first, moved_keys) = (number(sample.ranks.len() as u64), number(all_moved.len() as u64));
    places.extend((first..).zip(added).map(|(row, key)| Place {
        level: 0,
        stratum: WHOLE,
        rank: tail_keys + moved_keys + key,
        row,
    }));
    places.sort_unstable();
    Layout { places, body, whole }
}

/// Rows, keys and levels of a sample are far below 2³².
fn number(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
