//! The aggregate calls that each column of a query is computed from: a column is exact when all of them are.

use super::nested_aggregate::unaliased;
use datafusion::common::DFSchemaRef;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The aggregate calls that a column is computed from, by number in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceCalls {
    /// Calls whose values matter.
    pub values: Vec<usize>,
    /// Calls of which it only matters whether they are NULL.
    pub nulls: Vec<usize>,
}

impl SourceCalls {
    fn add(&mut self, other: &Self) {
        self.values.extend(&other.values);
        self.nulls.extend(&other.nulls);
    }

    fn sorted(mut self) -> Self {
        for calls in [&mut self.values, &mut self.nulls] {
            calls.sort_unstable();
            calls.dedup();
        }
        self
    }
}

/// The source calls of each column of `plan`; `None` for a plan that is not traced.
///
/// `base` is the schema of the aggregate, whose keys come before its calls.
pub(super) fn source_calls(plan: &LogicalPlan, base: &DFSchemaRef) -> Option<Vec<SourceCalls>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.schema == *base => {
            let keys = base.fields().len() - aggregate.aggr_expr.len();
            let call = |number| SourceCalls { values: vec![number], nulls: Vec::new() };
            let calls = (0..aggregate.aggr_expr.len()).map(call);
            Some(std::iter::repeat_n(SourceCalls::default(), keys).chain(calls).collect())
        }
        LogicalPlan::Aggregate(aggregate) => {
            let below = source_calls(&aggregate.input, base)?;
            let of = |expr: &Expr| of_expr(expr, &aggregate.input, &below);
            let calls = aggregate.aggr_expr.iter().map(|expr| of_call(expr, &aggregate.input, &below));
            let all = aggregate.group_expr.iter().map(of).chain(calls);
            Some(all.collect())
        }
        LogicalPlan::Projection(projection) => {
            let below = source_calls(&projection.input, base)?;
            Some(projection.expr.iter().map(|expr| of_expr(expr, &projection.input, &below)).collect())
        }
        LogicalPlan::Window(window) => {
            let below = source_calls(&window.input, base)?;
            let own = window.window_expr.iter().map(|expr| of_call(expr, &window.input, &below));
            Some(below.iter().cloned().chain(own.collect::<Vec<_>>()).collect())
        }
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Filter(_) => {
            source_calls(plan.inputs().first()?, base)
        }
        _ => None,
    }
}

/// The source calls of an expression over the columns of `input`; a column that cannot be found stands for all of them.
fn of_expr(expr: &Expr, input: &LogicalPlan, below: &[SourceCalls]) -> SourceCalls {
    let mut found = SourceCalls::default();
    for column in expr.column_refs() {
        match input.schema().index_of_column(column).ok().and_then(|at| below.get(at)) {
            Some(own) => found.add(own),
            None => below.iter().for_each(|own| found.add(own)),
        }
    }
    found.sorted()
}

/// The source calls of an aggregate or window call; COUNT of a column depends only on whether it is NULL.
fn of_call(expr: &Expr, input: &LogicalPlan, below: &[SourceCalls]) -> SourceCalls {
    let all = of_expr(expr, input, below);
    let (name, params) = match unaliased(expr) {
        Expr::AggregateFunction(call) => (call.func.name(), call.params.args.as_slice()),
        Expr::WindowFunction(call) => (call.fun.name(), call.params.args.as_slice()),
        _ => return all,
    };
    match params {
        [column @ Expr::Column(_)] if name == "count" && expr.column_refs().len() == 1 => {
            let own = of_expr(column, input, below);
            SourceCalls { values: Vec::new(), nulls: [own.values, own.nulls].concat() }.sorted()
        }
        _ => all,
    }
}
