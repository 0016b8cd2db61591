//! Identity of subqueries, so that each is computed once.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use std::sync::Arc;

/// How an expression uses a subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Scalar,
    In,
    Exists,
}

/// Identity of a subquery: its plan, its use, and the tables that it scans, which the equality of plans does not compare.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SubqueryKey {
    plan: LogicalPlan,
    tables: Vec<usize>,
    kind: Kind,
}

impl SubqueryKey {
    pub(crate) fn new(plan: &LogicalPlan, kind: Kind) -> datafusion::error::Result<Self> {
        let mut tables = Vec::new();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                tables.push(Arc::as_ptr(&scan.source).cast::<()>() as usize);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(Self { plan: plan.clone(), tables, kind })
    }
}

/// Whether any expression of a plan is volatile.
pub(crate) fn is_volatile(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}
