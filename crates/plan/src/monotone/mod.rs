//! Whether a query's answer is monotone in the value of a scalar subquery, so that its answers with both ends of the value's interval
//! enclose those with all values between.
//!
//! The answer is linear in a value that takes part in arithmetic, or nearly so. Raising a value that rows are compared with only adds
//! rows or only removes some. Two comparisons (BETWEEN around the value), equality and functions with turns or steps are not monotone.

use super::aggregate_input::holds_aggregate;
use super::error_functions as errors;
use super::lineage::Lineage;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

/// The parts of a query that depend on the value of a subquery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monotone {
    /// Whether each of the query's columns is computed from the value, in their order.
    pub columns: Vec<bool>,
    /// Whether rows are chosen or grouped by the value.
    pub rows: bool,
    /// Whether something is divided by the value.
    pub divides: bool,
}

/// How an expression changes with the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    Free,
    /// The expression rises or falls monotonically with the value.
    Steady,
    /// The expression is true only for values below a limit, or only for values above one.
    Compared,
    Unknown,
}

/// Recognises the expression that stands for the value.
type IsValue<'a> = &'a dyn Fn(&Expr) -> bool;

/// The parts of `plan` that depend on the value that `is_value` recognises; `None` where the answer may not be monotone in it.
pub fn monotone(plan: &LogicalPlan, is_value: IsValue<'_>) -> Option<Monotone> {
    // Error functions would not report the interval that is shown.
    if errors::occur_in(plan) {
        return None;
    }
    let mut traced = Traced { is_value, conditions: Vec::new(), order: Vec::new(), cuts: false };
    let columns = traced.columns(plan)?.exprs;
    let count = |expr: &Expr| occurrences(expr, is_value);
    if traced.cuts && traced.order.iter().any(|expr| count(expr) > 0) {
        return None;
    }
    // A GROUP BY key tells groups apart; it is a condition and no number of theirs.
    let own: Vec<bool> = columns.iter().map(|expr| count(expr) > 0 && !traced.conditions.contains(expr)).collect();
    let conditions: Vec<&Expr> = traced.conditions.iter().filter(|expr| count(expr) > 0).collect();
    let divides = columns.iter().chain(&traced.conditions).any(|expr| divides_by(expr, is_value));
    match conditions.as_slice() {
        [] => {
            let is_steady =
                |expr: &Expr| count(expr) <= 1 && matches!(usage(expr, is_value), Usage::Free | Usage::Steady);
            columns.iter().all(is_steady).then_some(Monotone { columns: own, rows: false, divides })
        }
        [condition] => {
            let is_one = count(condition) == 1 && usage(condition, is_value) == Usage::Compared && !own.contains(&true);
            is_one.then_some(Monotone { columns: own, rows: true, divides })
        }
        _ => None,
    }
}

/// The expressions of a plan, collected down to its table.
struct Traced<'a> {
    is_value: IsValue<'a>,
    /// Conditions on rows, and GROUP BY keys.
    conditions: Vec<Expr>,
    order: Vec<Expr>,
    /// Whether LIMIT cuts rows by the order.
    cuts: bool,
}

impl Traced<'_> {
    /// The columns of `plan`, each as an expression with aggregates in it.
    fn columns(&mut self, plan: &LogicalPlan) -> Option<Lineage> {
        match plan {
            LogicalPlan::Projection(projection) => {
                self.columns(&projection.input)?.project(&projection.expr, &projection.schema).ok()
            }
            LogicalPlan::SubqueryAlias(alias) => Some(self.columns(&alias.input)?.renamed(&alias.schema)),
            LogicalPlan::Filter(filter) => {
                let below = self.columns(&filter.input)?;
                self.conditions.push(below.replace(&filter.predicate).ok()?);
                Some(below)
            }
            LogicalPlan::Sort(sort) => {
                let below = self.columns(&sort.input)?;
                for key in &sort.expr {
                    self.order.push(below.replace(&key.expr).ok()?);
                }
                self.cuts |= sort.fetch.is_some();
                Some(below)
            }
            LogicalPlan::Limit(limit) => {
                self.cuts = true;
                self.columns(&limit.input)
            }
            LogicalPlan::Aggregate(aggregate) if !holds_aggregate(&aggregate.input) => {
                let below = self.columns(&aggregate.input)?;
                let replaced = |expr: &Expr| below.replace(expr).ok();
                let keys = aggregate.group_expr.iter().map(replaced).collect::<Option<Vec<_>>>()?;
                if keys.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
                    return self.alone(plan);
                }
                let calls = aggregate.aggr_expr.iter().map(replaced).collect::<Option<Vec<_>>>()?;
                self.conditions.extend(keys.iter().cloned());
                let exprs = keys.into_iter().chain(calls).collect();
                Some(Lineage { schema: aggregate.schema.clone(), exprs })
            }
            other => self.alone(other),
        }
    }

    /// The columns of a plan that is not traced further; `None` when the value occurs in it.
    fn alone(&self, plan: &LogicalPlan) -> Option<Lineage> {
        let mut found = false;
        plan.apply(|node| {
            node.apply_expressions(|expr| {
                found |= occurrences(expr, self.is_value) > 0;
                Ok(TreeNodeRecursion::Continue)
            })
        })
        .ok()?;
        (!found).then(|| Lineage::identity(plan.schema()))
    }
}

