//! The formats that answers are written in.

mod arrow_file;
mod cells;
mod csv;
mod json;
mod ndjson;

pub(crate) use arrow_file::FileWriter;

use crate::args::Global;
use crate::failure::Failure;
use clap::ValueEnum;
use plusminus::{Answer, ErrorColumns};
use plusminus_display::{Errors, Expanded, Paint, View};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// How answers are written.
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
    /// One object per row
    Ndjson,
    /// A table for documents
    Markdown,
    /// Arrow IPC file
    Arrow,
    /// Apache Parquet
    Parquet,
}

impl Format {
    /// The format that the ending of a file's name stands for.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_lowercase();
        Some(match ending.as_str() {
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "md" | "markdown" => Self::Markdown,
            "arrow" | "feather" | "ipc" => Self::Arrow,
            "parquet" => Self::Parquet,
            "txt" => Self::Table,
            _ => return None,
        })
    }

    /// Whether the format is for programs that read bytes.
    pub(crate) fn is_binary(self) -> bool {
        matches!(self, Self::Arrow | Self::Parquet)
    }

    fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Markdown)
    }
}

/// Format, intervals and the screen together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// As stated; `None` for what the format usually has.
    errors: Option<Errors>,
    pub(crate) view: View,
    pub(crate) quiet: bool,
}

impl Style {
    /// The style that the options ask for; `screen` is the width of the terminal that answers go to, if any.
    pub(crate) fn new(global: &Global, screen: Option<usize>) -> Result<Self, Failure> {
        let of_file = || global.output.as_deref().and_then(Format::of_file);
        let format = global.format.or_else(of_file).unwrap_or(Format::Table);
        if global.errors == Some(Errors::Inline) && !format.is_for_people() {
            return Err(Failure::usage("--errors inline is for tables and Markdown; --errors columns for this format"));
        }
        let errors = global.errors.unwrap_or(Errors::Inline);
        let paint = Paint::new(global.color.is_on(screen.is_some()));
        let view = View { width: screen, errors, paint, expanded: Expanded::Auto };
        Ok(Self { format, errors: global.errors, view, quiet: global.quiet })
    }

    /// The style of a file in this format.
    pub(crate) fn for_file(&self, format: Format) -> Self {
        let view = View { width: None, paint: Paint::OFF, expanded: Expanded::Never, ..self.view };
        Self { format, view, ..*self }
    }

    pub(crate) fn set_errors(&mut self, errors: Errors) {
        (self.errors, self.view.errors) = (Some(errors), errors);
    }

    fn error_columns(&self) -> ErrorColumns {
        match self.errors {
            Some(Errors::Columns) => ErrorColumns::Always,
            Some(Errors::None) => ErrorColumns::Never,
            Some(Errors::Inline) | None => ErrorColumns::WhereEstimated,
        }
    }
}

/// The terminal's width, where stdout is one.
pub(crate) fn screen() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    io::stdout().is_terminal().then_some(usize::from(width.0).max(20))
}

/// Writes `answer` in a text format.
pub(crate) fn print(sink: &mut dyn Write, answer: &Answer, style: &Style) -> io::Result<()> {
    // Statements that only do something have no rows for programs; JSON has a document for each.
    if !style.format.is_for_people() && style.format != Format::Json && is_silent(answer) {
        return Ok(());
    }
    let flat = || answer.flat(style.error_columns()).map_err(io::Error::other);
    match style.format {
        Format::Csv => csv::print(sink, &flat()?, b','),
        Format::Tsv => csv::print(sink, &flat()?, b'\t'),
        Format::Json => json::print(sink, answer),
        Format::Ndjson => ndjson::print(sink, &flat()?),
        Format::Markdown => sink.write_all(plusminus_display::markdown(answer, &style.view, !style.quiet).as_bytes()),
        Format::Table | Format::Arrow | Format::Parquet => sink.write_all(table(answer, style).as_bytes()),
    }
}

/// Whether an answer is no more than the message that a statement was done.
fn is_silent(answer: &Answer) -> bool {
    let is_message = matches!(answer.columns(), [only] if only.name == "status");
    !answer.is_query() && (answer.columns().is_empty() || is_message)
}

/// Writes `answer` into a binary file.
pub(crate) fn write_binary(writer: &mut FileWriter, answer: &Answer, style: &Style) -> io::Result<()> {
    writer.write(&answer.flat(style.error_columns()).map_err(io::Error::other)?)
}

/// The table of an answer, with its footer.
pub(crate) fn table(answer: &Answer, style: &Style) -> String {
    match style.quiet {
        true => plusminus_display::rows(answer, &style.view),
        false => plusminus_display::text(answer, &style.view),
    }
}
