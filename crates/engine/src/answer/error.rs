use datafusion::error::DataFusionError;
use plusminus_catalog::CatalogError;
use plusminus_dialect::SyntaxError;
use plusminus_files::FileError;
use plusminus_sampling::SamplingError;

/// Errors of statements. Every message ends with a next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a statement.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The statement is understood but not supported.
    #[error("{what}\nTry: {next}")]
    Unsupported {
        /// Description of the unsupported feature.
        what: String,
        /// Alternative to try.
        next: String,
    },
    /// The statement contradicts the tables, columns or settings there are.
    #[error("{what}\nTry: {next}")]
    Invalid {
        /// Description of the contradiction.
        what: String,
        /// Suggested next step.
        next: String,
    },
    /// The statement contradicts the tables, columns or settings there are, at a known place of its text.
    #[error(transparent)]
    InStatement(SyntaxError),
    /// A bound was missed and the statement asks to fail then, or the time was up before there was an answer.
    #[error("{what}\nTry: {next}")]
    BoundMissed {
        /// Which bound was missed, and by how much.
        what: String,
        /// Suggested next step.
        next: String,
        /// The best answer there is.
        answer: Option<Box<super::Answer>>,
    },
    /// A file of the store is damaged or of another version.
    #[error(transparent)]
    DamagedStore(CatalogError),
    /// An operation on the store failed.
    #[error(transparent)]
    Catalog(CatalogError),
    /// The sample could not be built.
    #[error(transparent)]
    Sampling(SamplingError),
    /// Reading or computing failed.
    #[error("{what}\nTry: {next}")]
    Data {
        /// Description of the failure.
        what: String,
        /// Suggested next step.
        next: String,
    },
    /// The statement was interrupted before it had an answer.
    #[error("interrupted\nTry: the statement again, or WITHIN a time that suits you")]
    Interrupted,
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn unsupported(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), next: next.into() }
    }

    pub(crate) fn invalid(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), next: next.into() }
    }

    pub(crate) fn data(what: impl ToString) -> Self {
        Self::Data { what: what.to_string(), next: "check the expression and the data it names".into() }
    }

    /// The exit status of a command that ends with this error.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BoundMissed { .. } => 3,
            Self::DamagedStore(_) => 4,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

impl From<CatalogError> for Error {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Damaged { .. } | CatalogError::Version { .. } => Self::DamagedStore(error),
            _ => Self::Catalog(error),
        }
    }
}

impl From<SamplingError> for Error {
    fn from(error: SamplingError) -> Self {
        match error {
            SamplingError::Catalog(error) => error.into(),
            other => Self::Sampling(other),
        }
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        super::diagnose::of_file(error)
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        super::diagnose::data_fusion(&error)
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::data(error)
    }
}
