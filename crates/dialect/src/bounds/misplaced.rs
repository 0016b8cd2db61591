//! Bounds that stand where they may not, or are spelt so that they are none.
//!
//! Words such as `error` and `within` are ordinary names, so what is found here is only a
//! suspicion: the caller raises it when the SQL around it does not parse either.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::clause::clause;
use super::misspelt::misspelt;
use super::{OnMiss, TimeUnit};
use crate::cursor::shorten;
use crate::error::SyntaxError;
use crate::source::Source;
use crate::suggest::nearest;

const UNITS: &str = "a unit: MS, SECONDS or MINUTES, as in WITHIN 5 SECONDS";

/// A bound found before the end of a statement.
pub(crate) struct Suspicion {
    /// The tokens of the bound.
    pub(crate) at: Range<usize>,
    /// Whether it is a complete bound, only in the wrong place.
    pub(crate) whole: bool,
    /// The error to raise when the suspicion is right.
    pub(crate) error: SyntaxError,
}

/// The first place in `range` that resembles a bound.
pub(crate) fn find(source: &Source<'_>, range: Range<usize>) -> Option<Suspicion> {
    let mut depth = 0_usize;
    for at in range.clone() {
        match source.token(at) {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(_) => {
                if let Some(found) = suspect(source, at, range.end, depth) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

fn suspect(source: &Source<'_>, at: usize, end: usize, depth: usize) -> Option<Suspicion> {
    if names_a_column(source, at) {
        return None;
    }
    let mut next = at;
    while let Some((_, after)) = clause(source, next, end) {
        next = after;
    }
    if let Some(error) = malformed(source, next, end) {
        return Some(Suspicion { at: next..(next + 3).min(end), whole: false, error });
    }
    let (_, after) = clause(source, at, end)?;
    let here = at..after;
    let bound = shorten(source.slice(here.clone()));
    let what = if depth > 0 {
        format!("the bound {bound} stands inside parentheses; bounds end the statement and govern all of it")
    } else if next < end {
        let follower = shorten(source.slice(next..next + 1));
        format!("the bound {bound} must end the statement, but {follower} follows it")
    } else {
        format!("the bound {bound} is out of place")
    };
    Some(Suspicion {
        at: here.clone(),
        whole: true,
        error: source.error(here, what, format!("move {bound} to the end of the statement")),
    })
}

/// Clauses that may follow a bound that should have come last.
const CLAUSE_WORDS: &[&str] = &[
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "AT",
    "WITHIN",
    "CONFIDENCE",
    "FOR",
    "ON",
    "ERROR",
    "FROM",
    "JOIN",
    "AS",
    "SELECT",
];

/// Whether this is the column of `ORDER BY error WITHIN 5 SECONDS`, whatever the unit.
fn names_a_column(source: &Source<'_>, at: usize) -> bool {
    source.are_words(at, &["ERROR", "WITHIN"])
        && source.word(at + 3).is_some()
        && !source.is_any_word(at + 3, CLAUSE_WORDS)
}

/// The error for something that was meant as a bound, if that is plain enough.
fn malformed(source: &Source<'_>, at: usize, end: usize) -> Option<SyntaxError> {
    if at >= end {
        return None;
    }
    let known = if source.is_word(at, "WITHIN") {
        bad_within(source, at, end)
    } else if source.is_word(at, "ERROR") {
        bad_error(source, at)
    } else if source.is_word(at, "CONFIDENCE") {
        bad_number(source, at, "CONFIDENCE", "CONFIDENCE 95%")
    } else if source.are_words(at, &["ON", "MISS"]) && at + 3 >= end {
        Some(bad_action(source, at, end))
    } else if source.is_word(at, "AT") && at > 0 && *source.token(at - 1) == Token::Mod {
        let what = "AT must be followed by CONFIDENCE and a number";
        Some(source.error(at..at + 1, what, "AT CONFIDENCE 95%"))
    } else {
        None
    };
    known.or_else(|| misspelt(source, at))
}

fn bad_within(source: &Source<'_>, at: usize, end: usize) -> Option<SyntaxError> {
    if source.word(at + 1).is_some() && source.word(at + 2).and_then(TimeUnit::from_word).is_some() {
        let what = format!("WITHIN takes a number in digits, not {}", shorten(source.slice(at + 1..at + 2)));
        return Some(source.error(at + 1..at + 2, what, "WITHIN 5 SECONDS"));
    }
    if !matches!(source.token(at + 1), Token::Number(..) | Token::Placeholder(_)) {
        return bad_number(source, at, "WITHIN", "WITHIN 5 SECONDS");
    }
    if at + 2 >= end {
        let what = "WITHIN lacks its unit of time";
        return Some(source.error(at..end, what, UNITS));
    }
    let unit = at + 2;
    let word = source.word(unit);
    let Some(word) = word.filter(|_| !source.is_any_word(unit, CLAUSE_WORDS)) else {
        let what = "WITHIN lacks its unit of time";
        return Some(source.error(at..unit, what, UNITS));
    };
    if TimeUnit::from_word(word).is_some() {
        return None;
    }
    if word.eq_ignore_ascii_case("PERCENT") {
        let number = source.slice(at + 1..at + 2);
        let what = format!("WITHIN {number} PERCENT is no time");
        return Some(source.error(at..unit + 1, what, format!("ERROR WITHIN {number}% bounds the error")));
    }
    let spellings = TimeUnit::SPELLINGS.iter().map(|(spelling, _)| *spelling);
    let next = nearest(word, spellings)
        .map_or_else(|| UNITS.to_owned(), |known| format!("{known}; the units are MS, SECONDS and MINUTES"));
    let what = format!("unknown unit of time {}", shorten(word));
    Some(source.error(unit..unit + 1, what, next))
}

fn bad_error(source: &Source<'_>, at: usize) -> Option<SyntaxError> {
    let last = at + usize::from(source.is_word(at + 1, "WITHIN"));
    let is_percent = *source.token(last + 2) == Token::Mod || source.is_word(last + 2, "PERCENT");
    if source.word(last + 1).is_some() && is_percent {
        let what = format!("ERROR takes a number in digits, not {}", shorten(source.slice(last + 1..last + 2)));
        return Some(source.error(last + 1..last + 2, what, "ERROR WITHIN 10%"));
    }
    bad_number(source, last, "ERROR", "ERROR WITHIN 10%")
}

/// Complains about a string or a negative number where a bound has its number.
fn bad_number(source: &Source<'_>, word: usize, name: &str, next: &str) -> Option<SyntaxError> {
    let at = word + 1;
    match source.token(at) {
        Token::SingleQuotedString(_) => {
            let what = format!("{name} takes a number without quotes");
            Some(source.error(at..at + 1, what, next))
        }
        Token::Minus if closes_bound(source, at + 2) => {
            let what = format!("{name} needs a number above 0");
            Some(source.error(at..at + 2, what, next))
        }
        _ => None,
    }
}

/// Whether what follows a negative number shows that it was meant as a bound.
fn closes_bound(source: &Source<'_>, at: usize) -> bool {
    matches!(source.token(at - 1), Token::Number(..))
        && match source.token(at) {
            Token::EOF | Token::SemiColon => true,
            Token::Mod => {
                matches!(source.token(at + 1), Token::EOF | Token::SemiColon)
                    || source.is_any_word(at + 1, &["AT", "WITHIN", "CONFIDENCE", "FOR", "ON"])
            }
            _ => source.word(at).is_some_and(|word| TimeUnit::from_word(word).is_some()),
        }
}

fn bad_action(source: &Source<'_>, at: usize, end: usize) -> SyntaxError {
    let choices = "one of REPORT, EXACT, REPAIR, OMIT, FAIL";
    if at + 2 >= end {
        return source.error(at..end, "ON MISS lacks what to do", choices);
    }
    let word = source.slice(at + 2..end);
    let next = nearest(word, OnMiss::ALL.into_iter().map(OnMiss::as_str))
        .map_or_else(|| choices.to_owned(), |known| format!("{known}; it is {choices}"));
    let what = format!("ON MISS cannot {}", shorten(word));
    source.error(at + 2..end, what, next)
}
