//! Splits a text into its form and its literals, so that texts that differ in the literals of WHERE alone can share a plan.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, BinaryOperator, SetExpr, UnaryOperator, Value, ValueWithSpan};
use datafusion::sql::sqlparser::dialect::dialect_from_str;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

/// Bytes of the longest text that is split, and the most literals in one; both keep cached forms small.
const TEXT_MAX: usize = 4 << 10;
const LITERALS_MAX: usize = 64;
/// Digits of the longest whole number that counts as a literal: longer ones may have several types.
const DIGITS_MAX: usize = 18;

/// The form of a text: its tokens with numbers and strings blanked, and comments removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueryFingerprint(Vec<Token>);

/// The literals of a text, in order; all three lists have one entry per literal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Literals {
    pub(crate) values: Vec<ScalarValue>,
    /// Tokens as written: `1.0` and `1.00` may have two types.
    pub(crate) written: Vec<Token>,
    /// Start of each literal in the text.
    places: Vec<Location>,
}

/// Splits a text into its form and its literals; `None` for a text that is not SQL, or too long.
pub(crate) fn normalize(sql: &str, dialect: Dialect) -> Option<(QueryFingerprint, Literals)> {
    let (mut form, mut literals) = (Vec::new(), Literals::default());
    for TokenWithSpan { token, span } in tokens(sql, dialect)? {
        let token = match token {
            Token::Whitespace(space) => {
                let space = if matches!(space, Whitespace::Newline) { space } else { Whitespace::Space };
                let space = Token::Whitespace(space);
                if form.last() == Some(&space) {
                    continue;
                }
                space
            }
            token => match literal(&token) {
                Some((value, blank)) => {
                    literals.values.push(value);
                    literals.written.push(token);
                    literals.places.push(span.start);
                    blank
                }
                None => token,
            },
        };
        form.push(token);
    }
    (literals.values.len() <= LITERALS_MAX).then_some((QueryFingerprint(form), literals))
}

fn tokens(sql: &str, dialect: Dialect) -> Option<Vec<TokenWithSpan>> {
    if sql.len() > TEXT_MAX {
        return None;
    }
    Tokenizer::new(&*dialect_from_str(dialect)?, sql).tokenize_with_location().ok()
}

/// The value that a literal is planned as, and the blank token of its kind.
fn literal(token: &Token) -> Option<(ScalarValue, Token)> {
    match token {
        Token::Number(text, false) if text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= DIGITS_MAX => {
            Some((ScalarValue::Int64(Some(text.parse().ok()?)), Token::Number("0".to_owned(), false)))
        }
        Token::Number(text, false) if text.contains(['.', 'e', 'E']) => {
            Some((ScalarValue::Float64(Some(text.parse().ok()?)), Token::Number("0.0".to_owned(), false)))
        }
        Token::SingleQuotedString(text) => {
            Some((ScalarValue::Utf8(Some(text.clone())), Token::SingleQuotedString(String::new())))
        }
        _ => None,
    }
}

