//! Results of uncorrelated subqueries, computed once for all levels of a query and for its exact answer.

use crate::answer::Result;
use crate::bounds::Watch;
use crate::planning::{Kind, SubqueryKey, is_volatile};
use crate::runtime::{Executor, exact};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a result above which a subquery stays in place: joined as it is read, it need not fit into memory.
const RESULT_BYTES_MAX: usize = 64 << 20;

/// Results of the subqueries of one query; `None` for a subquery that stays in place.
#[derive(Debug, Default)]
pub(crate) struct Subqueries {
    results: Mutex<HashMap<SubqueryKey, Option<Arc<LogicalPlan>>>>,
    rows_read: AtomicU64,
}

impl Subqueries {
    /// Computes the subqueries of conditions, and replaces each by a scan of its result.
    pub(crate) async fn computed(
        &self,
        conditions: &[Expr],
        state: &SessionState,
        executor: &Executor,
        watch: &Watch,
    ) -> Result<Vec<Expr>> {
        for (subquery, kind) in subqueries_of(conditions)? {
            let key = SubqueryKey::new(&subquery, kind)?;
            if self.lock().contains_key(&key) {
                continue;
            }
            let builder = LogicalPlanBuilder::from(Arc::clone(&subquery));
            let plan = match kind {
                Kind::Exists => builder.limit(0, Some(1))?.build()?,
                // Duplicate members would slow down joins with them.
                Kind::In => builder.distinct()?.build()?,
                Kind::Scalar => subquery.as_ref().clone(),
            };
            let _scan = watch.scan_guard();
            let found = exact::run(&plan, state, executor, |scan| watch.scans(scan, 0)).await?;
            self.rows_read.fetch_add(found.rows_read, Ordering::Relaxed);
            let is_small = found.batch.get_array_memory_size() <= RESULT_BYTES_MAX;
            let result = is_small.then(|| scan_of(&found.batch)).transpose()?;
            self.lock().insert(key, result.map(Arc::new));
        }
        conditions.iter().cloned().map(|condition| Ok(self.replaced(condition)?)).collect()
    }

    /// Replaces the subqueries of a plan that were computed by scans of their results.
    pub(crate) fn applied(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        if self.is_empty() {
            return Ok(plan.clone());
        }
        let replaced = |node: LogicalPlan| match &node {
            LogicalPlan::Filter(_) => node.map_expressions(|expr| Ok(Transformed::yes(self.replaced(expr)?))),
            _ => Ok(Transformed::no(node)),
        };
        Ok(plan.clone().transform_up(replaced)?.data)
    }

    /// Rows of tables that were read for subqueries.
    pub(crate) fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    /// Whether no subquery was computed.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SubqueryKey, Option<Arc<LogicalPlan>>>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replaced(&self, expr: Expr) -> datafusion::error::Result<Expr> {
        let replaced = |expr: Expr| match expr {
            Expr::ScalarSubquery(subquery) => {
                self.result(subquery, Kind::Scalar)?.map_data(|own| Ok(Expr::ScalarSubquery(own)))
            }
            Expr::InSubquery(mut inside) => self.result(inside.subquery.clone(), Kind::In)?.map_data(|own| {
                inside.subquery = own;
                Ok(Expr::InSubquery(inside))
            }),
            Expr::Exists(mut exists) => self.result(exists.subquery.clone(), Kind::Exists)?.map_data(|own| {
                exists.subquery = own;
                Ok(Expr::Exists(exists))
            }),
            other => Ok(Transformed::no(other)),
        };
        Ok(expr.transform_up(replaced)?.data)
    }

    fn result(&self, subquery: Subquery, kind: Kind) -> datafusion::error::Result<Transformed<Subquery>> {
        let key = SubqueryKey::new(&subquery.subquery, kind)?;
        Ok(match self.lock().get(&key) {
            Some(Some(plan)) => Transformed::yes(subquery.with_plan(Arc::clone(plan))),
            _ => Transformed::no(subquery),
        })
    }
}

/// The uncorrelated subqueries of conditions, and the use of each. Volatile subqueries are left out, and run again for each level.
fn subqueries_of(conditions: &[Expr]) -> Result<Vec<(Arc<LogicalPlan>, Kind)>> {
    let mut found = Vec::new();
    for condition in conditions {
        condition.apply(|expr| {
            let (subquery, kind) = match expr {
                Expr::ScalarSubquery(subquery) => (subquery, Kind::Scalar),
                Expr::InSubquery(inside) => (&inside.subquery, Kind::In),
                Expr::Exists(exists) => (&exists.subquery, Kind::Exists),
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            if subquery.outer_ref_columns.is_empty() && !is_volatile(&subquery.subquery)? {
                found.push((Arc::clone(&subquery.subquery), kind));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(found)
}

/// A scan of rows. Columns get unique names, since only the position of a subquery's column matters to a condition.
fn scan_of(batch: &RecordBatch) -> Result<LogicalPlan> {
    let schema = batch.schema();
    let fields = schema.fields().iter().enumerate();
    let fields: Vec<_> = fields.map(|(at, field)| field.as_ref().clone().with_name(format!("c{at}"))).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?;
    let table = Arc::new(MemTable::try_new(schema, vec![vec![batch]])?);
    Ok(LogicalPlanBuilder::scan("__subquery", provider_as_source(table), None)?.build()?)
}
