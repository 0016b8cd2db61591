use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of files that the store remembers between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDefinition {
    /// The table's name.
    pub name: String,
    /// A file, a folder or a glob, absolute.
    pub location: String,
    /// How its files are read.
    pub format: FileFormat,
    /// Options that say how files are read: delimiter, header and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// A view that the store remembers between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewDefinition {
    /// The view's name.
    pub name: String,
    /// The statement that made it.
    pub sql: String,
}

/// Whether columns of a table are a key, found out by reading all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKey {
    /// The table's key in this store.
    pub table: String,
    /// The version of the table's data that was read.
    pub version: String,
    /// The columns, sorted by name.
    pub columns: Vec<String>,
    /// A key that several rows have, in words, and the number of these rows; `None` where no two rows agree in the columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<(String, u64)>,
    /// Whether there may be more such rows than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_more: bool,
}

/// The file formats that a table may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values, or values separated by something else.
    Csv,
    /// JSON objects, one per line or in an array.
    Ndjson,
    /// Arrow IPC files.
    Arrow,
}

impl FileFormat {
    /// Endings of the names of files, each with its format.
    pub const ENDINGS: [(&str, Self); 12] = [
        ("parquet", Self::Parquet),
        ("parq", Self::Parquet),
        ("pq", Self::Parquet),
        ("csv", Self::Csv),
        ("tsv", Self::Csv),
        ("ndjson", Self::Ndjson),
        ("jsonl", Self::Ndjson),
        ("json", Self::Ndjson),
        ("arrow", Self::Arrow),
        ("arrows", Self::Arrow),
        ("ipc", Self::Arrow),
        ("feather", Self::Arrow),
    ];

    /// The format of a file by its name's ending, if that is known; an ending of compression may follow where the format is text.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next()?;
        let inner = Compression::stripped(name);
        let extension = inner.rsplit_once('.')?.1;
        let known = Self::ENDINGS.iter().find(|(ending, _)| ending.eq_ignore_ascii_case(extension));
        known.map(|(_, format)| *format).filter(|format| inner.len() == name.len() || format.is_text())
    }

    /// Whether files of it are text, and may be compressed as a whole.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson)
    }
}

/// How a file is compressed as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
}

impl Compression {
    /// Endings of the names of compressed files.
    pub const ENDINGS: [(&str, Self); 4] =
        [("gz", Self::Gzip), ("zst", Self::Zstd), ("bz2", Self::Bzip2), ("xz", Self::Xz)];

    /// How a file is compressed, by its name.
    #[must_use]
    pub fn from_path(path: &str) -> Self {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let known = Self::ENDINGS.iter().find(|(ending, _)| ending.eq_ignore_ascii_case(extension));
        known.map_or(Self::None, |(_, compression)| *compression)
    }

    fn stripped(name: &str) -> &str {
        match (Self::from_path(name), name.rsplit_once('.')) {
            (Self::None, _) | (_, None) => name,
            (_, Some((inner, _))) => inner,
        }
    }
}
