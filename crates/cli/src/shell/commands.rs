//! The commands of the shell, in the spellings of psql and of DuckDB.

/// The effect of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    ChangeFolder,
    Connection,
    Copy,
    Describe,
    Echo,
    Edit,
    Errors,
    Expanded,
    Explain,
    Format,
    Functions,
    Go,
    GoExpanded,
    Headers,
    Help,
    History,
    Import,
    Last,
    Once,
    Open,
    Output,
    Pager,
    Plot,
    Print,
    Quit,
    Read,
    Rows,
    Samples,
    Set,
    System,
    Timing,
    Unset,
    Watch,
}

/// A command: how it may be written, and what it is for.
pub(crate) struct Command {
    pub(crate) action: Action,
    pub(crate) spellings: &'static [&'static str],
    arguments: &'static str,
    help: &'static str,
}

const fn command(
    action: Action,
    spellings: &'static [&'static str],
    arguments: &'static str,
    help: &'static str,
) -> Command {
    Command { action, spellings, arguments, help }
}

/// All commands, in the order of the help.
pub(crate) const COMMANDS: [Command; 33] = [
    command(Action::Help, &["\\?", "\\h", "\\help", ".help"], "", "this help"),
    command(
        Action::Describe,
        &["\\d", "\\d+", "\\dt", "\\dt+", "\\dv", ".tables", ".schema", ".describe"],
        "[TABLE]",
        "tables with their rows and samples, or the columns of one",
    ),
    command(Action::Samples, &["\\s", "\\ds", ".samples"], "[SAMPLE]", "samples, or the levels of one"),
    command(Action::Functions, &["\\df", ".functions"], "[TEXT]", "functions with this text in their names"),
    command(
        Action::Explain,
        &["\\explain", ".explain"],
        "[SQL]",
        "which sample would answer, and how long it would take",
    ),
    command(Action::Go, &["\\g"], "", "runs what stands before it, or the last statement again"),
    command(Action::GoExpanded, &["\\gx"], "", "the same, with one line per column"),
    command(Action::Print, &["\\p", ".print_last"], "", "shows the last statement"),
    command(Action::Last, &["\\last", ".last"], "", "the last answer again; FROM _ reads it as a table"),
    command(Action::Plot, &["\\plot", ".plot"], "[FILE.svg]", "the last answer as a chart, with its intervals"),
    command(Action::Format, &["\\f", "\\format", ".mode"], "[FORMAT]", "table, csv, tsv, json, ndjson or markdown"),
    command(Action::Errors, &["\\errors", ".errors"], "[inline|columns|none]", "where intervals are written"),
    command(Action::Expanded, &["\\x", ".expanded"], "[on|off|auto]", "one line per column"),
    command(Action::Headers, &[".headers", ".header"], "[on|off]", "names of columns in csv and tsv"),
    command(Action::Rows, &[".maxrows"], "ROWS", "rows of a table that are shown"),
    command(Action::Pager, &["\\pager", ".pager"], "[on|off]", "long answers in $PAGER"),
    command(Action::Timing, &["\\timing", ".timer"], "[on|off]", "where the time of a query went"),
    command(Action::Read, &["\\i", ".read"], "FILE", "runs the statements of a file"),
    command(Action::Copy, &["\\copy"], "T|(SQL) TO FILE", "writes a table or a query to a file"),
    command(Action::Import, &[".import"], "FILE TABLE", "makes a table of a file, or adds its rows"),
    command(
        Action::Output,
        &["\\o", ".output"],
        "[FILE]",
        "writes answers to a file; without one, to the screen again",
    ),
    command(Action::Once, &["\\once", ".once"], "FILE", "writes the next answer to a file"),
    command(Action::Edit, &["\\e", ".edit"], "", "edits the last statement in $EDITOR and runs it"),
    command(Action::Watch, &["\\watch", ".watch"], "[SECONDS]", "repeats the last statement until Ctrl-C"),
    command(Action::Set, &["\\set", ".set"], "[NAME VALUE]", "sets a variable for $NAME in statements, or lists them"),
    command(Action::Unset, &["\\unset", ".unset"], "NAME", "removes a variable"),
    command(Action::Echo, &["\\echo", ".print", ".echo"], "TEXT", "writes a text"),
    command(Action::Open, &["\\open", "\\c", "\\connect", ".open"], "STORE", "opens another store"),
    command(Action::Connection, &["\\l", "\\conninfo", ".databases"], "", "which store is open"),
    command(Action::ChangeFolder, &["\\cd", ".cd"], "[FOLDER]", "changes the folder that paths begin in"),
    command(Action::History, &["\\history", ".history"], "", "what was entered"),
    command(Action::System, &["\\!", ".shell", ".system"], "COMMAND", "runs a command of the system"),
    command(Action::Quit, &["\\q", "\\quit", ".quit", ".exit"], "", "leaves, as Ctrl-D does"),
];

