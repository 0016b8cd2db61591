//! The statements of a script and what kind each one is.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::bounds::Bounds;
use crate::error::{Location, SyntaxError};
use crate::limits;
use crate::sample::{CreateSample, CreateSamples};
use crate::setting::{Setting, SettingName};
use crate::source::Source;

mod bounded;
mod classify;
mod misread;
mod tablesample;
#[cfg(test)]
mod tests;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The place in the source at which the statement starts.
    pub start: Location,
    /// Its source text, without the `;` and without comments around it.
    pub text: String,
    /// The kind of the statement, with its parts.
    pub kind: StatementKind,
}

/// The kind of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// SQL for DataFusion, with bounds if it is a query.
    Sql(BoundedSql),
    /// `SUMMARIZE table` or `SUMMARIZE query`, with bounds if any were stated.
    Summarize {
        /// Text that may stand after FROM: the table, or the query in parentheses.
        source: String,
        /// The bounds, empty if none were stated.
        bounds: Bounds,
    },
    /// `CREATE SAMPLE …`
    CreateSample(CreateSample),
    /// `CREATE SAMPLES … FOR WORKLOAD …`, the advisor.
    CreateSamples(CreateSamples),
    /// `SHOW SAMPLES`
    ShowSamples,
    /// `DESCRIBE SAMPLE name`
    DescribeSample {
        /// The sample.
        name: String,
    },
    /// `VERIFY SAMPLE name`
    VerifySample {
        /// The sample.
        name: String,
    },
    /// `REFRESH SAMPLE name`
    RefreshSample {
        /// The sample.
        name: String,
    },
    /// `DROP SAMPLE [IF EXISTS] name`
    DropSample {
        /// The sample.
        name: String,
        /// Whether a missing sample is no error.
        if_exists: bool,
    },
    /// `SET plusminus.name = value`
    Set {
        /// The setting and its value.
        setting: Setting,
    },
    /// `RESET plusminus.name`
    Reset {
        /// The setting.
        name: SettingName,
    },
}

/// Plain SQL and the bounds that stood behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundedSql {
    /// A contiguous slice of the source without the bounds, and, where there are bounds, without
    /// the `EXPLAIN` before it.
    pub head: String,
    /// The place in the source at which [`head`](Self::head) starts.
    pub head_start: Location,
    /// Bytes of the head before the query itself: an `EXPLAIN` that was left in place, else 0.
    pub query_offset: usize,
    /// The bounds, empty if none were stated.
    pub bounds: Bounds,
    /// Present when `EXPLAIN [ANALYZE] [VERBOSE]` governs a query.
    pub explain: Option<Explain>,
    /// For `COPY (query with bounds) TO …`, the text from `TO` on; the head is the query then.
    pub copy_to: Option<String>,
    /// Whether bounds may govern the statement.
    pub class: SqlClass,
}

impl BoundedSql {
    /// The SQL without bounds and without `EXPLAIN`, whether bounds were stated or not.
    ///
    /// ```
    /// use plusminus_dialect::{StatementKind, parse_statement};
    ///
    /// let statement = parse_statement("EXPLAIN SELECT 1").unwrap();
    /// let StatementKind::Sql(sql) = statement.kind else { unreachable!() };
    /// assert_eq!((sql.head.as_str(), sql.query()), ("EXPLAIN SELECT 1", "SELECT 1"));
    /// ```
    pub fn query(&self) -> &str {
        self.head.get(self.query_offset..).unwrap_or(&self.head)
    }

    /// The place in the source at which [`query`](Self::query) starts.
    #[must_use]
    pub fn query_start(&self) -> Location {
        let mut place = self.head_start;
        self.head[..self.head.len() - self.query().len()].chars().for_each(|character| place.advance(character));
        place
    }
}

/// Whether bounds may govern a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlClass {
    /// `SELECT`, `WITH`, `VALUES`, `TABLE` or a query in parentheses.
    Query,
    /// Anything else: `COPY`, `CREATE`, `INSERT`, `SHOW`, settings of DataFusion's own, …
    Other,
}

/// The options between `EXPLAIN` and its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Explain {
    /// `ANALYZE`: run the query and measure.
    pub analyze: bool,
    /// `VERBOSE`: show every step.
    pub verbose: bool,
}

/// Reads every statement of a script. Statements are separated by `;`, empty ones are skipped.
///
/// ```
/// let script = "SET plusminus.error = '5%'; ; SELECT ';' -- ;\n";
/// assert_eq!(plusminus_dialect::parse_script(script).unwrap().len(), 2);
/// ```
///
/// # Errors
///
/// At the first statement that cannot be understood or that exceeds a cap.
pub fn parse_script(sql: &str) -> Result<Vec<Statement>, SyntaxError> {
    let source = Source::new(sql)?;
    let ranges = split(&source);
    ranges.into_iter().map(|range| read(&source, range)).collect()
}

/// Reads exactly one statement; a `;` may follow it.
///
/// # Errors
///
/// When the statement cannot be understood or exceeds a cap, and when there is none or another.
pub fn parse_statement(sql: &str) -> Result<Statement, SyntaxError> {
    let source = Source::new(sql)?;
    let mut ranges = split(&source).into_iter();
    let Some(range) = ranges.next() else {
        return Err(source.error(0..0, "there is no statement", "SELECT 1"));
    };
    if let Some(second) = ranges.next() {
        let what = "expected one statement, another one follows";
        let next = "run the statements one by one, or as a script";
        return Err(source.error(second.start..second.start + 1, what, next));
    }
    read(&source, range)
}

/// The tokens of each statement that is not empty.
fn split(source: &Source<'_>) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for at in 0..=source.len() {
        if at == source.len() || *source.token(at) == Token::SemiColon {
            if start < at {
                ranges.push(start..at);
            }
            start = at + 1;
        }
    }
    ranges
}

fn read(source: &Source<'_>, range: Range<usize>) -> Result<Statement, SyntaxError> {
    limits::check(source, range.clone())?;
    Ok(Statement {
        start: source.start(range.start),
        text: source.slice(range.clone()).to_owned(),
        kind: classify::read(source, range)?,
    })
}
