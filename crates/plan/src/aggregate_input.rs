//! From an aggregate's input down to its tables: filters, projections and joins become expressions over one wide scan.

use super::joins::{JoinFacts, Refusal, SubqueryJoins, Widened, collect, orient, widened};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Takes the input of an aggregate apart, or says which node in it cannot be answered from a sample.
///
/// IN with a subquery is a join where its member is found by a unique key, and otherwise stays a subquery.
pub(crate) fn flatten(plan: &LogicalPlan, facts: &dyn JoinFacts) -> Result<Widened, Refusal> {
    match flattened(plan, facts, SubqueryJoins::InAndExists) {
        Err(Refusal::Reason(reason)) if holds_in(plan) => match flattened(plan, facts, SubqueryJoins::Exists) {
            Err(Refusal::Reason(_)) => Err(reason.into()),
            found => found,
        },
        found => found,
    }
}

fn flattened(plan: &LogicalPlan, facts: &dyn JoinFacts, subqueries: SubqueryJoins) -> Result<Widened, Refusal> {
    let collected = collect(plan, subqueries)?;
    let orientation = orient(&collected.graph, facts)?;
    Ok(widened(collected, &orientation)?)
}

/// Whether a condition below an aggregate asks for members of a subquery.
fn holds_in(plan: &LogicalPlan) -> bool {
    let is_in = |e: &Expr| Ok(matches!(e, Expr::InSubquery(_)));
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
