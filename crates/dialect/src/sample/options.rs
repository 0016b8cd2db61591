//! The options that follow the relation of `CREATE SAMPLE`.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::{Design, SampleOptions, SampleSize};
use crate::cursor::{Cursor, shorten};
use crate::error::SyntaxError;
use crate::source::Source;

const OPTIONS: &str = "any of UNIFORM, STRATIFIED BY (column), UNIVERSE ON (column), CAP 500, \
                       SIZE 10000 ROWS, SIZE 1 %, TAIL (column), LEVELS 5, SEED 1";
const SIZES: &str = "CAP 500, SIZE 10000 ROWS or SIZE 1 %";

/// The first token outside parentheses that starts an option; the end of `range` without any.
pub(super) fn find(source: &Source<'_>, range: Range<usize>) -> usize {
    let mut depth = 0_usize;
    for at in range.clone() {
        match source.token(at) {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(_) if depth == 0 && starts_option(source, at) => return at,
            _ => {}
        }
    }
    range.end
}

fn starts_option(source: &Source<'_>, at: usize) -> bool {
    let next = source.token(at + 1);
    // `ON t CAP 500` would otherwise give the table an alias. A misspelt number is an option too.
    let counted = ["CAP", "SIZE", "LEVELS", "SEED"];
    let is_end = |at: usize| matches!(source.token(at), Token::EOF | Token::SemiColon) || starts_option(source, at);
    source.is_word(at, "UNIFORM") && is_end(at + 1)
        || source.are_words(at, &["STRATIFIED", "BY"])
        || source.are_words(at, &["UNIVERSE", "ON"])
        || (source.is_word(at, "TAIL") && *next == Token::LParen)
        || (source.is_any_word(at, &counted)
            && matches!(next, Token::Number(..) | Token::Minus | Token::Placeholder(_)))
}

/// Reads every option up to the end of the statement.
pub(super) fn read(cursor: &mut Cursor<'_, '_>) -> Result<SampleOptions, SyntaxError> {
    let mut options = SampleOptions::default();
    let mut has_design = false;
    while cursor.at < cursor.end {
        let start = cursor.at;
        let is_design = cursor.source.is_any_word(start, &["UNIFORM", "STRATIFIED", "UNIVERSE"]);
        let repeated = read_one(cursor, &mut options)?;
        let repeated = if is_design && has_design { Some("UNIFORM, STRATIFIED BY or UNIVERSE ON") } else { repeated };
        has_design |= is_design;
        if let Some(name) = repeated {
            return Err(cursor.source.error(
                start..start + 1,
                format!("{name} is given twice"),
                format!("keep one {name}"),
            ));
        }
    }
    Ok(options)
}

/// Reads one option; returns its name when it was given before.
fn read_one(cursor: &mut Cursor<'_, '_>, options: &mut SampleOptions) -> Result<Option<&'static str>, SyntaxError> {
    if cursor.take(&["STRATIFIED", "BY"]) || cursor.take(&["UNIVERSE", "ON"]) {
        let universe = cursor.source.is_word(cursor.at - 1, "ON");
        let design = design(cursor, universe)?;
        options.design = design;
        return Ok(None);
    }
    if cursor.take(&["UNIFORM"]) {
        options.design = Design::Uniform;
        return Ok(None);
    }
    if cursor.take(&["CAP"]) {
        let cap = SampleSize::Cap(positive(cursor, "CAP")?);
        return Ok(options.size.replace(cap).map(|_| "CAP or SIZE"));
    }
    if cursor.take(&["SIZE"]) {
        let size = size(cursor)?;
        return Ok(options.size.replace(size).map(|_| "CAP or SIZE"));
    }
    if cursor.take(&["TAIL"]) {
        let before = std::mem::replace(&mut options.tail, columns(cursor)?);
        return Ok((!before.is_empty()).then_some("TAIL"));
    }
    if cursor.take(&["LEVELS"]) {
        let at = cursor.at;
        let levels = u32::try_from(positive(cursor, "LEVELS")?)
            .map_err(|_| cursor.source.error(at..at + 1, "too many LEVELS", "LEVELS 5"))?;
        return Ok(options.levels.replace(levels).map(|_| "LEVELS"));
    }
    if cursor.take(&["SEED"]) {
        let seed = integer(cursor, "SEED")?;
        return Ok(options.seed.replace(seed).map(|_| "SEED"));
    }
    Err(cursor.expected("an option of the sample", OPTIONS))
}

