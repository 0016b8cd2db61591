//! Reads `CREATE SAMPLE` and `CREATE SAMPLES`.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::options::{self, find, percent};
use super::{CreateSample, CreateSamples};
use crate::bounds::misplaced;
use crate::cursor::Cursor;
use crate::error::SyntaxError;
use crate::plain;
use crate::source::Source;

const SAMPLE_FORM: &str = "CREATE SAMPLE name ON table STRATIFIED BY (column) CAP 500";
const SAMPLES_FORM: &str = "CREATE SAMPLES ON table FOR WORKLOAD 'queries/*.sql' BUDGET 10 %";

/// Reads the statement in `range`, which starts with `CREATE [OR REPLACE] SAMPLE`.
pub(crate) fn create_sample(source: &Source<'_>, range: Range<usize>) -> Result<CreateSample, SyntaxError> {
    let mut cursor = Cursor::new(source, range.clone());
    cursor.take(&["CREATE"]);
    let or_replace = cursor.take(&["OR", "REPLACE"]);
    cursor.take(&["SAMPLE"]);
    let if_at = cursor.at;
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    if or_replace && if_not_exists {
        let what = "OR REPLACE and IF NOT EXISTS contradict each other";
        return Err(source.error(if_at..cursor.at, what, "keep one of the two"));
    }
    if cursor.sees("ON") {
        return Err(cursor.expected("the name of the sample", SAMPLE_FORM));
    }
    let name = cursor.sample_name(SAMPLE_FORM)?;
    if !cursor.take(&["ON"]) {
        return Err(cursor.expected("ON and a table", SAMPLE_FORM));
    }
    let relation = cursor.at..find(source, cursor.at..range.end);
    check_relation(&cursor, relation.clone())?;
    cursor.at = relation.end;
    Ok(CreateSample {
        name,
        or_replace,
        if_not_exists,
        relation: source.slice(relation.clone()).to_owned(),
        relation_start: source.start(relation.start),
        options: options::read(&mut cursor)?,
    })
}

fn check_relation(cursor: &Cursor<'_, '_>, relation: Range<usize>) -> Result<(), SyntaxError> {
    if relation.is_empty() {
        return Err(cursor.expected("a table or a join", SAMPLE_FORM));
    }
    let Err(error) = plain::check_relation(cursor.source, relation.clone()) else {
        return Ok(());
    };
    if let Some(bound) = misplaced::find(cursor.source, relation) {
        let what = "bounds govern queries, they are not allowed on CREATE SAMPLE";
        return Err(cursor.source.error(bound.at, what, "put the bounds on the queries"));
    }
    Err(error)
}

/// Reads the statement in `range`, which starts with `CREATE SAMPLES`.
pub(crate) fn create_samples(source: &Source<'_>, range: Range<usize>) -> Result<CreateSamples, SyntaxError> {
    let mut cursor = Cursor::new(source, range);
    cursor.take(&["CREATE", "SAMPLES"]);
    if !cursor.take(&["ON"]) {
        return Err(cursor.expected("ON and a table", SAMPLES_FORM));
    }
    let table = cursor.at;
    while cursor.at < cursor.end && !cursor.sees("FOR") {
        cursor.at += 1;
    }
    if table == cursor.at {
        return Err(cursor.expected("the name of a table", SAMPLES_FORM));
    }
    let table = table..cursor.at;
    plain::check_relation(source, table.clone())?;
    if !cursor.take(&["FOR", "WORKLOAD"]) {
        return Err(cursor.expected("FOR WORKLOAD", SAMPLES_FORM));
    }
    let Token::SingleQuotedString(workload) = cursor.peek() else {
        return Err(cursor.expected("the path of the workload in quotes", SAMPLES_FORM));
    };
    cursor.at += 1;
    if !cursor.take(&["BUDGET"]) {
        return Err(cursor.expected("BUDGET", SAMPLES_FORM));
    }
    let budget_at = cursor.at;
    let budget = options::number(&mut cursor, "BUDGET")?;
    if !cursor.take_token(&Token::Mod) {
        return Err(cursor.expected("% after the BUDGET", SAMPLES_FORM));
    }
    let budget_percent = percent(source, budget_at, budget)?;
    cursor.finish(SAMPLES_FORM)?;
    Ok(CreateSamples { table: source.slice(table).to_owned(), workload: workload.clone(), budget_percent })
}
