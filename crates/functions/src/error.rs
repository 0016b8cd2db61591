//! Errors that know the next step, carried through DataFusion's.

use datafusion::error::DataFusionError;

/// A failure with its next step. [`DataFusionError::External`] carries it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}\nTry: {next}")]
pub struct Failure {
    /// The failure, in the user's words.
    pub what: String,
    /// What to do about it.
    pub next: String,
    /// Whether the statement is wrong, rather than the data.
    pub is_in_statement: bool,
}

impl Failure {
    /// Values do not fit: a number beyond its type, say.
    pub(crate) fn of_data(what: impl Into<String>, next: impl Into<String>) -> DataFusionError {
        let failure = Self { what: what.into(), next: next.into(), is_in_statement: false };
        DataFusionError::External(Box::new(failure))
    }

    /// The statement asks for something that is not there.
    pub fn of_statement(what: impl Into<String>, next: impl Into<String>) -> DataFusionError {
        let failure = Self { what: what.into(), next: next.into(), is_in_statement: true };
        DataFusionError::External(Box::new(failure))
    }
}
