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
    /// Compact Markdown for language models
    #[value(skip)]
    Agent,
}

impl Format {
    /// The format that the ending of a file's name stands for.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        let name = file.to_str()?.to_lowercase();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        let Some(ending) = Path::new(plain).extension().and_then(|ending| ending.to_str()) else {
            // A device such as /dev/stdout has no ending.
            return file.metadata().is_ok_and(|there| !there.is_file()).then_some(Self::Table);
        };
        Some(match ending {
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
        matches!(self, Self::Table | Self::Markdown | Self::Agent)
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
    /// Whether CSV and TSV begin with the names of the columns.
    pub(crate) has_headers: bool,
}

impl Style {
    /// The style that the options ask for; `screen` is the width of the terminal that answers go to, if any.
    pub(crate) fn new(global: &Global, screen: Option<usize>) -> Result<Self, Failure> {
        let format = match (global.format, global.output.as_deref()) {
            (Some(format), _) => format,
            (None, None) if global.agent || is_read_by_agent(screen) => Format::Agent,
            (None, None) => Format::Table,
            (None, Some(file)) => Format::of_file(file).ok_or_else(|| unknown_ending(file))?,
        };
        if global.errors == Some(Errors::Inline) && !format.is_for_people() {
            return Err(Failure::usage("--errors inline is for tables and Markdown; --errors columns for this format"));
        }
        let errors = global.errors.unwrap_or(Errors::Inline);
        let paint = Paint::new(global.color.is_on(screen.is_some()));
        let view = View { width: screen, errors, paint, expanded: Expanded::Auto, ..View::default() };
        // A screen is read from its end; a file or a pipe has all rows.
        let view = if screen.is_some() { view } else { View { rows_max: usize::MAX, ..view } };
        Ok(Self { format, errors: global.errors, view, quiet: global.quiet, has_headers: true })
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

/// Variables that tools set in which a language model runs commands.
const AGENTS: [&str; 7] =
    ["AI_AGENT", "AGENT", "CLAUDECODE", "CURSOR_AGENT", "GEMINI_CLI", "CODEX_SANDBOX", "COPILOT_AGENT"];

/// Whether a language model reads what is written: one of their variables is set, and stdout is no terminal.
fn is_read_by_agent(screen: Option<usize>) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    screen.is_none() && !io::stdout().is_terminal() && AGENTS.iter().any(|name| is_set(name))
}

/// The failure for a file whose ending stands for no format.
pub(crate) fn unknown_ending(file: &Path) -> Failure {
    let what = format!("the ending of '{}' stands for no format", file.display());
    Failure::setting(what, "csv, tsv, json, ndjson, md, arrow, parquet or txt (csv.gz too), or --format csv -o FILE")
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
        Format::Csv => csv::print(sink, &flat()?, b',', style.has_headers),
        Format::Tsv => csv::print(sink, &flat()?, b'\t', style.has_headers),
        Format::Json => json::print(sink, answer),
        Format::Ndjson => ndjson::print(sink, &flat()?),
        Format::Markdown => sink.write_all(plusminus_display::markdown(answer, &style.view, !style.quiet).as_bytes()),
        Format::Agent => sink.write_all(plusminus_display::agent(answer).as_bytes()),
        Format::Table | Format::Arrow | Format::Parquet => sink.write_all(table(answer, style).as_bytes()),
    }
}

/// Writes `answer` as text whose fields are separated by a character.
pub(crate) fn print_separated(
    sink: &mut dyn Write,
    answer: &Answer,
    style: &Style,
    separator: u8,
    has_header: bool,
) -> io::Result<()> {
    csv::print(sink, &answer.flat(style.error_columns()).map_err(io::Error::other)?, separator, has_header)
}

/// Whether an answer is no more than the message that a statement was done.
pub(crate) fn is_silent(answer: &Answer) -> bool {
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
