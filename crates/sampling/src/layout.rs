//! Assigns every kept row a level and a block.

use crate::merge::Kept;
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

/// Rows of one level in the order of strata and ranks, cut into blocks.
pub(crate) struct Level {
    pub(crate) rows: u64,
    pub(crate) blocks: Vec<Vec<Placed>>,
}

/// Level L holds the ranks below max(2, ⌈k / 2^(top−L)⌉) that the levels before it do not, k being the stratum's cap.
///
/// In a universe sample ranks are those of keys: the rows of a key share theirs, and with it level and block.
pub(crate) fn lay_out(rows: &[Kept], ranks: &Ranks<'_>) -> Vec<Level> {
    let mut sizes = vec![0_u64; usize::try_from(ranks.levels).unwrap_or(0)];
    for_each_rank(rows, ranks, |_, _, _, level| sizes[level] += 1);
    let mut cuts: Vec<Cut> = sizes.iter().map(|size| Cut::new(*size)).collect();
    for_each_rank(rows, ranks, |kept, rank, stratum, level| {
        let placed = Placed { kept, rank: u32::try_from(rank).unwrap_or(u32::MAX) };
        cuts[level].push(placed, stratum);
    });
    cuts.into_iter().zip(sizes).map(|(cut, rows)| Level { rows, blocks: cut.blocks }).collect()
}

/// A level while it is cut into blocks.
struct Cut {
    blocks: Vec<Vec<Placed>>,
    /// The rows that a block should have.
    block_rows: usize,
    /// Stratum and rank of the last row.
    last: Option<(u32, u32)>,
}

impl Cut {
    fn new(rows: u64) -> Self {
        let block_rows = match (rows / BLOCK_ROWS).min(BLOCKS_MAX) {
            0 | 1 => u64::MAX,
            blocks => rows.div_ceil(blocks),
        };
        Self { blocks: Vec::new(), block_rows: usize::try_from(block_rows).unwrap_or(usize::MAX), last: None }
    }

    /// Adds the next row. A block ends where it is full, and where a stratum ends when it is almost full, so that fewer strata have rows
    /// in two blocks.
    fn push(&mut self, placed: Placed, stratum: u32) {
        let held = self.blocks.last().map_or(usize::MAX, Vec::len);
        let is_next_stratum = self.last.is_some_and(|(last, _)| last != stratum);
        let is_next_rank = is_next_stratum || self.last.is_none_or(|(_, last)| last != placed.rank);
        if is_next_rank && held >= self.block_rows || is_next_stratum && held >= self.block_rows / 4 * 3 {
            self.blocks.push(Vec::new());
        }
        self.last = Some((stratum, placed.rank));
        if let Some(block) = self.blocks.last_mut() {
            block.push(placed);
        }
    }
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
