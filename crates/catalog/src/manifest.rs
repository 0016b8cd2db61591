use crate::entries::{FileEntry, LevelEntry};
use crate::joined::{JoinedColumn, JoinedColumns};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version that this program writes.
///
/// Version 2 brought universe samples, whose `__cap` and `__rank` are of keys. A tail did not raise it: a tail's strata are
/// strata like others, with their own N and k, and a program that knows nothing of tails weights them correctly.
/// Version 3 brought keys that every level of a universe sample holds whole, which version 2 thinned out like others.
/// Version 4 brought values far from the median, whose strata every level holds whole; version 5 thins them out like others.
pub const FORMAT_VERSION: u32 = 5;
/// The oldest version that this program reads.
pub const OLDEST_READABLE_VERSION: u32 = 1;

/// The entry among the options of a join of samples that has their names, with commas between them.
pub const JOINED_SAMPLES: &str = "samples";

/// One generation of one sample family: everything needed to use it and to check that it is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The layout's version, [`FORMAT_VERSION`] when written.
    pub format_version: u32,
    /// The family's name.
    pub name: String,
    /// Counts from 1; the highest one counts.
    pub generation: u64,
    /// The generation this one replaced.
    pub parent: Option<u64>,
    /// True for the tombstone of a dropped family; no other field matters then.
    #[serde(default)]
    pub dropped: bool,
    /// When the build ended, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// The folder beside the manifest that holds the files below.
    pub data_folder: String,
    /// The design of the sample.
    pub design: Design,
    /// The table that was sampled.
    pub base: BaseTable,
    /// The strata table.
    pub strata: FileEntry,
    /// The number of strata.
    pub strata_count: u64,
    /// Determined columns: they have one value in each stratum, and the strata table has them after those of φ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub determined: Vec<String>,
    /// The extremes of measures by value of the columns of few values; absent without any and in stores of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<FileEntry>,
    /// Levels from the smallest on; each holds only the rows that the ones before do not.
    pub levels: Vec<LevelEntry>,
    /// Moments of the numeric columns over the whole table.
    pub moments: Vec<ColumnMoments>,
    /// Numbers of distinct values of the columns that can be counted; empty in stores of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distinct: Vec<DistinctCount>,
    /// The keys that a universe sample keeps; absent in other samples and in stores of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeptKeys>,
    /// Whether the levels hold rows of a join, each of the table's rows once for every partner, so that counts of the table's rows are not
    /// theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats_rows: bool,
    /// Columns of other tables that are stored beside the levels; set where a query asks for them, never stored.
    #[serde(skip)]
    pub joined: Vec<Arc<JoinedColumns>>,
}

impl Manifest {
    /// Whether the stratum of a row decides its value of `column`.
    #[must_use]
    pub fn is_decided(&self, column: &str) -> bool {
        self.design.stratified_by.iter().chain(&self.determined).any(|decided| decided == column)
    }

    /// The name for people: that of the sample, or those of the samples that it is the join of, with commas between them.
    #[must_use]
    pub fn shown_name(&self) -> String {
        match self.base.options.get(JOINED_SAMPLES).filter(|_| self.repeats_rows) {
            Some(names) => {
                let mut all: Vec<&str> = names.split(',').collect();
                all.dedup();
                all.join(", ")
            }
            None => self.name.clone(),
        }
    }

    /// Whether every level holds the values far from the median whole.
    #[must_use]
    pub fn has_whole_classes(&self) -> bool {
        self.format_version == 4 && !self.design.classes.is_empty()
    }

    /// Rows held by levels up to and including each: one number per level, the lowest first.
    #[must_use]
    pub fn rows_by_level(&self) -> Vec<u64> {
        let add = |sum: &mut u64, rows: u64| {
            *sum += rows;
            Some(*sum)
        };
        self.levels.iter().map(|level| level.rows).scan(0, add).collect()
    }

    /// The number of rows held by all levels together.
    #[must_use]
    pub fn sampled_rows(&self) -> u64 {
        self.levels.iter().map(|l| l.rows).sum()
    }

    /// The number of bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let blocks = self.levels.iter().flat_map(|l| &l.blocks).map(|b| b.bytes);
        let values = self.values.as_ref().map_or(0, |values| values.bytes);
        self.strata.bytes + values + blocks.sum::<u64>()
    }

    /// The whole-table moments of `column`, if it is numeric.
    #[must_use]
    pub fn column_moments(&self, column: &str) -> Option<&ColumnMoments> {
        self.moments.iter().find(|m| m.column == column)
    }

    /// The columns of other tables among which `column` is, those of the most levels where there are several, and the column; `None` where
    /// none is stored under that name.
    #[must_use]
    pub fn joined_column(&self, column: &str) -> Option<(&Arc<JoinedColumns>, &JoinedColumn)> {
        let with = |joined: &'_ Arc<JoinedColumns>| joined.columns.iter().position(|own| own.name == column);
        let sets = self.joined.iter().filter_map(|joined| Some((joined, with(joined)?)));
        let (joined, at) = sets.max_by_key(|(joined, _)| joined.levels.len())?;
        Some((joined, &joined.columns[at]))
    }

    /// The number of levels, from the lowest on, that have a column or have it beside them.
    #[must_use]
    pub fn levels_with(&self, column: &str) -> usize {
        match self.joined_column(column) {
            Some((joined, _)) => joined.levels.len(),
            None if self.column_type(column).is_some() => self.levels.len(),
            None => 0,
        }
    }

    /// The Arrow type, as text, of a column of the levels or of one beside them; `None` where there is none of that name.
    #[must_use]
    pub fn column_type(&self, column: &str) -> Option<&str> {
        let own = self.base.columns.iter().chain(&self.base.joined).find(|own| own.name == column);
        let own = own.map(|own| own.data_type.as_str());
        own.or_else(|| self.joined_column(column).map(|(_, joined)| joined.data_type.as_str()))
    }

    /// How many distinct values `column` has, if that was counted.
    #[must_use]
    pub fn column_distinct(&self, column: &str) -> Option<&DistinctCount> {
        self.distinct.iter().find(|d| d.column == column)
    }
}

