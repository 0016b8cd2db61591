//! A small forward reader over the tokens of one statement.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use crate::error::SyntaxError;
use crate::source::Source;

/// Reads tokens `at..end` one after another; never recursive.
pub(crate) struct Cursor<'s, 'a> {
    pub(crate) source: &'s Source<'a>,
    pub(crate) at: usize,
    pub(crate) end: usize,
}

/// Folders carry the names of samples, so names keep to what every file system takes.
const NAME_CHARACTERS_MAX: usize = 128;

impl<'s, 'a> Cursor<'s, 'a> {
    pub(crate) fn new(source: &'s Source<'a>, range: Range<usize>) -> Self {
        Self { source, at: range.start, end: range.end }
    }

    /// The next token, `EOF` at the end of the statement.
    pub(crate) fn peek(&self) -> &'s Token {
        if self.at < self.end { self.source.token(self.at) } else { &Token::EOF }
    }

    /// Whether the next token is this unquoted word.
    pub(crate) fn sees(&self, word: &str) -> bool {
        self.at < self.end && self.source.is_word(self.at, word)
    }

    /// Takes all of these words or none.
    pub(crate) fn take(&mut self, words: &[&str]) -> bool {
        let found = self.at + words.len() <= self.end && self.source.are_words(self.at, words);
        if found {
            self.at += words.len();
        }
        found
    }

    pub(crate) fn take_token(&mut self, expected: &Token) -> bool {
        let found = self.peek() == expected;
        if found {
            self.at += 1;
        }
        found
    }

    /// An error at the next token that names what should stand there.
    pub(crate) fn expected(&self, expected: &str, next: &str) -> SyntaxError {
        if self.at >= self.end {
            let what = format!("the statement ends where {expected} should follow");
            return self.source.error(self.at..self.at, what, next);
        }
        let here = self.at..self.at + 1;
        let found = self.source.slice(here.clone());
        let what = format!("expected {expected}, found {}", shorten(found));
        self.source.error(here, what, next)
    }

    /// Fails unless the statement is at its end.
    pub(crate) fn finish(&self, next: &str) -> Result<(), SyntaxError> {
        if self.at >= self.end {
            return Ok(());
        }
        Err(self.expected("the end of the statement", next))
    }

    /// One identifier: lower-cased as DataFusion does unless it is quoted.
    pub(crate) fn identifier(&mut self, role: &str, next: &str) -> Result<String, SyntaxError> {
        let Token::Word(word) = self.peek() else {
            return Err(self.expected(role, next));
        };
        self.at += 1;
        if word.quote_style.is_some() { Ok(word.value.clone()) } else { Ok(word.value.to_ascii_lowercase()) }
    }

    /// The name of a sample, which must also be able to name a folder.
    pub(crate) fn sample_name(&mut self, next: &str) -> Result<String, SyntaxError> {
        let at = self.at;
        let name = self.identifier("the name of a sample", next)?;
        if is_folder_name(&name) {
            return Ok(name);
        }
        Err(self.source.error(
            at..at + 1,
            format!("{} cannot name a sample", shorten(self.source.slice(at..at + 1))),
            format!("a name of 1 to {NAME_CHARACTERS_MAX} characters out of a-z, A-Z, 0-9, _ and -"),
        ))
    }
}

/// Whether a sample may carry this name.
fn is_folder_name(name: &str) -> bool {
    (1..=NAME_CHARACTERS_MAX).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Source text short enough to stand inside a message.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    let flat: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{flat}…") } else { flat }
}
