//! The native part of the Python package `plusminus`; what users hold is in `plusminus/*.py`.

mod answer;
mod error;
mod session;
mod values;
mod wait;

use pyo3::prelude::*;

#[pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use crate::answer::{Answer, Levels, Table};
    #[pymodule_export]
    use crate::error::{BoundMissed, DataError, Error, SqlError, StoreError};
    #[pymodule_export]
    use crate::session::Session;
}
