//! Translates DataFusion's errors into this crate's, each with a next step.

use super::error::Error;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use plusminus_catalog::FileFormat;
use plusminus_files::FileError;
use plusminus_functions::Failure;

pub(crate) fn data_fusion(error: &DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::SchemaError(inner, _) => schema(inner),
        DataFusionError::ResourcesExhausted(what) => Error::Data {
            what: format!("out of memory: {}", first_line(what)),
            next: "raise --memory, or ask for fewer columns or groups".into(),
        },
        DataFusionError::SQL(parser, _) => {
            Error::invalid(format!("the SQL cannot be parsed: {parser}"), "check the text near that place")
        }
        DataFusionError::Plan(what) | DataFusionError::Configuration(what) => plan(what),
        DataFusionError::NotImplemented(what) => Error::unsupported(
            format!("not supported by DataFusion: {}", first_line(what)),
            "write the query in another way",
        ),
        DataFusionError::External(inner) => match inner.downcast_ref::<FileError>() {
            Some(error) => error.clone().into(),
            None => match inner.downcast_ref::<Failure>() {
                Some(Failure { what, next, is_in_statement: true }) => Error::invalid(what, next),
                Some(Failure { what, next, is_in_statement: false }) => {
                    Error::Data { what: what.clone(), next: next.clone() }
                }
                None => Error::data(inner),
            },
        },
        DataFusionError::Execution(what) if !what.contains("Overflow happened on") => Error::data(first_line(what)),
        other => match other.to_string() {
            text if text.contains("Overflow happened on") => overflow(&text),
            text if mismatch(&text).is_some() => mismatch(&text).unwrap_or_else(|| Error::data(first_line(&text))),
            text => Error::data(first_line(&text)),
        },
    }
}

/// The error for arithmetic that overflows its type.
fn overflow(text: &str) -> Error {
    let what = text.split_once("Overflow happened on: ").map_or(text, |(_, what)| what);
    Error::Data {
        what: format!("a whole number is beyond its type: {}", first_line(what)),
        next: "CAST one side AS DOUBLE or AS DECIMAL(38, 0)".to_owned(),
    }
}

/// The error "sum takes no Boolean", from a message about a function none of whose signatures fit.
fn mismatch(what: &str) -> Option<Error> {
    let (_, rest) = what.split_once("Function '").filter(|_| what.contains("failed to match any signature"))?;
    let (function, rest) = rest.split_once('\'')?;
    let (_, rest) = rest.split_once("but received ")?;
    let received = rest.split([' ', ',', '.']).next()?;
    let next = "CAST the argument to a type that it takes, or write the expression in another way";
    Some(Error::invalid(format!("{function} takes no {received} there"), next))
}

fn plan(what: &str) -> Error {
    if let Some(error) = mismatch(what) {
        return error;
    }
    let what = first_line(what);
    if let Some(name) = missing(&what) {
        if name.contains('/') || FileFormat::from_path(name).is_some() {
            return Error::invalid(
                format!("there is no file '{name}'"),
                "check the path; it is read from the current folder on",
            );
        }
        if std::path::Path::new(name).is_file() {
            return Error::invalid(
                format!("the ending of '{name}' does not say how the file is read"),
                format!(
                    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{name}' reads it as CSV (PARQUET, JSON and ARROW likewise)"
                ),
            );
        }
        return match misspelt_file(name) {
            Some(meant) => {
                Error::invalid(format!("there is no table or file '{name}'"), format!("did you mean '{meant}'?"))
            }
            None => Error::no_table(name, &[]),
        };
    }
    Error::invalid(what, "check the names and types in the statement")
}

/// The file name with the extension that it nearly has.
fn misspelt_file(name: &str) -> Option<String> {
    // With a catalog in front the name is a table of some schema.
    let (stem, ending) = name.rsplit_once('.').filter(|_| !name.starts_with("datafusion."))?;
    let meant = plusminus_dialect::nearest(ending, FileFormat::ENDINGS.iter().map(|(ending, _)| *ending))?;
    Some(format!("{stem}.{meant}"))
}

/// The table that a message of DataFusion says is missing.
fn missing(what: &str) -> Option<&str> {
    let table = what.strip_prefix("table '")?.strip_suffix("' not found")?;
    Some(table.strip_prefix("datafusion.public.").unwrap_or(table))
}

/// Translates an error like [`data_fusion`], and suggests the nearest of `tables` for a missing one.
pub(crate) fn with_tables(error: &DataFusionError, tables: &[String]) -> Error {
    match error.find_root() {
        DataFusionError::Plan(what) => match missing(&first_line(what)) {
            Some(name) if nearest(name, tables).is_some() => Error::no_table(name, tables),
            _ => data_fusion(error),
        },
        _ => data_fusion(error),
    }
}

fn nearest<'a>(name: &str, tables: &'a [String]) -> Option<&'a str> {
    plusminus_dialect::nearest(name, tables.iter().map(String::as_str))
}

fn schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
            let next = match plusminus_dialect::nearest(&field.name, names.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None if names.is_empty() => "name a table in FROM".to_owned(),
                None => format!("one of: {}", names.join(", ")),
            };
            Error::invalid(format!("there is no column named '{}'", field.name), next)
        }
        other => Error::invalid(first_line(&other.to_string()), "check the names in the statement"),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
