//! The words of one bound, read before its numbers are checked.

use sqlparser::tokenizer::Token;

use super::bind::parameter_position;
use super::{Amount, Complaint, OnMiss, TimeUnit};
use crate::source::Source;

/// One bound: positions of its numbers and the choices made in words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clause {
    Error { amount: usize, relative: bool, confidence: Option<usize> },
    Within { amount: usize, unit: TimeUnit },
    Confidence { amount: usize },
    AllGroups,
    OnMiss(OnMiss),
}

/// The bound that starts at token `at`, and the token after it; `None` unless it is complete before `end`.
pub(crate) fn clause(source: &Source<'_>, at: usize, end: usize) -> Option<(Clause, usize)> {
    let (clause, after) = if source.is_word(at, "ERROR") {
        error(source, at + 1)?
    } else if source.is_word(at, "WITHIN") {
        let unit = TimeUnit::from_word(source.word(at + 2)?)?;
        let amount = amount_at(source, at + 1)?;
        (Clause::Within { amount, unit }, at + 3)
    } else if source.is_word(at, "CONFIDENCE") {
        let (amount, after) = percentage(source, at + 1)?;
        (Clause::Confidence { amount }, after)
    } else if source.are_words(at, &["FOR", "ALL", "GROUPS"]) {
        (Clause::AllGroups, at + 3)
    } else if source.are_words(at, &["ON", "MISS"]) {
        (Clause::OnMiss(OnMiss::from_word(source.word(at + 2)?)?), at + 3)
    } else {
        return None;
    };
    (after <= end).then_some((clause, after))
}

fn error(source: &Source<'_>, at: usize) -> Option<(Clause, usize)> {
    let at = at + usize::from(source.is_word(at, "WITHIN"));
    let amount = amount_at(source, at)?;
    let relative = is_percent(source, amount + 1);
    let after = amount + 1 + usize::from(relative);
    let stated = source.are_words(after, &["AT", "CONFIDENCE"]).then(|| percentage(source, after + 2)).flatten();
    let confidence = stated.map(|(confidence, _)| confidence);
    let clause = Clause::Error { amount, relative, confidence };
    Some((clause, stated.map_or(after, |(_, after)| after)))
}

/// A number, then perhaps a percent sign: the number's position and what follows both.
fn percentage(source: &Source<'_>, at: usize) -> Option<(usize, usize)> {
    let amount = amount_at(source, at)?;
    Some((amount, amount + 1 + usize::from(is_percent(source, amount + 1))))
}

/// `%`, or the word.
fn is_percent(source: &Source<'_>, at: usize) -> bool {
    *source.token(at) == Token::Mod || source.is_word(at, "PERCENT")
}

fn amount_at(source: &Source<'_>, at: usize) -> Option<usize> {
    is_amount(source, at).then_some(at)
}

/// Whether a number or a parameter is at `at`.
pub(super) fn is_amount(source: &Source<'_>, at: usize) -> bool {
    matches!(source.token(at), Token::Number(..) | Token::Placeholder(_))
}

/// The number or parameter at `at`, checked.
pub(crate) fn read_amount(
    source: &Source<'_>,
    at: usize,
    check: fn(f64) -> Result<f64, Complaint>,
) -> Result<Amount, Complaint> {
    match source.token(at) {
        Token::Placeholder(name) if parameter_position(name).is_some() => Ok(Amount::Parameter(name.clone())),
        Token::Placeholder(name) => Err(Complaint::new(
            format!("{name} cannot stand for the number of a bound"),
            "a numbered parameter such as $1",
        )),
        Token::Number(digits, false) => {
            // Out of range becomes infinite, which every check refuses.
            check(digits.parse().unwrap_or(f64::NAN)).map(Amount::Number)
        }
        _ => Err(Complaint::new(
            format!("{} is not a number", source.slice(at..at + 1)),
            "a plain number such as 5 or 0.5",
        )),
    }
}
