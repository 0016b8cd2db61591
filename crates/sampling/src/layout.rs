//! Assigns every kept row a level and a block.

use crate::merge::Kept;
use crate::priority::stratum_offset;
use plusminus_statistics::cap;

/// The least number of rows per block, where a level has more than one block.
const BLOCK_ROWS: u64 = 16_000;
const BLOCKS_MAX: u64 = 64;

/// A row of a block: its place among the family's kept rows, and its rank.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) kept: usize,
    pub(crate) rank: u32,
}

/// How ranks are given and cut into levels.
pub(crate) struct Ranks<'a> {
    /// The number of ranks kept of each stratum.
    pub(crate) caps: &'a [u64],
    pub(crate) levels: u32,
    /// Whether rows of one priority share a rank.
    pub(crate) by_key: bool,
    /// Strata that the lowest level holds whole; empty where there is none.
    pub(crate) whole: &'a [bool],
}

/// Rows of one level, block by block, each sorted by stratum and rank.
pub(crate) struct Level {
    pub(crate) rows: u64,
    pub(crate) blocks: Vec<Vec<Placed>>,
}

/// Level L holds the ranks below max(2, ⌈k / 2^(top−L)⌉) that the levels before it do not, k being the stratum's cap.
///
/// In a universe sample ranks are those of keys: the rows of a key share theirs, and with it level and block.
pub(crate) fn lay_out(rows: &[Kept], ranks: &Ranks<'_>, seed: u64) -> Vec<Level> {
    let mut sizes = vec![0_u64; usize::try_from(ranks.levels).unwrap_or(0)];
    for_each_rank(rows, ranks, |_, _, _, level| sizes[level] += 1);
    let block_counts: Vec<u64> = sizes.iter().map(|size| (size / BLOCK_ROWS).clamp(1, BLOCKS_MAX)).collect();
    let blocks_of = |count: &u64| vec![Vec::new(); usize::try_from(*count).unwrap_or(1)];
    let mut laid: Vec<Level> = sizes
        .iter()
        .zip(&block_counts)
        .map(|(size, count)| Level { rows: *size, blocks: if *size == 0 { Vec::new() } else { blocks_of(count) } })
        .collect();
    for_each_rank(rows, ranks, |kept, rank, stratum, level| {
        let block = (rank.wrapping_add(stratum_offset(seed, stratum))) % block_counts[level];
        let placed = Placed { kept, rank: u32::try_from(rank).unwrap_or(u32::MAX) };
        if let Some(block) = laid[level].blocks.get_mut(usize::try_from(block).unwrap_or(0)) {
            block.push(placed);
        }
    });
    laid
}

/// Calls `f(place, rank, stratum, level)` for rows sorted by stratum and priority.
fn for_each_rank(rows: &[Kept], ranks: &Ranks<'_>, mut f: impl FnMut(usize, u64, u32, usize)) {
    let Ranks { caps, levels, by_key, whole } = *ranks;
    let mut at = 0;
    let (mut cap, mut bounds) = (0, Vec::new());
    for run in rows.chunk_by(|a, b| a.stratum == b.stratum) {
        let stratum = run[0].stratum;
        if cap != caps[stratum as usize] || bounds.is_empty() {
            cap = caps[stratum as usize];
            bounds = (0..levels).map(|level| cap::at_level(cap, level, levels).max(2)).collect();
        }
        let mut rank = 0;
        for (place, row) in run.iter().enumerate() {
            let is_same_key = by_key && place > 0 && run[place - 1].priority == row.priority;
            rank += u64::from(place > 0 && !is_same_key);
            let is_whole = whole.get(stratum as usize).is_some_and(|whole| *whole);
            f(at, rank, stratum, if is_whole { 0 } else { level_of(&bounds, rank) });
            at += 1;
        }
    }
}

/// The level of a rank; `bounds` are the ranks at which levels end.
fn level_of(bounds: &[u64], rank: u64) -> usize {
    bounds.partition_point(|bound| *bound <= rank).min(bounds.len() - 1)
}
