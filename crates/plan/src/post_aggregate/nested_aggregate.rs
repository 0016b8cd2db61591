//! Aggregates and windows above the aggregate, as far as their errors can be replicated.
//!
//! A function of many estimates has no gradient here. Its error comes from replicates, which holds only for differentiable
//! functions. Neither the set of rows nor their order or partition may depend on an estimate.

use super::super::lineage::Lineage;
use super::super::query::Reason;
use super::PostAggregate;
use super::roles::{Role, combine, roles};
use super::trace::untraced;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Window, WindowFunctionDefinition};
use std::sync::Arc;

/// Aggregates that are differentiable in the numbers they are given.
const SMOOTH: [&str; 12] = [
    "count",
    "sum",
    "avg",
    "var",
    "var_pop",
    "stddev",
    "stddev_pop",
    "covar_samp",
    "covar_pop",
    "corr",
    "regr_slope",
    "regr_intercept",
];

/// Adds an aggregate above the aggregate to the path, or says why its error cannot be replicated.
pub(super) fn aggregate<'a>(
    plan: &LogicalPlan,
    aggregate: &Aggregate,
    above: PostAggregate<'a>,
) -> Result<PostAggregate<'a>, Reason> {
    let below = roles(&aggregate.input);
    let role = |e: &Expr| combine(e, &aggregate.input, &below);
    if aggregate.group_expr.iter().any(|e| role(e) == Role::Estimate || matches!(e, Expr::GroupingSet(_))) {
        return Err(Reason::new("groups formed by an estimate are answered exactly"));
    }
    for expr in &aggregate.aggr_expr {
        let Expr::AggregateFunction(call) = unaliased(expr) else {
            return Err(Reason::new("an aggregate of estimates is answered exactly"));
        };
        let over_estimates = call.params.args.iter().any(|e| role(e) == Role::Estimate);
        let chosen = call.params.filter.as_ref().is_some_and(|f| role(f) == Role::Estimate);
        if chosen || over_estimates && (call.params.distinct || !SMOOTH.contains(&call.func.name())) {
            return Err(Reason::new(format!("{} over estimates is answered exactly", call.func.name().to_uppercase())));
        }
    }
    wrap(plan, above)
}

/// Adds a window above the aggregate to the path, or says why its error cannot be replicated.
pub(super) fn window<'a>(
    plan: &LogicalPlan,
    window: &Window,
    above: PostAggregate<'a>,
) -> Result<PostAggregate<'a>, Reason> {
    let below = roles(&window.input);
    let role = |e: &Expr| combine(e, &window.input, &below);
    for expr in &window.window_expr {
        let Expr::WindowFunction(call) = unaliased(expr) else {
            return Err(Reason::new("a window over estimates is answered exactly"));
        };
        let WindowFunction { fun, params } = call.as_ref();
        let arranged = params.partition_by.iter().chain(params.order_by.iter().map(|s| &s.expr));
        let by_estimate = arranged.chain(params.filter.as_deref()).any(|e| role(e) == Role::Estimate);
        let steep = match fun {
            WindowFunctionDefinition::AggregateUDF(udf) => {
                params.args.iter().any(|e| role(e) == Role::Estimate) && !SMOOTH.contains(&udf.name())
            }
            WindowFunctionDefinition::WindowUDF(_) => false,
        };
        if by_estimate || steep || params.distinct {
            return Err(Reason::new("a window that is ordered by estimates, or picks among them, is answered exactly"));
        }
    }
    wrap(plan, above)
}

/// The expression inside any aliases.
pub fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// Puts the node on top of the plan; columns above it are traced down to it and no further.
fn wrap<'a>(plan: &LogicalPlan, mut above: PostAggregate<'a>) -> Result<PostAggregate<'a>, Reason> {
    if above.chooses_rows || above.distinct {
        return Err(Reason::new(
            "an aggregate or window over rows that HAVING, LIMIT or DISTINCT chose is answered exactly",
        ));
    }
    if !above.error_calls.is_empty() {
        return Err(Reason::new("error functions below another aggregate are answered exactly"));
    }
    above.plan = plan.with_new_exprs(plan.expressions(), vec![above.plan]).map_err(untraced)?;
    above.lineage = Lineage::identity(&Arc::clone(above.plan.schema()));
    above.order.clear();
    above.has_upper_aggregate = true;
    Ok(above)
}
