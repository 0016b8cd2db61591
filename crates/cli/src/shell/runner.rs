//! Runs statements and commands, from a prompt, a script or the command line.

use super::hint::hint;
use super::lexer::{is_command, is_complete, without_go};
use super::variables::{Variables, substituted};
use crate::args::Global;
use crate::commands::live;
use crate::failure::Failure;
use crate::format::Format;
use crate::output::Output;
use datafusion::datasource::MemTable;
use plusminus::{Answer, CopyStatement, CopyTarget, Error, ErrorColumns, Session, parse_copy};
use plusminus_display::Expanded;
use std::path::PathBuf;
use std::sync::Arc;

/// The table of the last answer.
const LAST: &str = "_";

/// A session with what statements and commands of one shell or batch share.
pub(crate) struct Runner {
    pub(crate) session: Session,
    pub(super) global: Global,
    pub(super) output: Output,
    pub(super) variables: Variables,
    /// The last statement that was run, and its answer.
    pub(super) last_sql: String,
    pub(super) last: Option<Answer>,
    pub(super) has_timing: bool,
    pub(crate) history: Option<PathBuf>,
}

/// Whether a script goes on after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScriptStep {
    Line,
    /// Ctrl-C took an answer before its end.
    Interrupted,
    Quit,
}

/// The place of statements in a script.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    file: Option<&'a str>,
    /// Lines of the script before them.
    lines: usize,
}

impl Place<'_> {
    /// The failure of the statement that begins in this line, counted from 1, of the statements.
    fn name(self, failure: Failure, line: usize) -> Failure {
        let failure = failure.after_lines(self.lines);
        match self.file {
            Some(file) => failure.in_file(file, self.lines + line),
            None => failure,
        }
    }
}

impl Runner {
    pub(crate) fn new(session: Session, output: Output, variables: Variables, global: &Global) -> Self {
        Self {
            session,
            global: global.clone(),
            output,
            variables,
            last_sql: String::new(),
            last: None,
            has_timing: false,
            history: None,
        }
    }

    /// Runs a script: statements, and lines that are commands. Errors name its file, if it has one.
    pub(crate) async fn script(&mut self, script: &str, file: Option<&str>) -> Result<ScriptStep, Failure> {
        let mut pending = String::new();
        let mut place = Place { file, lines: 0 };
        for (number, line) in script.lines().enumerate() {
            let is_own = pending.trim().is_empty() || is_complete(&pending);
            if is_own && is_command(line.trim()) {
                let statements = std::mem::take(&mut pending);
                match self.statements(&statements, place).await? {
                    ScriptStep::Line => {}
                    other => return Ok(other),
                }
                place.lines = number + 1;
                let done = Box::pin(self.command(line.trim())).await;
                match done.map_err(|failure| place.name(failure, 0))? {
                    ScriptStep::Line => continue,
                    other => return Ok(other),
                }
            }
            if let Some((before, is_expanded)) = without_go(line) {
                let statements = format!("{}{before};", std::mem::take(&mut pending));
                match self.statements_shown(&statements, place, is_expanded).await? {
                    ScriptStep::Line => {}
                    other => return Ok(other),
                }
                place.lines = number + 1;
                continue;
            }
            pending.push_str(line);
            pending.push('\n');
        }
        self.statements(&pending, place).await
    }

    /// Runs what was entered at a prompt.
    pub(crate) async fn entered(&mut self, text: &str) -> Result<ScriptStep, Failure> {
        match text.trim() {
            "exit" | "quit" | "exit;" | "quit;" => Ok(ScriptStep::Quit),
            "help" | "help;" => self.command("\\?").await,
            _ => self.script(text, None).await,
        }
    }

    /// Notes that a statement failed.
    pub(crate) fn fail(&mut self) {
        self.output.fail();
    }

