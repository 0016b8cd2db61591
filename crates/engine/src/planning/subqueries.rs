//! Subqueries that do not refer to rows outside them: found in a plan, and replaced by their values.
//!
//! Scalar subqueries have one value whatever the row. `IN (SELECT …)` has a list of members, where an estimate chose them.

use super::planned_query::PlannedQuery;
use super::subquery_key::{Kind, SubqueryKey, is_volatile};
use crate::answer::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result as PlanResult, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery, in_list, lit};
use plusminus_plan::{Monotone, monotone, sketched};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError};

/// What takes the place of a subquery.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SubqueryValue {
    Scalar(ScalarValue),
    Members(Vec<ScalarValue>),
}

impl std::fmt::Display for SubqueryValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scalar(value) => write!(f, "{value}"),
            Self::Members(members) => write!(f, "{} members", members.len()),
        }
    }
}

/// Values in the place of subqueries.
pub(crate) type SubqueryValues = HashMap<SubqueryKey, SubqueryValue>;

/// A subquery that is the same whatever the row.
pub(crate) struct PreparedSubquery {
    pub(crate) key: SubqueryKey,
    pub(crate) kind: Kind,
    /// What depends on a scalar, where the query changes steadily with it: only then may it be estimated.
    pub(crate) monotone: Option<Monotone>,
    plan: Arc<LogicalPlan>,
    prepared: OnceLock<Arc<PlannedQuery>>,
}

impl PreparedSubquery {
    /// The subquery as a query of its own; `query` is the one that it stands in.
    pub(crate) fn prepared(&self, query: &PlannedQuery) -> Result<&Arc<PlannedQuery>> {
        if let Some(known) = self.prepared.get() {
            return Ok(known);
        }
        let plan = self.plan.as_ref().clone();
        let own = Arc::new(match self.kind {
            Kind::In => query.members(plan)?,
            _ => query.block(plan)?,
        });
        Ok(self.prepared.get_or_init(|| own))
    }
}

/// The subqueries of a plan's own expressions that are the same whatever the row, each once.
fn subqueries_of(plan: &LogicalPlan) -> Vec<PreparedSubquery> {
    let mut found: Vec<PreparedSubquery> = Vec::new();
    let looked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                let (subquery, kind) = match expr {
                    Expr::ScalarSubquery(subquery) => (subquery, Kind::Scalar),
                    Expr::InSubquery(inside) => (&inside.subquery, Kind::In),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                if subquery.outer_ref_columns.is_empty() && !is_volatile(&subquery.subquery)? {
                    let key = SubqueryKey::new(&subquery.subquery, kind)?;
                    if found.iter().all(|known| known.key != key) {
                        let own = Arc::clone(&subquery.subquery);
                        let is_value =
                            |e: &Expr| matches!(e, Expr::ScalarSubquery(other) if is_same(&own, other, &key));
                        let monotone = if kind == Kind::Scalar { monotone(plan, &is_value) } else { None };
                        found.push(PreparedSubquery { key, kind, monotone, plan: own, prepared: OnceLock::new() });
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

/// Whether both are the subquery of `key`.
fn is_same(own: &Arc<LogicalPlan>, other: &Subquery, key: &SubqueryKey) -> bool {
    Arc::ptr_eq(own, &other.subquery)
        || SubqueryKey::new(&other.subquery, Kind::Scalar).is_ok_and(|other| other == *key)
}

/// The plan with values in the place of subqueries; columns keep their names.
fn replaced(plan: &LogicalPlan, values: &SubqueryValues) -> PlanResult<LogicalPlan> {
    let of = |plan: &LogicalPlan, kind| Ok::<_, DataFusionError>(values.get(&SubqueryKey::new(plan, kind)?));
    let value = |expr: Expr| {
        let known = match &expr {
            Expr::ScalarSubquery(subquery) if subquery.outer_ref_columns.is_empty() => {
                of(&subquery.subquery, Kind::Scalar)?
            }
            Expr::InSubquery(inside) if inside.subquery.outer_ref_columns.is_empty() => {
                of(&inside.subquery.subquery, Kind::In)?
            }
            _ => None,
        };
        Ok(match (known, expr) {
            (Some(SubqueryValue::Scalar(value)), Expr::ScalarSubquery(_)) => Transformed::yes(lit(value.clone())),
            (Some(SubqueryValue::Members(members)), Expr::InSubquery(inside)) => {
                Transformed::yes(match members.as_slice() {
                    [] => lit(inside.negated),
                    some => {
                        in_list(*inside.expr, some.iter().map(|member| lit(member.clone())).collect(), inside.negated)
                    }
                })
            }
            (_, expr) => Transformed::no(expr),
        })
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

impl PlannedQuery {
    /// The subqueries that may be replaced by values: scalar ones, and lists that an estimate chooses.
    pub(crate) fn subqueries(&self) -> &[PreparedSubquery] {
        let chosen = |subquery: &PreparedSubquery| match subquery.kind {
            // Sketches are no values, however exactly they are computed.
            _ if sketched(&subquery.plan).contains(&true) => false,
            Kind::Scalar => true,
            _ => subquery.prepared(self).is_ok_and(|own| own.query.as_ref().is_ok_and(|s| s.selects_by_estimate)),
        };
        self.subqueries.get_or_init(|| subqueries_of(&self.plan).into_iter().filter(chosen).collect())
    }

    /// The query with these values in the place of its subqueries, from before if it was asked with the same ones.
    pub(crate) fn with_values(&self, values: &SubqueryValues) -> Result<Arc<Self>> {
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
