//! CSV and TSV, unrounded.

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

/// Bytes that are collected before they are written.
const BLOCK_BYTES: usize = 1 << 16;

/// Writes rows with fields that are separated by a character. NULL is an empty field, an empty text a quoted one (RFC 4180).
pub(crate) fn print(sink: &mut dyn Write, batch: &RecordBatch, separator: u8, has_header: bool) -> io::Result<()> {
    let (schema, separator) = (batch.schema(), char::from(separator));
    let mut block = String::with_capacity(BLOCK_BYTES + 1024);
    if has_header {
        for (at, field) in schema.fields().iter().enumerate() {
            push_separator(&mut block, at, separator);
            let start = block.len();
            block.push_str(field.name());
            quote(&mut block, start, separator);
        }
        block.push('\n');
    }
    // Within lists and structs a NULL has to be told from an empty text.
    let options = FormatOptions::default().with_null("NULL").with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let plain: Vec<ArrayRef> = batch.columns().iter().map(with_texts_of_intervals).collect();
    let columns = plain.iter().map(|column| Column::new(column, &options));
    let columns = columns.collect::<Result<Vec<Column<'_>>, ArrowError>>().map_err(io::Error::other)?;
    for row in 0..batch.num_rows() {
        for (at, column) in columns.iter().enumerate() {
            push_separator(&mut block, at, separator);
            column.push(&mut block, row, separator)?;
        }
        block.push('\n');
        if block.len() >= BLOCK_BYTES {
            sink.write_all(block.as_bytes())?;
            block.clear();
        }
    }
    sink.write_all(block.as_bytes())
}

/// Intervals as texts; other columns as they are.
fn with_texts_of_intervals(column: &ArrayRef) -> ArrayRef {
    match plusminus_display::interval_texts(column) {
        Some(texts) => Arc::new(StringArray::from(texts)),
        None => Arc::clone(column),
    }
}

fn push_separator(block: &mut String, at: usize, separator: char) {
    if at > 0 {
        block.push(separator);
    }
}

/// A column that is written value by value.
struct Column<'a> {
    formatter: ArrayFormatter<'a>,
    nulls: Option<NullBuffer>,
    /// Whether values are such that they may need quotes.
    is_text: bool,
}

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        let data_type = array.data_type();
        Ok(Self {
            formatter: ArrayFormatter::try_new(array.as_ref(), options)?,
            // Some arrays, such as those of type Null, have NULLs without a bitmap.
            nulls: array.logical_nulls(),
            is_text: !data_type.is_numeric() && !data_type.is_temporal() && *data_type != DataType::Boolean,
        })
    }

    fn push(&self, block: &mut String, row: usize, separator: char) -> io::Result<()> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(());
        }
        let start = block.len();
        write!(block, "{}", self.formatter.value(row)).map_err(io::Error::other)?;
        // A number may hold the separator, where that is a point, say.
        if self.is_text || !matches!(separator, ',' | '\t' | ';' | '|') {
            quote(block, start, separator);
        }
        Ok(())
    }
}

/// Puts the field that begins at `start` into quotes where it needs them.
fn quote(block: &mut String, start: usize, separator: char) {
    let field = &block[start..];
    let is_special = |c: char| c == separator || matches!(c, '"' | '\n' | '\r');
    if field.is_empty() || field.contains(is_special) {
        let quoted = format!("\"{}\"", field.replace('"', "\"\""));
        block.truncate(start);
        block.push_str(&quoted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    #[test]
    fn fields_are_quoted_where_they_have_to_be() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a,b"), Some(""), None, Some("say \"x\"\n")]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-1), None, Some(2), Some(3)]));
        let batch = RecordBatch::try_from_iter_with_nullable([("a,", texts, true), ("n", numbers, true)]).unwrap();
        let mut out = Vec::new();
        print(&mut out, &batch, b',', true).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"a,\",n\n\"a,b\",-1\n\"\",\n,2\n\"say \"\"x\"\"\n\",3\n");
        let mut out = Vec::new();
        print(&mut out, &batch, b'-', false).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("a,b-\"-1\"\n"));
    }
}
