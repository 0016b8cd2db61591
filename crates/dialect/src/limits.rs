//! Caps on the shape of a statement, checked in one pass over its tokens.
//!
//! Parsers and planners recurse along nesting and along chains of operators, and a few of them
//! run out of stack long before they run out of input. These caps come first and never recurse.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::error::SyntaxError;
use crate::source::Source;

#[cfg(test)]
mod tests;

pub(crate) const TOKENS_MAX: usize = 100_000;
pub(crate) const NESTING_MAX: usize = 100;
pub(crate) const CHAIN_MAX: usize = 1_000;
/// The number of CASE without END that are taken for names.
pub(crate) const OPEN_CASES_MAX: usize = 10;
/// The most EXPLAIN words: DataFusion recurses along nested explanations.
pub(crate) const EXPLAINS_MAX: usize = 20;
pub(crate) const SET_OPERATIONS_MAX: usize = 250;
pub(crate) const JOINS_MAX: usize = 250;
/// The number of times that the innermost part of a statement may be read before its nesting is refused.
pub(crate) const READINGS_MAX: u64 = 60_000;
pub(crate) const NAMED_QUERIES_MAX: usize = 250;

/// Words that join or prefix expressions, each one level of a parsed tree.
const OPERATOR_WORDS: &[&str] = &[
    "AND", "OR", "NOT", "XOR", "DIV", "MOD", "LIKE", "ILIKE", "IS", "IN", "BETWEEN", "COLLATE", "REGEXP", "RLIKE",
    "SIMILAR", "AT", "INTERVAL", "PRIOR",
];

/// Words that sqlparser reads in a way of their own when a parenthesis follows, and once more as
/// the name of a function when that fails. Nested, the readings multiply.
const REREAD_WORDS: &[&str] = &[
    "CASE",
    "CONVERT",
    "TRY_CONVERT",
    "CAST",
    "TRY_CAST",
    "SAFE_CAST",
    "EXISTS",
    "EXTRACT",
    "CEIL",
    "FLOOR",
    "POSITION",
    "SUBSTR",
    "SUBSTRING",
    "OVERLAY",
    "TRIM",
    "ARRAY",
    "NOT",
    "MATCH",
    "STRUCT",
    "PRIOR",
    "MAP",
    "LAMBDA",
    "USER",
    "CURRENT_CATALOG",
    "CURRENT_USER",
    "SESSION_USER",
    "CURRENT_TIMESTAMP",
    "CURRENT_TIME",
    "CURRENT_DATE",
    "LOCALTIME",
    "LOCALTIMESTAMP",
];
/// More than the readings of any of these words.
const REREAD_FACTOR: u64 = 3;

/// Words that end one chain of operators and start another.
const SEPARATOR_WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "JOIN",
    "ON",
    "USING",
    "WHEN",
    "THEN",
    "ELSE",
    "WINDOW",
    "QUALIFY",
    "VALUES",
    "SET",
];

/// Words that end the list of relations after FROM.
const AFTER_FROM_WORDS: &[&str] = &[
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "WINDOW",
    "QUALIFY",
    "SELECT",
    "SET",
    "VALUES",
];

/// Fails when the tokens in `range` exceed a cap.
pub(crate) fn check(source: &Source<'_>, range: Range<usize>) -> Result<(), SyntaxError> {
    if range.len() > TOKENS_MAX {
        let at = range.start + TOKENS_MAX;
        return Err(source.error(
            at..at + 1,
            format!("the statement has {} tokens, the limit is {TOKENS_MAX}", range.len()),
            "load long lists of values from a file and join with it",
        ));
    }
    let mut scan = Scan::new(source);
    for index in range.clone() {
        scan.step(index)?;
    }
    scan.close()
}

/// An opened bracket or CASE that waits for its end.
struct Frame {
    closer: Closer,
    opened_at: usize,
    operators: usize,
    in_from: bool,
    /// Opening parentheses in a row up to this one, if they stand where a relation does.
    relation_run: u64,
    /// The number of times that sqlparser may read the tokens within.
    readings: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closer {
    Parenthesis,
    Bracket,
    Brace,
    Case,
    Statement,
}

struct Scan<'s, 'a> {
    source: &'s Source<'a>,
    frames: Vec<Frame>,
    set_operations: usize,
    joins: usize,
    named_queries: usize,
    type_nesting: usize,
    intervals: usize,
    open_cases: usize,
    explains: usize,
}

impl<'s, 'a> Scan<'s, 'a> {
    fn new(source: &'s Source<'a>) -> Self {
        let mut scan = Self {
            source,
            frames: Vec::new(),
            set_operations: 0,
            joins: 0,
            named_queries: 0,
            type_nesting: 0,
            intervals: 0,
            open_cases: 0,
            explains: 0,
        };
        scan.push(Closer::Statement, 0);
        scan
    }

