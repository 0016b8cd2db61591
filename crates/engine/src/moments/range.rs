//! The values that an expression over a table's columns can have, from the extremes of the build-time scan.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use plusminus_catalog::{Manifest, Strata};
use plusminus_statistics::expression::ValueRange;

/// Gives the range of a column; `None` where it is NULL in every row.
pub(crate) type OfColumn<'a> = &'a dyn Fn(&str) -> Option<ValueRange>;

/// The range of `expr` where it is not NULL, given those of columns; unbounded where it is not known, `None` where it is always NULL.
pub(crate) fn range(expr: &Expr, schema: &DFSchema, of_column: OfColumn<'_>) -> Option<ValueRange> {
    let of = |part: &Expr| range(part, schema, of_column);
    match expr {
        Expr::Column(column) => of_column(&column.name),
        Expr::Literal(value, _) if value.is_null() => None,
        Expr::Literal(value, _) => Some(literal(value)),
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Negative(inner) => of(inner).map(ValueRange::negated),
        Expr::Cast(cast) if cast.field.data_type().is_numeric() => match is_boolean(&cast.expr, schema) {
            true => Some(TRUTH),
            false => of(&cast.expr).map(|range| whole(range, expr, schema)),
        },
        // Differences of times have another unit than their operands.
        Expr::BinaryExpr(binary) if is_arithmetic(binary.op) && is_number(expr, schema) => {
            let (left, right) = (of(&binary.left)?, of(&binary.right)?);
            Some(whole(arithmetic(binary, left, right), expr, schema))
        }
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            branches.filter_map(|branch| of(branch)).reduce(ValueRange::hull)
        }
        Expr::ScalarFunction(call) => function(call, schema, of_column),
        other if is_boolean(other, schema) => Some(TRUTH),
        _ => Some(ValueRange::ALL),
    }
}

/// The range of booleans as numbers.
const TRUTH: ValueRange = ValueRange { low: 0.0, high: 1.0 };

fn is_number(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_numeric())
}

fn is_boolean(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type == DataType::Boolean)
}

fn is_arithmetic(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}

fn arithmetic(binary: &BinaryExpr, left: ValueRange, right: ValueRange) -> ValueRange {
    match binary.op {
        Operator::Plus => left.plus(right),
        Operator::Minus => left.plus(right.negated()),
        Operator::Multiply => left.times(right),
        Operator::Divide => left.divided_by(right),
        // A remainder is smaller than the divisor, and has the sign of the dividend.
        _ => {
            let most = right.abs().high.min(left.abs().high);
            let low = if left.low >= 0.0 { 0.0 } else { -most };
            ValueRange { low, high: if left.high <= 0.0 { 0.0 } else { most } }
        }
    }
}

fn function(call: &ScalarFunction, schema: &DFSchema, of_column: OfColumn<'_>) -> Option<ValueRange> {
    let of = |part: &Expr| range(part, schema, of_column);
    Some(match (call.func.name(), call.args.as_slice()) {
        ("abs", [x]) => of(x)?.abs(),
        ("nullif", [x, _]) => of(x)?,
        ("floor", [x]) => of(x)?.rising(f64::floor),
        ("ceil", [x]) => of(x)?.rising(f64::ceil),
        ("round" | "trunc", [x, digits @ ..]) => {
            // Rounding moves a value by less than one unit.
            let unit = match digits {
                [] => 1.0,
                [Expr::Literal(digits, _)] => 10_f64.powf(-super::constant(digits).unwrap_or(f64::NEG_INFINITY)),
                _ => f64::INFINITY,
            };
            let inner = of(x)?;
            ValueRange { low: inner.low - unit, high: inner.high + unit }
        }
        ("sqrt", [x]) => {
            let inner = of(x)?;
            ValueRange { low: inner.low.max(0.0), high: inner.high }.rising(f64::sqrt)
        }
        ("ln", [x]) => of(x)?.rising(f64::ln),
        ("log10", [x]) => of(x)?.rising(f64::log10),
        ("log2", [x]) => of(x)?.rising(f64::log2),
        ("exp", [x]) => of(x)?.rising(f64::exp),
        ("signum", _) => ValueRange { low: -1.0, high: 1.0 },
        ("sin" | "cos", _) => ValueRange { low: -1.0, high: 1.0 },
        // NULLs among the arguments are ignored.
        ("greatest" | "least", parts) => parts.iter().filter_map(of).reduce(ValueRange::hull)?,
        ("coalesce" | "nvl", parts) => parts.iter().filter_map(of).reduce(ValueRange::hull)?,
        ("power", [x, Expr::Literal(exponent, _)]) => power(of(x)?, super::constant(exponent)),
        ("date_part", [Expr::Literal(part, _), of_date]) => date_part(part, of_date, schema, of_column),
        _ => ValueRange::ALL,
    })
}

