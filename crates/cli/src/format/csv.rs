//! CSV and TSV, unrounded.

use super::cells::texts;
use arrow::record_batch::RecordBatch;
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, batch: &RecordBatch, separator: u8, has_header: bool) -> io::Result<()> {
    let schema = batch.schema();
    if has_header {
        line(sink, separator, schema.fields().iter().map(|field| Some(field.name().as_str())))?;
    }
    let columns: Vec<Vec<Option<String>>> = batch.columns().iter().map(texts).collect();
    for row in 0..batch.num_rows() {
        line(sink, separator, columns.iter().map(|c| c[row].as_deref()))?;
    }
    Ok(())
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
