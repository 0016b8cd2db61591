//! Values for `$1`, `$2`, … and `$name` in a query.

use crate::answer::{Error, Result};
use plusminus_dialect::with_placeholders_replaced;

/// A value for a placeholder of a query: by its place, or by its name.
///
/// ```
/// use plusminus::Parameter;
///
/// let by_place: [Parameter; 3] = [1.5.into(), "west".into(), None::<i64>.into()];
/// let by_name: [Parameter; 2] = [("low", 10).into(), ("region", "west").into()];
/// # let _ = (by_place, by_name);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    name: Option<String>,
    /// The value as an SQL literal.
    literal: String,
}

impl Parameter {
    fn unnamed(literal: String) -> Self {
        Self { name: None, literal }
    }

    /// A value of an SQL type that Rust has no type for, by its text: a DATE, a TIMESTAMP, a DECIMAL(12, 2), an INTERVAL.
    ///
    /// ```
    /// use plusminus::Parameter;
    ///
    /// let [day, price] = [Parameter::typed("2026-01-31", "DATE"), Parameter::typed("1.50", "DECIMAL(5, 2)")];
    /// # let _ = (day, price);
    /// ```
    #[must_use]
    pub fn typed(text: &str, sql_type: &str) -> Self {
        // A type has a name, and digits in parentheses.
        let is_type = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '(' | ')' | ',');
        let sql_type: String = sql_type.chars().filter(|c| is_type(*c)).collect();
        Self::unnamed(format!("CAST('{}' AS {sql_type})", text.replace('\'', "''")))
    }

    /// Several values in parentheses, for `x IN $1`.
    #[must_use]
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| value.literal).collect();
        // No value is in an empty list.
        Self::unnamed(if values.is_empty() { "(NULL)".to_owned() } else { format!("({})", values.join(", ")) })
    }
}

/// Replaces the placeholders of a text by the literals of parameters.
pub(crate) fn bound(sql: &str, parameters: &[Parameter]) -> Result<String> {
    if parameters.is_empty() {
        return Ok(sql.to_owned());
    }
    let unnamed: Vec<&Parameter> = parameters.iter().filter(|parameter| parameter.name.is_none()).collect();
    let literal = |placeholder: &str| {
        let name = placeholder.strip_prefix('$')?;
        let found = match name.parse::<usize>() {
            Ok(number) => unnamed.get(number.checked_sub(1)?).copied(),
            Err(_) => parameters.iter().find(|parameter| parameter.name.as_deref() == Some(name)),
        };
        found.map(|parameter| parameter.literal.clone())
    };
    with_placeholders_replaced(sql, literal).map_err(Error::from)
}

/// A number in parentheses where it is negative: `x-$1` must not become a comment.
fn number(text: String) -> Parameter {
    Parameter::unnamed(if text.starts_with('-') { format!("({text})") } else { text })
}

impl From<f64> for Parameter {
    fn from(value: f64) -> Self {
        match value.is_finite() {
            true => number(format!("{value:?}")),
            false => Self::unnamed(format!("CAST('{value}' AS DOUBLE)")),
        }
    }
}

impl From<i64> for Parameter {
    fn from(value: i64) -> Self {
        number(value.to_string())
    }
}

impl From<i32> for Parameter {
    fn from(value: i32) -> Self {
        number(value.to_string())
    }
}

impl From<bool> for Parameter {
    fn from(value: bool) -> Self {
        Self::unnamed(if value { "TRUE" } else { "FALSE" }.to_owned())
    }
}

/// A text; dates and times are texts such as `2026-01-31`, which take the type of what they are compared with.
impl From<&str> for Parameter {
    fn from(value: &str) -> Self {
        Self::unnamed(format!("'{}'", value.replace('\'', "''")))
    }
}

impl From<String> for Parameter {
    fn from(value: String) -> Self {
        value.as_str().into()
    }
}

/// NULL for `None`.
impl<T: Into<Self>> From<Option<T>> for Parameter {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self::unnamed("NULL".to_owned()), Into::into)
    }
}

/// A value for `$name`.
impl<T: Into<Self>> From<(&str, T)> for Parameter {
    fn from((name, value): (&str, T)) -> Self {
        Self { name: Some(name.to_owned()), ..value.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_literals_do_and_are_never_more() {
        let sql = "SELECT x-$1, '$1' AS a, \"$1\" FROM t WHERE d = $2 AND w IS NOT DISTINCT FROM $3 -- $9\n AND y < $4";
        let parameters: [Parameter; 4] =
            [(-1).into(), "O'Hara'; DROP TABLE t --".into(), None::<i64>.into(), f64::INFINITY.into()];
        assert_eq!(
            bound(sql, &parameters).unwrap(),
            "SELECT x-(-1), '$1' AS a, \"$1\" FROM t WHERE d = 'O''Hara''; DROP TABLE t --' AND w IS NOT DISTINCT FROM NULL \
             -- $9\n AND y < CAST('inf' AS DOUBLE)"
        );
        let listed = [Parameter::list([1.into(), "a'b".into()]), Parameter::typed("1.5'", "DECIMAL(5, 2); DROP")];
        let sql = bound("SELECT x IN $1, $2", &listed).unwrap();
        assert_eq!(sql, "SELECT x IN (1, 'a''b'), CAST('1.5''' AS DECIMAL(5, 2) DROP)");
        let named: [Parameter; 2] = [("low", 1.5).into(), ("on", true).into()];
        assert_eq!(bound("SELECT $on WHERE $low < 2", &named).unwrap(), "SELECT TRUE WHERE 1.5 < 2");
    }

    #[test]
    fn a_placeholder_without_a_value_is_an_error_with_its_place() {
        let error = bound("SELECT $1,\n $2", &[Parameter::from(1)]).unwrap_err().to_string();
        assert!(error.contains("there is no value for $2") && error.contains("line 2"), "{error}");
    }
}
