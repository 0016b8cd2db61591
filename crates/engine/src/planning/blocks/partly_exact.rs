//! Splits a query into aggregates that samples estimate and aggregates that are computed on the table, over the same groups.

use crate::planning::PlannedQuery;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Aggregate, Expr, Filter, LogicalPlan, Projection};
use plusminus_plan::{Descent, Estimable, Step, descend, estimable_calls, has_subquery};
use std::sync::Arc;

/// A query as two blocks with the same groups. The columns of each block are its own outputs, then the group keys.
pub(crate) struct PartlyExact {
    pub(crate) estimated: Arc<PlannedQuery>,
    pub(crate) exact: Arc<PlannedQuery>,
    /// Block and column number of each of the query's columns, followed by those that rows are sorted by.
    pub(crate) columns: Vec<(Side, usize)>,
    pub(crate) keys: usize,
    pub(crate) steps: Vec<Step>,
    pub(crate) schema: DFSchemaRef,
}

/// The block that provides a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Estimated,
    Exact,
}

/// Which aggregates are computed on the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExactAggregates {
    /// The aggregates that no sample estimates.
    Unknown,
    /// Extremes and distinct counts as well, which only some samples can estimate.
    NonLinear,
}

impl PartlyExact {
    /// Splits a query into two blocks; `None` where all aggregates are of one kind, or one column needs both.
    pub(crate) fn of(prepared: &PlannedQuery, plan: &LogicalPlan, exact_aggregates: ExactAggregates) -> Option<Self> {
        let base = |plan: &LogicalPlan| match plan {
            LogicalPlan::Aggregate(_) => Some(Descent::new(vec![Arc::new(plan.clone())], plan.schema(), false)),
            _ => None,
        };
        let descent = descend(plan, &base)?;
        let LogicalPlan::Aggregate(aggregate) = descent.inputs.first()?.as_ref() else { return None };
        let (exprs, steps) = descent.columns();
        let kinds = Kinds::of(aggregate, exact_aggregates)?;
        if exprs.iter().chain(&descent.filters).any(has_subquery) {
            return None;
        }
        let (mut own, mut columns) = ([Vec::new(), Vec::new()], Vec::with_capacity(exprs.len()));
        for expr in &exprs {
            let side = kinds.side(expr)?;
            let list = &mut own[side as usize];
            columns.push((side, list.len()));
            list.push(expr.clone());
        }
        if own.iter().any(Vec::is_empty) || descent.filters.iter().any(|f| kinds.side(f) != Some(Side::Exact)) {
            return None;
        }
        let [estimated, exact] = own;
        let block = |side, exprs: &[Expr], filters: &[Expr]| {
            prepared.block(kinds.plan(side, exprs, filters)?).ok().map(Arc::new)
        };
        let (estimated, exact) =
            (block(Side::Estimated, &estimated, &[])?, block(Side::Exact, &exact, &descent.filters)?);
        let (keys, schema) = (kinds.keys, Arc::clone(plan.schema()));
        estimated.query.is_ok().then_some(Self { estimated, exact, columns, keys, steps, schema })
    }

    /// Whether rows are cut by columns of both blocks.
    pub(crate) fn cuts_rows(&self) -> bool {
        plusminus_plan::cuts_rows(&self.steps)
    }
}

/// The aggregates of a query with the block of each.
struct Kinds<'a> {
    aggregate: &'a Aggregate,
    keys: usize,
    exact_aggregates: Vec<Side>,
}

impl<'a> Kinds<'a> {
    /// Classifies the aggregates; `None` where all are of one kind, or none can be estimated.
    fn of(aggregate: &'a Aggregate, exact_aggregates: ExactAggregates) -> Option<Self> {
        let estimable = estimable_calls(aggregate)?;
        let side = |estimable: &Estimable| match (estimable, exact_aggregates) {
            (Estimable::Never, _) | (Estimable::BySomeSamples, ExactAggregates::NonLinear) => Side::Exact,
            _ => Side::Estimated,
        };
        let exact_aggregates: Vec<Side> = estimable.iter().map(side).collect();
        let keys = aggregate.schema.fields().len() - exact_aggregates.len();
        let is_mixed = exact_aggregates.contains(&Side::Exact) && exact_aggregates.contains(&Side::Estimated);
        is_mixed.then_some(Self { aggregate, keys, exact_aggregates })
    }

    /// The block of an expression over the aggregate's columns; `None` where it needs both. Keys belong to the exact block.
    fn side(&self, expr: &Expr) -> Option<Side> {
        let (mut estimated, mut exact) = (false, false);
        for column in expr.column_refs() {
            let at = self.aggregate.schema.index_of_column(column).ok()?;
            match at.checked_sub(self.keys).map(|call| self.exact_aggregates[call]) {
                Some(Side::Estimated) => estimated = true,
                Some(Side::Exact) => exact = true,
                None => {}
            }
        }
        match (estimated, exact) {
            (true, true) => None,
            (true, false) => Some(Side::Estimated),
            (false, _) => Some(Side::Exact),
        }
    }

    /// The plan of one block: its aggregates, filtered, then `exprs` over them and the keys.
    fn plan(&self, side: Side, exprs: &[Expr], filters: &[Expr]) -> Option<LogicalPlan> {
        let calls = self.aggregate.aggr_expr.iter().zip(&self.exact_aggregates);
        let calls = calls.filter(|(_, own)| **own == side).map(|(call, _)| call.clone()).collect();
        let (input, group_expr) = (Arc::clone(&self.aggregate.input), self.aggregate.group_expr.clone());
        let mut plan = LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, calls).ok()?);
        if let Some(predicate) = conjunction(filters.iter().cloned()) {
            plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(plan)).ok()?);
        }
        let keys = self.aggregate.schema.columns().into_iter().take(self.keys).map(Expr::Column);
        let all = exprs.iter().cloned().chain(keys).enumerate();
        let exprs = all.map(|(at, expr)| expr.alias(format!("__column_{at}"))).collect();
        Some(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan)).ok()?))
    }
}
