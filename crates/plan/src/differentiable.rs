//! Expressions above aggregates as differentiable expressions.

use super::calls::{CallKind, Calls, literal_number};
use super::query::Reason;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use plusminus_statistics::expression::DifferentiableExpr;

/// Translates `expr` over the aggregate's output columns, the first `keys` of which are GROUP BY columns; `None` when it is not differentiable.
///
/// Inputs are numbered: first the query's variables, then its non-linear aggregates, then the GROUP BY columns.
pub(crate) fn translate(expr: &Expr, schema: &DFSchemaRef, keys: usize, calls: &Calls) -> Option<DifferentiableExpr> {
    let go = |e: &Expr| translate(e, schema, keys, calls);
    match expr {
        Expr::Column(column) => {
            let index = schema.index_of_column(column).ok()?;
            if index < keys {
                let numeric = schema.field(index).data_type().is_numeric();
                let first = calls.variables.len() + calls.non_linear.len();
                return numeric.then_some(DifferentiableExpr::Input(first + index));
            }
            Some(match &calls.calls.get(index - keys)?.kind {
                CallKind::Count { rows } => DifferentiableExpr::Input(*rows),
                CallKind::Sum { sum } => DifferentiableExpr::Input(*sum),
                CallKind::Avg { sum, rows } => DifferentiableExpr::Div(
                    Box::new(DifferentiableExpr::Input(*sum)),
                    Box::new(DifferentiableExpr::Input(*rows)),
                ),
                CallKind::Moments { of, .. } => of.clone(),
                CallKind::NonLinear(non_linear) => DifferentiableExpr::Input(calls.variables.len() + non_linear),
            })
        }
        Expr::Literal(value, _) => literal_number(value).map(DifferentiableExpr::Constant),
        Expr::Alias(alias) => go(&alias.expr),
        Expr::Negative(inner) => Some(DifferentiableExpr::Neg(Box::new(go(inner)?))),
        Expr::Cast(cast) if keeps_fractions(&cast.expr, cast.field.data_type(), schema) => go(&cast.expr),
        Expr::TryCast(cast) if keeps_fractions(&cast.expr, cast.field.data_type(), schema) => go(&cast.expr),
        // Division of whole numbers truncates, so it has no derivative.
        Expr::BinaryExpr(binary)
            if binary.op == Operator::Divide && is_whole(&binary.left, schema) && is_whole(&binary.right, schema) =>
        {
            None
        }
        Expr::BinaryExpr(binary) => arithmetic(binary, go),
        Expr::ScalarFunction(call) => function(call, go),
        Expr::Case(case) => go(guarded(case)?),
        _ => None,
    }
}

/// The x of `CASE WHEN x IS NOT NULL THEN x ELSE literal END`, to which COALESCE is simplified; `None` for any other CASE.
pub(crate) fn guarded(case: &Case) -> Option<&Expr> {
    let (None, [(when, then)], Some(otherwise)) = (&case.expr, case.when_then_expr.as_slice(), &case.else_expr) else {
        return None;
    };
    let is_guard = matches!(when.as_ref(), Expr::IsNotNull(guarded) if guarded == then);
    (is_guard && matches!(otherwise.as_ref(), Expr::Literal(..))).then_some(then)
}

/// Refuses expressions that combine a non-linear aggregate with other inputs; `column` is named in the reason.
///
/// A percentile, MIN, MAX or COUNT(DISTINCT …) has an interval of its own. Arithmetic with constants maps that interval.
pub(crate) fn check_non_linear(function: &DifferentiableExpr, calls: &Calls, column: &str) -> Result<(), Reason> {
    let non_linear = calls.variables.len()..calls.variables.len() + calls.non_linear.len();
    if function.is_linear_in_one().is_some() || !used_inputs(function).iter().any(|input| non_linear.contains(input)) {
        return Ok(());
    }
    Err(Reason::new(format!(
        "column '{column}' combines a percentile, MIN, MAX or COUNT(DISTINCT …) with other aggregates"
    )))
}