    fn push(&mut self, closer: Closer, opened_at: usize) {
        let (relation_run, readings) = self.readings_at(closer, opened_at);
        self.frames.push(Frame { closer, opened_at, operators: 0, in_from: false, relation_run, readings });
    }

    /// Relations in `((SELECT …) a JOIN b)` are tried as a query and then as a join, once for
    /// each parenthesis; some words are tried twice too. Both multiply from level to level.
    fn readings_at(&self, closer: Closer, index: usize) -> (u64, u64) {
        let Some(outer) = self.frames.last() else {
            return (0, 1);
        };
        if closer != Closer::Parenthesis || index == 0 {
            return (0, outer.readings);
        }
        let before = index - 1;
        let starts_relation = self.source.is_any_word(before, &["FROM", "JOIN"])
            || (outer.in_from && *self.source.token(before) == Token::Comma);
        let follows = outer.relation_run > 0 && outer.opened_at == before;
        let relation_run = if follows { outer.relation_run + 1 } else { u64::from(starts_relation) };
        let mut factor = 1;
        if self.source.is_any_word(before, REREAD_WORDS) {
            factor = REREAD_FACTOR;
        } else if self.source.is_any_word(index + 1, &["SELECT", "WITH", "VALUES", "FROM", "TABLE"]) {
            factor = relation_run.max(1);
        }
        (relation_run, outer.readings.saturating_mul(factor))
    }

    fn step(&mut self, index: usize) -> Result<(), SyntaxError> {
        match self.source.token(index) {
            Token::LParen => self.open(Closer::Parenthesis, index),
            Token::LBrace => self.open(Closer::Brace, index),
            Token::LBracket => {
                // A chain of subscripts deepens the tree as operators do.
                self.operator(index)?;
                self.open(Closer::Bracket, index)
            }
            Token::RParen => self.shut(Closer::Parenthesis, index),
            Token::RBracket => self.shut(Closer::Bracket, index),
            Token::RBrace => self.shut(Closer::Brace, index),
            Token::Comma => self.comma(index),
            Token::Word(word) if word.quote_style.is_none() => self.word(index),
            Token::Lt => self.less_than(index),
            token if is_operator(token) => self.operator(index),
            _ => Ok(()),
        }
    }

    fn open(&mut self, closer: Closer, index: usize) -> Result<(), SyntaxError> {
        self.push(closer, index);
        if self.frames.last().is_some_and(|frame| frame.readings > READINGS_MAX) {
            return Err(self.source.error(
                index..index + 1,
                "the statement nests calls or relations in a way that takes too long to read",
                "name inner queries in a WITH clause, or compute inner calls in a subquery",
            ));
        }
        if self.frames.len() <= NESTING_MAX + 1 {
            return Ok(());
        }
        Err(self.source.error(
            index..index + 1,
            format!("the statement nests more than {NESTING_MAX} levels deep"),
            "name inner queries in a WITH clause, or drop parentheses that change nothing",
        ))
    }

    fn shut(&mut self, closer: Closer, index: usize) -> Result<(), SyntaxError> {
        // A CASE that lacks its END, or a column of that name, ends with the bracket around it.
        self.drop_open_cases()?;
        if self.top_is(closer) {
            self.frames.pop();
            return Ok(());
        }
        if closer != Closer::Parenthesis {
            return Ok(());
        }
        Err(self.source.error(
            index..index + 1,
            "this parenthesis closes nothing",
            "remove it, or add the ( that it should close",
        ))
    }

