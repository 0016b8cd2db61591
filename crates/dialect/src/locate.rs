//! Places for errors that others found: a parser's message, a planner's span, or a name that a message mentions.

use crate::error::SyntaxError;
use crate::plain::split_place;
use crate::source::Source;
use crate::suggest::{is_misspelt, nearest};
use sqlparser::tokenizer::Token;

/// Words that begin a clause, and that are misspelt.
const CLAUSES: [&str; 13] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "UNION",
    "WITHIN",
    "ERROR",
    "CONFIDENCE",
];

/// The keyword that an unquoted word nearly is.
fn misspelt(source: &Source<'_>, at: usize) -> Option<&'static str> {
    let word = source.word(at)?;
    CLAUSES.into_iter().find(|own| is_misspelt(word, own))
}

/// An error of sqlparser about `sql`, such as `Expected: …, found: x at Line: 1, Column: 8`, at the token it is about.
///
/// ```
/// let said = "sql parser error: Expected: an expression, found: FROM at Line: 1, Column: 8";
/// let error = plusminus_dialect::parser_error("SELECT FROM t", said, "name a column").unwrap();
/// assert_eq!((error.what.as_str(), error.location.column), ("expected an expression, found FROM", 8));
/// ```
#[must_use]
pub fn parser_error(sql: &str, said: &str, next: &str) -> Option<SyntaxError> {
    let said = said.strip_prefix("sql parser error: ").or_else(|| said.strip_prefix("SQL error: ")).unwrap_or(said);
    let (what, line, column) = split_place(said);
    let source = Source::new(sql).ok()?;
    match source.index_at(line, column) {
        Some(at) => {
            // A misspelt keyword is often read as an alias, and what follows it is the surprise.
            let before = at.checked_sub(1).and_then(|before| misspelt(&source, before).map(|near| (before, near)));
            if let Some((before, near)) = before {
                let what = format!("there is no keyword {}", source.slice(before..before + 1));
                return Some(source.error(before..before + 1, what, format!("did you mean {near}?")));
            }
            let is_clause = source.word(at).is_some_and(|word| CLAUSES.contains(&word.to_uppercase().as_str()));
            let near = source.word(at).filter(|_| !is_clause);
            let near = near.and_then(|word| nearest(&word.to_uppercase(), CLAUSES.into_iter()));
            let next = near.map_or_else(|| next.to_owned(), |near| format!("did you mean {near}?"));
            Some(source.error(at..at + 1, what, next))
        }
        // The end of the text has no token.
        None => Some(source.error(source.len()..source.len(), what, next)),
    }
}

/// An error that underlines the tokens from the one that starts at a line and column to the one that starts before an end.
///
/// ```
/// let error = plusminus_dialect::error_at("SELECT a.b FROM t", (1, 8), (1, 11), "there is no column b", "a column");
/// assert_eq!(error.unwrap().length, 3);
/// ```
#[must_use]
pub fn error_at(sql: &str, start: (u64, u64), end: (u64, u64), what: &str, next: &str) -> Option<SyntaxError> {
    let source = Source::new(sql).ok()?;
    let first = source.index_at(start.0, start.1)?;
    let is_before_end = |at: &usize| {
        let place = source.start(*at);
        (place.line as u64, place.column as u64) < end
    };
    let last = (first..source.len()).take_while(is_before_end).last().unwrap_or(first);
    Some(source.error(first..last + 1, what, next))
}

/// An error at the first word or quoted name of `sql` that reads `name`, in any case.
///
/// ```
/// let error = plusminus_dialect::error_at_name("SELECT 'summ', SUMM(x) FROM t", "summ", "there is no such function", "SUM");
/// assert_eq!(error.unwrap().location.column, 16);
/// ```
#[must_use]
pub fn error_at_name(sql: &str, name: &str, what: &str, next: &str) -> Option<SyntaxError> {
    let source = Source::new(sql).ok()?;
    let reads = |at: &usize| matches!(source.token(*at), Token::Word(word) if word.value.eq_ignore_ascii_case(name));
    let at = (0..source.len()).find(reads)?;
    Some(source.error(at..at + 1, what, next))
}