    /// Writes what ends a file.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.output.finish()
    }

    /// Runs statements one after another, with one line per column for their answers where that is asked for.
    pub(super) async fn statements_shown(
        &mut self,
        text: &str,
        place: Place<'_>,
        is_expanded: bool,
    ) -> Result<ScriptStep, Failure> {
        let usual = self.output.expanded();
        if is_expanded {
            self.output.set_expanded(Expanded::Always);
        }
        let done = Box::pin(self.statements(text, place)).await;
        self.output.set_expanded(usual);
        done
    }

    /// Runs statements one after another. The best answer under ON MISS FAIL is written before the error.
    pub(super) async fn statements(&mut self, text: &str, place: Place<'_>) -> Result<ScriptStep, Failure> {
        let text = substituted(text, &self.variables);
        let statements =
            self.session.parse(&text).map_err(|error| place.name(Failure::from(error).with_lines_of(&text), 1))?;
        for statement in statements {
            if let Ok(Some(copy)) = parse_copy(&statement.text)
                && copy.target == CopyTarget::Stdout
            {
                let done = self.copy_out(&copy).await;
                done.map_err(|failure| place.name(failure.with_lines_of(&text), statement.start.line))?;
                continue;
            }
            let (done, was_pressed) = live::run(&self.session, &statement, self.output.live()).await;
            match done {
                Ok(answer) => {
                    self.output.answer(&answer)?;
                    if self.output.live().is_some()
                        && let Some(line) = hint(&self.session, &statement, &answer).await
                    {
                        eprintln!("{}", self.output.style.view.paint.dim(&line));
                    }
                    self.keep(&text, answer);
                    // Ctrl-C also leaves out the statements that follow.
                    if was_pressed {
                        return Ok(ScriptStep::Interrupted);
                    }
                }
                Err(error) => {
                    if let Error::BoundMissed { answer: Some(answer), .. } = &error {
                        self.output.answer(answer)?;
                    }
                    let failure = Failure::from(error).with_lines_of(&text);
                    return Err(place.name(failure, statement.start.line));
                }
            }
        }
        Ok(ScriptStep::Line)
    }

    /// Writes the rows of a COPY to the output, as CSV unless it says otherwise.
    async fn copy_out(&mut self, copy: &CopyStatement) -> Result<(), Failure> {
        let option = |name: &str| copy.options.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let format = match copy.format.as_deref() {
            None | Some("CSV") => Format::Csv,
            Some("JSON") => Format::Ndjson,
            Some(other) => {
                let next = format!("-o rows.{}, or COPY … TO 'rows.{}'", other.to_lowercase(), other.to_lowercase());
                return Err(Failure::plain(format!("{other} is no text\nTry: {next}")));
            }
        };
        for statement in self.session.parse(&copy.query())? {
            let answer = live::run(&self.session, &statement, None).await.0?;
            let separator = option("format.delimiter").and_then(|own| own.bytes().next()).unwrap_or(b',');
            self.output.copied(&answer, format, separator, option("format.has_header") != Some("false"))?;
        }
        Ok(())
    }

    /// Keeps the answer of a query for `\last` and as table `_`.
    fn keep(&mut self, text: &str, answer: Answer) {
        text.trim().clone_into(&mut self.last_sql);
        if self.has_timing && answer.is_query() && !answer.report().parts.is_empty() {
            let phases =
                answer.report().parts.iter().map(|(phase, time)| format!("{phase} {:.1}", 1e3 * time.as_secs_f64()));
            eprintln!("ms: {}", phases.collect::<Vec<_>>().join(", "));
        }
        // An explanation can be drawn.
        if !answer.is_query() {
            if answer.columns().first().is_some_and(|first| first.name == "step") {
                self.last = Some(answer);
            }
            return;
        }
        if let Ok(batch) = answer.flat(ErrorColumns::WhereEstimated)
            && let Ok(table) = MemTable::try_new(batch.schema(), vec![vec![batch]])
        {
            // It takes the place of the answer before.
            let _ = self.session.context().deregister_table(LAST);
            let _ = self.session.context().register_table(LAST, Arc::new(table));
        }
        self.last = Some(answer);
    }
}
