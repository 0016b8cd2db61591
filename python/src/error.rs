//! Errors by kind, each with its next step in the message.

use crate::answer::Answer;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt};
use pyo3::prelude::*;

create_exception!(plusminus, Error, PyException, "The base of all errors of PlusMinus.");
create_exception!(
    plusminus,
    SqlError,
    Error,
    "The statement cannot be read, is not supported, or contradicts the tables there are."
);
create_exception!(plusminus, DataError, Error, "Reading or computing failed.");
create_exception!(plusminus, StoreError, Error, "The store is damaged, or an operation on it failed.");
create_exception!(
    plusminus,
    BoundMissed,
    Error,
    "A bound was missed under ON MISS FAIL, or the time was up before there was an answer.\n\n`best` is the best answer there is, or None."
);

/// The Python exception of an error of the engine.
pub(crate) fn raised(py: Python<'_>, error: plusminus::Error) -> PyErr {
    use plusminus::Error as Kind;
    let text = error.to_string();
    match error {
        Kind::Syntax(_) | Kind::InStatement(_) | Kind::Unsupported { .. } | Kind::Invalid { .. } => {
            SqlError::new_err(text)
        }
        Kind::BoundMissed { answer, .. } => {
            let raised = BoundMissed::new_err(text);
            let best = answer.map(|answer| Answer::new(*answer));
            match raised.value(py).setattr("best", best) {
                Ok(()) => raised,
                Err(other) => other,
            }
        }
        Kind::DamagedStore(_) | Kind::Catalog(_) | Kind::Sampling(_) => StoreError::new_err(text),
        Kind::Data { .. } => DataError::new_err(text),
        Kind::Interrupted => PyKeyboardInterrupt::new_err(text),
    }
}
