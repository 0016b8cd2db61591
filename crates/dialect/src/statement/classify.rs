//! Separates our own statements from those of DataFusion by their first words.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::{StatementKind, bounded};
use crate::cursor::Cursor;
use crate::error::SyntaxError;
use crate::sample::parse::{create_sample, create_samples};
use crate::setting;
use crate::source::Source;

/// Reads one statement of any kind.
pub(super) fn read(source: &Source<'_>, range: Range<usize>) -> Result<StatementKind, SyntaxError> {
    let start = range.start;
    let has = |words: &[&str]| words.len() <= range.len() && source.are_words(start, words);
    if has(&["CREATE", "SAMPLE"]) || has(&["CREATE", "OR", "REPLACE", "SAMPLE"]) {
        return create_sample(source, range).map(StatementKind::CreateSample);
    }
    if has(&["CREATE", "SAMPLES"]) {
        return create_samples(source, range).map(StatementKind::CreateSamples);
    }
    if has(&["SHOW", "SAMPLES"]) {
        let mut cursor = Cursor::new(source, range);
        cursor.take(&["SHOW", "SAMPLES"]);
        cursor.finish("SHOW SAMPLES")?;
        return Ok(StatementKind::ShowSamples);
    }
    if has(&["SUMMARIZE"]) {
        return bounded::summarize(source, range);
    }
    if names_setting(source, range.clone()) {
        return if has(&["SET"]) {
            setting::set(source, range).map(|setting| StatementKind::Set { setting })
        } else {
            setting::reset(source, range).map(|name| StatementKind::Reset { name })
        };
    }
    match named_sample(source, range.clone())? {
        Some(kind) => Ok(kind),
        None => bounded::read(source, range).map(StatementKind::Sql),
    }
}

/// Whether the statement is `SET plusminus.…` or `RESET plusminus.…`.
fn names_setting(source: &Source<'_>, range: Range<usize>) -> bool {
    let start = range.start;
    range.len() >= 3
        && source.is_any_word(start, &["SET", "RESET"])
        && source.is_word(start + 1, "plusminus")
        && *source.token(start + 2) == Token::Period
}

/// `DESCRIBE`, `VERIFY`, `REFRESH` or `DROP SAMPLE name`.
fn named_sample(source: &Source<'_>, range: Range<usize>) -> Result<Option<StatementKind>, SyntaxError> {
    let verbs = ["DESCRIBE", "VERIFY", "REFRESH", "DROP"];
    let start = range.start;
    let Some(verb) = verbs.into_iter().find(|verb| source.is_word(start, verb)) else {
        return Ok(None);
    };
    let mut cursor = Cursor::new(source, range);
    if !cursor.take(&[verb, "SAMPLE"]) || describes_table(verb, &cursor) {
        return Ok(None);
    }
    let form = format!("{verb} SAMPLE name; SHOW SAMPLES lists the names");
    let if_exists = verb == "DROP" && cursor.take(&["IF", "EXISTS"]);
    let name = cursor.sample_name(&form)?;
    cursor.finish(&form)?;
    Ok(Some(match verb {
        "DESCRIBE" => StatementKind::DescribeSample { name },
        "VERIFY" => StatementKind::VerifySample { name },
        "REFRESH" => StatementKind::RefreshSample { name },
        _ => StatementKind::DropSample { name, if_exists },
    }))
}

/// `DESCRIBE sample` and `DESCRIBE sample.events` ask for a table.
fn describes_table(verb: &str, after: &Cursor<'_, '_>) -> bool {
    verb == "DESCRIBE" && matches!(after.peek(), Token::EOF | Token::Period)
}