fn design(cursor: &mut Cursor<'_, '_>, universe: bool) -> Result<Design, SyntaxError> {
    let start = cursor.at;
    let mut columns = columns(cursor)?;
    if !universe {
        return Ok(Design::Stratified(columns));
    }
    match columns.pop() {
        Some(column) if columns.is_empty() => Ok(Design::Universe(column)),
        _ => Err(cursor.source.error(
            start..cursor.at,
            "UNIVERSE ON takes one column",
            "UNIVERSE ON (column), the column whose distinct values are counted",
        )),
    }
}

fn size(cursor: &mut Cursor<'_, '_>) -> Result<SampleSize, SyntaxError> {
    let start = cursor.at;
    let number = number(cursor, "SIZE")?;
    if cursor.take_token(&Token::Mod) {
        return percent(cursor.source, start, number).map(SampleSize::Percent);
    }
    if !cursor.take(&["ROWS"]) {
        return Err(cursor.expected("ROWS or %", SIZES));
    }
    cursor.at = start;
    let rows = positive(cursor, "SIZE")?;
    cursor.at += 1;
    Ok(SampleSize::Rows(rows))
}

/// A share above 0 and up to 100 percent.
pub(super) fn percent(source: &Source<'_>, at: usize, number: f64) -> Result<f64, SyntaxError> {
    if number > 0.0 && number <= 100.0 {
        return Ok(number);
    }
    let what = format!("a share is above 0 % and at most 100 %, not {number} %");
    Err(source.error(at..at + 1, what, "a share such as 1 %"))
}

/// A number with or without a fraction, not yet checked.
pub(super) fn number(cursor: &mut Cursor<'_, '_>, name: &str) -> Result<f64, SyntaxError> {
    if let Token::Number(digits, false) = cursor.peek()
        && let Ok(number) = digits.parse()
    {
        cursor.at += 1;
        return Ok(number);
    }
    Err(cursor.expected(&format!("the number of {name}"), OPTIONS))
}

fn integer(cursor: &mut Cursor<'_, '_>, name: &str) -> Result<u64, SyntaxError> {
    if let Token::Number(digits, false) = cursor.peek()
        && let Ok(number) = digits.parse()
    {
        cursor.at += 1;
        return Ok(number);
    }
    Err(cursor.expected(&format!("a whole number for {name}"), OPTIONS))
}

fn positive(cursor: &mut Cursor<'_, '_>, name: &str) -> Result<u64, SyntaxError> {
    let at = cursor.at;
    let number = integer(cursor, name)?;
    if number > 0 {
        return Ok(number);
    }
    let what = format!("{name} 0 would keep nothing");
    Err(cursor.source.error(at..at + 1, what, format!("{name} with a number from 1 on")))
}

/// A list of columns in parentheses.
fn columns(cursor: &mut Cursor<'_, '_>) -> Result<Vec<String>, SyntaxError> {
    let next = "column names in parentheses, as in (country, os)";
    if !cursor.take_token(&Token::LParen) {
        return Err(cursor.expected("( and column names", next));
    }
    let mut columns = Vec::new();
    loop {
        let at = cursor.at;
        let column = column(cursor, next)?;
        if columns.contains(&column) {
            let what = format!("column {} is listed twice", shorten(&column));
            return Err(cursor.source.error(at..cursor.at, what, "list each column once"));
        }
        columns.push(column);
        if cursor.take_token(&Token::RParen) {
            return Ok(columns);
        }
        if !cursor.take_token(&Token::Comma) {
            return Err(cursor.expected(", or )", next));
        }
    }
}

/// A column, with its table before it where a join needs that.
fn column(cursor: &mut Cursor<'_, '_>, next: &str) -> Result<String, SyntaxError> {
    let mut name = cursor.identifier("the name of a column", next)?;
    while cursor.take_token(&Token::Period) {
        name.push('.');
        name.push_str(&cursor.identifier("the name of a column", next)?);
    }
    Ok(name)
}
