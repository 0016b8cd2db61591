//! Functions and operators as DuckDB and PostgreSQL write them, in DataFusion's terms.
//!
//! A call of a function that DataFusion does not know is replaced before planning by an expression that means the same; a function of
//! that name which the session knows is left alone.

use datafusion::common::HashMap;
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectNamePart, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::ops::ControlFlow;
use std::sync::LazyLock;

/// Name, number of arguments, and the expression that a call stands for. Of an aggregate, FILTER, OVER and DISTINCT are kept.
const CALLS: &[(&str, usize, &str)] = &[
    ("year", 1, "date_part('year', $1)"),
    ("quarter", 1, "date_part('quarter', $1)"),
    ("month", 1, "date_part('month', $1)"),
    ("week", 1, "date_part('week', $1)"),
    ("weekofyear", 1, "date_part('week', $1)"),
    ("day", 1, "date_part('day', $1)"),
    ("dayofmonth", 1, "date_part('day', $1)"),
    ("dayofweek", 1, "date_part('dow', $1)"),
    ("weekday", 1, "date_part('dow', $1)"),
    ("isodow", 1, "date_part('isodow', $1)"),
    ("dayofyear", 1, "date_part('doy', $1)"),
    ("hour", 1, "date_part('hour', $1)"),
    ("minute", 1, "date_part('minute', $1)"),
    ("second", 1, "date_part('second', $1)"),
    ("epoch", 1, "date_part('epoch', $1)"),
    ("dayname", 1, "to_char($1, '%A')"),
    ("monthname", 1, "to_char($1, '%B')"),
    ("strftime", 2, "to_char($1, $2)"),
    ("strptime", 2, "to_timestamp($1, $2)"),
    ("last_day", 1, "CAST(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)"),
    ("date_add", 2, "$1 + $2"),
    ("today", 0, "current_date()"),
    ("get_current_timestamp", 0, "now()"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("iff", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("sign", 1, "CAST(signum($1) AS INT)"),
    ("pow", 2, "power($1, $2)"),
    ("ceiling", 1, "ceil($1)"),
    ("strlen", 1, "octet_length($1)"),
    ("variance", 1, "var_samp($1)"),
    ("geomean", 1, "exp(avg(ln($1)))"),
    ("sem", 1, "stddev($1) / sqrt(count($1))"),
    ("time_bucket:days", 2, "date_bin($1, $2, TIMESTAMP '2000-01-03 00:00:00')"),
    ("time_bucket:months", 2, "date_bin($1, $2, TIMESTAMP '2000-01-01 00:00:00')"),
    ("isoyear", 1, "date_part('isoyear', $1)"),
    (
        "make_timestamp",
        6,
        "CAST(make_date($1, $2, $3) AS TIMESTAMP) + $4 * INTERVAL '1 hour' + $5 * INTERVAL '1 minute' + $6 * INTERVAL '1 second'",
    ),
    ("ucase", 1, "upper($1)"),
    ("lcase", 1, "lower($1)"),
    ("regexp_matches", 2, "regexp_like($1, $2)"),
    ("regexp_extract", 2, "coalesce(regexp_match($1, '(' || $2 || ')')[1], '')"),
    ("regexp_extract", 3, "coalesce(regexp_match($1, '(' || $2 || ')')[$3 + 1], '')"),
    ("string_split", 2, "string_to_array($1, $2)"),
    ("str_split", 2, "string_to_array($1, $2)"),
    ("split", 2, "string_to_array($1, $2)"),
    ("prefix", 2, "starts_with($1, $2)"),
    ("suffix", 2, "ends_with($1, $2)"),
    ("isinf", 1, "abs($1) = CAST('Infinity' AS DOUBLE)"),
    ("isfinite", 1, "(abs($1) < CAST('Infinity' AS DOUBLE))"),
    ("count_if", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("countif", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("any_value", 1, "first_value($1)"),
    ("arbitrary", 1, "first_value($1)"),
    ("first", 1, "first_value($1)"),
    ("last", 1, "last_value($1)"),
    ("arg_max", 2, "first_value($1 ORDER BY $2 DESC NULLS LAST)"),
    ("argmax", 2, "first_value($1 ORDER BY $2 DESC NULLS LAST)"),
    ("max_by", 2, "first_value($1 ORDER BY $2 DESC NULLS LAST)"),
    ("arg_min", 2, "first_value($1 ORDER BY $2 ASC NULLS LAST)"),
    ("argmin", 2, "first_value($1 ORDER BY $2 ASC NULLS LAST)"),
    ("min_by", 2, "first_value($1 ORDER BY $2 ASC NULLS LAST)"),
    ("list", 1, "array_agg($1)"),
    ("group_concat", 1, "string_agg($1, ',')"),
    ("group_concat", 2, "string_agg($1, $2)"),
    ("string_agg", 1, "string_agg($1, ',')"),
    ("listagg", 1, "string_agg($1, ',')"),
    ("listagg", 2, "string_agg($1, $2)"),
    ("approx_count_distinct", 1, "approx_distinct($1)"),
    ("approx_quantile", 2, "approx_percentile_cont($1, $2)"),
    ("favg", 1, "avg($1)"),
    ("fsum", 1, "sum($1)"),
    ("date_diff:year", 2, "date_part('year', $2) - date_part('year', $1)"),
    (
        "date_diff:quarter",
        2,
        "4 * (date_part('year', $2) - date_part('year', $1)) + date_part('quarter', $2) - date_part('quarter', $1)",
    ),
    (
        "date_diff:month",
        2,
        "12 * (date_part('year', $2) - date_part('year', $1)) + date_part('month', $2) - date_part('month', $1)",
    ),
    ("date_diff:week", 2, "(CAST(date_trunc('week', $2) AS DATE) - CAST(date_trunc('week', $1) AS DATE)) / 7"),
    ("date_diff:day", 2, "CAST($2 AS DATE) - CAST($1 AS DATE)"),
    (
        "date_diff:hour",
        2,
        "CAST((date_part('epoch', date_trunc('hour', $2)) - date_part('epoch', date_trunc('hour', $1))) / 3600 AS BIGINT)",
    ),
    (
        "date_diff:minute",
        2,
        "CAST((date_part('epoch', date_trunc('minute', $2)) - date_part('epoch', date_trunc('minute', $1))) / 60 AS BIGINT)",
    ),
    (
        "date_diff:second",
        2,
        "CAST(date_part('epoch', date_trunc('second', $2)) - date_part('epoch', date_trunc('second', $1)) AS BIGINT)",
    ),
    ("operator://", 2, "CAST(trunc($1 / $2) AS BIGINT)"),
];

/// The parsed expressions of [`CALLS`].
static TEMPLATES: LazyLock<HashMap<(&'static str, usize), Expr>> = LazyLock::new(|| {
    let parsed = |(name, arguments, text): &(&'static str, usize, &'static str)| {
        let expr = Parser::new(&GenericDialect {}).try_with_sql(text).and_then(|mut parser| parser.parse_expr());
        expr.ok().map(|expr| ((*name, *arguments), expr))
    };
    CALLS.iter().filter_map(parsed).collect()
});

/// Names of functions that are written in DataFusion's terms, for completion.
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    CALLS
        .iter()
        .map(|(name, _, _)| name.split_once(':').map_or(*name, |(name, _)| name))
        .filter(|name| *name != "operator")
}

/// Replaces calls and operators in a statement.
pub(crate) fn replace(statement: &mut impl VisitMut, state: &SessionState) {
    let _ = statement.visit(&mut Spellings { state });
}

struct Spellings<'a> {
    state: &'a SessionState,
}

impl VisitorMut for Spellings<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        order_by_all(query);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let replaced = match expr {
            Expr::Function(call) => self.call(call),
            Expr::BinaryOp { left, op: BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide, right } => {
                filled(("operator://", 2), &[(**left).clone(), (**right).clone()])
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => {
                exact_decimal(inner, data_type);
                None
            }
            _ => None,
        };
        if let Some(replaced) = replaced {
            // In parentheses, so that the text of a name or an error reads as it is computed.
            *expr = if matches!(replaced, Expr::BinaryOp { .. }) { Expr::Nested(Box::new(replaced)) } else { replaced };
        }
        ControlFlow::Continue(())
    }
}

