//! Source text with its tokens and their exact byte positions.

use std::ops::Range;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError};

use crate::error::{Complaint, Location, SyntaxError};

#[cfg(test)]
mod tests;

/// The longest text that is read, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

/// One token that is neither white space nor comment.
struct Lexeme {
    token: TokenWithSpan,
    start: Location,
    end_offset: usize,
}

/// A text and its tokens. Token positions are indexes that skip white space and comments.
pub(crate) struct Source<'a> {
    text: &'a str,
    lexemes: Vec<Lexeme>,
    end: Location,
}

impl<'a> Source<'a> {
    /// Cuts `text` into tokens.
    pub(crate) fn new(text: &'a str) -> Result<Self, SyntaxError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(too_long(text));
        }
        let tokens =
            Tokenizer::new(&GenericDialect, text).tokenize_with_location().map_err(|error| unreadable(text, &error))?;
        let mut lexemes: Vec<Lexeme> = Vec::with_capacity(tokens.len());
        let mut place = Walker::new(text);
        for token in tokens {
            let start = place.walk_to(token.span.start.line, token.span.start.column);
            let end = place.walk_to(token.span.end.line, token.span.end.column);
            // DuckDB's other spelling of ^.
            if token.token == Token::Mul
                && let Some(last) = lexemes.last_mut()
                && last.token.token == Token::Mul
                && last.end_offset == start.offset
            {
                (last.token.token, last.end_offset) = (Token::Caret, end.offset);
                continue;
            }
            if !matches!(token.token, Token::Whitespace(_) | Token::EOF) {
                lexemes.push(Lexeme { token, start, end_offset: end.offset });
            }
        }
        let end = place.walk_to(u64::MAX, u64::MAX);
        Ok(Self { text, lexemes, end })
    }

    pub(crate) fn len(&self) -> usize {
        self.lexemes.len()
    }

    /// The token at `index`; `EOF` past the end.
    pub(crate) fn token(&self, index: usize) -> &Token {
        self.lexemes.get(index).map_or(&Token::EOF, |lexeme| &lexeme.token.token)
    }

    /// Copies of the tokens in `range`, for sqlparser.
    pub(crate) fn tokens(&self, range: Range<usize>) -> Vec<TokenWithSpan> {
        let lexemes = self.lexemes.get(range).unwrap_or_default();
        lexemes.iter().map(|lexeme| lexeme.token.clone()).collect()
    }

    /// The unquoted word at `index`.
    pub(crate) fn word(&self, index: usize) -> Option<&str> {
        match self.token(index) {
            Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
            _ => None,
        }
    }

    /// Whether the token at `index` is this unquoted word, in any case.
    pub(crate) fn is_word(&self, index: usize, expected: &str) -> bool {
        self.word(index).is_some_and(|word| word.eq_ignore_ascii_case(expected))
    }

    /// Whether the token at `index` is one of these unquoted words, in any case.
    pub(crate) fn is_any_word(&self, index: usize, expected: &[&str]) -> bool {
        expected.iter().any(|word| self.is_word(index, word))
    }

    /// Whether these unquoted words stand one after another from `index` on.
    pub(crate) fn are_words(&self, index: usize, expected: &[&str]) -> bool {
        (index..).zip(expected).all(|(i, word)| self.is_word(i, word))
    }

    /// The place at which the token at `index` starts; the end of the text past the last token.
    pub(crate) fn start(&self, index: usize) -> Location {
        self.lexemes.get(index).map_or(self.end, |lexeme| lexeme.start)
    }

    /// The text from the first to the last token of `range`, without what surrounds them.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a str {
        let (Some(first), Some(last)) = (self.lexemes.get(range.start), self.lexemes.get(range.end.wrapping_sub(1)))
        else {
            return "";
        };
        self.text.get(first.start.offset..last.end_offset).unwrap_or_default()
    }

    /// The index of the token at a line and column, as sqlparser counts them.
    pub(crate) fn index_at(&self, line: u64, column: u64) -> Option<usize> {
        self.lexemes
            .iter()
            .position(|lexeme| lexeme.token.span.start.line == line && lexeme.token.span.start.column == column)
    }

    /// An error that underlines the tokens of `range`. An empty range points at its start.
    pub(crate) fn error(&self, range: Range<usize>, what: impl Into<String>, next: impl Into<String>) -> SyntaxError {
        let length = self.slice(range.clone()).chars().count();
        let location =
            if range.is_empty() && range.start > 0 { self.after(range.start - 1) } else { self.start(range.start) };
        error_at(self.text, location, length, Complaint::new(what, next))
    }

    /// [`error`](Self::error) from a complaint.
    pub(crate) fn complain(&self, range: Range<usize>, complaint: Complaint) -> SyntaxError {
        self.error(range, complaint.what, complaint.next)
    }

    /// The place one character after the token at `index`.
    fn after(&self, index: usize) -> Location {
        let mut place = self.start(index);
        for character in self.slice(index..index + 1).chars() {
            place.advance(character);
        }
        place
    }
}

/// Follows sqlparser's line and column through the text to find byte offsets.
struct Walker<'a> {
    rest: std::str::Chars<'a>,
    place: Location,
}

impl<'a> Walker<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.chars(), place: Location::START }
    }

    fn walk_to(&mut self, line: u64, column: u64) -> Location {
        while (self.place.line as u64, self.place.column as u64) < (line, column) {
            let Some(character) = self.rest.next() else {
                break;
            };
            self.place.advance(character);
        }
        self.place
    }
}

/// An error at a known place of a text.
fn error_at(text: &str, location: Location, length: usize, complaint: Complaint) -> SyntaxError {
    let offset = location.offset.min(text.len());
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..).unwrap_or_default();
    SyntaxError {
        what: complaint.what,
        location,
        length: length.max(1),
        next: complaint.next,
        source_line: line.lines().next().unwrap_or_default().to_owned(),
    }
}

fn too_long(text: &str) -> SyntaxError {
    let mut place = Location::START;
    for character in text.chars() {
        if place.offset >= TEXT_BYTES_MAX {
            break;
        }
        place.advance(character);
    }
    let complaint = Complaint::new(
        format!("the SQL text is {} bytes long, the limit is {TEXT_BYTES_MAX}", text.len()),
        "split the text into several scripts, or load the data from a file",
    );
    error_at(text, place, 1, complaint)
}

fn unreadable(text: &str, error: &TokenizerError) -> SyntaxError {
    let place = Walker::new(text).walk_to(error.location.line, error.location.column);
    let said = error.message.as_str();
    let complaint = if said.contains("string") || said.contains("dollar") {
        Complaint::new("this string is never closed", "close the string with a matching quote")
    } else if said.contains("comment") {
        Complaint::new("a comment is never closed", "close the comment with */")
    } else if said.contains("delimiter") {
        Complaint::new("this quoted name is never closed", "close the name with the quote that opens it")
    } else {
        Complaint::new(format!("unreadable text: {said}"), "remove the marked character, or put it in quotes")
    };
    error_at(text, place, 1, complaint)
}
