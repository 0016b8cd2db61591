//! Aggregates over a UNION ALL as aggregates over its branches.
//!
//! The nodes between the aggregate and the union (projections, filters, joins with other tables) are repeated above every branch.

use super::super::post_aggregate::unaliased;
use super::super::subqueries::has_subquery;
use super::{Descent, Step, descend};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, JoinType, ScalarValue};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, Union};
use std::sync::Arc;

/// Aggregates of one query over different rows that add up, group by group.
pub struct SumPlans {
    /// One plan per branch, with the query's columns.
    pub plans: Vec<LogicalPlan>,
    /// Whether each of the columns is one of the groups' keys; the others add up.
    pub keys: Vec<bool>,
    /// Steps on the rows once they are added up.
    pub steps: Vec<Step>,
}

/// The aggregates over the branches of a union that no group has in common; `None` where groups may be in several branches.
pub(super) fn apart(aggregate: &Aggregate) -> Option<Vec<LogicalPlan>> {
    let branches = branches(&aggregate.input)?;
    let tells_apart = |key: &Expr| {
        let values = branches.iter().map(|branch| literal_of(branch, key)).collect::<Option<Vec<_>>>();
        values.is_some_and(|values| (1..values.len()).all(|at| !values[..at].contains(&values[at])))
    };
    aggregate.group_expr.iter().any(tells_apart).then(|| over(aggregate, branches)).flatten()
}

/// The aggregates over the branches of a union below sums and counts; `None` for any other plan.
pub fn sums_of(plan: &LogicalPlan) -> Option<SumPlans> {
    let base = |plan: &LogicalPlan| match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().all(adds_up) => {
            let inputs = over(aggregate, branches(&aggregate.input)?)?;
            Some(Descent::new(inputs.into_iter().map(Arc::new).collect(), &aggregate.schema, false))
        }
        _ => None,
    };
    let keys = keys_below(plan)?;
    let descent = descend(plan, &base)?;
    if !descent.filters.is_empty() {
        return None;
    }
    let (exprs, steps) = descent.columns();
    // A literal is a key that all groups have in common, such as the NULL of a key that a grouping set leaves out.
    let is_literal = |expr: &Expr| match unaliased(expr) {
        Expr::Cast(cast) => matches!(unaliased(&cast.expr), Expr::Literal(..)),
        expr => matches!(expr, Expr::Literal(..)),
    };
    let is_known = |expr: &Expr| matches!(expr, Expr::Column(_)) || is_literal(expr);
    if !exprs.iter().all(is_known) || steps.iter().any(|step| matches!(step, Step::Distinct { .. })) {
        return None;
    }
    // Rows that differ in a key alone that is not shown must not add up.
    if !keys.iter().all(|key| exprs.iter().any(|expr| bare(expr) == *key)) {
        return None;
    }
    let keys = exprs.iter().map(|expr| is_literal(expr) || keys.contains(&bare(expr))).collect();
    let plans = descent.inputs.iter().map(|input| descent.block(input, &exprs, plan.schema()));
    Some(SumPlans { plans: plans.collect::<Option<Vec<_>>>()?, keys, steps })
}

fn bare(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Column(column) => Some(column.clone()),
        _ => None,
    }
}

/// The key columns of the aggregate that a plan leads down to; `None` where these are not all that tells its rows apart.
fn keys_below(plan: &LogicalPlan) -> Option<Vec<Option<Column>>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let is_set = aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_)));
            let columns = aggregate.schema.columns().into_iter().take(aggregate.group_expr.len()).map(Some);
            (!is_set).then(|| columns.collect())
        }
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            plan.inputs().first().and_then(|input| keys_below(input))
        }
        _ => None,
    }
}

/// Whether values of a call over several sets of rows add up to its value over all of them.
fn adds_up(call: &Expr) -> bool {
    match call {
        Expr::AggregateFunction(call) => {
            matches!(call.func.name(), "sum" | "count") && !call.params.distinct && call.params.order_by.is_empty()
        }
        _ => false,
    }
}

