//! Subqueries as tables: aggregates, DISTINCT rows and the like that are joined by a key, and those that a condition refers to.

use crate::query::Reason;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as PlanResult, TableReference};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, LogicalPlan, LogicalPlanBuilder, Operator, TableScan,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The first word of the name of a subquery as a table.
const NAME: &str = "subquery ";

/// A subquery as a table.
pub(super) struct Derived {
    pub(super) scan: TableScan,
    /// Columns that are a key by the way in which the rows are made; `None` where only the rows can tell.
    pub(super) key: Option<Vec<String>>,
}

/// The names of the columns of a subquery as a table: its own, each once.
pub(super) fn derived_columns(plan: &LogicalPlan) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(plan.schema().fields().len());
    for field in plan.schema().fields() {
        let candidates = std::iter::once(field.name().clone()).chain((2..).map(|n| format!("{}_{n}", field.name())));
        names.extend(candidates.take(names.len() + 1).find(|name| !names.contains(name)));
    }
    names
}

/// A plan as a table.
pub(super) fn derived(plan: &LogicalPlan) -> Result<Derived, Reason> {
    let untraced = |e: datafusion::error::DataFusionError| Reason::new(format!("a subquery cannot be planned: {e}"));
    let text = text_of(plan).map_err(untraced)?.ok_or_else(|| {
        Reason::new("a joined subquery that refers to outer rows, or changes at random, is answered exactly")
    })?;
    if picks_any_rows(plan).map_err(untraced)? {
        return Err(Reason::new("LIMIT below an aggregate picks rows, which a sample cannot stand for"));
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let scan = scan_of(plan, &format!("{NAME}{:016x}", hasher.finish())).map_err(untraced)?;
    let columns = |count: usize| derived_columns(plan).into_iter().take(count).collect::<Vec<_>>();
    let key = match plan {
        LogicalPlan::Aggregate(Aggregate { group_expr, .. })
            if !group_expr.is_empty() && !group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) =>
        {
            Some(columns(group_expr.len()))
        }
        LogicalPlan::Distinct(Distinct::All(_)) => Some(columns(plan.schema().fields().len())),
        _ => None,
    };
    Ok(Derived { scan, key })
}

fn scan_of(plan: &LogicalPlan, name: &str) -> PlanResult<TableScan> {
    let columns = plan.schema().columns().into_iter().zip(derived_columns(plan));
    let columns = columns.map(|(column, name)| Expr::Column(column).alias(name));
    let renamed = LogicalPlanBuilder::from(plan.clone()).project(columns.collect::<Vec<_>>())?.build()?;
    let source = provider_as_source(Arc::new(ViewTable::new(renamed, None)));
    datafusion::logical_expr::TableScanBuilder::new(TableReference::bare(name), source).build()
}

