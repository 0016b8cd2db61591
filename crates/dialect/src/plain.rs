//! Checks SQL without bounds by sqlparser.

use std::ops::Range;

use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::cursor::shorten;
use crate::error::SyntaxError;
use crate::source::Source;

/// Room in a query for several steps of the parser on each level that the caps on nesting allow.
const QUERY_RECURSION_MAX: usize = 400;
/// Other statements may hold statements, where sqlparser does not grow its stack.
const STATEMENT_RECURSION_MAX: usize = 20;

/// Whether sqlparser reads these tokens as one whole statement of any kind.
pub(crate) fn parses(source: &Source<'_>, range: Range<usize>) -> bool {
    let mut parser = parser(source, range, STATEMENT_RECURSION_MAX);
    parser.parse_statement().is_ok() && parser.peek_token_ref().token == Token::EOF
}

/// Fails with sqlparser's own words unless these tokens are one whole query.
pub(crate) fn check_query(source: &Source<'_>, range: Range<usize>) -> Result<(), SyntaxError> {
    let mut parser = parser(source, range.clone(), QUERY_RECURSION_MAX);
    let outcome = parser.parse_statement().map(drop);
    settle(source, range, &parser, outcome, "correct the query before its bounds")
}

/// Fails unless these tokens are a table or a join.
pub(crate) fn check_relation(source: &Source<'_>, range: Range<usize>) -> Result<(), SyntaxError> {
    let mut parser = parser(source, range.clone(), QUERY_RECURSION_MAX);
    let outcome = parser.parse_table_and_joins().map(drop);
    let next = "ON table or ON a JOIN b ON …, then any of STRATIFIED BY (column), \
                UNIVERSE ON (column), CAP 500, SIZE 10000 ROWS, SIZE 1 %, TAIL (column), LEVELS 5, SEED 1";
    settle(source, range, &parser, outcome, next)
}

fn parser(source: &Source<'_>, range: Range<usize>, recursion_max: usize) -> Parser<'static> {
    Parser::new(&GenericDialect).with_recursion_limit(recursion_max).with_tokens_with_locations(source.tokens(range))
}

/// Turns sqlparser's error, or the tokens that it left unread, into an error at the right token.
fn settle(
    source: &Source<'_>,
    range: Range<usize>,
    parser: &Parser<'_>,
    outcome: Result<(), ParserError>,
    next: &str,
) -> Result<(), SyntaxError> {
    let rest = parser.peek_token_ref();
    let (what, line, column) = match outcome {
        Ok(()) if rest.token == Token::EOF => return Ok(()),
        Ok(()) => {
            let span = rest.span.start;
            (String::from("expected the end"), span.line, span.column)
        }
        Err(ParserError::RecursionLimitExceeded) => (String::from("the statement nests too deeply"), 0, 0),
        Err(ParserError::ParserError(said) | ParserError::TokenizerError(said)) => split_place(&said),
    };
    let at = source.index_at(line, column).filter(|index| range.contains(index));
    let Some(at) = at else {
        return Err(source.error(range.end..range.end, what, next));
    };
    let what =
        if what.contains("found") { what } else { format!("{what}, found {}", shorten(source.slice(at..at + 1))) };
    Err(source.error(at..at + 1, what, next))
}

/// Separates `… at Line: 3, Column: 5` into its message and its place; zeros without a place.
pub(crate) fn split_place(said: &str) -> (String, u64, u64) {
    let place = said.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((message, line.parse().ok()?, column.trim().parse().ok()?))
    });
    match place {
        Some((message, line, column)) => (shorten_message(message), line, column),
        None => (shorten_message(said), 0, 0),
    }
}

/// sqlparser quotes tokens whole, and a token may be a megabyte long.
fn shorten_message(said: &str) -> String {
    said.replacen("Expected:", "expected", 1)
        .replace("found: EOF", "found the end")
        .replace("found: ", "found ")
        .chars()
        .take(200)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
