//! Cuts SQL into its head and its bounds.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::{BoundedSql, Explain, SqlClass, StatementKind, misread, tablesample};
use crate::bounds::{misplaced, tail};
use crate::cursor::{Cursor, shorten};
use crate::error::SyntaxError;
use crate::plain;
use crate::source::Source;

/// Reads SQL that is none of our own statements.
pub(super) fn read(source: &Source<'_>, range: Range<usize>) -> Result<BoundedSql, SyntaxError> {
    tablesample::refuse(source, range.clone())?;
    misread::refuse(source, range.clone())?;
    let (explain, query) = explain(source, range.clone());
    if let Some((copied, target)) = copied_query(source, range.clone())
        && tail::find(source, copied.clone()) < copied.end
    {
        let inner = read(source, copied)?;
        return Ok(BoundedSql { copy_to: Some(source.slice(target).to_owned()), ..inner });
    }
    if !is_query(source, query.clone()) {
        return other(source, range);
    }
    let tail_start = tail::find(source, query.clone());
    if tail_start < range.end && tail_start > query.start && source.is_word(tail_start - 1, "WITH") {
        let what = "bounds stand at the end of a query without WITH";
        let next = "ERROR WITHIN 10% AT CONFIDENCE 95%, or WITHIN 5 SECONDS";
        return Err(source.error(tail_start - 1..tail_start, what, next));
    }
    let bounds = tail::read(source, tail_start..range.end)?;
    let head = query.start..tail_start;
    let suspicion = misplaced::find(source, head.clone());
    if let Some(suspicion) = suspicion
        && plain::check_query(source, head.clone()).is_err()
    {
        return Err(suspicion.error);
    }
    let shown = if bounds.is_empty() {
        range.clone()
    } else {
        plain::check_query(source, head.clone())?;
        head
    };
    Ok(BoundedSql {
        head: source.slice(shown.clone()).to_owned(),
        head_start: source.start(shown.start),
        query_offset: source.start(query.start).offset - source.start(shown.start).offset,
        bounds,
        explain,
        copy_to: None,
        class: SqlClass::Query,
    })
}

/// `SUMMARIZE table-or-query [bounds]`.
pub(super) fn summarize(source: &Source<'_>, range: Range<usize>) -> Result<StatementKind, SyntaxError> {
    let summarised = range.start + 1..range.end;
    let tail_start = tail::find(source, summarised.clone());
    let bounds = tail::read(source, tail_start..range.end)?;
    let what = summarised.start..tail_start;
    if what.is_empty() {
        let next = "SUMMARIZE flights, or SUMMARIZE SELECT origin, delay FROM flights";
        return Err(source.error(range.start..range.start + 1, "SUMMARIZE names no table or query", next));
    }
    let text = source.slice(what.clone());
    let is_query = is_query(source, what.clone()) && *source.token(what.start) != Token::LParen;
    let source = if is_query { format!("({text})") } else { text.to_owned() };
    Ok(StatementKind::Summarize { source, bounds })
}

/// SQL that no bounds may govern.
fn other(source: &Source<'_>, range: Range<usize>) -> Result<BoundedSql, SyntaxError> {
    let tail_start = tail::find(source, range.clone());
    let found = if tail_start < range.end {
        Some(tail_start..range.end)
    } else {
        misplaced::find(source, range.clone()).filter(|suspicion| suspicion.whole).map(|suspicion| suspicion.at)
    };
    // DataFusion reads more than sqlparser does, so failing to parse alone proves nothing.
    if let Some(bound) = found
        && !plain::parses(source, range.clone())
    {
        return Err(not_allowed(source, range, bound));
    }
    Ok(BoundedSql {
        head: source.slice(range.clone()).to_owned(),
        head_start: source.start(range.start),
        query_offset: 0,
        bounds: crate::Bounds::default(),
        explain: None,
        copy_to: None,
        class: SqlClass::Other,
    })
}

fn not_allowed(source: &Source<'_>, range: Range<usize>, bound: Range<usize>) -> SyntaxError {
    let start = range.start;
    let first = source.word(start).unwrap_or_default().to_uppercase();
    // `CREATE VIEW` says more than `CREATE`; a second word may also be a name.
    let kinds = ["VIEW", "TABLE", "EXTERNAL", "FUNCTION", "INTO", "FORMAT"];
    let second = source.word(start + 1).map(str::to_uppercase);
    let kind = match second {
        Some(second) if kinds.contains(&second.as_str()) => format!("{first} {second}"),
        _ => first,
    };
    let what = format!("bounds end a query, they are not allowed on {}", shorten(&kind));
    let next = "drop the bounds here; put them on the SELECT that reads the result";
    source.error(bound, what, next)
}

/// The query of `COPY (query) TO …`, and the tokens from `TO` on.
fn copied_query(source: &Source<'_>, range: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let start = range.start;
    if range.len() < 5 || !source.is_word(start, "COPY") || *source.token(start + 1) != Token::LParen {
        return None;
    }
    let mut depth = 0_usize;
    for at in start + 1..range.end {
        match source.token(at) {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let is_to = at + 1 < range.end && source.is_word(at + 1, "TO");
            return is_to.then_some((start + 2..at, at + 1..range.end)).filter(|(query, _)| !query.is_empty());
        }
    }
    None
}

/// The `EXPLAIN` before a query, and the tokens after it.
fn explain(source: &Source<'_>, range: Range<usize>) -> (Option<Explain>, Range<usize>) {
    let mut cursor = Cursor::new(source, range.clone());
    if !cursor.take(&["EXPLAIN"]) {
        return (None, range);
    }
    let explain = Explain { analyze: cursor.take(&["ANALYZE"]), verbose: cursor.take(&["VERBOSE"]) };
    (Some(explain), cursor.at..range.end)
}

/// Words that start a query.
const QUERY_WORDS: &[&str] = &["SELECT", "WITH", "VALUES", "TABLE", "FROM"];
/// Words after a list of named queries that turn the whole into something that writes.
const WRITING_WORDS: &[&str] = &["INSERT", "UPDATE", "DELETE", "MERGE"];

fn is_query(source: &Source<'_>, range: Range<usize>) -> bool {
    let start = range.start;
    if *source.token(start) == Token::LParen {
        return true;
    }
    source.is_any_word(start, QUERY_WORDS) && !writes(source, range)
}

/// Whether this is `SELECT … INTO table` or `WITH … INSERT`.
fn writes(source: &Source<'_>, range: Range<usize>) -> bool {
    let mut depth = 0_usize;
    for at in range.clone() {
        match source.token(at) {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(_) if depth == 0 && source.is_word(at, "INTO") => return true,
            // Only straight after the list of named queries, where no name can stand.
            Token::Word(_) if depth == 0 && follows_named_query(source, at) => {
                return source.is_word(range.start, "WITH");
            }
            _ => {}
        }
    }
    false
}

fn follows_named_query(source: &Source<'_>, at: usize) -> bool {
    at > 0 && *source.token(at - 1) == Token::RParen && source.is_any_word(at, WRITING_WORDS)
}
