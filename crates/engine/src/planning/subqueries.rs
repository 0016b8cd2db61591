//! Finds the uncorrelated subqueries of a plan and replaces them by their values.
//!
//! A scalar subquery has one value. `IN (SELECT …)` has a list of members, where an estimate chose them.

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

/// The value that replaces a subquery.
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

/// Values by the subquery that they replace.
pub(crate) type SubqueryValues = HashMap<SubqueryKey, SubqueryValue>;

/// An uncorrelated subquery.
pub(crate) struct PreparedSubquery {
    pub(crate) key: SubqueryKey,
    pub(crate) kind: Kind,
    /// How the query depends on a scalar; `None` where it is not monotone in the scalar, which then must not be estimated.
    pub(crate) monotone: Option<Monotone>,
    plan: Arc<LogicalPlan>,
    prepared: OnceLock<Arc<PlannedQuery>>,
}

impl PreparedSubquery {
    /// Plans the subquery as a query of its own; `query` is the one that contains it.
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

/// Distinct uncorrelated subqueries in a plan's own expressions.
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
        // A plan that cannot be traversed keeps its subqueries.
        Err(_) => Vec::new(),
    }
}

/// Whether both plans are the subquery of `key`.
fn is_same(own: &Arc<LogicalPlan>, other: &Subquery, key: &SubqueryKey) -> bool {
    Arc::ptr_eq(own, &other.subquery)
        || SubqueryKey::new(&other.subquery, Kind::Scalar).is_ok_and(|other| other == *key)
}

/// Puts values in the place of subqueries; columns keep their names.
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
        // Nullability is recomputed: a value is NULL or not, while a subquery may be either.
        changed.map_data(LogicalPlan::recompute_schema)
    };
    Ok(plan.clone().transform_up(node)?.data)
}

impl PlannedQuery {
    /// The subqueries that may be replaced by values: scalar ones, and IN lists that are chosen by an estimate.
    pub(crate) fn subqueries(&self) -> &[PreparedSubquery] {
        let chosen = |subquery: &PreparedSubquery| match subquery.kind {
            // A sketch is no exact value, even when it is computed on the table.
            _ if sketched(&subquery.plan).contains(&true) => false,
            Kind::Scalar => true,
            _ => subquery.prepared(self).is_ok_and(|own| own.query.as_ref().is_ok_and(|s| s.selects_by_estimate)),
        };
        self.subqueries.get_or_init(|| subqueries_of(&self.plan).into_iter().filter(chosen).collect())
    }

    /// Whether the query reads no table itself, so that its rows follow from values of subqueries alone.
    pub(crate) fn is_of_scalars(&self) -> bool {
        !self.subqueries().is_empty()
            && !self.plan.exists(|node| Ok(matches!(node, LogicalPlan::TableScan(_)))).unwrap_or(true)
    }

    /// The query with `values` in the place of its subqueries, cached for the last few sets of values.
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

/// Sets of values for which the filled query is cached.
const FILLED_MAX: usize = 4;