/// Whether a LIMIT without an order leaves open which rows are in a plan.
fn picks_any_rows(plan: &LogicalPlan) -> PlanResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            found |= !matches!(limit.input.as_ref(), LogicalPlan::Sort(_));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// A text that differs where plans do; `None` where the plan refers to outer rows or is volatile.
fn text_of(plan: &LogicalPlan) -> PlanResult<Option<String>> {
    let (mut text, mut is_fit) = (String::new(), true);
    plan.apply_with_subqueries(|node| {
        text.push_str(&format!("{}\n", node.display()));
        node.apply_expressions(|expr| {
            let is_unfit = |e: &Expr| Ok(matches!(e, Expr::OuterReferenceColumn(..)) || e.is_volatile_node());
            is_fit &= !expr.exists(is_unfit)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(is_fit.then_some(text))
}

/// A subquery without what correlations it to outer rows.
pub(super) struct Decorrelated {
    /// The rows of the subquery, whatever the outer row.
    pub(super) rows: LogicalPlan,
    /// Equalities that tie them to an outer row: an expression over the rows, one over the outer row.
    pub(super) correlations: Vec<(Expr, Expr)>,
}

/// Takes the conditions that refer to outer rows out of the filters of a subquery; `None` where they are more than equalities, or elsewhere.
pub(super) fn decorrelated(plan: &LogicalPlan) -> PlanResult<Option<Decorrelated>> {
    match plan {
        LogicalPlan::Filter(filter) => {
            let Some(mut below) = decorrelated(&filter.input)? else { return Ok(None) };
            let mut own = Vec::new();
            for conjunct in split_conjunction_owned(filter.predicate.clone()) {
                match (refers_outside(&conjunct), correlation(&conjunct)) {
                    (false, _) => own.push(conjunct),
                    (true, Some(correlation)) => below.correlations.push(correlation),
                    (true, None) => return Ok(None),
                }
            }
            if let Some(own) = conjunction(own) {
                below.rows = LogicalPlanBuilder::from(below.rows).filter(own)?.build()?;
            }
            Ok(Some(below))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let inner = decorrelated(&alias.input)?.filter(|inner| inner.correlations.is_empty());
            Ok(inner.map(|_| Decorrelated { rows: plan.clone(), correlations: Vec::new() }))
        }
        other => {
            Ok((!holds_outer_references(other)?)
                .then(|| Decorrelated { rows: other.clone(), correlations: Vec::new() }))
        }
    }
}

/// The sides of an equality between an expression of the subquery's rows and one of the outer row, in this order.
fn correlation(condition: &Expr) -> Option<(Expr, Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return None };
    let is_outer = |e: &Expr| refers_outside(e) && e.column_refs().is_empty();
    match (refers_outside(left), refers_outside(right)) {
        (false, true) if is_outer(right) => Some((left.as_ref().clone(), right.as_ref().clone())),
        (true, false) if is_outer(left) => Some((right.as_ref().clone(), left.as_ref().clone())),
        _ => None,
    }
}

fn refers_outside(expr: &Expr) -> bool {
    expr.exists(|e| Ok(matches!(e, Expr::OuterReferenceColumn(..)))).unwrap_or(true)
}

fn holds_outer_references(plan: &LogicalPlan) -> PlanResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= refers_outside(expr);
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// The distinct values of `keys` over rows.
pub(super) fn distinct_keys(rows: LogicalPlan, keys: Vec<Expr>) -> PlanResult<LogicalPlan> {
    let named = keys.into_iter().enumerate().map(|(place, key)| key.alias(format!("key {}", place + 1)));
    LogicalPlanBuilder::from(rows).project(named.collect::<Vec<_>>())?.distinct()?.build()
}

/// A scalar subquery over one aggregate, by the keys that tie it to outer rows.
pub(super) struct ScalarByKeys {
    /// The keys, then the aggregates.
    pub(super) plan: LogicalPlan,
    /// The outer side of each key.
    pub(super) outer: Vec<Expr>,
    /// The subquery's value over the aggregate's columns.
    pub(super) value: Expr,
    /// The aggregate's columns, each with whether it is 0 rather than NULL over no rows.
    pub(super) calls: Vec<(Column, bool)>,
}

/// A correlated scalar subquery as an aggregate by the keys that tie it to outer rows; `None` where it is anything else.
pub(super) fn scalar_by_keys(plan: &LogicalPlan) -> PlanResult<Option<ScalarByKeys>> {
    let (value, aggregate) = match plan {
        LogicalPlan::Projection(projection) => match (projection.expr.as_slice(), projection.input.as_ref()) {
            ([value], LogicalPlan::Aggregate(aggregate)) => (value.clone().unalias(), aggregate),
            _ => return Ok(None),
        },
        LogicalPlan::Aggregate(aggregate) => match aggregate.schema.columns().as_slice() {
            [column] => (Expr::Column(column.clone()), aggregate),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let calls_outside = aggregate.aggr_expr.iter().any(refers_outside) || refers_outside(&value);
    if !aggregate.group_expr.is_empty() || calls_outside {
        return Ok(None);
    }
    let Some(Decorrelated { rows, correlations }) = decorrelated(&aggregate.input)? else { return Ok(None) };
    if correlations.is_empty() {
        return Ok(None);
    }
    let counts = |call: &Expr| match call {
        Expr::AggregateFunction(call) => matches!(call.func.name(), "count" | "approx_distinct" | "regr_count"),
        _ => true,
    };
    // Functions that may have another value than NULL or 0 over no rows are left alone.
    let is_known = |call: &Expr| match call {
        Expr::AggregateFunction(call) => matches!(
            call.func.name(),
            "count" | "sum" | "avg" | "min" | "max" | "median" | "stddev" | "stddev_pop" | "var" | "var_pop"
        ),
        _ => false,
    };
    if !aggregate.aggr_expr.iter().all(is_known) {
        return Ok(None);
    }
    let columns = aggregate.schema.columns();
    let calls = columns.into_iter().zip(&aggregate.aggr_expr).map(|(column, call)| (column, counts(call))).collect();
    let (keys, outer): (Vec<Expr>, Vec<Expr>) = correlations.into_iter().unzip();
    let plan = LogicalPlanBuilder::from(rows).aggregate(keys, aggregate.aggr_expr.clone())?.build()?;
    Ok(Some(ScalarByKeys { plan, outer, value, calls }))
}
