//! Python values as parameters of a query.

use crate::error::SqlError;
use plusminus::Parameter;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple};

/// The parameter of a value: None, bool, int, float, text, Decimal, date, datetime, time, timedelta, numbers of NumPy, or a list of such values
/// for `IN $1`.
pub(crate) fn parameter(value: &Bound<'_, PyAny>) -> PyResult<Parameter> {
    let kind = value.get_type().name()?.to_string();
    if value.is_none() || ["NAType", "NaTType"].contains(&kind.as_str()) {
        return Ok(None::<i64>.into());
    }
    if value.is_instance_of::<PyBool>() {
        return Ok(value.extract::<bool>()?.into());
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(match value.extract::<i64>() {
            Ok(number) => number.into(),
            Err(_) => Parameter::typed(&value.str()?.to_string(), "DECIMAL(38, 0)"),
        });
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(value.extract::<f64>()?.into());
    }
    if value.is_instance_of::<PyString>() {
        return Ok(value.extract::<String>()?.into());
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let all: PyResult<Vec<Parameter>> = value.try_iter()?.map(|own| parameter(&own?)).collect();
        return Ok(Parameter::list(all?));
    }
    let text = || Ok::<String, PyErr>(value.str()?.to_string());
    Ok(match kind.as_str() {
        "Decimal" => decimal(&text()?),
        "date" => Parameter::typed(&text()?, "DATE"),
        "datetime" | "Timestamp" | "datetime64" => Parameter::typed(&text()?.replace('T', " "), "TIMESTAMP"),
        "time" => Parameter::typed(&text()?, "TIME"),
        "timedelta" | "Timedelta" => {
            let seconds: f64 = value.call_method0("total_seconds")?.extract()?;
            Parameter::typed(&format!("{seconds} seconds"), "INTERVAL")
        }
        "UUID" => text()?.into(),
        // NumPy's numbers turn into Python's own.
        _ => match value.call_method0("item") {
            Ok(item) if !item.get_type().is(value.get_type()) => return parameter(&item),
            _ => {
                let next = "None, bool, int, float, str, Decimal, date, datetime, time, timedelta, or a list of them";
                return Err(SqlError::new_err(format!("a {kind} is no value for a parameter\nTry: {next}")));
            }
        },
    })
}

/// A decimal with the digits that it has.
fn decimal(text: &str) -> Parameter {
    let plain = text.trim_start_matches(['-', '+']);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let is_plain = plain.bytes().all(|digit| digit.is_ascii_digit() || digit == b'.');
    let digits = (whole.len() + fraction.len()).max(1);
    match is_plain && digits <= 38 {
        true => Parameter::typed(text, &format!("DECIMAL({digits}, {})", fraction.len())),
        // 1E+3, NaN and more digits than a decimal has.
        false => Parameter::typed(text, "DOUBLE"),
    }
}
