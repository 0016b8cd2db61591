//! From an aggregate's input down to the one scan: filters and projections become expressions over its columns.

use super::lineage::Lineage;
use super::query::Reason;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

/// The input of an aggregate: one scan, and the filters above it as expressions over the scan's columns.
pub(crate) struct AggregateInput {
    /// The scan of the only table.
    pub scan: TableScan,
    /// WHERE as conjuncts over the scan's columns.
    pub predicates: Vec<Expr>,
    pub(crate) lineage: Lineage,
}

/// Takes the input of an aggregate apart, or says which node in it cannot be answered from a sample.
pub(crate) fn flatten(plan: &LogicalPlan) -> Result<AggregateInput, Reason> {
    let traced = |e: DataFusionError| Reason::new(format!("a column cannot be traced: {e}"));
    match plan {
        LogicalPlan::TableScan(scan) => {
            let lineage = Lineage::identity(&scan.projected_schema);
            if scan.fetch.is_some() {
                return Err(Reason::new("LIMIT below an aggregate picks rows, which a sample cannot stand for"));
            }
            Ok(AggregateInput { scan: scan.clone(), predicates: scan.filters.clone(), lineage })
        }
        LogicalPlan::Filter(filter) => {
            let mut below = flatten(&filter.input)?;
            let predicate = below.lineage.replace(&filter.predicate).map_err(traced)?;
            below.predicates.extend(split_conjunction_owned(predicate));
            Ok(below)
        }
        LogicalPlan::Projection(projection) => {
            let below = flatten(&projection.input)?;
            let lineage = below.lineage.project(&projection.expr, &projection.schema).map_err(traced)?;
            Ok(AggregateInput { lineage, ..below })
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below = flatten(&alias.input)?;
            Ok(AggregateInput { lineage: below.lineage.renamed(&alias.schema), ..below })
        }
        // Without a LIMIT an order below an aggregate changes nothing.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => flatten(&sort.input),
        other => Err(Reason::new(refusal(other))),
    }
}

/// Whether an aggregate stands under the filters, projections, windows and sorts of `plan`.
pub fn holds_aggregate(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Filter(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_) => plan.inputs().first().is_some_and(|input| holds_aggregate(input)),
        _ => false,
    }
}

fn refusal(plan: &LogicalPlan) -> &'static str {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => {
            "an aggregate of an aggregate or of DISTINCT rows is answered exactly for now"
        }
        LogicalPlan::Join(_) => "joins are answered exactly for now",
        LogicalPlan::Union(_) => "an aggregate over a UNION is answered exactly for now",
        LogicalPlan::Window(_) => "window functions below an aggregate need every row",
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => {
            "LIMIT below an aggregate picks rows, which a sample cannot stand for"
        }
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => "there is no table to sample",
        LogicalPlan::Unnest(_) => "UNNEST is answered exactly for now",
        _ => "this kind of input is answered exactly",
    }
}
