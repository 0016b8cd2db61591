//! Refuses SQL that DataFusion would read with another meaning and without an error.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::error::SyntaxError;
use crate::source::Source;

/// Words that are read with another meaning: the words, the problem, and what to write instead.
const WORDS: [(&[&str], &str, &str); 4] = [
    (
        &["EXCEPT", "ALL"],
        "EXCEPT ALL is not supported: how often a row stands would not count",
        "EXCEPT for different rows, or compare COUNT(*) of each value",
    ),
    (
        &["INTERSECT", "ALL"],
        "INTERSECT ALL is not supported: how often a row stands would not count",
        "INTERSECT for different rows, or compare COUNT(*) of each value",
    ),
    (&["POSITIONAL", "JOIN"], "POSITIONAL JOIN is not supported", "JOIN … ON a row number of both sides"),
    (
        &["SIMILAR", "TO"],
        "SIMILAR TO is not supported: a part of the text would be enough",
        "~ '^(pattern)$', which has to match the whole text",
    ),
];

/// Fails at the first such place.
pub(super) fn refuse(source: &Source<'_>, range: Range<usize>) -> Result<(), SyntaxError> {
    for at in range.clone() {
        match source.token(at) {
            Token::Number(..) if at + 1 < range.end && has_underscore(source, at) => {
                let next = format!("{}, without underscores", source.slice(at..at + 2).replace('_', ""));
                return Err(source.error(at..at + 2, "an underscore within a number", next));
            }
            Token::Word(_) => {
                if let Some((words, what, next)) = WORDS.iter().find(|(words, ..)| source.are_words(at, words)) {
                    return Err(source.error(at..at + words.len(), *what, *next));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a word that begins with an underscore follows the number without a gap.
fn has_underscore(source: &Source<'_>, at: usize) -> bool {
    let word = source.slice(at + 1..at + 2);
    let is_adjacent = source.slice(at..at + 2).len() == source.slice(at..at + 1).len() + word.len();
    matches!(source.token(at + 1), Token::Word(_)) && word.starts_with('_') && is_adjacent
}
