//! Completion: what may stand at the caret.

use super::commands::{Action, COMMANDS, parsed};
use super::lexer::{Kind, Token, is_command, tokens};
use super::words::KEYWORDS;
use plusminus::Names;
use reedline::{Completer, CompletionResult, Span, Suggestion};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Suggestions at most; more would not be read.
const SUGGESTED_MAX: usize = 200;

/// Names that the session has, renewed after every statement.
pub(crate) type SharedNames = Arc<Mutex<Arc<Names>>>;

/// Completes keywords, tables, columns, functions, samples, files and commands.
pub(crate) struct SqlCompleter {
    pub(crate) names: SharedNames,
}

/// The kind of name that may stand at the caret.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Command,
    File,
    Table,
    Sample,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A path without quotes.
    Path,
    /// Columns of these tables, or of all where none is named, and everything else that an expression may begin with.
    Expression(Vec<String>),
}

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let names = Arc::clone(&self.names.lock().unwrap_or_else(PoisonError::into_inner));
        let (start, found) = completions(&names, line, pos);
        let suggestion = |(value, is_open): (String, bool)| Suggestion {
            value,
            span: Span::new(start, pos),
            append_whitespace: !is_open,
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

/// The first byte that completions replace, and the completions, each with whether more follows without a space.
fn completions(names: &Names, line: &str, pos: usize) -> (usize, Vec<(String, bool)>) {
    let before = &line[..pos];
    let tokens = statement(tokens(before), before);
    let typed = tokens.last().filter(|token| matches!(token.kind, Kind::Word | Kind::Text | Kind::Name));
    let start = typed.map_or(pos, |token| token.range.start);
    match place(&tokens, before, line) {
        Place::Command => {
            let word = before.trim_start();
            let all = COMMANDS.iter().flat_map(|command| command.spellings.iter());
            let found =
                all.filter(|spelling| spelling.starts_with(word)).map(|spelling| ((*spelling).to_owned(), false));
            (pos - word.len(), found.collect())
        }
        Place::File => (start + 1, files(before[start..].trim_start_matches('\''))),
        Place::Table => {
            let tables = names.tables.iter().map(|(name, _)| name.as_str());
            (start, matching(tables, &before[start..], |name| (quoted(name), false)))
        }
        Place::Word(words) => {
            let found =
                matching(words.iter().copied(), &before[start..], |word| (in_case_of(word, &before[start..]), false));
            (start, found)
        }
        Place::Path => {
            let typed = before.rsplit(char::is_whitespace).next().unwrap_or_default();
            let bare = |(path, is_open): (String, bool)| (path.trim_end_matches('\'').to_owned(), is_open);
            (pos - typed.len(), files(typed).into_iter().map(bare).collect())
        }
        Place::Sample => {
            (start, matching(names.samples.iter().map(String::as_str), &before[start..], |name| (quoted(name), false)))
        }
        Place::Expression(tables) => {
            let typed = &before[start..];
            let is_meant =
                |name: &str| tables.is_empty() || tables.iter().any(|table| table.eq_ignore_ascii_case(name));
            let columns = names.tables.iter().filter(|(name, _)| is_meant(name)).flat_map(|(_, columns)| columns);
            let mut found = matching(columns.map(String::as_str), typed, |name| (quoted(name), false));
            found.extend(matching(tables.iter().map(String::as_str), typed, |name| (quoted(name), true)));
            if !typed.is_empty() {
                found.extend(matching(KEYWORDS.iter().copied(), typed, |word| (in_case_of(word, typed), false)));
                found.extend(matching(names.functions.iter().map(String::as_str), typed, |name| {
                    (format!("{name}("), true)
                }));
            }
            let mut seen = std::collections::HashSet::new();
            found.retain(|(value, _)| seen.insert(value.clone()));
            found.truncate(SUGGESTED_MAX);
            (start, found)
        }
    }
}

/// The tokens of the statement that the caret is in.
fn statement(mut tokens: Vec<Token>, text: &str) -> Vec<Token> {
    let end = tokens.iter().rposition(|token| &text[token.range.clone()] == ";");
    tokens.drain(..end.map_or(0, |end| end + 1));
    tokens
}

fn place(tokens: &[Token], before: &str, line: &str) -> Place {
    let first = before.trim_start();
    if is_command(first) && !first.contains(char::is_whitespace) || first == "." {
        return Place::Command;
    }
    if tokens.last().is_some_and(|token| token.kind == Kind::Text && !token.is_closed) {
        return Place::File;
    }
    let is_typed = tokens.last().is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Name));
    let words: Vec<String> = tokens
        .iter()
        .filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment))
        .map(|token| before[token.range.clone()].to_ascii_uppercase())
        .collect();
    let words = &words[..words.len() - usize::from(is_typed && !words.is_empty())];
    let last = words.last().map_or("", String::as_str);
    let is_sample_statement = words.iter().any(|word| word == "SAMPLE");
    match last {
        _ if is_command(first) => of_command(first),
        "ERROR" => Place::Word(&["WITHIN"]),
        "MISS" => Place::Word(&["REPORT", "EXACT", "REPAIR", "OMIT", "FAIL"]),
        "SAMPLE" if words.first().is_some_and(|word| word != "CREATE") => Place::Sample,
        "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE" | "DESCRIBE" | "SUMMARIZE" => Place::Table,
        "ON" if is_sample_statement => Place::Table,
        "," if clause(words) == Some("FROM") => Place::Table,
        _ => Place::Expression(tables_of(line, before.len())),
    }
}

