//! Runs statements and commands, from a prompt, a script or the command line.

use super::commands::{Action, help, parsed};
use super::lexer::{is_command, is_complete};
use super::variables::{Variables, is_name, substituted};
use crate::commands::live;
use crate::failure::Failure;
use crate::output::Output;
use crate::plot;
use datafusion::datasource::MemTable;
use plusminus::{Answer, Error, ErrorColumns, Session};
use plusminus_display::Expanded;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The table of the last answer.
const LAST: &str = "_";

/// A session with what statements and commands of one shell or batch share.
pub(crate) struct Runner {
    pub(crate) session: Session,
    output: Output,
    variables: Variables,
    /// The last statement that was run, and its answer.
    last_sql: String,
    last: Option<Answer>,
    has_timing: bool,
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
struct Place<'a> {
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
    pub(crate) fn new(session: Session, output: Output, variables: Variables) -> Self {
        Self { session, output, variables, last_sql: String::new(), last: None, has_timing: false, history: None }
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

    /// Runs statements one after another. The best answer under ON MISS FAIL is written before the error.
    async fn statements(&mut self, text: &str, place: Place<'_>) -> Result<ScriptStep, Failure> {
        let text = substituted(text, &self.variables);
        let statements = self.session.parse(&text).map_err(|error| place.name(error.into(), 1))?;
        for statement in statements {
            let (done, was_pressed) = live::run(&self.session, &statement, self.output.live()).await;
            match done {
                Ok(answer) => {
                    self.output.answer(&answer)?;
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
                    return Err(place.name(error.into(), statement.start.line));
                }
            }
        }
        Ok(ScriptStep::Line)
    }

    /// Keeps the answer of a query for `\last` and as table `_`.
    fn keep(&mut self, text: &str, answer: Answer) {
        text.trim().clone_into(&mut self.last_sql);
        if self.has_timing && answer.is_query() && !answer.report().parts.is_empty() {
            let phases =
                answer.report().parts.iter().map(|(phase, time)| format!("{phase} {:.1}", 1e3 * time.as_secs_f64()));
            eprintln!("ms: {}", phases.collect::<Vec<_>>().join(", "));
        }
        if !answer.is_query() {
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

    /// Runs a command.
    pub(crate) async fn command(&mut self, line: &str) -> Result<ScriptStep, Failure> {
        let (action, argument) = parsed(line).map_err(Failure::plain)?;
        match action {
            Action::Quit => return Ok(ScriptStep::Quit),
            Action::Help => eprintln!("{}", help()),
            Action::Describe if argument.is_empty() => {
                let tables = self.session.list_tables().await?;
                self.output.answer(&tables)?;
            }
            Action::Describe => return self.statements(&format!("DESCRIBE {argument}"), Place::default()).await,
            Action::Samples if argument.is_empty() => return self.statements("SHOW SAMPLES", Place::default()).await,
            Action::Samples => return self.statements(&format!("DESCRIBE SAMPLE {argument}"), Place::default()).await,
            Action::Explain => return self.explain(argument).await,
            Action::Last => match &self.last {
                Some(answer) => self.output.answer(answer)?,
                None => return Err(Failure::plain("there is no answer yet\nTry: a query")),
            },
            Action::Plot => self.plot(argument)?,
            Action::Format => self.set_format(argument)?,
            Action::Errors => self.set_errors(argument)?,
            Action::Expanded => self.set_expanded(argument)?,
            Action::Timing => {
                self.has_timing = switched(argument, self.has_timing)?;
                eprintln!("timing is {}", if self.has_timing { "on" } else { "off" });
            }
            Action::Read if argument.is_empty() => return Err(Failure::plain("which file?\nTry: \\i queries.sql")),
            Action::Read => {
                let text = std::fs::read_to_string(argument).map_err(|e| Failure::io(argument, e))?;
                return Box::pin(self.script(&text, Some(argument))).await;
            }
            Action::Output => self.output.redirect(argument, false)?,
            Action::Once if argument.is_empty() => return Err(Failure::plain("which file?\nTry: \\once answer.csv")),
            Action::Once => self.output.redirect(argument, true)?,
            Action::Edit => return Box::pin(self.edit()).await,
            Action::Watch => return self.watch(argument).await,
            Action::Set => self.set_variable(argument)?,
            Action::Unset => drop(self.variables.remove(argument.trim_start_matches('$'))),
            Action::History => self.print_history()?,
            Action::System => run_system(argument)?,
        }
        Ok(ScriptStep::Line)
    }

    async fn explain(&mut self, sql: &str) -> Result<ScriptStep, Failure> {
        let sql = if sql.is_empty() { self.last_sql.clone() } else { sql.to_owned() };
        if sql.is_empty() {
            return Err(Failure::plain("there is no statement to explain\nTry: \\explain SELECT …"));
        }
        self.statements(&format!("EXPLAIN {sql}"), Place::default()).await
    }

    fn plot(&mut self, file: &str) -> Result<(), Failure> {
        let Some(answer) = &self.last else { return Err(Failure::plain("there is no answer yet\nTry: a query")) };
        if !file.is_empty() {
            return plot::file(answer, file.as_ref());
        }
        let text = plot::text(answer, self.output.style.view.width, self.output.style.view.paint)?;
        self.output.text(&text)
    }

    fn set_format(&mut self, argument: &str) -> Result<(), Failure> {
        if argument.is_empty() {
            eprintln!("format: {}", self.output.format_name());
            return Ok(());
        }
        self.output.set_format(argument)
    }

    fn set_errors(&mut self, argument: &str) -> Result<(), Failure> {
        if argument.is_empty() {
            return Err(Failure::plain("where?\nTry: \\errors inline, \\errors columns or \\errors none"));
        }
        self.output.set_errors(argument)
    }

    fn set_expanded(&mut self, argument: &str) -> Result<(), Failure> {
        let expanded = match argument {
            "auto" => Expanded::Auto,
            other => match switched(other, self.output.expanded() == Expanded::Always)? {
                true => Expanded::Always,
                false => Expanded::Never,
            },
        };
        self.output.set_expanded(expanded);
        let state = match expanded {
            Expanded::Always => "on",
            Expanded::Never => "off",
            Expanded::Auto => "used where few rows do not fit",
        };
        eprintln!("one line per column is {state}");
        Ok(())
    }

    fn set_variable(&mut self, argument: &str) -> Result<(), Failure> {
        let Some((name, value)) = argument.split_once(char::is_whitespace) else {
            for (name, value) in &self.variables {
                eprintln!("{name} = {value}");
            }
            return Ok(());
        };
        let name = name.trim_start_matches('$');
        if !is_name(name) {
            return Err(Failure::plain(format!(
                "'{name}' is no name for a variable\nTry: \\set day 2026-01-02, then $day"
            )));
        }
        self.variables.insert(name.to_owned(), value.trim().to_owned());
        Ok(())
    }

    /// Opens the last statement in the user's editor, and runs what was saved.
    async fn edit(&mut self) -> Result<ScriptStep, Failure> {
        let file = std::env::temp_dir().join(format!("plusminus-{}.sql", std::process::id()));
        std::fs::write(&file, format!("{}\n", self.last_sql)).map_err(|e| Failure::io(file.display(), e))?;
        let status = editor().arg(&file).status();
        let text = std::fs::read_to_string(&file).map_err(|e| Failure::io(file.display(), e));
        let _ = std::fs::remove_file(&file);
        match status {
            Ok(status) if status.success() => {}
            _ => return Err(Failure::plain("the editor failed\nTry: EDITOR=vi, or another that is installed")),
        }
        let text = text?;
        eprintln!("{}", text.trim_end());
        self.script(&text, None).await
    }

    /// Repeats the last statement until Ctrl-C.
    async fn watch(&mut self, argument: &str) -> Result<ScriptStep, Failure> {
        let seconds: f64 = if argument.is_empty() { 2.0 } else { argument.parse().unwrap_or(f64::NAN) };
        if !(0.1..=86_400.0).contains(&seconds) {
            return Err(Failure::plain(format!("'{argument}' is no number of seconds\nTry: \\watch 5")));
        }
        if self.last_sql.is_empty() {
            return Err(Failure::plain("there is no statement to repeat\nTry: a query, then \\watch 5"));
        }
        let sql = self.last_sql.clone();
        loop {
            if self.statements(&sql, Place::default()).await? != ScriptStep::Line {
                return Ok(ScriptStep::Line);
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => {}
                _ = tokio::signal::ctrl_c() => return Ok(ScriptStep::Line),
            }
        }
    }

    fn print_history(&self) -> Result<(), Failure> {
        let Some(file) = &self.history else {
            return Err(Failure::plain("there is no history\nTry: an interactive shell"));
        };
        let text = std::fs::read_to_string(file).map_err(|e| Failure::io(file.display(), e))?;
        // The history file has one entry per line, with line breaks as this mark.
        eprint!("{}", text.replace("<\\n>", "\n"));
        Ok(())
    }
}

/// The state after a command with `on`, `off` or nothing, which turns it round.
fn switched(argument: &str, before: bool) -> Result<bool, Failure> {
    match argument.to_ascii_lowercase().as_str() {
        "" => Ok(!before),
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        other => Err(Failure::plain(format!("'{other}' is neither on nor off\nTry: on, off, or nothing to change it"))),
    }
}

/// The user's editor.
pub(crate) fn editor() -> std::process::Command {
    let wish = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok().filter(|e| !e.is_empty()));
    let wish = wish.unwrap_or_else(|| "vi".to_owned());
    let mut words = wish.split_whitespace();
    let mut command = std::process::Command::new(words.next().unwrap_or("vi"));
    command.args(words);
    command
}

fn run_system(command: &str) -> Result<(), Failure> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let status =
        std::process::Command::new(shell).arg(flag).arg(command).status().map_err(|e| Failure::io(shell, e))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => {
            Err(Failure::plain(format!("the command ended with status {code}\nTry: \\! with another command")))
        }
        None => Err(Failure::plain("the command was stopped\nTry: \\! with another command")),
    }
}
