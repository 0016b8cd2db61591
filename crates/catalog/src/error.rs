use std::path::{Path, PathBuf};

/// An error between the catalog and its storage.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A file is missing, cut short, altered, or not what its manifest says.
    #[error("{} is damaged: {what}\nTry: restore the file from a copy, or DROP SAMPLE and build it again", file.display())]
    Damaged {
        /// The file at fault.
        file: PathBuf,
        /// The part that does not match.
        what: String,
    },
    /// The folder holds other things and no store.
    #[error("{} is not a PlusMinus store: {what}\nTry: name a new or empty folder, or an existing store", folder.display())]
    NotAStore {
        /// The folder that was asked for.
        folder: PathBuf,
        /// Why it is not a store.
        what: String,
    },
    /// The store was written by a version this program cannot read.
    #[error("{} has format version {found}; this program reads versions {oldest} to {newest}\nTry: a matching version of PlusMinus", file.display())]
    Version {
        /// The file that carries the version.
        file: PathBuf,
        /// The version found.
        found: u32,
        /// The oldest version this program reads.
        oldest: u32,
        /// The newest version this program reads.
        newest: u32,
    },
    /// No family or table of that name.
    #[error("there is no {kind} named '{name}'{hint}\nTry: {next}")]
    NotFound {
        /// "sample" or "table".
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// Text such as "; the nearest is 'x'", or empty.
        hint: String,
        /// The suggested next step.
        next: &'static str,
    },
    /// A family of that name exists.
    #[error(
        "a sample named '{name}' exists already\nTry: CREATE OR REPLACE SAMPLE, CREATE SAMPLE IF NOT EXISTS, or another name"
    )]
    Exists {
        /// The name asked for.
        name: String,
    },
    /// Another process builds the same family now.
    #[error("sample '{name}' is being built by another process\nTry: wait until it ends, or build under another name")]
    Busy {
        /// The family's name.
        name: String,
    },
    /// A name that cannot be a folder.
    #[error("'{name}' cannot name a {kind}: {what}\nTry: letters, digits, '_' and '-', at most 128 of them")]
    Name {
        /// "sample" or "table".
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The reason why it is refused.
        what: &'static str,
    },
    /// The operating system refused.
    #[error("{}: {source}\nTry: check that the path exists, is writable and has room", file.display())]
    Io {
        /// The file or folder concerned.
        file: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Arrow or Parquet refused what this program handed over.
    #[error("{}: {what}\nTry: report this together with the statement that led here", file.display())]
    Encode {
        /// The file concerned.
        file: PathBuf,
        /// The library's message.
        what: String,
    },
}

impl CatalogError {
    /// An [`Io`](Self::Io) error at `file`.
    pub fn io(file: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { file: file.as_ref().to_path_buf(), source }
    }

    /// A [`Damaged`](Self::Damaged) error at `file`.
    pub fn damaged(file: impl AsRef<Path>, what: impl ToString) -> Self {
        Self::Damaged { file: file.as_ref().to_path_buf(), what: what.to_string() }
    }

    /// An [`Encode`](Self::Encode) error at `file`.
    pub fn encode(file: impl AsRef<Path>, what: impl ToString) -> Self {
        Self::Encode { file: file.as_ref().to_path_buf(), what: what.to_string() }
    }
}
