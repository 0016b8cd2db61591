//! The effects of the commands of the shell.

use super::commands::{Action, help, parsed};
use super::runner::{Place, Runner, ScriptStep};
use super::variables::is_name;
use crate::failure::Failure;
use crate::plot;
use plusminus_display::Expanded;
use std::time::Duration;

impl Runner {
    /// Runs a command.
    pub(crate) async fn command(&mut self, line: &str) -> Result<ScriptStep, Failure> {
        let (action, argument) = parsed(line).map_err(Failure::plain)?;
        match action {
            Action::Quit => return Ok(ScriptStep::Quit),
            Action::Help => eprintln!("{}", help()),
            Action::ChangeFolder => change_folder(argument)?,
            Action::Connection => self.print_connection()?,
            Action::Copy => return self.statements(&copied(argument), Place::default()).await,
            Action::Describe if argument.is_empty() => {
                let tables = self.session.list_tables().await?;
                self.output.answer(&tables)?;
            }
            Action::Describe => return self.statements(&format!("DESCRIBE {argument}"), Place::default()).await,
            Action::Samples if argument.is_empty() => return self.statements("SHOW SAMPLES", Place::default()).await,
            Action::Samples => return self.statements(&format!("DESCRIBE SAMPLE {argument}"), Place::default()).await,
            Action::Echo => self.output.text(&format!("{argument}\n"))?,
            Action::Explain => return self.explain(argument).await,
            Action::Functions => self.print_functions(argument).await?,
            Action::Go => return self.again(false).await,
            Action::GoExpanded => return self.again(true).await,
            Action::Headers => self.output.style.has_headers = switched(argument, self.output.style.has_headers)?,
            Action::Import => return self.import(argument).await,
            Action::Last => match &self.last {
                Some(answer) => self.output.answer(answer)?,
                None => return Err(Failure::plain("there is no answer yet\nTry: a query")),
            },
            Action::Open => return self.open(argument).await,
            Action::Pager => {
                self.output.is_paged = switched(argument, self.output.is_paged)?;
                eprintln!("the pager is {}", if self.output.is_paged { "on" } else { "off" });
            }
            Action::Print if self.last_sql.is_empty() => {
                return Err(Failure::plain("there is no statement yet\nTry: a query"));
            }
            Action::Print => eprintln!("{}", self.last_sql),
            Action::Rows => self.set_rows(argument)?,
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

    /// Runs the last statement again; with `is_expanded` its answer has one line per column.
    pub(super) async fn again(&mut self, is_expanded: bool) -> Result<ScriptStep, Failure> {
        if self.last_sql.is_empty() {
            return Err(Failure::plain("there is no statement to repeat\nTry: a query"));
        }
        let sql = self.last_sql.clone();
        self.statements_shown(&sql, Place::default(), is_expanded).await
    }

    /// Lists the functions whose names hold a text.
    async fn print_functions(&mut self, pattern: &str) -> Result<(), Failure> {
        let pattern = pattern.trim_matches(['*', '%']).to_lowercase();
        let names = self.session.names().await;
        let found: Vec<&str> =
            names.functions.iter().map(String::as_str).filter(|name| name.contains(&pattern)).collect();
        if found.is_empty() {
            return Err(Failure::plain(format!("no function has '{pattern}' in its name\nTry: \\df")));
        }
        self.output.text(&in_columns(&found, self.output.style.view.width.unwrap_or(80)))
    }

    fn print_connection(&self) -> Result<(), Failure> {
        let folder = self.session.store_folder();
        let folder = std::path::absolute(folder).map_err(|e| Failure::io(folder.display(), e))?;
        eprintln!("store {}{}", folder.display(), if folder.exists() { "" } else { " (created by the first write)" });
        Ok(())
    }

    /// Opens another store.
    async fn open(&mut self, store: &str) -> Result<ScriptStep, Failure> {
        if store.is_empty() {
            return Err(Failure::plain("which store?\nTry: \\open folder"));
        }
        self.session = crate::commands::open(&self.global, store.into()).await?;
        self.last = None;
        self.print_connection()?;
        Ok(ScriptStep::Line)
    }

    /// Makes a table of a file, or adds the file's rows to the table where there is one.
    async fn import(&mut self, argument: &str) -> Result<ScriptStep, Failure> {
        let (file, table) =
            argument.rsplit_once(char::is_whitespace).map_or((argument, ""), |(file, table)| (file.trim(), table));
        if file.is_empty() || table.is_empty() {
            return Err(Failure::plain("which file, and into which table?\nTry: .import trips.csv trips"));
        }
        let source = format!("SELECT * FROM '{}'", file.trim_matches(['\'', '"']).replace('\'', "''"));
        let is_there = self.session.table_names().iter().any(|name| name.eq_ignore_ascii_case(table));
        let sql = match is_there {
            true => format!("INSERT INTO {table} {source}"),
            false => format!("CREATE TABLE {table} AS {source}"),
        };
        self.statements(&sql, Place::default()).await
    }

    fn set_rows(&mut self, argument: &str) -> Result<(), Failure> {
        match argument.replace([',', '_'], "").parse::<usize>() {
            Ok(rows) if rows > 0 => self.output.style.view.rows_max = rows,
            _ => return Err(Failure::plain(format!("'{argument}' is no number of rows\nTry: .maxrows 100"))),
        }
        Ok(())
    }
}

fn change_folder(folder: &str) -> Result<(), Failure> {
    let folder = if folder.is_empty() { std::env::var("HOME").unwrap_or_default() } else { folder.to_owned() };
    std::env::set_current_dir(&folder)
        .map_err(|e| Failure::plain(format!("{folder}: {e}\nTry: \\cd with a folder that there is")))
}

/// `\copy t TO file.csv` as the statement, with the file in quotes.
fn copied(argument: &str) -> String {
    let lower = argument.to_lowercase();
    let Some(at) = lower.rfind(" to ") else { return format!("COPY {argument}") };
    let (source, target) = (&argument[..at], argument[at + 4..].trim());
    let (file, options) = target.split_at(target.find(char::is_whitespace).unwrap_or(target.len()));
    let is_plain = !file.starts_with('\'') && !file.eq_ignore_ascii_case("stdout");
    let file = if is_plain { format!("'{file}'") } else { file.to_owned() };
    format!("COPY {source} TO {file}{options}")
}

/// Names in as many columns as fit.
fn in_columns(names: &[&str], width: usize) -> String {
    let widest = names.iter().map(|name| name.len()).max().unwrap_or(0) + 2;
    let columns = (width / widest.max(1)).max(1);
    let lines = names.len().div_ceil(columns);
    let mut text = String::new();
    for line in 0..lines {
        let row = (0..columns).filter_map(|column| names.get(column * lines + line));
        let row: String = row.map(|name| format!("{name:widest$}")).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_copy_need_no_quotes() {
        assert_eq!(copied("t to out.csv"), "COPY t TO 'out.csv'");
        assert_eq!(copied("(SELECT 1 TO x) TO 'a b.csv' csv header"), "COPY (SELECT 1 TO x) TO 'a b.csv' csv header");
        assert_eq!(copied("t TO stdout (HEADER false)"), "COPY t TO stdout (HEADER false)");
        assert_eq!(copied("t"), "COPY t");
    }

    #[test]
    fn names_stand_in_columns() {
        assert_eq!(in_columns(&["a", "bb", "c"], 8), "a   c\nbb\n");
        assert_eq!(in_columns(&["long name"], 4), "long name\n");
    }
}
