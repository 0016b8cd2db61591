//! Python values as parameters of a query.

use crate::error::SqlError;
use plusminus::Parameter;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

/// The parameter of a value: None, bool, int, float, or a text; dates, times and decimals are given by their texts.
pub(crate) fn parameter(value: &Bound<'_, PyAny>) -> PyResult<Parameter> {
    if value.is_none() {
        return Ok(None::<i64>.into());
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(value.extract::<bool>()?.into());
    }
    if value.is_instance_of::<PyInt>() {
        return match value.extract::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(SqlError::new_err(format!("{value} is beyond 64 bits\nTry: a float, or a text"))),
        };
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(value.extract::<f64>()?.into());
    }
    if value.is_instance_of::<PyString>() {
        return Ok(value.extract::<String>()?.into());
    }
    // NumPy's numbers and their like turn into Python's own.
    if let Ok(item) = value.call_method0("item") {
        return parameter(&item);
    }
    let kind = value.get_type().name()?.to_string();
    if ["date", "datetime", "time", "Timestamp", "Decimal", "UUID"].contains(&kind.as_str()) {
        return Ok(value.str()?.to_string().into());
    }
    Err(SqlError::new_err(format!(
        "a {kind} is no value for a parameter\nTry: None, bool, int, float, str, date or datetime"
    )))
}
