//! Bounds with one misspelt word.

use super::clause::is_amount;
use super::{OnMiss, TimeUnit};
use crate::error::SyntaxError;
use crate::source::Source;
use crate::suggest::is_misspelt;

/// A token that a bound has at a place.
enum Expected {
    Word(&'static str),
    Number,
    Unit,
    Action,
}

use Expected::{Action, Number, Unit, Word};

/// The bounds by their tokens.
const BOUNDS: [&[Expected]; 6] = [
    &[Word("ERROR"), Word("WITHIN"), Number],
    &[Word("WITHIN"), Number, Unit],
    &[Word("AT"), Word("CONFIDENCE"), Number],
    &[Word("CONFIDENCE"), Number],
    &[Word("ON"), Word("MISS"), Action],
    &[Word("FOR"), Word("ALL"), Word("GROUPS")],
];

/// The error for a bound that starts at token `at` and reads right but for one word.
pub(super) fn misspelt(source: &Source<'_>, at: usize) -> Option<SyntaxError> {
    let (wrong, right) = BOUNDS.into_iter().find_map(|bound| wrong_word(source, at, bound))?;
    let what = format!("there is no keyword {}", source.slice(wrong..wrong + 1));
    Some(source.error(wrong..wrong + 1, what, format!("did you mean {right}?")))
}

/// The only word of `bound` that is not spelt as it should be, and how it should be; `None` when there is none or a token is another one.
fn wrong_word(source: &Source<'_>, at: usize, bound: &[Expected]) -> Option<(usize, &'static str)> {
    let mut wrong = None;
    for (at, expected) in (at..).zip(bound) {
        let fits = match expected {
            Number => is_amount(source, at),
            Unit => source.word(at).and_then(TimeUnit::from_word).is_some(),
            Action => source.word(at).and_then(OnMiss::from_word).is_some(),
            Word(right) if source.is_word(at, right) => true,
            Word(right) => {
                let is_first = wrong.replace((at, *right)).is_none();
                is_first && source.word(at).is_some_and(|word| is_misspelt(word, right))
            }
        };
        if !fits {
            return None;
        }
    }
    wrong
}