/// The command of a line and its arguments, or what to say about a line that has none.
pub(crate) fn parsed(line: &str) -> Result<(Action, &str), String> {
    // `\!` needs no space behind it.
    let end = if line.starts_with("\\!") { 2 } else { line.find(char::is_whitespace).unwrap_or(line.len()) };
    let (word, arguments) = line.split_at(end);
    let word = word.trim_end_matches(';');
    let known = COMMANDS.iter().find(|command| command.spellings.contains(&word));
    match known {
        Some(command) => Ok((command.action, arguments.trim().trim_end_matches(';').trim_end())),
        None => Err(unknown(word)),
    }
}

fn unknown(word: &str) -> String {
    let all = COMMANDS.iter().flat_map(|command| command.spellings.iter());
    let near = all.min_by_key(|spelling| strsim::osa_distance(spelling, word));
    let near = near.filter(|near| strsim::osa_distance(near, word) <= 2);
    match near {
        Some(near) => format!("there is no command {word}; did you mean {near}?\nTry: \\? lists them"),
        None => format!("there is no command {word}\nTry: \\? lists them"),
    }
}

/// The help: what a statement looks like, and all commands.
pub(crate) fn help() -> String {
    let left = |command: &Command| format!("{} {}", command.spellings.join("  "), command.arguments);
    let width = COMMANDS.iter().map(|command| left(command).chars().count()).max().unwrap_or(0);
    let mut text = String::from(
        "Statements end with ;   for example\n\
         \x20 SELECT os, COUNT(*) FROM sessions GROUP BY os ERROR WITHIN 5%;\n\
         \x20 SELECT AVG(bytes) FROM 'logs/*.parquet' WITHIN 200 MS;\n\
         \x20 CREATE SAMPLE by_os ON sessions STRATIFIED BY (os) SIZE 1 %;\n\n",
    );
    for command in &COMMANDS {
        text.push_str(&format!("  {:width$}  {}\n", left(command).trim_end(), command.help));
    }
    text.push_str(
        "\nCtrl-C takes the best answer so far, twice gives it up; at the prompt it clears the line. Tab completes, Ctrl-R searches\n\
         the history, Alt-Enter begins a new line, Ctrl-O opens $EDITOR, Ctrl-D leaves.",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_mean_the_same() {
        for [one, other] in [["\\d flights", ".schema flights"], ["\\i a b.sql;", ".read a b.sql"], ["\\q", ".exit"]] {
            assert_eq!(parsed(one), parsed(other));
        }
        assert_eq!(parsed("\\d;"), parsed("\\d"));
        assert_eq!(parsed("\\!ls -l"), Ok((Action::System, "ls -l")));
    }

    #[test]
    fn a_slip_of_the_hand_is_answered_with_the_nearest_command() {
        assert!(parsed("\\timming").unwrap_err().contains("did you mean \\timing?"));
        assert!(parsed(".tabels").unwrap_err().contains("did you mean .tables?"));
        assert_eq!(parsed("\\frobnicate").unwrap_err(), "there is no command \\frobnicate\nTry: \\? lists them");
    }

    #[test]
    fn every_spelling_is_one_commands() {
        let all: Vec<&str> = COMMANDS.iter().flat_map(|command| command.spellings.iter().copied()).collect();
        let different: std::collections::BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), different.len());
        assert!(COMMANDS.iter().all(|command| help().contains(command.help)));
    }
}
