//! What a column of an answer is: a key, an estimate, or neither.

use crate::shape::errors;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// What a column of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A GROUP BY column, or computed from such columns alone.
    Key,
    /// Computed from an aggregate.
    Estimate,
    /// Anything else.
    Value,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Estimate => "estimate",
            Self::Value => "value",
        })
    }
}

/// The role of `expr`, given which columns are estimates.
pub(super) fn role_of(expr: &Expr, is_estimate: impl Fn(&datafusion::common::Column) -> bool) -> Role {
    let columns = expr.column_refs();
    if columns.iter().any(|c| is_estimate(c)) {
        Role::Estimate
    } else if columns.is_empty() {
        Role::Value
    } else {
        Role::Key
    }
}

/// The roles of any plan's columns.
pub(crate) fn roles(plan: &LogicalPlan) -> Vec<Role> {
    let inputs = plan.inputs();
    let count = plan.schema().fields().len();
    let through = |exprs: &[Expr], input: &LogicalPlan| {
        let below = roles(input);
        exprs.iter().map(|e| combine(e, input, &below)).collect::<Vec<_>>()
    };
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let keys = count - aggregate.aggr_expr.len();
            (0..count).map(|i| if i < keys { Role::Key } else { Role::Estimate }).collect()
        }
        LogicalPlan::Projection(projection) => through(&projection.expr, &projection.input),
        LogicalPlan::Window(window) => {
            let mut all = roles(&window.input);
            all.extend(through(&window.window_expr, &window.input));
            all
        }
        LogicalPlan::Join(join) => {
            let mut all = roles(&join.left);
            all.extend(roles(&join.right));
            if all.len() == count { all } else { vec![Role::Value; count] }
        }
        _ => match inputs.first() {
            Some(input) if input.schema().fields().len() == count => roles(input),
            _ => vec![Role::Value; count],
        },
    }
}

/// The role of an expression over the columns of `input`, whose roles are `below`.
///
/// What error functions return is known, however uncertain what they speak of.
pub(crate) fn combine(expr: &Expr, input: &LogicalPlan, below: &[Role]) -> Role {
    let (expr, has_errors) = errors::without(expr);
    let columns = expr.column_refs();
    let roles = columns.iter().map(|c| input.schema().index_of_column(c).map_or(Role::Value, |i| below[i]));
    let mut found = has_errors.then_some(Role::Value);
    for role in roles {
        match (found, role) {
            (_, Role::Estimate) => return Role::Estimate,
            (Some(Role::Value), _) => {}
            (_, other) => found = Some(other),
        }
    }
    found.unwrap_or(Role::Value)
}

/// Which columns of `plan` depend on an expression that `starts` such a dependence, along with all columns of rows that were
/// chosen by one.
pub(super) fn passed_on(plan: &LogicalPlan, starts: &dyn Fn(&Expr) -> bool) -> Vec<bool> {
    let count = plan.schema().fields().len();
    let inputs = plan.inputs();
    let below: Vec<Vec<bool>> = inputs.iter().map(|input| passed_on(input, starts)).collect();
    if below.iter().flatten().all(|depends| !depends) && !plan.expressions().iter().any(starts) {
        return vec![false; count];
    }
    let depends = |expr: &Expr| {
        let mut columns = expr.column_refs().into_iter();
        let is_own = |column| {
            let place = |(input, _): &(&&LogicalPlan, _)| input.schema().index_of_column(column).ok();
            inputs.iter().zip(&below).find_map(|found| Some(found.1[place(&found)?])).unwrap_or(true)
        };
        starts(expr) || columns.any(is_own)
    };
    match plan {
        LogicalPlan::Projection(projection) => projection.expr.iter().map(depends).collect(),
        LogicalPlan::Aggregate(aggregate) if !aggregate.group_expr.iter().any(depends) => {
            let keys = count - aggregate.aggr_expr.len();
            std::iter::repeat_n(false, keys).chain(aggregate.aggr_expr.iter().map(depends)).collect()
        }
        LogicalPlan::Window(window) => {
            below.concat().into_iter().chain(window.window_expr.iter().map(depends)).collect()
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => below.concat(),
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Subquery(_) => below.concat(),
        LogicalPlan::Union(_) => {
            (0..count).map(|at| below.iter().any(|b| b.get(at).copied().unwrap_or(true))).collect()
        }
        LogicalPlan::Join(join) => {
            let on = join.on.iter().flat_map(|(left, right)| [left, right]).chain(&join.filter);
            let all: Vec<bool> = below.concat();
            if on.into_iter().any(depends) || all.len() != count { vec![true; count] } else { all }
        }
        // Rows chosen by such a number may be the wrong ones.
        _ => {
            let all: Vec<bool> = below.concat();
            if plan.expressions().iter().any(depends) || all.len() != count { vec![true; count] } else { all }
        }
    }
}