    /// A column may be called `case`; many that nest are reread as often as parentheses are.
    fn drop_open_cases(&mut self) -> Result<(), SyntaxError> {
        while let Some(frame) = self.frames.pop_if(|frame| frame.closer == Closer::Case) {
            self.open_cases += 1;
            if self.open_cases > OPEN_CASES_MAX {
                let at = frame.opened_at;
                return Err(self.source.error(at..at + 1, "this CASE has no END", "CASE WHEN … THEN … END"));
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), SyntaxError> {
        self.drop_open_cases()?;
        let open = self.frames.iter().rev().find(|frame| frame.closer == Closer::Parenthesis);
        let Some(frame) = open else {
            return Ok(());
        };
        let here = frame.opened_at..frame.opened_at + 1;
        Err(self.source.error(here, "this parenthesis is never closed", "add the ) that closes it"))
    }

    fn top_is(&self, closer: Closer) -> bool {
        self.frames.last().is_some_and(|frame| frame.closer == closer)
    }

    fn comma(&mut self, index: usize) -> Result<(), SyntaxError> {
        self.separate();
        // `FROM a, b` is a join that lacks the word.
        if self.frames.last().is_some_and(|frame| frame.in_from) {
            return self.join(index);
        }
        Ok(())
    }

    fn word(&mut self, index: usize) -> Result<(), SyntaxError> {
        let after_period = index > 0 && *self.source.token(index - 1) == Token::Period;
        if after_period {
            return Ok(());
        }
        let is = |words: &[&str]| self.source.is_any_word(index, words);
        let is_operator = is(OPERATOR_WORDS);
        let ends_from = is(AFTER_FROM_WORDS);
        let separates = is(SEPARATOR_WORDS);
        if let Some(frame) = self.frames.last_mut() {
            frame.in_from = (frame.in_from && !ends_from) || self.source.is_word(index, "FROM");
        }
        if separates {
            self.separate();
        }
        if self.source.is_word(index, "INTERVAL") {
            return self.interval(index);
        }
        if is_operator {
            return self.operator(index);
        }
        self.counted_word(index)
    }

    fn counted_word(&mut self, index: usize) -> Result<(), SyntaxError> {
        let source = self.source;
        if source.is_word(index, "CASE") {
            return self.open(Closer::Case, index);
        }
        if source.is_word(index, "END") && self.top_is(Closer::Case) {
            self.frames.pop();
        } else if source.is_word(index, "EXPLAIN") {
            self.explains += 1;
            let next = "one EXPLAIN, and quotes around columns of that name";
            return self.cap(self.explains, EXPLAINS_MAX, index, "EXPLAIN words", next);
        } else if source.is_any_word(index, &["JOIN", "APPLY"]) {
            return self.join(index);
        } else if source.is_word(index, "AS") && *source.token(index + 1) == Token::LParen {
            return self.named_query(index);
        } else if source.is_any_word(index, &["UNION", "INTERSECT", "EXCEPT", "MINUS"]) {
            return self.set_operation(index);
        }
        Ok(())
    }

    /// `INTERVAL INTERVAL …` recurses in sqlparser without a guard.
    fn interval(&mut self, index: usize) -> Result<(), SyntaxError> {
        let follows_itself = index > 0 && self.source.is_word(index - 1, "INTERVAL");
        self.intervals = if follows_itself { self.intervals + 1 } else { 1 };
        if self.intervals <= NESTING_MAX {
            return self.operator(index);
        }
        let what = format!("more than {NESTING_MAX} times INTERVAL in a row");
        Err(self.source.error(index..index + 1, what, "INTERVAL '1 day'"))
    }

    fn separate(&mut self) {
        self.type_nesting = 0;
        if let Some(frame) = self.frames.last_mut() {
            frame.operators = 0;
        }
    }

    fn operator(&mut self, index: usize) -> Result<(), SyntaxError> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        frame.operators += 1;
        if frame.operators <= CHAIN_MAX {
            return Ok(());
        }
        Err(self.source.error(
            index..index + 1,
            format!("more than {CHAIN_MAX} operators in one chain"),
            "write a long OR as IN (…), or join with a table of the values",
        ))
    }

    /// `ARRAY<ARRAY<…` nests types without a parenthesis.
    fn less_than(&mut self, index: usize) -> Result<(), SyntaxError> {
        let opens_type = index > 0 && self.source.is_any_word(index - 1, &["ARRAY", "STRUCT", "MAP"]);
        if opens_type {
            self.type_nesting += 1;
        }
        if self.type_nesting <= NESTING_MAX {
            return self.operator(index);
        }
        Err(self.source.error(
            index..index + 1,
            format!("a type nests more than {NESTING_MAX} levels deep"),
            "use a flatter type",
        ))
    }

    fn set_operation(&mut self, index: usize) -> Result<(), SyntaxError> {
        // `SELECT * EXCEPT (column)` only leaves columns out.
        if index > 0 && *self.source.token(index - 1) == Token::Mul {
            return Ok(());
        }
        self.set_operations += 1;
        let what = "UNION, INTERSECT and EXCEPT operations";
        let next = "store the parts in one table, or query them in several statements";
        self.cap(self.set_operations, SET_OPERATIONS_MAX, index, what, next)
    }

    fn join(&mut self, index: usize) -> Result<(), SyntaxError> {
        self.joins += 1;
        let next = "store the result of some of the joins in a table first";
        self.cap(self.joins, JOINS_MAX, index, "joins", next)
    }

    fn named_query(&mut self, index: usize) -> Result<(), SyntaxError> {
        self.named_queries += 1;
        let next = "store the result of some of the WITH queries in a table first";
        self.cap(self.named_queries, NAMED_QUERIES_MAX, index, "named queries", next)
    }

    fn cap(&self, count: usize, max: usize, index: usize, what: &str, next: &str) -> Result<(), SyntaxError> {
        if count <= max {
            return Ok(());
        }
        let what = format!("more than {max} {what} in one statement");
        Err(self.source.error(index..index + 1, what, next))
    }
}

/// Whether a token deepens the tree of an expression. Unknown symbols count, to be safe.
fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Word(_)
            | Token::Number(..)
            | Token::Placeholder(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::TripleSingleQuotedByteStringLiteral(_)
            | Token::TripleDoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedRawStringLiteral(_)
            | Token::TripleDoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::QuoteDelimitedStringLiteral(_)
            | Token::NationalQuoteDelimitedStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
    )
}