impl Spellings<'_> {
    fn call(&self, call: &Function) -> Option<Expr> {
        let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return None };
        let mut name = name.value.to_lowercase();
        let FunctionArguments::List(list) = &call.args else { return None };
        if name == "length" && list.args.len() == 1 {
            // Of a list LEN counts the elements, of a text the characters.
            let mut own = call.clone();
            own.name = Ident::new("len").into();
            return Some(Expr::Function(own));
        }
        let plain = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        };
        let mut arguments = list.args.iter().map(plain).collect::<Option<Vec<Expr>>>()?;
        if name == "to_char" && arguments.len() == 2 {
            return with_own_pattern(call, &arguments[1]);
        }
        if matches!(name.as_str(), "date_diff" | "datediff") && arguments.len() == 3 {
            name = format!("date_diff:{}", unit(&arguments.remove(0))?);
        }
        if name == "time_bucket" && arguments.len() == 2 {
            let width = arguments[0].to_string().to_lowercase();
            let is_of_months = ["month", "year", "quarter"].iter().any(|unit| width.contains(unit));
            name.push_str(if is_of_months { ":months" } else { ":days" });
        }
        let key = TEMPLATES.keys().find(|(known, count)| *known == name && *count == arguments.len())?;
        // `string_agg` with one argument is a function that there is, but not that way.
        let is_known = |name: &str| {
            self.state.scalar_functions().contains_key(name)
                || self.state.aggregate_functions().contains_key(name)
                || self.state.window_functions().contains_key(name)
        };
        if is_known(&name) && name != "string_agg" {
            return None;
        }
        let mut replaced = filled(*key, &arguments)?;
        // Only an aggregate can take the clauses of the one that it replaces.
        let has_clauses = call.filter.is_some()
            || call.over.is_some()
            || call.null_treatment.is_some()
            || list.duplicate_treatment.is_some()
            || !list.clauses.is_empty();
        let is_aggregate = matches!(&replaced, Expr::Function(own)
            if self.state.aggregate_functions().contains_key(&own.name.to_string().to_lowercase()));
        if has_clauses && !is_aggregate {
            return None;
        }
        if let Expr::Function(own) = &mut replaced {
            keep_clauses(own, call);
        }
        Some(replaced)
    }
}

