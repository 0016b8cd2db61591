//! The one error of this crate: what is wrong, where, and what to do next.

use std::fmt;

#[cfg(test)]
mod tests;

/// A place in the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// Bytes before this place.
    pub offset: usize,
    /// Line, counted from 1.
    pub line: usize,
    /// Characters from the start of the line, counted from 1.
    pub column: usize,
}

impl Location {
    /// The first character of a text.
    pub const START: Self = Self { offset: 0, line: 1, column: 1 };

    /// Moves past one character.
    pub(crate) fn advance(&mut self, character: char) {
        self.offset += character.len_utf8();
        if character == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }
}

/// SQL text that cannot be understood, with a caret and a next step.
///
/// ```
/// let error = plusminus_dialect::parse_statement("SELECT 1 WITHIN 5 HOURS").unwrap_err();
/// assert_eq!(error.location.column, 19);
/// assert!(error.to_string().contains("Try: "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SyntaxError {
    /// The problem, in one line.
    pub what: String,
    /// The place of the problem.
    pub location: Location,
    /// How many characters the caret underlines.
    pub length: usize,
    /// The suggested next step, in one line.
    pub next: String,
    /// The source line that holds [`location`](Self::location).
    pub source_line: String,
}

/// Longer source lines are cut to this many characters around the caret.
const SHOWN_CHARACTERS: usize = 96;
/// The number of characters of a cut line that stay before the caret.
const SHOWN_BEFORE_CARET: usize = 48;

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.location.line, self.location.column);
        writeln!(f, "{} (line {line}, column {column})", self.what)?;
        let (shown, caret) = self.excerpt();
        writeln!(f, "  {shown}")?;
        writeln!(f, "  {caret}")?;
        write!(f, "Try: {}", self.next)
    }
}

impl SyntaxError {
    /// The error in a longer text that holds this one's from `start` on.
    #[must_use]
    pub fn shifted(mut self, start: Location) -> Self {
        if self.location.line == 1 {
            self.location.column += start.column - 1;
            self.source_line.insert_str(0, &" ".repeat(start.column - 1));
        }
        self.location.line += start.line - 1;
        self.location.offset += start.offset;
        self
    }

    /// The marked text, without what of it stands on later lines.
    #[must_use]
    pub fn marked(&self) -> String {
        self.source_line.chars().skip(self.location.column - 1).take(self.length).collect()
    }

    /// The part of the source line around the caret, and the carets below it.
    fn excerpt(&self) -> (String, String) {
        // Tabs and control characters would shift the caret or the terminal.
        let line: Vec<char> = self.source_line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = (self.location.column - 1).min(line.len());
        let start = if line.len() > SHOWN_CHARACTERS { at.saturating_sub(SHOWN_BEFORE_CARET) } else { 0 };
        let end = line.len().min(start + SHOWN_CHARACTERS);
        let mut shown: String = line[start..end].iter().collect();
        if end < line.len() {
            shown.push('…');
        }
        let mut indent = at - start;
        if start > 0 {
            shown.insert(0, '…');
            indent += 1;
        }
        let carets = self.length.clamp(1, (end - at).max(1));
        let caret = format!("{}{}", " ".repeat(indent), "^".repeat(carets));
        (shown, caret)
    }
}

/// A problem with a value, whose place in the source is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) what: String,
    pub(crate) next: String,
}

impl Complaint {
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into() }
    }
}
