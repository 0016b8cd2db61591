//! The operators `^` and `**` as calls of POWER: sqlparser reads the first as exclusive or, which binds more loosely than `+`, and not the second.

use crate::source::Source;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;
use std::borrow::Cow;

/// The text with `power(a, b)` in the place of `a ^ b` and `a ** b`, which bind more tightly than all operators but signs and casts, and
/// associate to the left. A text that cannot be cut into tokens is returned as it is.
///
/// ```
/// use plusminus_dialect::with_powers_as_calls;
///
/// assert_eq!(with_powers_as_calls("SELECT 2 * x ^ 2 + 1"), "SELECT 2 * power(x, 2) + 1");
/// assert_eq!(with_powers_as_calls("SELECT * FROM 'a/**/b^c'"), "SELECT * FROM 'a/**/b^c'");
/// ```
#[must_use]
pub fn with_powers_as_calls(sql: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(sql);
    // Each round replaces the first operator; a text has few.
    for _ in 0..ROUNDS_MAX {
        if !text.contains('^') && !text.contains("**") {
            break;
        }
        let Some(next) = first_replaced(&text) else { break };
        text = Cow::Owned(next);
    }
    text
}

const ROUNDS_MAX: usize = 200;

/// The text with its first power as a call; `None` where there is none.
fn first_replaced(text: &str) -> Option<String> {
    let source = Source::new(text).ok()?;
    let at = (1..source.len()).find(|at| *source.token(*at) == Token::Caret)?;
    let mut left = operand_before(&source, at)?;
    // A sign binds more tightly still, as in PostgreSQL: -2 ^ 2 is 4.
    let is_sign = |at: usize| match at.checked_sub(1).map(|before| source.token(before)) {
        None => true,
        Some(Token::Word(_)) => {
            !matches!(source.token(at - 1), Token::Word(word) if word.quote_style.is_some() || word.keyword == Keyword::NoKeyword)
        }
        Some(token) => !matches!(
            token,
            Token::Number(..) | Token::RParen | Token::RBracket | Token::SingleQuotedString(_) | Token::Placeholder(_)
        ),
    };
    if left > 0 && *source.token(left - 1) == Token::Minus && is_sign(left - 1) {
        left -= 1;
    }
    let right = operand_after(&source, at + 1)?;
    let (base, exponent) = (source.slice(left..at), source.slice(at + 1..right));
    let start = source.start(left).offset;
    let last = source.start(right - 1).offset + source.slice(right - 1..right).len();
    Some(format!("{}power({base}, {exponent}){}", &text[..start], &text[last..]))
}

/// The first token of the operand that ends before `end`: a literal, a column, a call, or parentheses, each with its casts and subscripts.
fn operand_before(source: &Source<'_>, end: usize) -> Option<usize> {
    let mut at = end.checked_sub(1)?;
    loop {
        match source.token(at) {
            Token::RParen | Token::RBracket => {
                at = opening(source, at)?;
                // A subscript or a call belongs to what stands before it.
                let is_subscript = *source.token(at) == Token::LBracket;
                if at > 0 && (is_subscript || is_call_name(source, at - 1)) {
                    at -= 1;
                    continue;
                }
            }
            Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) => {}
            _ => return None,
        }
        match at.checked_sub(1).map(|before| source.token(before)) {
            Some(Token::Period | Token::DoubleColon) => at = at.checked_sub(2)?,
            _ => return Some(at),
        }
    }
}

/// The token behind the operand that begins at `start`.
fn operand_after(source: &Source<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    while matches!(source.token(at), Token::Minus | Token::Plus) {
        at += 1;
    }
    loop {
        match source.token(at) {
            Token::LParen => at = closing(source, at)?,
            Token::Word(_) if *source.token(at + 1) == Token::LParen => at = closing(source, at + 1)?,
            Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) => {}
            _ => return None,
        }
        while *source.token(at + 1) == Token::LBracket {
            at = closing(source, at + 1)?;
        }
        match source.token(at + 1) {
            Token::Period | Token::DoubleColon => at += 2,
            _ => return Some(at + 1),
        }
    }
}

/// Words before parentheses that are no names of functions.
fn is_call_name(source: &Source<'_>, at: usize) -> bool {
    const KEYWORDS: [&str; 13] =
        ["SELECT", "WHERE", "AND", "OR", "NOT", "IN", "BY", "ON", "WHEN", "THEN", "ELSE", "HAVING", "BETWEEN"];
    matches!(source.token(at), Token::Word(_)) && !source.is_any_word(at, &KEYWORDS)
}

fn opening(source: &Source<'_>, close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match source.token(at) {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn closing(source: &Source<'_>, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in open..source.len() {
        match source.token(at) {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_bind_tightly_and_to_the_left() {
        for (text, expected) in [
            ("1 + 2 ^ 3 * 4", "1 + power(2, 3) * 4"),
            ("-2 ^ 2", "power(-2, 2)"),
            (
                "a - b ^ 2, 1 -2^2, (-x)^2, 3 * -y^2",
                "a - power(b, 2), 1 -power(2, 2), power((-x), 2), 3 * power(-y, 2)",
            ),
            ("SELECT -x^2", "SELECT power(-x, 2)"),
            ("2^3^2", "power(power(2, 3), 2)"),
            ("(a + b) ** -2", "power((a + b), -2)"),
            ("sum(x)^0.5 / f(y, (z))^t.w", "power(sum(x), 0.5) / power(f(y, (z)), t.w)"),
            ("SELECT (x)^2 FROM t WHERE (y)^2 > 1", "SELECT power((x), 2) FROM t WHERE power((y), 2) > 1"),
            ("x::double ^ n::int", "power(x::double, n::int)"),
            ("l[1]^l[2]", "power(l[1], l[2])"),
            ("$1 ^ $b", "power($1, $b)"),
            ("count(*) * 2, a * b", "count(*) * 2, a * b"),
            ("SELECT 'a^b', \"c^d\", e -- f ^ g\n", "SELECT 'a^b', \"c^d\", e -- f ^ g\n"),
            ("a ^", "a ^"),
        ] {
            assert_eq!(with_powers_as_calls(text), expected);
        }
    }
}