/// The range of whole powers up to the fourth; wider for others.
fn power(base: ValueRange, exponent: Option<f64>) -> ValueRange {
    let square = || base.abs().times(base.abs());
    match exponent {
        Some(0.0) => ValueRange::of(1.0),
        Some(1.0) => base,
        Some(2.0) => square(),
        Some(3.0) => square().times(base),
        Some(4.0) => square().times(square()),
        _ if base.low >= 0.0 => ValueRange::NOT_NEGATIVE,
        _ => ValueRange::ALL,
    }
}

/// The range of a part of a date.
fn date_part(part: &ScalarValue, date: &Expr, schema: &DFSchema, of_column: OfColumn<'_>) -> ValueRange {
    let Some(Some(name)) = part.try_as_str() else { return ValueRange::ALL };
    // An interval can have 400 days, and a negative number of them.
    let is_date = |data_type| matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
    if !date.get_type(schema).is_ok_and(is_date) {
        return ValueRange::ALL;
    }
    let (low, high) = match name.to_lowercase().as_str() {
        "year" => return year(date, schema, of_column),
        "quarter" => (1.0, 4.0),
        "month" => (1.0, 12.0),
        "week" => (1.0, 53.0),
        "day" => (1.0, 31.0),
        "doy" => (1.0, 366.0),
        "dow" | "isodow" => (0.0, 7.0),
        "hour" => (0.0, 23.0),
        "minute" | "second" => (0.0, 60.0),
        _ => return ValueRange::ALL,
    };
    ValueRange { low, high }
}

/// The range of years from the days or seconds that a column stores, one year wider on each side.
fn year(date: &Expr, schema: &DFSchema, of_column: OfColumn<'_>) -> ValueRange {
    const DAYS: f64 = 365.2425;
    let (Expr::Column(column), Ok(data_type)) = (date, date.get_type(schema)) else { return ValueRange::ALL };
    let per_day = match data_type {
        DataType::Date32 => 1.0,
        DataType::Timestamp(TimeUnit::Second, None) => 86_400.0,
        DataType::Timestamp(TimeUnit::Millisecond, None) => 86_400e3,
        DataType::Timestamp(TimeUnit::Microsecond, None) => 86_400e6,
        DataType::Timestamp(TimeUnit::Nanosecond, None) => 86_400e9,
        _ => return ValueRange::ALL,
    };
    let stored = of_column(&column.name).unwrap_or(ValueRange::ALL);
    let year = |stored: f64| 1970.0 + stored / (per_day * DAYS);
    ValueRange { low: (year(stored.low) - 1.0).floor(), high: (year(stored.high) + 1.0).ceil() }
}

fn literal(value: &ScalarValue) -> ValueRange {
    super::constant(value).map_or(ValueRange::ALL, ValueRange::of)
}

/// Widens a range to whole numbers, since whole types cut decimals off towards zero.
fn whole(range: ValueRange, expr: &Expr, schema: &DFSchema) -> ValueRange {
    match expr.get_type(schema) {
        Ok(data_type) if data_type.is_floating() => range,
        // Decimals are rounded to the scale of their type.
        Ok(_) => ValueRange { low: range.low.floor(), high: range.high.ceil() },
        Err(_) => ValueRange::ALL,
    }
}

/// The range of a column over the whole table; of a joined column over all rows of its own table.
pub(crate) fn of_column(name: &str, manifest: &Manifest, strata: &Strata) -> ValueRange {
    if let Some((_, column)) = manifest.joined_column(name) {
        return column.range.map_or(ValueRange::ALL, |(low, high)| ValueRange::new(low, high));
    }
    let Some(moments) = manifest.column_moments(name) else { return ValueRange::ALL };
    let values: u64 = strata.non_null(name).unwrap_or(strata.rows()).iter().sum();
    match (moments.min, moments.max) {
        // The scan has no bounds where it met values that are not finite.
        (Some(min), Some(max)) if moments.count == values => ValueRange::new(min, max),
        _ => ValueRange::ALL,
    }
}