/// The inputs that occur in a differentiable expression, each once, in ascending order.
pub fn used_inputs(function: &DifferentiableExpr) -> Vec<usize> {
    let mut found = Vec::new();
    collect_inputs(function, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect_inputs(function: &DifferentiableExpr, found: &mut Vec<usize>) {
    match function {
        DifferentiableExpr::Constant(_) => {}
        DifferentiableExpr::Input(input) => found.push(*input),
        DifferentiableExpr::Add(a, b)
        | DifferentiableExpr::Sub(a, b)
        | DifferentiableExpr::Mul(a, b)
        | DifferentiableExpr::Div(a, b)
        | DifferentiableExpr::Pow(a, b) => {
            collect_inputs(a, found);
            collect_inputs(b, found);
        }
        DifferentiableExpr::Neg(a)
        | DifferentiableExpr::Abs(a)
        | DifferentiableExpr::Sqrt(a)
        | DifferentiableExpr::Ln(a)
        | DifferentiableExpr::Log10(a)
        | DifferentiableExpr::Exp(a) => {
            collect_inputs(a, found);
        }
        DifferentiableExpr::Round(a, _) => collect_inputs(a, found),
    }
}

/// Takes a ROUND off the outside of `expr`: its decimals, and the expression it rounds. The decimals are `None` without one.
///
/// The ends of an interval are rounded like the estimate. A ROUND further inside is a step function and not differentiable.
pub(crate) fn outermost_round(expr: &Expr) -> (Option<i32>, &Expr) {
    match expr {
        Expr::Alias(alias) => outermost_round(&alias.expr),
        Expr::ScalarFunction(call) if call.func.name() == "round" => match call.args.as_slice() {
            [inner] => (Some(0), inner),
            [inner, Expr::Literal(digits, _)] => match literal_number(digits) {
                #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of decimals")]
                Some(digits) => (Some(digits.clamp(-300.0, 300.0) as i32), inner),
                None => (None, expr),
            },
            _ => (None, expr),
        },
        other => (None, other),
    }
}

/// Whether `expr` has an integer type.
pub(crate) fn is_whole(expr: &Expr, schema: &DFSchemaRef) -> bool {
    expr.get_type(schema).is_ok_and(|t| t.is_integer())
}

/// Whether a cast of `inner` to `target` leaves a number as it is, fractions included.
pub(crate) fn keeps_fractions(inner: &Expr, target: &DataType, schema: &DFSchemaRef) -> bool {
    target.is_numeric() && (!target.is_integer() || is_whole(inner, schema))
}

fn arithmetic(binary: &BinaryExpr, go: impl Fn(&Expr) -> Option<DifferentiableExpr>) -> Option<DifferentiableExpr> {
    let node = match binary.op {
        Operator::Plus => DifferentiableExpr::Add,
        Operator::Minus => DifferentiableExpr::Sub,
        Operator::Multiply => DifferentiableExpr::Mul,
        Operator::Divide => DifferentiableExpr::Div,
        _ => return None,
    };
    Some(node(Box::new(go(&binary.left)?), Box::new(go(&binary.right)?)))
}

fn function(call: &ScalarFunction, go: impl Fn(&Expr) -> Option<DifferentiableExpr>) -> Option<DifferentiableExpr> {
    let boxed = |e: &Expr| go(e).map(Box::new);
    let name = call.func.name();
    match (name, call.args.as_slice()) {
        ("abs", [x]) => Some(DifferentiableExpr::Abs(boxed(x)?)),
        ("sqrt", [x]) => Some(DifferentiableExpr::Sqrt(boxed(x)?)),
        ("ln", [x]) => Some(DifferentiableExpr::Ln(boxed(x)?)),
        ("log10", [x]) | ("log", [x]) => Some(DifferentiableExpr::Log10(boxed(x)?)),
        ("exp", [x]) => Some(DifferentiableExpr::Exp(boxed(x)?)),
        ("power", [x, y]) => Some(DifferentiableExpr::Pow(boxed(x)?, boxed(y)?)),
        // The guards against NULL and against a zero divisor leave every other value as it is.
        ("nullif" | "coalesce", [x, Expr::Literal(..)]) => go(x),
        _ => None,
    }
}
