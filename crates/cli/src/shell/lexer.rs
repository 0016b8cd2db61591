//! Cuts a statement that is being typed into tokens, finished or not.

use std::ops::Range;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name without quotes, or a keyword.
    Word,
    /// A name in double quotes.
    Name,
    /// A text in single quotes.
    Text,
    Number,
    Comment,
    /// `$1`, `$name`.
    Parameter,
    Symbol,
    Space,
}

/// A piece of a text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    /// Whether quotes or a comment are closed.
    pub(crate) is_closed: bool,
}

/// The tokens of a text; together they are all of it.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (kind, length, is_closed) = token(&text[at..]);
        found.push(Token { kind, range: at..at + length, is_closed });
        at += length;
    }
    found
}

/// The first token of a text that is not empty: kind, bytes, and whether it is closed.
fn token(text: &str) -> (Kind, usize, bool) {
    let while_in = |is_in: fn(char) -> bool| text.find(|c| !is_in(c)).unwrap_or(text.len());
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first = text.chars().next().unwrap_or(' ');
    match first {
        '\'' => quoted(Kind::Text, text, '\''),
        '"' => quoted(Kind::Name, text, '"'),
        '-' if text.starts_with("--") => (Kind::Comment, text.find('\n').unwrap_or(text.len()), text.contains('\n')),
        '/' if text.starts_with("/*") => block_comment(text),
        '$' if text[1..].starts_with(is_word) => {
            (Kind::Parameter, text[1..].find(|c| !is_word(c)).map_or(text.len(), |end| end + 1), true)
        }
        c if c.is_whitespace() => (Kind::Space, while_in(char::is_whitespace), true),
        c if c.is_ascii_digit() => (Kind::Number, while_in(|c| c.is_alphanumeric() || c == '.'), true),
        c if is_word(c) => (Kind::Word, while_in(|c| c.is_alphanumeric() || c == '_' || c == '$'), true),
        c => (Kind::Symbol, c.len_utf8(), true),
    }
}

/// A doubled quote stands for itself.
fn quoted(kind: Kind, text: &str, quote: char) -> (Kind, usize, bool) {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return (kind, at + 1, true);
        }
    }
    (kind, text.len(), false)
}

/// Block comments nest, as in PostgreSQL.
fn block_comment(text: &str) -> (Kind, usize, bool) {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return (Kind::Comment, at, true);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    (Kind::Comment, text.len(), false)
}

/// Whether what was entered can be run: nothing, a command of the shell, or statements that end with `;`.
pub(crate) fn is_complete(text: &str) -> bool {
    let trimmed = text.trim();
    if trimmed.is_empty() || is_command(trimmed) || matches!(trimmed, "exit" | "quit" | "help") {
        return true;
    }
    if without_go(text).is_some() {
        return true;
    }
    let tokens = tokens(text);
    let last = tokens.iter().rfind(|token| !matches!(token.kind, Kind::Space | Kind::Comment));
    tokens
        .last()
        .is_none_or(|last| last.is_closed || last.kind == Kind::Comment && !text[last.range.clone()].starts_with("/*"))
        && last.is_some_and(|last| &text[last.range.clone()] == ";")
}

/// A line without the `\g` or `\gx` at its end, which runs what stands before it; the second value is whether it was `\gx`.
pub(crate) fn without_go(line: &str) -> Option<(&str, bool)> {
    let line = line.trim_end();
    let (before, is_expanded) = match (line.strip_suffix("\\gx"), line.strip_suffix("\\g")) {
        (Some(before), _) => (before, true),
        (_, Some(before)) => (before, false),
        _ => return None,
    };
    let is_open = tokens(before).last().is_some_and(|last| !last.is_closed);
    (!is_open && !is_command(line.trim_start())).then_some((before, is_expanded))
}

/// Whether a line is a command of the shell rather than SQL.
pub(crate) fn is_command(line: &str) -> bool {
    line.starts_with('\\')
        || line.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statements_end_with_a_semicolon_outside_quotes_and_comments() {
        for complete in
            ["SELECT 1;", "SELECT ';' ;  -- done", "\\d", ".tables", "", "a; b;", "SELECT 'it''s';", "/* ; */ x;"]
        {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["SELECT 1", "SELECT ';", "SELECT \"a;", "SELECT 1 -- ;", "SELECT 1; /* ;", "a; b", "SELECT .5"] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn tokens_have_kinds() {
        let text = "SELECT \"a b\", 'x''y', 1.5e3, $day FROM t -- end";
        let kinds: Vec<(Kind, &str)> = tokens(text)
            .into_iter()
            .filter(|token| !matches!(token.kind, Kind::Space | Kind::Symbol))
            .map(|token| (token.kind, &text[token.range]))
            .collect();
        assert_eq!(
            kinds,
            [
                (Kind::Word, "SELECT"),
                (Kind::Name, "\"a b\""),
                (Kind::Text, "'x''y'"),
                (Kind::Number, "1.5e3"),
                (Kind::Parameter, "$day"),
                (Kind::Word, "FROM"),
                (Kind::Word, "t"),
                (Kind::Comment, "-- end")
            ]
        );
    }

    proptest! {
        #[test]
        fn tokens_are_all_of_any_text(text in "[a-z0-9'\"$;/*\\-. é\n]{0,60}") {
            let all: String = tokens(&text).into_iter().map(|token| text[token.range].to_owned()).collect();
            prop_assert_eq!(all, text);
        }
    }
}
