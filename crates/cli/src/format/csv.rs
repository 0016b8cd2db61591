//! CSV and TSV: unrounded, intervals as columns if asked for.

use super::Errors;
use super::cells::texts;
use super::json::trust_word;
use plusminus::{Answer, Role};
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer, errors: Errors, separator: u8) -> io::Result<()> {
    let mut names: Vec<String> = answer.columns().iter().map(|c| c.name.clone()).collect();
    let mut columns: Vec<Vec<Option<String>>> = answer.batch().columns().iter().map(texts).collect();
    if errors == Errors::Columns {
        for column in answer.columns() {
            let Some(bounds) = column.bounds.as_ref().filter(|_| column.role == Role::Estimate) else { continue };
            for (suffix, values) in [("lo", texts(&bounds.lower)), ("hi", texts(&bounds.upper))] {
                names.push(free_name(&names, &format!("{}_{suffix}", column.name)));
                columns.push(values);
            }
            names.push(free_name(&names, &format!("{}_trust", column.name)));
            columns.push(bounds.trust.iter().map(|t| Some(trust_word(*t).to_owned())).collect());
        }
    }
    line(sink, separator, names.iter().map(|n| Some(n.as_str())))?;
    for row in 0..answer.batch().num_rows() {
        line(sink, separator, columns.iter().map(|c| c[row].as_deref()))?;
    }
    Ok(())
}

/// `name`, or `name_2`, `name_3`, … when it is taken.
pub(crate) fn free_name(taken: &[String], name: &str) -> String {
    let candidates = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}_{n}")));
    candidates.into_iter().find(|c| !taken.contains(c)).unwrap_or_else(|| name.to_owned())
}

/// NULL is an empty field, an empty text a quoted one (RFC 4180).
fn line<'a>(sink: &mut dyn Write, separator: u8, fields: impl Iterator<Item = Option<&'a str>>) -> io::Result<()> {
    for (number, field) in fields.enumerate() {
        if number > 0 {
            sink.write_all(&[separator])?;
        }
        let Some(field) = field else { continue };
        let special = |c: char| c == char::from(separator) || matches!(c, '"' | '\n' | '\r');
        if field.is_empty() || field.contains(special) {
            write!(sink, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            sink.write_all(field.as_bytes())?;
        }
    }
    sink.write_all(b"\n")
}