/// The argument of a command of the shell.
fn of_command(line: &str) -> Place {
    const FORMATS: &[&str] = &["table", "csv", "tsv", "json", "ndjson", "markdown"];
    match parsed(line).map(|(action, _)| action) {
        Ok(Action::Describe) => Place::Table,
        Ok(Action::Samples) => Place::Sample,
        Ok(Action::Format) => Place::Word(FORMATS),
        Ok(Action::Errors) => Place::Word(&["inline", "columns", "none"]),
        Ok(Action::Expanded) => Place::Word(&["on", "off", "auto"]),
        Ok(Action::Timing) => Place::Word(&["on", "off"]),
        Ok(Action::Read | Action::Output | Action::Once | Action::Plot) => Place::Path,
        Ok(Action::Explain) => Place::Expression(Vec::new()),
        _ => Place::Word(&[]),
    }
}

/// The clause that the end of the words is in.
fn clause(words: &[String]) -> Option<&str> {
    let clauses = ["SELECT", "FROM", "WHERE", "BY", "HAVING", "LIMIT", "ON", "SET"];
    words.iter().rev().map(String::as_str).find(|word| clauses.contains(word))
}

/// The tables that the statement at the caret reads, before the caret or after it.
fn tables_of(line: &str, caret: usize) -> Vec<String> {
    let all = tokens(line);
    let is_end = |token: &Token| &line[token.range.clone()] == ";";
    let from = all.iter().rposition(|token| is_end(token) && token.range.end <= caret).map_or(0, |at| at + 1);
    let own = all[from..].iter().take_while(|token| !is_end(token) || token.range.end <= caret);
    let own: Vec<&Token> = own.filter(|token| !matches!(token.kind, Kind::Space | Kind::Comment)).collect();
    let mut tables = Vec::new();
    for pair in own.windows(2) {
        let word = line[pair[0].range.clone()].to_ascii_uppercase();
        if matches!(word.as_str(), "FROM" | "JOIN" | "UPDATE") && matches!(pair[1].kind, Kind::Word | Kind::Name) {
            tables.push(line[pair[1].range.clone()].trim_matches('"').to_owned());
        }
    }
    tables
}

/// Names that begin with what was typed, in any case.
fn matching<'a>(
    names: impl Iterator<Item = &'a str>,
    typed: &str,
    shown: impl Fn(&str) -> (String, bool),
) -> Vec<(String, bool)> {
    let typed = typed.trim_start_matches('"');
    let begins = |name: &&str| name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
    names.filter(begins).take(SUGGESTED_MAX).map(shown).collect()
}

/// A keyword in lower case where it was begun so.
fn in_case_of(word: &str, typed: &str) -> String {
    if typed.starts_with(char::is_lowercase) { word.to_lowercase() } else { word.to_owned() }
}

