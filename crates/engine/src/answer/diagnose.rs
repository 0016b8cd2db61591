//! Translates DataFusion's errors into this crate's, each with a next step.

use super::error::Error;
use arrow::error::ArrowError;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use plusminus_catalog::FileFormat;
use plusminus_files::FileError;
use plusminus_functions::Failure;

/// The error with SQL's names of types.
pub(crate) fn of_file(error: FileError) -> Error {
    Error::Data { what: sql_types_in(&error.what), next: error.next }
}

pub(crate) fn data_fusion(error: &DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::SchemaError(inner, _) => schema(inner),
        DataFusionError::ResourcesExhausted(what) => Error::Data {
            what: format!("out of memory: {}", first_line(what)),
            next: "raise --memory, or ask for fewer columns or groups".into(),
        },
        DataFusionError::SQL(parser, _) => {
            Error::invalid(format!("the SQL cannot be parsed: {parser}"), "correct the text at the marked place")
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
        DataFusionError::Execution(what) if !what.contains("Overflow happened on") => Error::data(plain_words(what)),
        DataFusionError::ArrowError(inner, _)
            if matches!(**inner, ArrowError::CastError(_) | ArrowError::ParseError(_)) =>
        {
            Error::Data {
                what: plain_words(&inner.to_string()),
                next: "TRY_CAST gives NULL where a text is no such value".to_owned(),
            }
        }
        other => match other.to_string() {
            text if text.contains("Overflow happened on") => overflow(&text),
            text if mismatch(&text).is_some() => mismatch(&text).unwrap_or_else(|| Error::data(plain_words(&text))),
            text => Error::data(plain_words(&text)),
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
    let received = match rest.split([' ', ',', '.']).next()? {
        "String" => "VARCHAR",
        other => other,
    };
    let next = "CAST the argument to a type that it takes, or write the expression in another way";
    Some(Error::invalid(format!("'{function}' takes no {} there", sql_types_in(received)), next))
}

fn plan(what: &str) -> Error {
    if let Some(error) = mismatch(what).or_else(|| no_function(what)).or_else(|| ungrouped(what)) {
        return error;
    }
    let what = first_line(what);
    if let Some(name) = missing(&what) {
        // A name with a dot in it and without quotes is read as schema.table.
        let unquoted = name.strip_prefix("datafusion.").unwrap_or(name);
        if std::path::Path::new(unquoted).exists() {
            let is_folder = std::path::Path::new(unquoted).is_dir() && !unquoted.contains('/');
            return Error::invalid(
                format!("there is no table named '{unquoted}', but a {}", if is_folder { "folder" } else { "file" }),
                format!("FROM '{unquoted}{}' reads it", if is_folder { "/" } else { "" }),
            );
        }
        let name = if FileFormat::from_path(unquoted).is_some() { unquoted } else { name };
        if name.contains('/') || FileFormat::from_path(name).is_some() {
            let next = match nearest_file(name) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "check the path; it is read from the current folder on".to_owned(),
            };
            return Error::invalid(format!("there is no file '{name}'"), next);
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
    Error::invalid(plain_words(&what), "check the names and types in the statement")
}

/// The file beside a missing one whose name is most like it.
fn nearest_file(name: &str) -> Option<String> {
    let path = std::path::Path::new(name);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let wanted = path.file_name()?.to_str()?;
    let there = std::fs::read_dir(folder.unwrap_or(std::path::Path::new("."))).ok()?;
    let mut names: Vec<String> = there.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    let near = plusminus_dialect::nearest(wanted, names.iter().map(String::as_str))?;
    Some(folder.map_or_else(|| near.to_owned(), |folder| folder.join(near).to_string_lossy().into_owned()))
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
            if let Some(error) = field.relation.as_ref().and_then(|table| unknown_alias(table.table(), valid_fields)) {
                return error;
            }
            let next = match plusminus_dialect::nearest(&field.name, names.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None if names.is_empty() => "name a table in FROM".to_owned(),
                None => format!("one of: {}", names.join(", ")),
            };
            Error::invalid(format!("there is no column named '{}'", field.name), next)
        }
        other => Error::invalid(plain_words(&other.to_string()), "check the names in the statement"),
    }
}

/// The error for `z.delay` where no table and no alias is called `z`.
fn unknown_alias(table: &str, valid_fields: &[Column]) -> Option<Error> {
    let mut tables: Vec<&str> =
        valid_fields.iter().filter_map(|field| field.relation.as_ref()).map(|r| r.table()).collect();
    tables.dedup();
    if tables.is_empty() || tables.contains(&table) {
        return None;
    }
    let next = match plusminus_dialect::nearest(table, tables.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("one of: {}", tables.join(", ")),
    };
    Some(Error::invalid(format!("there is no table or alias '{table}' in this query"), next))
}

/// The error for a function that does not exist, from a message that may suggest another.
fn no_function(what: &str) -> Option<Error> {
    let (_, rest) = what.split_once("Invalid function '")?;
    let (function, rest) = rest.split_once('\'')?;
    let near = rest.split_once("Did you mean '").and_then(|(_, rest)| rest.split_once('\'')).map(|(near, _)| near);
    let next = match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "SHOW FUNCTIONS lists them".to_owned(),
    };
    Some(Error::invalid(format!("there is no function named '{function}'"), next))
}

/// The first line of a message, without the names of libraries and with SQL's names of types.
fn plain_words(text: &str) -> String {
    let mut rest = text;
    for prefix in [
        "Arrow error: ",
        "Cast error: ",
        "Parser error: ",
        "Execution error: ",
        "Error during planning: ",
        "Compute error: ",
    ] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    sql_types_in(&first_line(rest))
}

/// The error for a column that is neither grouped by nor aggregated.
fn ungrouped(what: &str) -> Option<Error> {
    let (_, rest) = what.split_once("column \"").filter(|_| what.contains("must appear in the GROUP BY clause"))?;
    let column = rest.split('"').next()?;
    let name = column.rsplit('.').next().unwrap_or(column);
    Some(Error::invalid(
        format!("column '{name}' is neither in GROUP BY nor in an aggregate"),
        format!("GROUP BY {name}, GROUP BY ALL, or an aggregate such as MIN({name})"),
    ))
}

/// A message with SQL's names in the place of Arrow's names of types.
fn sql_types_in(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (word, mut behind) = word.split_at(end);
        shown.push_str(before);
        match arrow_type(word) {
            Some("TIMESTAMP") => {
                // Its unit and zone are no part of the name.
                if let Some((_, after)) = behind.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
                    behind = after;
                }
                shown.push_str("TIMESTAMP");
            }
            found => shown.push_str(found.unwrap_or(word)),
        }
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

fn arrow_type(word: &str) -> Option<&'static str> {
    Some(match word {
        "Boolean" => "BOOLEAN",
        "Int8" => "TINYINT",
        "Int16" => "SMALLINT",
        "Int32" => "INTEGER",
        "Int64" => "BIGINT",
        "UInt8" => "UTINYINT",
        "UInt16" => "USMALLINT",
        "UInt32" => "UINTEGER",
        "UInt64" => "UBIGINT",
        "Float16" | "Float32" => "FLOAT",
        "Float64" => "DOUBLE",
        "Utf8" | "LargeUtf8" | "Utf8View" => "VARCHAR",
        "Binary" | "LargeBinary" | "BinaryView" => "BLOB",
        "Date32" | "Date64" => "DATE",
        "Time32" | "Time64" => "TIME",
        "Timestamp" => "TIMESTAMP",
        "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => "DECIMAL",
        _ => return None,
    })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
