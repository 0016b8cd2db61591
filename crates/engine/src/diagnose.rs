//! DataFusion's errors in this project's words: what is wrong, and the next step.

use crate::error::Error;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// How the error of a table that is not there begins; its name and a quote follow.
pub(crate) const NO_TABLE: &str = "there is no table named '";

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
        DataFusionError::External(inner) => Error::data(inner),
        other => Error::data(first_line(&other.to_string())),
    }
}

fn plan(what: &str) -> Error {
    let what = first_line(what);
    if let Some(table) = what.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        let name = table.strip_prefix("datafusion.public.").unwrap_or(table);
        if name.contains('/') || plusminus_catalog::FileFormat::from_path(name).is_some() {
            return Error::invalid(
                format!("there is no file '{name}'"),
                "check the path; it is read from the current folder on",
            );
        }
        return Error::invalid(
            format!("{NO_TABLE}{name}'"),
            "SHOW TABLES lists what there is; --table NAME=PATH names a file, FROM 'file.parquet' reads one",
        );
    }
    Error::invalid(what, "check the names and types in the statement")
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
