//! The place that answers are written to.

use crate::args::Global;
use crate::failure::Failure;
use crate::format::{self, FileWriter, Format, Style, unknown_ending};
use crate::pager;
use crate::pending_file::PendingFile;
use clap::ValueEnum;
use plusminus::Answer;
use plusminus_display::{Errors, Expanded};
use std::io::{self, IsTerminal, Write};

/// Writes answers to stdout or to the file of `-o`.
pub(crate) struct Output {
    sink: Sink,
    pub(crate) style: Style,
    quiet: bool,
    live: bool,
    /// Whether answers longer than the screen go through a pager.
    pub(crate) is_paged: bool,
    /// Where answers went before they were sent to a file, and how.
    usual: Option<(Sink, Style)>,
    /// Whether only the next answer goes to the file.
    is_once: bool,
    /// The file that is being written; it takes its name once it is whole.
    file: Option<PendingFile>,
    has_failed: bool,
}

enum Sink {
    Text(Box<dyn Write + Send>),
    Binary(FileWriter),
}

impl Sink {
    fn new(format: Format, sink: Box<dyn Write + Send>) -> Self {
        match format.is_binary() {
            true => Self::Binary(FileWriter::new(format, sink)),
            false => Self::Text(sink),
        }
    }
}

impl Output {
    /// Opens the sink that the options name.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let screen = if global.output.is_none() { format::screen() } else { None };
        let style = Style::new(global, screen)?;
        if style.format.is_binary() && screen.is_some() {
            return Err(Failure::usage("this format is not for a terminal; -o FILE or a pipe takes it"));
        }
        let (sink, file): (Box<dyn Write + Send>, Option<PendingFile>) = match &global.output {
            Some(path) => {
                let (file, writer) = PendingFile::create(path)?;
                (writer, Some(file))
            }
            None => (Box::new(io::stdout()), None),
        };
        let sink = Sink::new(style.format, sink);
        let is_read_along = screen.is_some() && io::stderr().is_terminal();
        let is_for_people = style.format == Format::Table && !global.quiet;
        let live = is_read_along && is_for_people && !global.no_progress;
        let is_paged = is_read_along && style.format == Format::Table && io::stdin().is_terminal();
        Ok(Self {
            sink,
            style,
            quiet: global.quiet,
            live,
            is_paged,
            usual: None,
            is_once: false,
            file,
            has_failed: false,
        })
    }

    /// The style in which answers are shown while they improve; `None` when nobody reads along.
    pub(crate) fn live(&self) -> Option<Style> {
        (self.live && self.usual.is_none()).then_some(self.style)
    }

    /// Writes one answer, and then its notes to stderr.
    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<(), Failure> {
        if self.quiet && format::is_silent(answer) {
            return Ok(());
        }
        // The terminal may have got another size.
        if self.style.view.width.is_some() {
            self.style.view.width = format::screen();
        }
        let written = match &mut self.sink {
            Sink::Binary(_) if !answer.is_query() => Ok(()),
            Sink::Binary(writer) => format::write_binary(writer, answer, &self.style),
            Sink::Text(sink) if self.is_paged && self.usual.is_none() && self.style.format == Format::Table => {
                let is_shown = pager::print(sink, &format::table(answer, &self.style));
                // What the pager showed scrolls away, but the verdict stays.
                is_shown.and_then(|is_shown| match is_shown && answer.is_query() && !self.quiet {
                    true => {
                        let view = &self.style.view;
                        writeln!(sink, "{}", plusminus_display::footer(answer, view.width, view.paint))
                    }
                    false => Ok(()),
                })
            }
            Sink::Text(sink) => format::print(sink, answer, &self.style).and_then(|()| sink.flush()),
        };
        match written {
            // The reader has gone, as `head` does, which is no error.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {}
            other => other.map_err(|e| Failure::io("output", e))?,
        }
        if self.is_once && answer.is_query() {
            self.is_once = false;
            self.redirect("", false)?;
        }
        // Language models read notes with the answer.
        if !self.quiet && self.style.format != Format::Agent {
            for warning in &answer.report().warnings {
                eprintln!("note: {warning}");
            }
        }
        Ok(())
    }

    /// Writes the rows of one answer as CSV with its own separator, or as NDJSON.
    pub(crate) fn copied(
        &mut self,
        answer: &Answer,
        format: Format,
        separator: u8,
        has_header: bool,
    ) -> Result<(), Failure> {
        let style = self.style.for_file(format);
        let Sink::Text(sink) = &mut self.sink else {
            return Err(Failure::plain("rows cannot be copied into this file\nTry: \\o, and then the statement again"));
        };
        let written = match format {
            Format::Csv => format::print_separated(sink, answer, &style, separator, has_header),
            _ => format::print(sink, answer, &style),
        };
        written.map_err(|e| Failure::io("output", e))
    }

    /// Writes text.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.sink {
            Sink::Text(sink) => sink.write_all(text.as_bytes()).map_err(|e| Failure::io("output", e)),
            Sink::Binary(_) => Err(Failure::plain("this is no table\nTry: \\o, and then the command again")),
        }
    }

    /// Sends answers to a file, or to the screen again without a name; with `once` only the next one.
    pub(crate) fn redirect(&mut self, file: &str, once: bool) -> Result<(), Failure> {
        self.finish()?;
        if let Some((sink, style)) = self.usual.take() {
            (self.sink, self.style) = (sink, style);
        }
        if file.is_empty() {
            return Ok(());
        }
        let format = Format::of_file(file.as_ref()).ok_or_else(|| unknown_ending(file.as_ref()))?;
        let (pending, writer) = PendingFile::create(file.as_ref())?;
        let sink = Sink::new(format, writer);
        (self.file, self.has_failed) = (Some(pending), false);
        let style = self.style.for_file(format);
        self.usual = Some((std::mem::replace(&mut self.sink, sink), std::mem::replace(&mut self.style, style)));
        self.is_once = once;
        Ok(())
    }

    /// The name of the format.
    pub(crate) fn format_name(&self) -> String {
        self.style.format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn set_format(&mut self, name: &str) -> Result<(), Failure> {
        // DuckDB's names of modes for people.
        let name = if ["duckbox", "box", "line"].contains(&name) { "table" } else { name };
        let format = Format::from_str(name, true).map_err(|_| {
            Failure::plain(format!("there is no format '{name}'\nTry: table, csv, tsv, json, ndjson or markdown"))
        })?;
        if format.is_binary() {
            return Err(Failure::plain("this format is for files\nTry: \\once answer.parquet, then the query"));
        }
        self.style.format = format;
        Ok(())
    }

    pub(crate) fn set_errors(&mut self, name: &str) -> Result<(), Failure> {
        let errors = name.parse::<Errors>().map_err(|_| {
            Failure::plain(format!("'{name}' is no place for intervals\nTry: \\errors inline, columns or none"))
        })?;
        self.style.set_errors(errors);
        Ok(())
    }

    pub(crate) fn expanded(&self) -> Expanded {
        self.style.view.expanded
    }

    pub(crate) fn set_expanded(&mut self, expanded: Expanded) {
        self.style.view.expanded = expanded;
    }

    /// Writes what ends a file.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let done = match &mut self.sink {
            Sink::Binary(writer) => writer.finish(),
            Sink::Text(sink) => sink.flush(),
        };
        match done {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {}
            other => other.map_err(|e| Failure::io("output", e))?,
        }
        match self.file.take() {
            Some(file) if !self.has_failed => file.publish(),
            // A file that was there before stays as it was.
            _ => Ok(()),
        }
    }

    /// Notes that a statement failed, so that a file that is being written does not take its name.
    pub(crate) fn fail(&mut self) {
        self.has_failed = true;
    }
}