fn occurrences(expr: &Expr, is_value: IsValue<'_>) -> usize {
    let mut count = 0;
    let looked = expr.apply(|part| {
        count += usize::from(is_value(part));
        Ok(TreeNodeRecursion::Continue)
    });
    if looked.is_err() { usize::MAX } else { count }
}

fn divides_by(expr: &Expr, is_value: IsValue<'_>) -> bool {
    let divides = |part: &Expr| {
        let Expr::BinaryExpr(BinaryExpr { op: Operator::Divide, right, .. }) = part else { return Ok(false) };
        Ok(occurrences(right, is_value) > 0)
    };
    expr.exists(divides).unwrap_or(true)
}

fn usage(expr: &Expr, is_value: IsValue<'_>) -> Usage {
    if is_value(expr) {
        return Usage::Steady;
    }
    if occurrences(expr, is_value) == 0 {
        return Usage::Free;
    }
    let of = |part: &Expr| usage(part, is_value);
    match expr {
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Negative(inner) => of(inner),
        // Whole numbers have steps, and texts another order.
        Expr::Cast(cast) if is_continuous(cast.field.data_type()) => match of(&cast.expr) {
            Usage::Steady => Usage::Steady,
            _ => Usage::Unknown,
        },
        Expr::Not(inner) => of(inner),
        // A divisor that is more than the bare value may be 0 within the value's interval.
        Expr::BinaryExpr(BinaryExpr { op: Operator::Divide, right, .. })
            if occurrences(right, is_value) > 0 && !is_bare(right, is_value) =>
        {
            Usage::Unknown
        }
        Expr::BinaryExpr(binary) => of_binary(binary, of(&binary.left), of(&binary.right)),
        Expr::Case(case) => of_case(case, is_value),
        Expr::AggregateFunction(call) => of_call(call, is_value),
        _ => Usage::Unknown,
    }
}

fn is_continuous(data_type: &DataType) -> bool {
    data_type.is_floating() || data_type.is_decimal() || data_type.is_temporal()
}

/// Whether `expr` is the value itself, in whatever type.
fn is_bare(expr: &Expr, is_value: IsValue<'_>) -> bool {
    match expr {
        Expr::Alias(alias) => is_bare(&alias.expr, is_value),
        Expr::Cast(cast) => is_bare(&cast.expr, is_value),
        other => is_value(other),
    }
}

fn of_binary(binary: &BinaryExpr, left: Usage, right: Usage) -> Usage {
    let own = match (left, right) {
        (own, Usage::Free) | (Usage::Free, own) => own,
        _ => return Usage::Unknown,
    };
    match (binary.op, own) {
        (Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide, Usage::Steady) => Usage::Steady,
        // The result is one number or another, as the comparison says.
        (Operator::Plus | Operator::Minus | Operator::Multiply | Operator::And | Operator::Or, Usage::Compared) => {
            Usage::Compared
        }
        (Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq, Usage::Steady) => Usage::Compared,
        _ => Usage::Unknown,
    }
}

/// The usage of `CASE WHEN comparison THEN … ELSE … END`, which is one of two values.
fn of_case(case: &datafusion::logical_expr::Case, is_value: IsValue<'_>) -> Usage {
    let is_free = |expr: &Expr| occurrences(expr, is_value) == 0;
    let [(when, then)] = case.when_then_expr.as_slice() else { return Usage::Unknown };
    let others = case.expr.iter().chain(&case.else_expr).chain(std::iter::once(then));
    match usage(when, is_value) {
        Usage::Compared if others.into_iter().all(|expr| is_free(expr)) => Usage::Compared,
        _ => Usage::Unknown,
    }
}

/// The usage of an aggregate call. Totals and averages of a steady expression are steady.
///
/// Totals and averages of a compared one are nearly so, since rows change sides one by one.
fn of_call(call: &AggregateFunction, is_value: IsValue<'_>) -> Usage {
    let is_total = matches!(call.func.name(), "sum" | "avg" | "count") && !call.params.distinct;
    let parts = call.params.args.iter().chain(call.params.filter.as_deref());
    let used: Vec<Usage> = parts.map(|part| usage(part, is_value)).filter(|usage| *usage != Usage::Free).collect();
    match used.as_slice() {
        [Usage::Steady | Usage::Compared] if is_total => Usage::Steady,
        _ => Usage::Unknown,
    }
}

#[cfg(test)]
mod tests;
