//! Errors that carry the user's next step, within DataFusion's errors.

use datafusion::error::DataFusionError;

/// A failure with its next step. [`DataFusionError::External`] carries it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}\nTry: {next}")]
pub struct Failure {
    /// The failure, in the user's words.
    pub what: String,
    /// The next step, which may put it right.
    pub next: String,
    /// Whether the statement is wrong, rather than the data.
    pub is_in_statement: bool,
}

impl Failure {
    /// A failure of the data: values do not fit, such as a number beyond its type.
    pub(crate) fn of_data(what: impl Into<String>, next: impl Into<String>) -> DataFusionError {
        let failure = Self { what: what.into(), next: next.into(), is_in_statement: false };
        DataFusionError::External(Box::new(failure))
    }

    /// A failure of the statement: it asks for something that is not there.
    pub fn of_statement(what: impl Into<String>, next: impl Into<String>) -> DataFusionError {
        let failure = Self { what: what.into(), next: next.into(), is_in_statement: true };
        DataFusionError::External(Box::new(failure))
    }
}
