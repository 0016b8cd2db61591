//! Errors while the table is written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use datafusion::parquet::errors::ParquetError;

/// Why the demonstration table could not be written.
#[derive(Debug)]
pub(crate) enum GenerateError {
    /// A file or folder could not be created, listed or renamed.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A part could not be encoded or written.
    Parquet {
        /// The part.
        path: PathBuf,
        /// The error of the Parquet writer.
        source: ParquetError,
    },
    /// The folder holds a part that this table would not replace.
    Leftover {
        /// The part that would stay behind.
        path: PathBuf,
    },
    /// A writing thread ended without a result.
    Worker,
}

impl GenerateError {
    /// Names the path that an input or output error belongs to.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }

    /// Names the part that a Parquet error belongs to.
    pub(super) fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Self {
        move |source| Self::Parquet { path: path.to_path_buf(), source }
    }
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => {
                write!(f, "{}: {source}; check that the folder may be written and has room", path.display())
            }
            Self::Parquet { path, source } => {
                write!(f, "{}: {source}; check that the disk has room and try again", path.display())
            }
            Self::Leftover { path } => {
                write!(f, "{} belongs to a larger table; remove it or choose an empty folder", path.display())
            }
            Self::Worker => write!(f, "a writing thread stopped early; try again with one thread"),
        }
    }
}

impl std::error::Error for GenerateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Parquet { source, .. } => Some(source),
            Self::Leftover { .. } | Self::Worker => None,
        }
    }
}
