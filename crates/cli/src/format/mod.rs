//! Answers as text.

mod cells;
mod csv;
mod json;
mod number;
mod table;

use crate::args::Global;
use crate::failure::Failure;
use clap::ValueEnum;
use plusminus::Answer;
use std::io::{self, Write};

pub(crate) use table::{aligned, exact_texts, grouped, inline_texts, plain_texts, ruled};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
    /// One document per statement
    Json,
    /// One object per row (not supported yet)
    Ndjson,
    /// A table for documents (not supported yet)
    Markdown,
    /// Arrow IPC (not supported yet)
    Arrow,
    /// Apache Parquet (not supported yet)
    Parquet,
}

/// How intervals are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Errors {
    /// Into the numbers
    Inline,
    /// Into columns of their own
    Columns,
    /// Nowhere
    None,
}

/// Format and intervals together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) format: Format,
    pub(crate) errors: Errors,
    pub(crate) quiet: bool,
}

impl Style {
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        let default = if global.format == Format::Table { Errors::Inline } else { Errors::None };
        match global.format {
            Format::Table | Format::Csv | Format::Tsv | Format::Json => {}
            _ => {
                return Err(Failure::unsupported(
                    "this format is not supported yet",
                    "--format table, csv, tsv or json",
                ));
            }
        }
        Ok(Self { format: global.format, errors: global.errors.unwrap_or(default), quiet: global.quiet })
    }
}

/// Prints `answer`.
pub(crate) fn print(sink: &mut dyn Write, answer: &Answer, style: &Style) -> io::Result<()> {
    match style.format {
        Format::Csv => csv::print(sink, answer, style.errors, b','),
        Format::Tsv => csv::print(sink, answer, style.errors, b'\t'),
        Format::Json => json::print(sink, answer),
        _ => table::print(sink, answer, style),
    }
}
