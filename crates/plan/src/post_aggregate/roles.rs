//! The role of a column of an answer: a key, an estimate, or neither.

use crate::error_functions as errors;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The role of a column of an answer.
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
pub(crate) fn role_of(expr: &Expr, is_estimate: impl Fn(&datafusion::common::Column) -> bool) -> Role {
    let columns = expr.column_refs();
    if columns.iter().any(|c| is_estimate(c)) {
        Role::Estimate
    } else if columns.is_empty() {
        Role::Value
    } else {
        Role::Key
    }
}

/// The roles of a plan's columns, in their order.
pub fn roles(plan: &LogicalPlan) -> Vec<Role> {
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
        LogicalPlan::Union(_) => {
            let all: Vec<Vec<Role>> = inputs.iter().map(|input| roles(input)).collect();
            let is_any = |at: usize, role: Role| all.iter().any(|own| own.get(at) == Some(&role));
            let of = |at| [Role::Estimate, Role::Key].into_iter().find(|role| is_any(at, *role)).unwrap_or(Role::Value);
            (0..count).map(of).collect()
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
/// The result of an error function is known exactly, however uncertain its argument.
pub(crate) fn combine(expr: &Expr, input: &LogicalPlan, below: &[Role]) -> Role {
    let (expr, has_errors) = errors::without(expr);
    let columns = expr.column_refs();
    let roles = columns.iter().map(|c| input.schema().index_of_column(c).map_or(Role::Value, |i| below[i]));
    let mut found = has_errors.then_some(Role::Value);
    if holds_aggregated_subquery(&expr) {
        return Role::Estimate;
    }
    for role in roles {
        match (found, role) {
            (_, Role::Estimate) => return Role::Estimate,
            (Some(Role::Value), _) => {}
            (_, other) => found = Some(other),
        }
    }
    found.unwrap_or(Role::Value)
}

/// Whether the value of a subquery in `expr` is computed from an aggregate.
fn holds_aggregated_subquery(expr: &Expr) -> bool {
    let is_one = |e: &Expr| {
        let Expr::ScalarSubquery(query) = e else { return Ok(false) };
        Ok(roles(&query.subquery).first() == Some(&Role::Estimate))
    };
    expr.exists(is_one).unwrap_or(false)
}

/// The parts of a plan that depend on some expressions.
pub(crate) struct Dependence {
    /// Whether each column of the plan depends on them, in the order of its schema.
    pub columns: Vec<bool>,
    /// Whether the set of rows depends on them.
    rows: bool,
    /// Whether the order of rows depends on them.
    order: bool,
}

impl Dependence {
    /// Whether the set of rows or any column depends on them.
    pub(crate) fn is_any(&self) -> bool {
        self.rows || self.columns.contains(&true)
    }
}

/// The parts of `plan` that depend on an expression for which `starts` is true.
///
/// When such an expression chooses rows, every column depends on it.
pub(crate) fn passed_on(plan: &LogicalPlan, starts: &dyn Fn(&Expr) -> bool) -> Dependence {
    let inputs = plan.inputs();
    let below: Vec<Dependence> = inputs.iter().map(|input| passed_on(input, starts)).collect();
    let depends = |expr: &Expr| {
        let is_own = |column| {
            let mut found = inputs.iter().zip(&below);
            found.find_map(|(input, below)| Some(below.columns[input.schema().index_of_column(column).ok()?]))
        };
        starts(expr) || expr.column_refs().into_iter().any(|column| is_own(column).unwrap_or(true))
    };
    let is_any = |exprs: &[Expr]| exprs.iter().any(depends);
    let (rows, order) = (below.iter().any(|b| b.rows), below.iter().any(|b| b.order));
    let input: Vec<bool> = below.iter().flat_map(|b| b.columns.iter().copied()).collect();
    let (columns, rows, order): (Vec<bool>, bool, bool) = match plan {
        LogicalPlan::Projection(projection) => (projection.expr.iter().map(depends).collect(), rows, order),
        LogicalPlan::Aggregate(aggregate) => {
            let keys = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
            let own = std::iter::repeat_n(false, keys).chain(aggregate.aggr_expr.iter().map(depends));
            (own.collect(), rows || is_any(&aggregate.group_expr), false)
        }
        LogicalPlan::Window(window) => {
            (input.into_iter().chain(window.window_expr.iter().map(depends)).collect(), rows, order)
        }
        LogicalPlan::Sort(sort) => {
            let order = sort.expr.iter().any(|key| depends(&key.expr));
            (input, rows || sort.fetch.is_some() && order, order)
        }
        LogicalPlan::Limit(_) => (input, rows || order, order),
        LogicalPlan::Union(_) => {
            let of = |at: usize| below.iter().any(|b| b.columns.get(at).copied().unwrap_or(true));
            ((0..plan.schema().fields().len()).map(of).collect(), rows, order)
        }
        // Filters, joins and whatever else chooses rows.
        other => (input, rows || is_any(&other.expressions()), order),
    };
    let count = plan.schema().fields().len();
    let is_all = rows || columns.len() != count && columns.contains(&true);
    let columns = if is_all || columns.len() != count { vec![is_all; count] } else { columns };
    Dependence { columns, rows, order }
}
