//! The values that an expression over a table's columns can have, from the extremes that the build-time scan saw.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use plusminus_catalog::{Manifest, Strata};
use plusminus_statistics::expression::ValueRange;

/// The range of `expr` where it is not NULL, given those of columns; any number where it is not known.
pub(crate) fn range(expr: &Expr, schema: &DFSchema, of_column: &dyn Fn(&str) -> ValueRange) -> ValueRange {
    let of = |part: &Expr| range(part, schema, of_column);
    match expr {
        Expr::Column(column) => of_column(&column.name),
        Expr::Literal(value, _) => literal(value),
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Negative(inner) => of(inner).negated(),
        Expr::Cast(cast) if cast.field.data_type().is_numeric() => whole(of(&cast.expr), expr, schema),
        Expr::BinaryExpr(binary) => {
            let (left, right) = (of(&binary.left), of(&binary.right));
            let found = match binary.op {
                Operator::Plus => left.plus(right),
                Operator::Minus => left.plus(right.negated()),
                Operator::Multiply => left.times(right),
                Operator::Divide => left.divided_by(right),
                _ => ValueRange::ALL,
            };
            whole(found, expr, schema)
        }
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            let values =
                branches.filter(|branch| !matches!(branch.as_ref(), Expr::Literal(value, _) if value.is_null()));
            values.map(|branch| of(branch)).reduce(ValueRange::hull).unwrap_or_default()
        }
        Expr::ScalarFunction(call) => match (call.func.name(), call.args.as_slice()) {
            ("abs", [x]) => of(x).abs(),
            ("nullif", [x, _]) => of(x),
            _ => ValueRange::ALL,
        },
        _ => ValueRange::ALL,
    }
}

fn literal(value: &ScalarValue) -> ValueRange {
    super::constant(value).map_or(ValueRange::ALL, ValueRange::of)
}

/// Whole numbers cut decimals off, towards zero.
fn whole(range: ValueRange, expr: &Expr, schema: &DFSchema) -> ValueRange {
    match expr.get_type(schema) {
        Ok(data_type) if data_type.is_floating() => range,
        // Decimals are rounded to the scale of their type.
        Ok(_) => ValueRange { low: range.low.floor(), high: range.high.ceil() },
        Err(_) => ValueRange::ALL,
    }
}

/// The range of a column over the whole table.
pub(crate) fn of_column(name: &str, manifest: &Manifest, strata: &Strata) -> ValueRange {
    let Some(moments) = manifest.column_moments(name) else { return ValueRange::ALL };
    let values: u64 = strata.non_null(name).unwrap_or(strata.rows()).iter().sum();
    match (moments.min, moments.max) {
        // The scan knows no bounds where it met values that are no finite numbers.
        (Some(min), Some(max)) if moments.count == values => ValueRange::new(min, max),
        _ => ValueRange::ALL,
    }
}
