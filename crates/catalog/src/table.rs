use serde::{Deserialize, Serialize};

/// A table of files that the store remembers between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDefinition {
    /// The table's name.
    pub name: String,
    /// A file, a folder or a glob, absolute.
    pub location: String,
    /// How its files are read.
    pub format: FileFormat,
}

/// The file formats that a table may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// Arrow IPC files.
    Arrow,
}

impl FileFormat {
    /// What names of files end with, and the format it tells.
    pub const ENDINGS: [(&str, Self); 10] = [
        ("parquet", Self::Parquet),
        ("parq", Self::Parquet),
        ("pq", Self::Parquet),
        ("csv", Self::Csv),
        ("ndjson", Self::Ndjson),
        ("jsonl", Self::Ndjson),
        ("json", Self::Ndjson),
        ("arrow", Self::Arrow),
        ("ipc", Self::Arrow),
        ("feather", Self::Arrow),
    ];

    /// The format that a file's name tells, if it does.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let extension = path.rsplit(['/', '\\']).next()?.rsplit_once('.')?.1;
        Self::ENDINGS.iter().find(|(ending, _)| ending.eq_ignore_ascii_case(extension)).map(|(_, format)| *format)
    }
}
