//! The bounds at the end of a statement.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::clause::{Clause, clause, read_amount};
use super::{Amount, Bounds, ErrorBound, TimeBound, check_confidence, check_error, check_within};
use crate::error::SyntaxError;
use crate::source::Source;

/// The token at which the bounds start: they are the longest suffix outside parentheses that is nothing but bounds.
///
/// Without bounds it is the end of `range`.
pub(crate) fn find(source: &Source<'_>, range: Range<usize>) -> usize {
    let mut starts = range.end;
    // Whether the tokens from `range.start + i` on are bounds and nothing else.
    let mut whole = vec![false; range.len() + 1];
    whole[range.len()] = true;
    for at in range.clone().rev() {
        // Bounds hold no parentheses, so the suffix cannot reach past one.
        if matches!(source.token(at), Token::RParen | Token::LParen) {
            break;
        }
        let Some((_, after)) = clause(source, at, range.end) else {
            continue;
        };
        if whole[after - range.start] {
            whole[at - range.start] = true;
            starts = at;
        }
    }
    starts
}

/// Reads the bounds that [`find`] found.
pub(crate) fn read(source: &Source<'_>, range: Range<usize>) -> Result<Bounds, SyntaxError> {
    let mut bounds = Bounds::default();
    let mut at = range.start;
    while let Some((found, after)) = clause(source, at, range.end) {
        add(&mut bounds, source, found, at..after)?;
        at = after;
    }
    if !range.is_empty() {
        bounds.tail_start = Some(source.start(range.start));
    }
    Ok(bounds)
}

fn add(bounds: &mut Bounds, source: &Source<'_>, clause: Clause, at: Range<usize>) -> Result<(), SyntaxError> {
    let name = match clause {
        Clause::Error { .. } if bounds.error.is_some() => "ERROR",
        Clause::Within { .. } if bounds.within.is_some() => "WITHIN",
        Clause::Confidence { .. } if bounds.confidence.is_some() => "CONFIDENCE",
        Clause::AllGroups if bounds.all_groups => "FOR ALL GROUPS",
        Clause::OnMiss(_) if bounds.on_miss.is_some() => "ON MISS",
        _ => return set(bounds, source, clause),
    };
    Err(twice(source, at, name))
}

fn twice(source: &Source<'_>, at: Range<usize>, name: &str) -> SyntaxError {
    source.error(at, format!("{name} is given twice"), format!("keep one of the two {name} bounds"))
}

fn set(bounds: &mut Bounds, source: &Source<'_>, clause: Clause) -> Result<(), SyntaxError> {
    let read = |at: usize, check| -> Result<Amount, SyntaxError> {
        read_amount(source, at, check).map_err(|complaint| source.complain(at..at + 1, complaint))
    };
    match clause {
        Clause::Error { amount, relative, confidence } => {
            bounds.error = Some(ErrorBound { amount: read(amount, check_error)?, relative });
            if let Some(at) = confidence {
                if bounds.confidence.is_some() {
                    return Err(twice(source, at - 1..at + 1, "CONFIDENCE"));
                }
                bounds.confidence = Some(read(at, check_confidence)?);
            }
        }
        Clause::Within { amount, unit } => {
            bounds.within = Some(TimeBound { amount: read(amount, check_within)?, unit });
        }
        Clause::Confidence { amount } => {
            bounds.confidence = Some(read(amount, check_confidence)?);
        }
        Clause::AllGroups => bounds.all_groups = true,
        Clause::OnMiss(action) => bounds.on_miss = Some(action),
    }
    Ok(())
}