/// The design that a CREATE SAMPLE asked for, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// The sampled table's name.
    pub table: String,
    /// The column set φ; empty for a uniform sample.
    pub stratified_by: Vec<String>,
    /// The size as asked for.
    pub size: SampleSize,
    /// The largest number of rows (keys, of a universe sample) kept of one stratum outside the tail.
    pub cap: u64,
    /// The seed of the priorities.
    pub seed: u64,
    /// The columns whose largest values are kept whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
    /// The columns whose values farthest from the median are strata of their own, which all levels together hold whole; chosen by the
    /// build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The key column of a universe sample, which keeps all rows of a key or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub universe: Option<String>,
}

/// Prints the design in the words of CREATE SAMPLE, `uniform` without a stratification.
impl std::fmt::Display for Design {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.universe, self.stratified_by.is_empty()) {
            (Some(column), _) => write!(f, "UNIVERSE ON ({column})")?,
            (None, true) => f.write_str("uniform")?,
            (None, false) => write!(f, "STRATIFIED BY ({})", self.stratified_by.join(", "))?,
        }
        write!(f, " {}", self.size)?;
        if !self.tail.is_empty() {
            write!(f, " TAIL ({})", self.tail.join(", "))?;
        }
        write!(f, " SEED {}", self.seed)
    }
}

/// How large a sample is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleSize {
    /// At most so many rows of each stratum.
    Cap(u64),
    /// About so many rows in all.
    Rows(u64),
    /// About so many percent of the table's rows.
    Percent(f64),
}

impl std::fmt::Display for SampleSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cap(n) => write!(f, "CAP {n}"),
            Self::Rows(n) => write!(f, "SIZE {n} ROWS"),
            Self::Percent(p) => write!(f, "SIZE {p} %"),
        }
    }
}

/// The table as it was when it was sampled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseTable {
    /// Its number of rows.
    pub rows: u64,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its files, when it is made of files; comparing them detects that the sample is stale.
    pub files: Option<Vec<BaseFile>>,
    /// Options that say how its files are read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Columns that no sample can store; queries that name them run on the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Columns of other tables that the levels store behind the table's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Column>,
}

/// A column's name and Arrow type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The Arrow type as text, such as `Decimal128(15, 2)`.
    pub data_type: String,
}

/// A file of the sampled table, as a listing describes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BaseFile {
    /// The path in its object store.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its modification time in microseconds since 1970.
    pub modified_unix_us: i64,
    /// When the file or its entry was changed last, in microseconds since 1970, where the system reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_unix_us: Option<i64>,
    /// Its inode number in its file system, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// The file that the path leads to, where a symbolic link is part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl BaseFile {
    /// Whether `now` is the same file with the same content, as far as both listings show.
    #[must_use]
    pub fn is_same(&self, now: &Self) -> bool {
        let agree = |then: Option<i64>, now: Option<i64>| then.is_none() || now.is_none() || then == now;
        let inode = |file: &Self| file.inode.and_then(|number| i64::try_from(number).ok());
        // Programs that wrote no change time wrote no target either.
        let knows_target = self.changed_unix_us.is_some() && now.changed_unix_us.is_some();
        self.path == now.path
            && self.bytes == now.bytes
            && self.modified_unix_us == now.modified_unix_us
            && agree(self.changed_unix_us, now.changed_unix_us)
            && agree(inode(self), inode(now))
            && (!knows_target || self.target == now.target)
    }
}

/// Moments of a numeric column over its non-NULL values. Central sums are about the mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnMoments {
    /// The column's name.
    pub column: String,
    /// Non-NULL values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Σ(y−mean)².
    pub m2: f64,
    /// Σ(y−mean)³.
    pub m3: f64,
    /// Σ(y−mean)⁴.
    pub m4: f64,
    /// The smallest value, if there is one.
    pub min: Option<f64>,
    /// The largest value, if there is one.
    pub max: Option<f64>,
}

/// The keys of a universe sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptKeys {
    /// Keys are kept whose priority, a hash of their value and the seed, is at most this.
    pub threshold: u64,
    /// The table's keys that are not heavy, kept or not.
    pub others: u64,
    /// Keys with very many rows, which are kept whatever their hash.
    pub heavy: Vec<HeavyKey>,
    /// Estimates of known totals of the table, compared with the truth.
    pub checks: Vec<KeyCheck>,
}

/// A key with very many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeavyKey {
    /// Its priority.
    pub priority: u64,
    /// Its rows in the table.
    pub rows: u64,
}

/// The error of the estimate of a total that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyCheck {
    /// The column whose sum is estimated; `None` for the number of rows.
    pub column: Option<String>,
    /// The z-score (error of the estimate over its standard error), one per level, the lowest level first.
    pub z: Vec<f64>,
}

/// The number of distinct values of a column, NULL not counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistinctCount {
    /// The column's name.
    pub column: String,
    /// The count, exact when `relative_error` is 0.
    pub count: u64,
    /// The relative standard error of the count.
    pub relative_error: f64,
}
