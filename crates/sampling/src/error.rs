use datafusion::error::DataFusionError;
use plusminus_catalog::CatalogError;
use plusminus_files::FileError;

/// An error while a sample is drawn.
#[derive(Debug, thiserror::Error)]
pub enum SamplingError {
    /// The request cannot be met as it stands.
    #[error("{what}\nTry: {next}")]
    Request {
        /// The problem.
        what: String,
        /// The suggested next step.
        next: String,
    },
    /// The sample would not fit in memory while it is built.
    #[error(
        "building this sample needs more than the {limit_mib} MiB of memory allowed\nTry: a smaller CAP or SIZE, or a larger --memory"
    )]
    Memory {
        /// The limit in MiB.
        limit_mib: u64,
    },
    /// The table could not be read.
    #[error("the table could not be read: {0}\nTry: run SELECT COUNT(*) on it to see whether it can be scanned at all")]
    Table(#[from] DataFusionError),
    /// The sample could not be written.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl SamplingError {
    pub(crate) fn request(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Request { what: what.into(), next: next.into() }
    }
}

impl From<FileError> for SamplingError {
    fn from(error: FileError) -> Self {
        Self::Request { what: error.what, next: error.next }
    }
}

impl From<arrow::error::ArrowError> for SamplingError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Table(error.into())
    }
}

impl From<parquet::errors::ParquetError> for SamplingError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Table(error.into())
    }
}

impl From<object_store::Error> for SamplingError {
    fn from(error: object_store::Error) -> Self {
        Self::Table(error.into())
    }
}
