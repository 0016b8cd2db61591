//! Results of uncorrelated subqueries, computed once for all looks of a query and for its exact answer.

use crate::error::Result;
use crate::exact;
use crate::executor::Executor;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery, col};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What subqueries of one query yielded, by the text of their plans.
#[derive(Debug, Default)]
pub(crate) struct Subqueries {
    results: Mutex<HashMap<String, Arc<LogicalPlan>>>,
}

impl Subqueries {
    /// Conditions with scans of results in the place of their subqueries.
    pub(crate) async fn computed(
        &self,
        conditions: &[Expr],
        state: &SessionState,
        executor: &Executor,
    ) -> Result<Vec<Expr>> {
        for subquery in subqueries_of(conditions)? {
            let key = key(&subquery);
            if self.known(&key).is_none() {
                let found = exact::run(&subquery, state, executor, |_| {}).await?;
                let plan = Arc::new(scan_of(found.batch, &subquery)?);
                self.results.lock().unwrap_or_else(PoisonError::into_inner).insert(key, plan);
            }
        }
        conditions.iter().cloned().map(|condition| self.replaced(condition)).collect()
    }

    /// A plan with scans of results in the place of the subqueries that were computed.
    pub(crate) fn applied(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if self.results.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return Ok(plan.clone());
        }
        let replaced = |node: LogicalPlan| match &node {
            LogicalPlan::Filter(_) => node.map_expressions(|expr| Ok(Transformed::yes(self.replaced_in(expr)?))),
            _ => Ok(Transformed::no(node)),
        };
        Ok(plan.clone().transform_up(replaced)?.data)
    }

    fn known(&self, key: &str) -> Option<Arc<LogicalPlan>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn replaced(&self, expr: Expr) -> Result<Expr> {
        Ok(self.replaced_in(expr)?)
    }

    fn replaced_in(&self, expr: Expr) -> datafusion::error::Result<Expr> {
        let replaced = |expr: Expr| match expr {
            Expr::ScalarSubquery(subquery) => self.result(subquery).map_data(|own| Ok(Expr::ScalarSubquery(own))),
            Expr::InSubquery(mut inside) => self.result(inside.subquery.clone()).map_data(|own| {
                inside.subquery = own;
                Ok(Expr::InSubquery(inside))
            }),
            Expr::Exists(mut exists) => self.result(exists.subquery.clone()).map_data(|own| {
                exists.subquery = own;
                Ok(Expr::Exists(exists))
            }),
            other => Ok(Transformed::no(other)),
        };
        Ok(expr.transform_up(replaced)?.data)
    }

    fn result(&self, subquery: Subquery) -> Transformed<Subquery> {
        match self.known(&key(&subquery.subquery)) {
            Some(plan) => Transformed::yes(subquery.with_plan(plan)),
            None => Transformed::no(subquery),
        }
    }
}

/// The uncorrelated subqueries of conditions. Those that change from one run to the next are left to each look.
fn subqueries_of(conditions: &[Expr]) -> Result<Vec<Arc<LogicalPlan>>> {
    let mut found = Vec::new();
    for condition in conditions {
        condition.apply(|expr| {
            let subquery = match expr {
                Expr::ScalarSubquery(subquery) => subquery,
                Expr::InSubquery(inside) => &inside.subquery,
                Expr::Exists(exists) => &exists.subquery,
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            if subquery.outer_ref_columns.is_empty() && !is_volatile(&subquery.subquery)? {
                found.push(Arc::clone(&subquery.subquery));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(found)
}

fn is_volatile(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn key(plan: &LogicalPlan) -> String {
    plan.display_indent_schema().to_string()
}

/// A scan of rows that has the columns of `plan`.
fn scan_of(batch: RecordBatch, plan: &LogicalPlan) -> Result<LogicalPlan> {
    let names: Vec<String> = (0..batch.num_columns()).map(|column| format!("c{column}")).collect();
    let fields = batch
        .schema()
        .fields()
        .iter()
        .zip(&names)
        .map(|(field, name)| field.as_ref().clone().with_name(name))
        .collect::<Vec<_>>();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?;
    let table = Arc::new(MemTable::try_new(schema, vec![vec![batch]])?);
    let own = names.iter().zip(plan.schema().fields()).map(|(name, field)| col(name).alias(field.name()));
    Ok(LogicalPlanBuilder::scan("__subquery", provider_as_source(table), None)?.project(own)?.build()?)
}
