//! Placeholders, `$1` and `$name`, replaced by literals.

use crate::error::SyntaxError;
use crate::source::Source;
use sqlparser::tokenizer::Token;

/// The text with each placeholder replaced by its literal; text in quotes and comments is left as it is.
///
/// ```
/// use plusminus_dialect::with_placeholders_replaced;
///
/// let sql = "SELECT * FROM t WHERE g = $group ERROR WITHIN $1 % -- not $this";
/// let literal = |name: &str| Some(if name == "$1" { "5" } else { "'west'" }.to_owned());
/// assert_eq!(
///     with_placeholders_replaced(sql, literal).unwrap(),
///     "SELECT * FROM t WHERE g = 'west' ERROR WITHIN 5 % -- not $this"
/// );
/// ```
///
/// # Errors
///
/// When the text cannot be cut into tokens, or at the first placeholder for which `literal` has none.
pub fn with_placeholders_replaced(sql: &str, literal: impl Fn(&str) -> Option<String>) -> Result<String, SyntaxError> {
    let source = Source::new(sql)?;
    let (mut replaced, mut copied) = (String::with_capacity(sql.len()), 0);
    for at in 0..source.len() {
        let Token::Placeholder(name) = source.token(at) else { continue };
        let Some(value) = literal(name) else {
            let what = format!("there is no value for {name}");
            return Err(source.error(at..at + 1, what, "a value for each of $1, $2, … and each $name"));
        };
        let start = source.start(at).offset;
        replaced.push_str(&sql[copied..start]);
        replaced.push_str(&value);
        copied = start + source.slice(at..at + 1).len();
    }
    replaced.push_str(&sql[copied..]);
    Ok(replaced)
}
