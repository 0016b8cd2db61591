use super::super::lineage::Lineage;
use super::super::query::Reason;
use super::{PostAggregate, nested_aggregate as beyond};
use crate::{aggregate_input as below, error_functions as errors};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Distinct, Filter, LogicalPlan, Projection, Sort, SubqueryAlias};
use std::sync::Arc;

/// Follows the plan from its root down to its one aggregate.
pub(crate) fn descend<'a>(plan: &'a LogicalPlan, slot: &Arc<errors::Slot>) -> Result<PostAggregate<'a>, Reason> {
    match plan {
        LogicalPlan::Aggregate(aggregate) if below::holds_aggregate(&aggregate.input) => {
            let above = descend(&aggregate.input, slot)?;
            beyond::aggregate(plan, aggregate, above)
        }
        LogicalPlan::Window(window) => {
            let above = descend(&window.input, slot)?;
            beyond::window(plan, window, above)
        }
        LogicalPlan::Aggregate(aggregate) => Ok(PostAggregate {
            aggregate,
            plan: plan.clone(),
            lineage: Lineage::identity(&aggregate.schema),
            having: Vec::new(),
            cut_by: Vec::new(),
            order: Vec::new(),
            error_calls: Vec::new(),
            distinct: false,
            chooses_rows: false,
            has_upper_aggregate: false,
        }),
        LogicalPlan::Projection(projection) => project(projection, descend(&projection.input, slot)?, slot),
        LogicalPlan::SubqueryAlias(alias) => {
            let mut above = descend(&alias.input, slot)?;
            above.lineage = above.lineage.renamed(&alias.schema);
            let input = Arc::new(above.plan);
            above.plan =
                LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(input, alias.alias.clone()).map_err(untraced)?);
            Ok(above)
        }
        LogicalPlan::Filter(filter) => having(filter, descend(&filter.input, slot)?, slot),
        LogicalPlan::Sort(sort) => order(sort, descend(&sort.input, slot)?, slot),
        LogicalPlan::Limit(limit) => {
            let mut above = descend(&limit.input, slot)?;
            above.cut();
            let mut limit = limit.clone();
            limit.input = Arc::new(above.plan);
            above.plan = LogicalPlan::Limit(limit);
            Ok(above)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let mut above = descend(input, slot)?;
            above.distinct = true;
            above.plan = LogicalPlan::Distinct(Distinct::All(Arc::new(above.plan)));
            Ok(above)
        }
        other => Err(Reason::new(refusal(other))),
    }
}

fn project<'a>(
    projection: &Projection,
    mut above: PostAggregate<'a>,
    slot: &Arc<errors::Slot>,
) -> Result<PostAggregate<'a>, Reason> {
    let PostAggregate { lineage, error_calls, plan, .. } = &mut above;
    let mut exprs = Vec::with_capacity(projection.expr.len());
    for (expr, (qualifier, field)) in projection.expr.iter().zip(projection.schema.iter()) {
        let replaced = errors::replace(expr, lineage, plan.schema(), error_calls, slot).map_err(untraced)?;
        // The new call must not rename the column.
        exprs.push(match replaced.transformed {
            true => replaced.data.unalias().alias_qualified(qualifier.cloned(), field.name()),
            false => replaced.data,
        });
    }
    above.lineage = above.lineage.project(&projection.expr, &projection.schema).map_err(untraced)?;
    let schema = Arc::clone(&projection.schema);
    let projected = Projection::try_new_with_schema(exprs, Arc::new(above.plan), schema).map_err(untraced)?;
    above.plan = LogicalPlan::Projection(projected);
    Ok(above)
}

fn having<'a>(
    filter: &Filter,
    mut above: PostAggregate<'a>,
    slot: &Arc<errors::Slot>,
) -> Result<PostAggregate<'a>, Reason> {
    above.chooses_rows = true;
    above.having.push(above.lineage.replace(&filter.predicate).map_err(untraced)?);
    let PostAggregate { lineage, error_calls, plan, .. } = &mut above;
    let predicate = errors::replace(&filter.predicate, lineage, plan.schema(), error_calls, slot).map_err(untraced)?;
    let filter = Filter::try_new(predicate.data, Arc::new(above.plan)).map_err(untraced)?;
    above.plan = LogicalPlan::Filter(filter);
    Ok(above)
}

fn order<'a>(sort: &Sort, mut above: PostAggregate<'a>, slot: &Arc<errors::Slot>) -> Result<PostAggregate<'a>, Reason> {
    let mut keys = Vec::with_capacity(sort.expr.len());
    above.order.clear();
    for key in &sort.expr {
        above.order.push((above.lineage.replace(&key.expr).map_err(untraced)?, key.asc));
        let PostAggregate { lineage, error_calls, plan, .. } = &mut above;
        let expr = errors::replace(&key.expr, lineage, plan.schema(), error_calls, slot).map_err(untraced)?;
        keys.push(datafusion::logical_expr::SortExpr { expr: expr.data, ..key.clone() });
    }
    if sort.fetch.is_some() {
        above.cut();
    }
    above.plan = LogicalPlan::Sort(Sort { expr: keys, input: Arc::new(above.plan), fetch: sort.fetch });
    Ok(above)
}

pub(crate) fn untraced(error: DataFusionError) -> Reason {
    Reason::new(format!("a column cannot be traced: {error}"))
}

fn refusal(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Union(_) => "UNION, INTERSECT and EXCEPT of estimates are answered exactly",
        LogicalPlan::Join(_) => "a join above the aggregate is answered exactly for now",
        LogicalPlan::Distinct(_) => "DISTINCT ON needs every row",
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
            "there is no aggregate to estimate"
        }
        _ => "this kind of statement is answered exactly",
    }
}
