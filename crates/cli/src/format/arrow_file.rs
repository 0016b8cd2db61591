//! Answers as Arrow IPC and Parquet files.

use super::Format;
use arrow::datatypes::SchemaRef;
use arrow::ipc;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use std::io::{self, Write};

/// Writes the rows of one or more answers with the same columns into one file.
pub(crate) struct FileWriter {
    format: Format,
    sink: Option<Box<dyn Write + Send>>,
    /// The file under way, with its columns.
    open: Option<(SchemaRef, Open)>,
}

enum Open {
    Arrow(Box<ipc::writer::FileWriter<Box<dyn Write + Send>>>),
    Parquet(Box<ArrowWriter<Box<dyn Write + Send>>>),
}

impl FileWriter {
    pub(crate) fn new(format: Format, sink: Box<dyn Write + Send>) -> Self {
        Self { format, sink: Some(sink), open: None }
    }

    /// Appends rows; the first ones decide the columns.
    ///
    /// # Errors
    /// When the columns are others than those before, or the sink fails.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let (schema, open) = match &mut self.open {
            Some(open) => open,
            none => none.insert((batch.schema(), open(self.format, self.sink.take(), &batch.schema())?)),
        };
        if schema.fields() != batch.schema().fields() {
            return Err(io::Error::other(
                "a file has the columns of one statement; give each statement a file of its own",
            ));
        }
        match open {
            Open::Arrow(writer) => writer.write(batch).map_err(io::Error::other),
            Open::Parquet(writer) => writer.write(batch).map_err(io::Error::other),
        }
    }

    /// Writes what ends the file, if anything was written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self.open.take() {
            None => Ok(()),
            Some((_, Open::Arrow(mut writer))) => {
                writer.finish().map_err(io::Error::other)?;
                writer.into_inner().map_err(io::Error::other)?.flush()
            }
            Some((_, Open::Parquet(writer))) => writer.into_inner().map_err(io::Error::other)?.flush(),
        }
    }
}

fn open(format: Format, sink: Option<Box<dyn Write + Send>>, schema: &SchemaRef) -> io::Result<Open> {
    let sink = sink.ok_or_else(|| io::Error::other("the file was written already"))?;
    Ok(match format {
        Format::Parquet => Open::Parquet(Box::new(
            ArrowWriter::try_new(sink, std::sync::Arc::clone(schema), None).map_err(io::Error::other)?,
        )),
        _ => Open::Arrow(Box::new(ipc::writer::FileWriter::try_new(sink, schema).map_err(io::Error::other)?)),
    })
}
