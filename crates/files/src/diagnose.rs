//! Finds the file of a table that cannot be read, and the place in it, once a query has failed.

use crate::error::{FileError, caught};
use crate::file::local_path;
use crate::layout::{Kind, reader};
use crate::options::HINT;
use crate::sniff::Dialect;
use crate::table::{FilePart, FileTable};
use arrow::csv::ReaderBuilder;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use datafusion::catalog::Session;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plusminus_catalog::Compression;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

/// Reads the table's files one after the other, and returns the error of the first that cannot be read: file, line and column.
///
/// It takes as long as reading the table by one thread, and is meant for queries that failed anyway.
pub async fn find_fault(table: &FileTable, state: &dyn Session) -> Option<FileError> {
    let parts = match table.parts(state).await {
        Ok(parts) => parts,
        Err(error) => return Some(error),
    };
    for part in parts {
        let path = local_path(&part.file.object_meta.location);
        let schema = table.physical_schema(&part);
        let read = tokio::task::spawn_blocking(move || caught(&path, || read(&path, &part, &schema)));
        if let Ok(Err(error)) = read.await {
            return Some(error);
        }
    }
    None
}

fn read(path: &Path, part: &FilePart, schema: &Arc<Schema>) -> Result<(), FileError> {
    match part.kind() {
        Kind::Parquet => parquet(path),
        Kind::Arrow => arrow(path),
        // Arrow's own reader knows no arrays.
        Kind::Json { is_array: true, .. } => Ok(()),
        Kind::Json { compression, .. } => ndjson(path, *compression, schema),
        Kind::Csv { compression, dialect, .. } => {
            let mut builder = ReaderBuilder::new(Arc::clone(schema))
                .with_header(dialect.has_header)
                .with_delimiter(dialect.delimiter)
                .with_quote(dialect.quote);
            if let Some(escape) = dialect.escape {
                builder = builder.with_escape(escape);
            }
            if let Some(comment) = dialect.comment {
                builder = builder.with_comment(comment);
            }
            let bytes = reader(path, *compression)?;
            let rows = builder.build_buffered(BufReader::new(bytes)).map_err(|e| FileError::of_file(path, e, HINT))?;
            for batch in rows {
                batch.map_err(|e| csv_fault(path, schema, &e, &|row| line_of(path, *compression, dialect, row)))?;
            }
            Ok(())
        }
    }
}

/// The error of Arrow's CSV reader, with the column's name in the place of its number.
fn csv_fault(path: &Path, schema: &Schema, error: &ArrowError, line: &dyn Fn(usize) -> Option<u64>) -> FileError {
    let text = error.to_string();
    let between = |from: &str, to: &str| {
        let rest = text.split_once(from)?.1;
        Some(rest.split_once(to)?.0.to_owned())
    };
    let cell = between("parsing value '", "' as type");
    let column = between("for column ", " at line").and_then(|at| at.parse::<usize>().ok());
    // Arrow counts rows, the header being number 0.
    let line = between(" at line ", ".").and_then(|row| line(row.parse().ok()?));
    match (cell, column, line) {
        (Some(cell), Some(column), Some(line)) if column < schema.fields().len() => {
            let field = schema.field(column);
            FileError::new(
                format!(
                    "{}, line {line}: '{cell}' in column '{}' is no {}",
                    path.display(),
                    field.name(),
                    field.data_type()
                ),
                "OPTIONS ('null' '…') if it stands for NULL, ('sample_rows' '-1') to find the type by all rows, or ('all_text' \
                 'true'), in CREATE EXTERNAL TABLE",
            )
        }
        _ => FileError::of_file(path, text, HINT),
    }
}

/// The line that a row of a CSV file begins in, counted from 1.
fn line_of(path: &Path, compression: Compression, dialect: &Dialect, row: usize) -> Option<u64> {
    let bytes = BufReader::new(reader(path, compression).ok()?);
    let mut rows = dialect.rows_of(bytes);
    let record = rows.byte_records().nth(row)?.ok()?;
    record.position().map(csv::Position::line)
}

fn ndjson(path: &Path, compression: Compression, schema: &Arc<Schema>) -> Result<(), FileError> {
    let bytes = BufReader::new(reader(path, compression)?);
    let rows = arrow::json::ReaderBuilder::new(Arc::clone(schema)).with_batch_size(1).build(bytes);
    let rows = rows.map_err(|e| FileError::broken(path, e))?;
    for (number, batch) in rows.enumerate() {
        batch.map_err(|e| {
            let what = format!("{}, record {}: {e}", path.display(), number + 1);
            FileError::new(what, "mend the record, or give the column one type in all records")
        })?;
    }
    Ok(())
}

fn parquet(path: &Path) -> Result<(), FileError> {
    let broken = |e: &dyn std::fmt::Display| FileError::broken(path, e);
    let file = File::open(path).map_err(|e| broken(&e))?;
    let rows = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    for batch in rows.map_err(|e| broken(&e))? {
        batch.map_err(|e| broken(&e))?;
    }
    Ok(())
}

fn arrow(path: &Path) -> Result<(), FileError> {
    let broken = |e: &dyn std::fmt::Display| FileError::broken(path, e);
    let file = File::open(path).map_err(|e| broken(&e))?;
    for batch in arrow::ipc::reader::FileReader::try_new(file, None).map_err(|e| broken(&e))? {
        batch.map_err(|e| broken(&e))?;
    }
    Ok(())
}
