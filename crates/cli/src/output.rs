//! The place that results are printed to.

use crate::args::Global;
use crate::failure::Failure;
use crate::format::{self, Format, Style};
use plusminus::Answer;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};

/// Prints answers to stdout or to the file of `-o`.
pub(crate) struct Output {
    sink: Box<dyn Write + Send>,
    style: Style,
    quiet: bool,
    live: bool,
}

impl Output {
    /// Opens the sink that the options name.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let sink: Box<dyn Write + Send> = match &global.output {
            Some(file) => Box::new(BufWriter::new(File::create(file).map_err(|e| Failure::io(file.display(), e))?)),
            None => Box::new(std::io::stdout()),
        };
        let style = Style::new(global)?;
        let is_terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let live = is_terminal
            && global.output.is_none()
            && !global.quiet
            && !global.no_progress
            && style.format == Format::Table;
        Ok(Self { sink, style, quiet: global.quiet, live })
    }

    /// The style in which answers are shown while they improve; `None` when nobody reads along.
    pub(crate) fn live(&self) -> Option<Style> {
        self.live.then_some(self.style)
    }

    /// Prints one answer, and its warnings to stderr.
    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<(), Failure> {
        if !self.quiet {
            for warning in &answer.report().warnings {
                eprintln!("note: {warning}");
            }
        }
        let printed = format::print(&mut self.sink, answer, &self.style).and_then(|()| self.sink.flush());
        match printed {
            // The reader has gone, as `head` does, which is no error.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Failure::io("output", e)),
        }
    }
}
