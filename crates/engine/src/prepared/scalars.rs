//! Scalar subqueries that do not refer to rows outside them: found in a plan, and replaced by their values.

use super::Prepared;
use crate::error::Result;
use crate::run::{Kind, SubqueryKey, is_volatile};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result as PlanResult, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError};

/// Values in the place of scalar subqueries.
pub(crate) type ScalarValues = HashMap<SubqueryKey, ScalarValue>;

/// A scalar subquery that has one value whatever the row.
pub(crate) struct ScalarSubquery {
    pub(crate) key: SubqueryKey,
    plan: Arc<LogicalPlan>,
    prepared: OnceLock<Arc<Prepared>>,
}

impl ScalarSubquery {
    /// The subquery as a query of its own; `query` is the one that it stands in.
    pub(crate) fn prepared(&self, query: &Prepared) -> Result<&Arc<Prepared>> {
        if let Some(known) = self.prepared.get() {
            return Ok(known);
        }
        let own = Arc::new(query.block(self.plan.as_ref().clone())?);
        Ok(self.prepared.get_or_init(|| own))
    }
}

/// The scalar subqueries of a plan's own expressions that have one value whatever the row, each once.
fn scalars_of(plan: &LogicalPlan) -> Vec<ScalarSubquery> {
    let mut found: Vec<ScalarSubquery> = Vec::new();
    let looked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarSubquery(subquery) = expr
                    && subquery.outer_ref_columns.is_empty()
                    && !is_volatile(&subquery.subquery)?
                {
                    let key = SubqueryKey::new(&subquery.subquery, Kind::Scalar)?;
                    if found.iter().all(|known| known.key != key) {
                        let plan = Arc::clone(&subquery.subquery);
                        found.push(ScalarSubquery { key, plan, prepared: OnceLock::new() });
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    match looked {
        Ok(_) => found,
        // What cannot be looked through stays as it is.
        Err(_) => Vec::new(),
    }
}

/// The plan with values in the place of its scalar subqueries; columns keep their names.
fn replaced(plan: &LogicalPlan, values: &ScalarValues) -> PlanResult<LogicalPlan> {
    let value = |expr: Expr| match &expr {
        Expr::ScalarSubquery(subquery) if subquery.outer_ref_columns.is_empty() => {
            let key = SubqueryKey::new(&subquery.subquery, Kind::Scalar)?;
            Ok(match values.get(&key) {
                Some(value) => Transformed::yes(Expr::Literal(value.clone(), None)),
                None => Transformed::no(expr),
            })
        }
        _ => Ok(Transformed::no(expr)),
    };
    let node = |node: LogicalPlan| {
        let names = NamePreserver::new(&node);
        let changed = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(value)?;
            Ok(if replaced.transformed { replaced.update_data(|expr| name.restore(expr)) } else { replaced })
        })?;
        // A value is NULL or not, which a subquery did not tell.
        changed.map_data(LogicalPlan::recompute_schema)
    };
    Ok(plan.clone().transform_up(node)?.data)
}

impl Prepared {
    /// The scalar subqueries that have one value whatever the row.
    pub(crate) fn scalars(&self) -> &[ScalarSubquery] {
        self.scalars.get_or_init(|| scalars_of(&self.plan))
    }

    /// The query with these values in the place of its scalar subqueries, from before if it was asked with the same ones.
    pub(crate) fn with_scalars(&self, values: &ScalarValues) -> Result<Arc<Self>> {
        let lock = || self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = lock().iter().find(|(known, _)| known == values) {
            return Ok(Arc::clone(known));
        }
        let filled = Arc::new(self.block(replaced(&self.plan, values)?)?);
        let mut all = lock();
        if all.len() >= FILLED_MAX {
            all.remove(0);
        }
        all.push((values.clone(), Arc::clone(&filled)));
        Ok(filled)
    }
}

/// Sets of values that a query stays prepared with.
const FILLED_MAX: usize = 4;
