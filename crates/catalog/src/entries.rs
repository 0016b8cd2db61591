//! Entries of a manifest for the files of a generation, and for their parts.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The rows a level adds to the levels before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelEntry {
    /// Rows in all its blocks.
    pub rows: u64,
    /// Its blocks. The rows of each are in the order of strata and ranks; so are the blocks, save in samples of earlier versions.
    pub blocks: Vec<FileEntry>,
}

impl LevelEntry {
    /// The row groups of all blocks in order.
    pub fn row_groups(&self) -> impl Iterator<Item = &RowGroupEntry> {
        self.blocks.iter().flat_map(|block| &block.row_groups)
    }

    /// The numbers of the row groups that may hold a row of a stratum from `first` to `last` for which `may_hold(first, last)` is true.
    pub fn row_groups_with(&self, may_hold: impl Fn(u32, u32) -> bool) -> Vec<u32> {
        let holds = |group: &RowGroupEntry| group.strata.is_none_or(|(first, last)| may_hold(first, last));
        (0..).zip(self.row_groups()).filter(|(_, group)| holds(group)).map(|(number, _)| number).collect()
    }

    /// The ranges of the level's rows that some of its row groups hold, by ascending numbers.
    #[must_use]
    pub fn row_ranges(&self, groups: &[u32]) -> Vec<Range<u64>> {
        let mut found: Vec<Range<u64>> = Vec::with_capacity(groups.len());
        let (mut start, mut wanted) = (0, groups.iter().copied().peekable());
        for (number, group) in (0..).zip(self.row_groups()) {
            if wanted.next_if_eq(&number).is_some() {
                match found.last_mut().filter(|last| last.end == start) {
                    Some(last) => last.end += group.rows,
                    None => found.push(start..start + group.rows),
                }
            }
            start += group.rows;
        }
        found
    }
}

/// A Parquet file with its hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The name in the data folder.
    pub file: String,
    /// Rows in the file.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// blake3 of the whole file.
    pub blake3: String,
    /// Its row groups, in order.
    pub row_groups: Vec<RowGroupEntry>,
    /// xxh3 of everything outside the row groups (magic number and footer), in file order.
    pub frame_xxh3: u64,
}

/// A row group's place and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGroupEntry {
    /// Rows in the group.
    pub rows: u64,
    /// Offset of its first byte in the file, in bytes.
    pub start: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// xxh3 of those bytes.
    pub xxh3: u64,
    /// The first and the last stratum of its rows, where the file tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strata: Option<(u32, u32)>,
}

#[cfg(test)]
mod tests;
