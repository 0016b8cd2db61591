use datafusion::error::DataFusionError;
use std::path::Path;

/// An error in the files of a table.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}\nTry: {next}")]
pub struct FileError {
    /// The problem, with the name of the file.
    pub what: String,
    /// The suggested next step.
    pub next: String,
    /// Whether the path leads to no file at all.
    pub is_absence: bool,
}

impl FileError {
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into(), is_absence: false }
    }

    /// An error of a path that leads to no file.
    pub(crate) fn absence(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { is_absence: true, ..Self::new(what, next) }
    }

    /// An error of one file.
    pub(crate) fn of_file(path: &Path, what: impl std::fmt::Display, next: impl Into<String>) -> Self {
        let what = what.to_string();
        Self::new(format!("{}: {}", path.display(), what.lines().next().unwrap_or_default()), next)
    }
}

impl From<FileError> for DataFusionError {
    fn from(error: FileError) -> Self {
        Self::External(Box::new(error))
    }
}

/// Runs `work` on a file; a panic of a dependency becomes an error with the file's name.
pub(crate) fn caught<T>(path: &Path, work: impl FnOnce() -> Result<T, FileError>) -> Result<T, FileError> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(FileError::broken(path, "its bytes make the reader fail")))
}

impl FileError {
    /// A file that cannot be read as what its name says.
    pub(crate) fn broken(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::of_file(
            path,
            format_args!("cannot be read: {what}"),
            "restore the file from a copy, or leave it out with a glob that does not match it",
        )
    }
}
