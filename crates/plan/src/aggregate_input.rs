//! From an aggregate's input down to its tables: filters, projections and joins become expressions over one wide scan.

use super::joins::{JoinFacts, Refusal, SubqueryJoins, Widened, collect, orient, widened};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Takes the input of an aggregate apart, or says which node in it cannot be answered from a sample.
///
/// Conditions with subqueries are joins by unique keys where these are found, else by the distinct keys of the subquery; IN may stay what it is.
pub(crate) fn flatten(plan: &LogicalPlan, facts: &dyn JoinFacts) -> Result<Widened, Refusal> {
    let first = match flattened(plan, facts, SubqueryJoins::Tables) {
        Err(Refusal::Reason(reason)) => reason,
        found => return found,
    };
    if holds_subquery(plan) {
        for subqueries in [SubqueryJoins::Keys, SubqueryJoins::NoIn] {
            match flattened(plan, facts, subqueries) {
                Err(Refusal::Reason(_)) => {}
                found => return found,
            }
        }
    }
    Err(first.into())
}

fn flattened(plan: &LogicalPlan, facts: &dyn JoinFacts, subqueries: SubqueryJoins) -> Result<Widened, Refusal> {
    let collected = collect(plan, subqueries)?;
    let orientation = orient(&collected.graph, facts)?;
    Ok(widened(collected, &orientation)?)
}

/// Whether a condition below an aggregate asks for members of a subquery, or for rows of it.
fn holds_subquery(plan: &LogicalPlan) -> bool {
    let is_in = |e: &Expr| Ok(matches!(e, Expr::InSubquery(_) | Expr::Exists(_)));
    let mut found = false;
    let looked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(is_in)?;
            Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    found || looked.is_err()
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