/// Gives a call the clauses of the one that it replaces.
fn keep_clauses(own: &mut Function, call: &Function) {
    own.filter.clone_from(&call.filter);
    own.over.clone_from(&call.over);
    own.null_treatment = own.null_treatment.or(call.null_treatment);
    own.within_group.clone_from(&call.within_group);
    if let (FunctionArguments::List(own), FunctionArguments::List(call)) = (&mut own.args, &call.args) {
        own.duplicate_treatment = own.duplicate_treatment.or(call.duplicate_treatment);
        own.clauses.extend(call.clauses.iter().cloned());
    }
}

/// A template with its arguments.
fn filled(key: (&str, usize), arguments: &[Expr]) -> Option<Expr> {
    let mut expr = TEMPLATES.get(&key)?.clone();
    let _ = expr.visit(&mut Fill { arguments });
    Some(expr)
}

struct Fill<'a> {
    arguments: &'a [Expr],
}

impl VisitorMut for Fill<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Value(value) = expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        let at =
            name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()).and_then(|at| at.checked_sub(1));
        if let Some(argument) = at.and_then(|at| self.arguments.get(at)) {
            *expr = argument.clone();
        }
        ControlFlow::Continue(())
    }
}

/// TO_CHAR with a pattern of PostgreSQL in the words of strftime; `None` for a pattern that is in them already.
fn with_own_pattern(call: &Function, pattern: &Expr) -> Option<Expr> {
    const WORDS: [(&str, &str); 18] = [
        ("YYYY", "%Y"),
        ("Month", "%B"),
        ("MONTH", "%B"),
        ("Mon", "%b"),
        ("MON", "%b"),
        ("MM", "%m"),
        ("Day", "%A"),
        ("DAY", "%A"),
        ("Dy", "%a"),
        ("DD", "%d"),
        ("DDD", "%j"),
        ("HH24", "%H"),
        ("HH12", "%I"),
        ("HH", "%I"),
        ("MI", "%M"),
        ("SS", "%S"),
        ("AM", "%p"),
        ("YY", "%y"),
    ];
    let Expr::Value(value) = pattern else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    if text.contains('%') {
        return None;
    }
    let (mut translated, mut rest) = (String::new(), text.as_str());
    while let Some(first) = rest.chars().next() {
        // The longest word that stands here.
        let word = WORDS.iter().filter(|(word, _)| rest.starts_with(word)).max_by_key(|(word, _)| word.len());
        match word {
            Some((word, own)) => {
                translated.push_str(own);
                rest = &rest[word.len()..];
            }
            None => {
                translated.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    if translated == *text {
        return None;
    }
    let mut own = call.clone();
    if let FunctionArguments::List(list) = &mut own.args {
        list.args[1] = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::value(Value::SingleQuotedString(translated))));
    }
    Some(Expr::Function(own))
}

/// The unit of `date_diff('day', …)`.
fn unit(expr: &Expr) -> Option<String> {
    let Expr::Value(value) = expr else { return None };
    let Value::SingleQuotedString(unit) = &value.value else { return None };
    let unit = unit.to_lowercase();
    Some(unit.strip_suffix('s').unwrap_or(&unit).to_owned())
}

/// A number that is cast to a decimal keeps all its digits as a text; as a literal it would be rounded to a double first.
fn exact_decimal(expr: &mut Expr, data_type: &DataType) {
    if !matches!(data_type, DataType::Decimal(_) | DataType::Numeric(_) | DataType::Dec(_)) {
        return;
    }
    if let Expr::Value(value) = expr
        && let Value::Number(digits, _) = &value.value
    {
        value.value = Value::SingleQuotedString(digits.to_string());
    }
}

/// `ORDER BY ALL` orders by every column, from the first to the last.
fn order_by_all(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let Some(order) = &mut query.order_by else { return };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return };
    let [OrderByExpr { expr: Expr::Identifier(Ident { value, quote_style: None, .. }), options, .. }] = keys.as_slice()
    else {
        return;
    };
    let is_listed = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    if !value.eq_ignore_ascii_case("all") || !select.projection.iter().all(is_listed) {
        return;
    }
    let options = *options;
    let key =
        |at: usize| OrderByExpr { expr: Expr::value(Value::Number(at.to_string(), false)), options, with_fill: None };
    *keys = (1..=select.projection.len()).map(key).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    fn replaced(sql: &str) -> String {
        let mut statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        replace(&mut statements, &SessionContext::new().state());
        statements[0].to_string()
    }

    #[test]
    fn every_template_is_read() {
        assert_eq!(TEMPLATES.len(), CALLS.len());
        assert!(function_names().any(|name| name == "date_diff") && function_names().all(|name| !name.contains(':')));
    }

    #[test]
    fn calls_keep_their_arguments_and_clauses() {
        for (sql, expected) in [
            ("SELECT year(d + $1)", "SELECT date_part('year', d + $1)"),
            (
                "SELECT Count_If(x > 1) FILTER (WHERE y) OVER (ORDER BY z)",
                "SELECT count(CASE WHEN x > 1 THEN 1 END) FILTER (WHERE y) OVER (ORDER BY z)",
            ),
            (
                "SELECT to_char(d, 'YYYY-MM-DD HH24:MI'), to_char(d, '%Y')",
                "SELECT to_char(d, '%Y-%m-%d %H:%M'), to_char(d, '%Y')",
            ),
            ("SELECT length(x), geomean(x) FILTER (WHERE y)", "SELECT len(x), geomean(x) FILTER (WHERE y)"),
            ("SELECT list(DISTINCT x ORDER BY x)", "SELECT array_agg(DISTINCT x ORDER BY x)"),
            ("SELECT date_diff('days', a, year(b))", "SELECT (CAST(date_part('year', b) AS DATE) - CAST(a AS DATE))"),
            (
                "SELECT if(a, b, c) FROM t WHERE month(d) = 3",
                "SELECT CASE WHEN a THEN b ELSE c END FROM t WHERE date_part('month', d) = 3",
            ),
            ("SELECT 0.1::DECIMAL(5, 2), 0.1::DOUBLE", "SELECT '0.1'::DECIMAL(5,2), 0.1::DOUBLE"),
            (
                "SELECT a, sum(b) FROM t GROUP BY ALL ORDER BY ALL DESC",
                "SELECT a, sum(b) FROM t GROUP BY ALL ORDER BY 1 DESC, 2 DESC",
            ),
            ("SELECT * FROM t ORDER BY ALL", "SELECT * FROM t ORDER BY ALL"),
            ("SELECT s.year(d), abs(x), date_diff(u, a, b)", "SELECT s.year(d), abs(x), date_diff(u, a, b)"),
        ] {
            assert_eq!(replaced(sql), expected);
        }
    }
}