/// Numbers of the literals that WHERE compares with, in ascending order; `statement` is the parsed text.
pub(crate) fn compared(statement: &Statement, literals: &Literals) -> Vec<usize> {
    let Statement::Statement(statement) = statement else { return Vec::new() };
    let ast::Statement::Query(query) = statement.as_ref() else { return Vec::new() };
    let SetExpr::Select(select) = query.body.as_ref() else { return Vec::new() };
    let (mut found, mut open) = (Vec::new(), Vec::from_iter(&select.selection));
    let mut note = |value: &ValueWithSpan| found.extend(literals.places.iter().position(|at| *at == value.span.start));
    // The result of other functions and operators, even its type, may depend on a literal; and subqueries name columns after literals.
    while let Some(expr) = open.pop() {
        match expr {
            ast::Expr::Nested(inner) => open.push(inner),
            ast::Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus, expr } => open.push(expr),
            ast::Expr::BinaryOp { left, op, right } if is_plain(op) => open.extend([left.as_ref(), right]),
            ast::Expr::Between { expr, low, high, .. } => open.extend([expr.as_ref(), low, high]),
            ast::Expr::InList { expr, list, .. } => open.extend(std::iter::once(expr.as_ref()).chain(list)),
            ast::Expr::TypedString(text) => note(&text.value),
            ast::Expr::Value(value) if matches!(value.value, Value::Number(..) | Value::SingleQuotedString(_)) => {
                note(value);
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found
}

/// Whether types alone decide what an operator does.
fn is_plain(operator: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        operator,
        Op::And
            | Op::Or
            | Op::Eq
            | Op::NotEq
            | Op::Lt
            | Op::LtEq
            | Op::Gt
            | Op::GtEq
            | Op::Plus
            | Op::Minus
            | Op::Multiply
            | Op::Divide
            | Op::Modulo
    )
}

/// Parses a text with a marker in the place of each chosen literal; returns the statement and the markers, in the order of `chosen`.
pub(crate) fn with_placeholders(
    sql: &str,
    dialect: Dialect,
    literals: &Literals,
    chosen: &[usize],
) -> Option<(Statement, Vec<ScalarValue>)> {
    let mut tokens = tokens(sql, dialect)?;
    let markers: Vec<_> =
        chosen.iter().enumerate().map(|(at, literal)| marker(at, &literals.values[*literal])).collect();
    for token in &mut tokens {
        let is_here = |literal: &usize| literals.places[*literal] == token.span.start;
        if let Some(at) = chosen.iter().position(is_here) {
            token.token = match &markers[at] {
                ScalarValue::Utf8(Some(text)) => Token::SingleQuotedString(text.clone()),
                ScalarValue::Float64(Some(number)) => Token::Number(format!("{number:e}"), false),
                number => Token::Number(number.to_string(), false),
            };
        }
    }
    let statement = Parser::new(&*dialect_from_str(dialect)?).with_tokens_with_locations(tokens).parse_statement();
    Some((Statement::Statement(Box::new(statement.ok()?)), markers))
}

/// A literal of the same kind as `like` that nobody is expected to write.
fn marker(number: usize, like: &ScalarValue) -> ScalarValue {
    match like {
        ScalarValue::Int64(_) => ScalarValue::Int64(Some(271_828_182_845_904_523 + number as i64)),
        ScalarValue::Float64(_) => ScalarValue::Float64(Some((2_718_281_828_459_045 + number as i64) as f64 * 1e250)),
        _ => ScalarValue::Utf8(Some(format!("\u{1}{number}\u{1}"))),
    }
}

/// Puts `values` in the places of `markers` in conditions of `plan`; the second result says for each marker whether it was found.
pub(crate) fn with_literals(
    plan: LogicalPlan,
    markers: &[ScalarValue],
    values: &[&ScalarValue],
) -> Result<(LogicalPlan, Vec<bool>), DataFusionError> {
    let mut found = vec![false; markers.len()];
    if markers.is_empty() {
        return Ok((plan, found));
    }
    let negative: Vec<_> = markers.iter().map(negated).collect();
    let mut put = |expr: Expr| {
        let Expr::Literal(literal, metadata) = expr else { return Ok(Transformed::no(expr)) };
        let places = markers.iter().zip(&negative).zip(values).enumerate();
        for (at, ((marker, negative), value)) in places {
            let value = if *marker == literal {
                Some((*value).clone())
            } else if negative.as_ref() == Some(&literal) {
                negated(value)
            } else {
                None
            };
            if let Some(value) = value {
                found[at] = true;
                return Ok(Transformed::yes(Expr::Literal(value, metadata)));
            }
        }
        Ok(Transformed::no(Expr::Literal(literal, metadata)))
    };
    let plan = plan.transform_down(|node| match node {
        LogicalPlan::Filter(mut filter) => {
            filter.predicate = filter.predicate.transform_down(&mut put)?.data;
            Ok(Transformed::yes(LogicalPlan::Filter(filter)))
        }
        node => Ok(Transformed::no(node)),
    })?;
    Ok((plan.data, found))
}

/// The negated number that the planner makes of a minus and a literal; `None` for values that are not numbers.
fn negated(value: &ScalarValue) -> Option<ScalarValue> {
    match value {
        ScalarValue::Int64(Some(number)) => Some(ScalarValue::Int64(Some(-number))),
        ScalarValue::Float64(Some(number)) => Some(ScalarValue::Float64(Some(-number))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
