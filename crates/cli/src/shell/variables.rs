//! Variables: `$name` in a statement stands for a value.

use super::lexer::{Kind, tokens};
use std::collections::BTreeMap;

/// Values by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// A variable from `NAME=VALUE`.
pub(crate) fn parsed(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    is_name(name).then(|| (name.to_owned(), value.to_owned()))
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The statement with the literals of its variables; parameters without a value stay as they are.
pub(crate) fn substituted(sql: &str, variables: &Variables) -> String {
    if variables.is_empty() {
        return sql.to_owned();
    }
    let literal_of = |token: &super::lexer::Token| {
        let text = &sql[token.range.clone()];
        let value = (token.kind == Kind::Parameter).then(|| variables.get(&text[1..])).flatten();
        value.map_or_else(|| text.to_owned(), |value| literal(value))
    };
    tokens(sql).iter().map(literal_of).collect()
}

/// A number, NULL or a truth value as it is, and any other value, or one in single quotes, as a text.
fn literal(value: &str) -> String {
    if let Some(text) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    // Numbers as SQL writes them; 007 and +49 are texts.
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let is_number = value.parse::<f64>().is_ok_and(f64::is_finite)
        && digits.starts_with(|c: char| c.is_ascii_digit())
        && !is_padded;
    let is_word = ["null", "true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word));
    if is_number && value.starts_with('-') {
        // `x-$n` must not become a comment.
        return format!("({value})");
    }
    if is_number || is_word { value.to_owned() } else { format!("'{}'", value.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literals_and_never_more() {
        let variables: Variables =
            ["day=2026-01-02", "zip=007", "seven='7'", "n=-1.5", "who=O'Hara; DROP TABLE t", "none=NULL"]
                .iter()
                .filter_map(|v| parsed(v))
                .collect();
        let sql = "SELECT $n, '$n', \"$n\" FROM t WHERE d = $day AND w = $who AND x IS $none AND y = $other -- $n";
        assert_eq!(
            substituted(sql, &variables),
            "SELECT (-1.5), '$n', \"$n\" FROM t WHERE d = '2026-01-02' AND w = 'O''Hara; DROP TABLE t' AND x IS NULL AND y = $other -- $n"
        );
        assert_eq!(substituted("$zip $seven", &variables), "'007' '7'");
        assert!(parsed("no value").is_none() && parsed("a b=1").is_none());
    }
}
