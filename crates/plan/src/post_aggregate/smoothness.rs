//! Whether expressions between an aggregate and another one above it are differentiable in the estimates.
//!
//! Errors above an aggregate of aggregates come from replicates, each of which moves an estimate by a fraction of its
//! standard error. Steps and kinks (CASE, comparisons, FLOOR, casts to whole numbers, ABS, GREATEST) rarely see such a
//! move, so that replicates would show no error, or too small a one.

use super::super::differentiable::{guarded, is_whole, keeps_fractions, outermost_round};
use super::super::query::Reason;
use super::roles::{Role, combine, roles};
use super::trace::untraced;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, Projection};
use std::sync::Arc;

/// Functions without steps or kinks where they are defined.
const SMOOTH: [&str; 9] = ["sqrt", "ln", "log", "log2", "log10", "exp", "power", "sin", "cos"];

/// Refuses expressions over estimates with steps or kinks; `base` is the schema of the aggregate over rows.
pub(super) fn check(plan: &LogicalPlan, base: &DFSchemaRef) -> Result<(), Reason> {
    let exprs = match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.schema == *base => return Ok(()),
        LogicalPlan::Aggregate(aggregate) => &aggregate.aggr_expr,
        LogicalPlan::Projection(projection) => &projection.expr,
        LogicalPlan::Window(window) => &window.window_expr,
        _ => &Vec::new(),
    };
    for input in plan.inputs() {
        let below = roles(input);
        let is_estimate = |expr: &Expr| combine(expr, input, &below) == Role::Estimate;
        if let Some(steep) = exprs.iter().find_map(|expr| steep(expr, input.schema(), &is_estimate)) {
            return Err(Reason::new(format!(
                "{steep} over estimates, below or above other aggregates, is answered exactly"
            )));
        }
        check(input, base)?;
    }
    Ok(())
}

/// The innermost part of `expr` over an estimate that is not differentiable.
fn steep<'e>(expr: &'e Expr, schema: &DFSchemaRef, is_estimate: &impl Fn(&Expr) -> bool) -> Option<&'e Expr> {
    if !is_estimate(expr) {
        return None;
    }
    let go = |part: &'e Expr| steep(part, schema, is_estimate);
    match expr {
        Expr::Column(_) => None,
        Expr::Alias(alias) => go(&alias.expr),
        Expr::Negative(inner) => go(inner),
        Expr::Cast(cast) if keeps_digits(&cast.expr, cast.field.data_type(), schema) => go(&cast.expr),
        Expr::TryCast(cast) if keeps_digits(&cast.expr, cast.field.data_type(), schema) => go(&cast.expr),
        Expr::BinaryExpr(binary) => {
            let divides_whole = is_whole(&binary.left, schema) && is_whole(&binary.right, schema);
            match binary.op {
                Operator::Plus | Operator::Minus | Operator::Multiply => go(&binary.left).or_else(|| go(&binary.right)),
                Operator::Divide if !divides_whole => go(&binary.left).or_else(|| go(&binary.right)),
                _ => Some(expr),
            }
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => match (func.name(), args.as_slice()) {
            // Guards against NULL and a zero divisor leave every other value as it is.
            ("nullif" | "coalesce", [inner, Expr::Literal(..)]) => go(inner),
            (name, args) if SMOOTH.contains(&name) => args.iter().find_map(go),
            _ => Some(expr),
        },
        Expr::Case(case) => guarded(case).map_or(Some(expr), go),
        Expr::AggregateFunction(AggregateFunction { params, .. }) => params.args.iter().find_map(go),
        Expr::WindowFunction(call) => call.params.args.iter().find_map(go),
        _ => Some(expr),
    }
}

/// Whether a cast rounds nothing off; decimals and integers have steps, floats do not.
fn keeps_digits(inner: &Expr, target: &DataType, schema: &DFSchemaRef) -> bool {
    let steps = |data_type: &DataType| match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        other => other.is_integer().then_some(0),
    };
    let Ok(source) = inner.get_type(schema) else { return false };
    let is_finer = match (steps(&source), steps(target)) {
        (_, None) => true,
        (Some(source), Some(target)) => source <= target,
        (None, Some(_)) => false,
    };
    is_finer && keeps_fractions(inner, target, schema)
}

/// The plan without the outermost ROUND of its columns, and the decimals that each ROUND leaves, in the order of the columns.
///
/// Replicates of rounded numbers would say nothing, or too much; the ends of an interval can be rounded instead.
pub(crate) fn unrounded(plan: &LogicalPlan) -> Result<(LogicalPlan, Vec<Option<i32>>), Reason> {
    let none = || vec![None; plan.schema().fields().len()];
    match plan {
        LogicalPlan::Projection(projection) => {
            let (mut exprs, mut rounds) = (Vec::new(), Vec::new());
            for (expr, (qualifier, field)) in projection.expr.iter().zip(projection.schema.iter()) {
                let (round, inner) = outermost_round(expr);
                rounds.push(round);
                exprs.push(match round {
                    Some(_) => inner.clone().unalias().alias_qualified(qualifier.cloned(), field.name()),
                    None => expr.clone(),
                });
            }
            let bare = Projection::try_new(exprs, Arc::clone(&projection.input)).map_err(untraced)?;
            Ok((LogicalPlan::Projection(bare), rounds))
        }
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            let Some(input) = plan.inputs().first().copied() else { return Ok((plan.clone(), none())) };
            let (input, rounds) = unrounded(input)?;
            Ok((plan.with_new_exprs(plan.expressions(), vec![input]).map_err(untraced)?, rounds))
        }
        _ => Ok((plan.clone(), none())),
    }
}