/// A name as a statement has it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_name = name.chars().all(is_plain) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty();
    if is_name { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Files and folders that begin with what was typed.
fn files(typed: &str) -> Vec<(String, bool)> {
    let (folder, begun) = typed.rsplit_once('/').map_or(("", typed), |(folder, begun)| (folder, begun));
    let place = match (folder, typed.starts_with('/')) {
        ("", true) => Path::new("/"),
        ("", false) => Path::new("."),
        (folder, _) => Path::new(folder),
    };
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with(begun) || name.starts_with('.') && begun.is_empty() {
            continue;
        }
        let is_folder = entry.path().is_dir();
        let path = &typed[..typed.len() - begun.len()];
        found.push((format!("{path}{name}{}", if is_folder { "/" } else { "'" }), is_folder));
    }
    found.sort();
    found.truncate(SUGGESTED_MAX);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Names {
            tables: vec![
                ("flights".to_owned(), columns(&["origin", "delay", "Tail Number"])),
                ("planes".to_owned(), columns(&["tail", "year"])),
            ],
            samples: columns(&["flights_by_origin"]),
            functions: columns(&["avg", "approx_distinct", "count"]),
        }
    }

    /// Completions at `|`.
    fn at(text: &str) -> Vec<String> {
        let pos = text.find('|').unwrap();
        let line = text.replace('|', "");
        completions(&names(), &line, pos).1.into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn what_fits_the_place_is_offered() {
        assert_eq!(at("SELECT * FROM fl|"), ["flights"]);
        assert_eq!(
            at("SELECT de| FROM flights"),
            ["delay", "desc", "describe", "delete"].map(str::to_owned)[..1]
                .to_vec()
                .into_iter()
                .chain(["delete", "desc", "describe"].map(str::to_owned))
                .collect::<Vec<_>>()
        );
        assert_eq!(at("SELECT ta| FROM planes"), ["tail", "table", "tables"]);
        assert_eq!(at("SELECT Ta| FROM flights"), ["\"Tail Number\"", "TABLE", "TABLES", "TAIL"]);
        assert_eq!(at("DROP SAMPLE fl|"), ["flights_by_origin"]);
        assert_eq!(at("CREATE SAMPLE s ON pl|"), ["planes"]);
        assert_eq!(at("CREATE SAMPLE s ON planes STRAT|"), ["STRATIFIED"]);
        assert_eq!(at("SELECT av| FROM flights"), ["avg("]);
        assert_eq!(at("SELECT 1; SELECT y| FROM planes"), ["year"]);
        assert_eq!(at("SELECT COUNT(*) FROM flights ERROR WIT|"), ["WITHIN"]);
        assert!(at("\\ti|").contains(&"\\timing".to_owned()) && at(".ta|").contains(&".tables".to_owned()));
        assert_eq!(at("\\d pl|"), ["planes"]);
        assert_eq!([at(".mode nd|"), at("\\x o|")].concat(), ["ndjson", "on", "off"]);
        assert_eq!(at("SELECT 1 ERROR |"), ["WITHIN"]);
        assert_eq!(at("SELECT 1 WITHIN 1 SECOND on miss re|"), ["report", "repair"]);
        assert_eq!(at("summ|"), ["summarize"]);
    }

    #[test]
    fn files_are_completed_within_quotes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("trips.csv"), "").unwrap();
        std::fs::create_dir(folder.path().join("tracks")).unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(
            at(&format!("SELECT * FROM '{path}/tr|")),
            [format!("{path}/tracks/"), format!("{path}/trips.csv'")]
        );
        assert!(at("SELECT * FROM '/no such folder/x|").is_empty());
    }

    /// A thousand tables of a hundred columns are looked through at every key.
    #[test]
    fn many_names_are_no_burden() {
        let columns: Vec<String> = (0..100).map(|at| format!("column_{at}")).collect();
        let tables = (0..1_000).map(|at| (format!("table_{at}"), columns.clone())).collect();
        let names = Names { tables, ..names() };
        let (_, found) = completions(&names, "SELECT col", 10);
        assert_eq!(found.len(), 100);
    }
}