fn over(aggregate: &Aggregate, branches: Vec<LogicalPlan>) -> Option<Vec<LogicalPlan>> {
    if aggregate.group_expr.iter().chain(&aggregate.aggr_expr).any(has_subquery) || branches.len() < 2 {
        return None;
    }
    let own = |branch: LogicalPlan| {
        let (keys, calls) = (aggregate.group_expr.clone(), aggregate.aggr_expr.clone());
        Aggregate::try_new(Arc::new(branch), keys, calls).map(LogicalPlan::Aggregate).ok()
    };
    branches.into_iter().map(own).collect()
}

/// The plans whose rows together are those of `plan`; `None` where it is no UNION ALL with nodes above it that work row by row.
fn branches(plan: &LogicalPlan) -> Option<Vec<LogicalPlan>> {
    match plan {
        LogicalPlan::Union(union) => branches_of(union),
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => above(plan, 0),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => branches(&sort.input),
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::Inner => above(plan, 0).or_else(|| above(plan, 1)),
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => above(plan, 0),
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => above(plan, 1),
            _ => None,
        },
        _ => None,
    }
}

/// The node `plan` above each branch of its input number `place`.
fn above(plan: &LogicalPlan, place: usize) -> Option<Vec<LogicalPlan>> {
    // What changes from one evaluation to the next must not be evaluated for every branch.
    let others = plan.inputs().into_iter().enumerate().filter(|(at, _)| *at != place);
    if plan.expressions().iter().any(Expr::is_volatile) || others.into_iter().any(|(_, other)| may_change(other)) {
        return None;
    }
    let inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
    let own = |branch: LogicalPlan| {
        let mut inputs = inputs.clone();
        inputs[place] = branch;
        plan.with_new_exprs(plan.expressions(), inputs).ok()
    };
    branches(inputs.get(place)?)?.into_iter().map(own).collect()
}

/// Whether a plan may have other rows each time it runs: by LIMIT, or by random numbers.
fn may_change(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let looked = plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Limit(_)) || node.expressions().iter().any(Expr::is_volatile);
        Ok(TreeNodeRecursion::Continue)
    });
    found || looked.is_err()
}

/// The inputs of a union, each with the names of its columns; those of a union below it in its place.
fn branches_of(union: &Union) -> Option<Vec<LogicalPlan>> {
    let mut found = Vec::new();
    for input in &union.inputs {
        let inner = branches(input).unwrap_or_else(|| vec![input.as_ref().clone()]);
        for branch in inner {
            let named = branch.schema().columns().into_iter().zip(union.schema.iter());
            let named = named
                .map(|(column, (qualifier, field))| {
                    Expr::Column(column).alias_qualified(qualifier.cloned(), field.name())
                })
                .collect();
            found.push(LogicalPlan::Projection(Projection::try_new(named, Arc::new(branch)).ok()?));
        }
    }
    (found.len() <= super::BLOCKS_MAX).then_some(found)
}

/// The one value of an expression over all rows of `plan`, where it is a literal there.
fn literal_of(plan: &LogicalPlan, expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Alias(alias) => literal_of(plan, &alias.expr),
        Expr::Cast(cast) => literal_of(plan, &cast.expr)?.cast_to(cast.field.data_type()).ok(),
        Expr::Column(column) => literal_at(plan, plan.schema().maybe_index_of_column(column)?),
        _ => None,
    }
}

fn literal_at(plan: &LogicalPlan, place: usize) -> Option<ScalarValue> {
    match plan {
        LogicalPlan::Projection(projection) => literal_of(&projection.input, projection.expr.get(place)?),
        LogicalPlan::Filter(filter) => literal_at(&filter.input, place),
        LogicalPlan::SubqueryAlias(alias) => literal_at(&alias.input, place),
        LogicalPlan::Join(join)
            if matches!(join.join_type, JoinType::Inner | JoinType::LeftSemi | JoinType::LeftAnti) =>
        {
            let left = join.left.schema().fields().len();
            match place < left {
                true => literal_at(&join.left, place),
                false => literal_at(&join.right, place - left),
            }
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Left && place < join.left.schema().fields().len() => {
            literal_at(&join.left, place)
        }
        _ => None,
    }
}
