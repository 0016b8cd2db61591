//! Rows that an exact join reads, where the keys of a small filtered table spare row groups of a larger one.
//!
//! DataFusion passes the smallest and largest key of the smaller side of a hash join on to the scan of the larger one. A table whose rows stand
//! by date is read in part, then, when its dates are filtered.

use super::super::table_rows::{ScannedTable, scanned_tables};
use super::rows_of;
use crate::answer::Result;
use crate::environment::Environment;
use crate::runtime::collected;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, JoinType, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScan};
use plusminus_files::FileTable;
use std::collections::HashMap;

/// Rows of a filtered side at most whose keys are looked at.
const SIDE_ROWS_MAX: f64 = 500_000.0;
/// The factor by which a table must be larger than the filtered side.
const LARGER: f64 = 10.0;

/// A large table, one of its columns, and the small side of a join whose key the column equals.
struct Spared {
    scan: TableScan,
    column: String,
    side: LogicalPlan,
    key: Column,
}

/// The rows that the scans of an exact answer read, once keys of small filtered tables spare row groups of larger ones; `None` where none do.
pub(crate) async fn rows_by_keys(env: &Environment, plan: &LogicalPlan, state: &SessionState) -> Result<Option<u64>> {
    let plan = state.optimize(plan)?;
    let scanned = scanned_tables(env, &plan).await?;
    let mut total = 0;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            total += rows(scan, &scanned);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut spared: Vec<(TableScan, u64)> = Vec::new();
    for found in spared_scans(&plan, &scanned)? {
        let all = rows(&found.scan, &scanned);
        let Some(read) = found.rows_read(env, state).await? else { continue };
        let own = all.saturating_sub(read);
        match spared.iter_mut().find(|(scan, _)| *scan == found.scan) {
            Some((_, known)) => *known = own.max(*known),
            None => spared.push((found.scan, own)),
        }
    }
    let spared: u64 = spared.iter().map(|(_, rows)| rows).sum();
    Ok((spared > 0).then(|| total.saturating_sub(spared)))
}

fn rows(scan: &TableScan, scanned: &HashMap<String, ScannedTable>) -> u64 {
    scanned.get(&scan.table_name.to_string()).and_then(|table| table.rows).unwrap_or(0)
}

/// The large scans that are joined to small filtered sides, by each pair of key columns.
fn spared_scans(plan: &LogicalPlan, scanned: &HashMap<String, ScannedTable>) -> Result<Vec<Spared>> {
    let mut found = Vec::new();
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::Join(join) = node else { return Ok(TreeNodeRecursion::Continue) };
        let (left, right) = (join.left.as_ref(), join.right.as_ref());
        for (left_key, right_key) in &join.on {
            let sides = match join.join_type {
                JoinType::Inner => vec![(left, left_key, right, right_key), (right, right_key, left, left_key)],
                JoinType::LeftSemi => vec![(right, right_key, left, left_key)],
                JoinType::RightSemi => vec![(left, left_key, right, right_key)],
                _ => Vec::new(),
            };
            for (side, key, large, column) in sides {
                let (Expr::Column(key), Expr::Column(column)) = (key, column) else { continue };
                let Some((scan, column)) = traced(large, column) else { continue };
                let side_rows = filtered_rows(side, scanned).filter(|own| *own <= SIDE_ROWS_MAX);
                if side_rows.is_some_and(|own| rows_of(rows(scan, scanned)) >= LARGER * own) {
                    found.push(Spared { scan: scan.clone(), column, side: side.clone(), key: key.clone() });
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The rows of the tables below a plan that has a condition, and nothing that takes long; `None` for any other plan.
fn filtered_rows(plan: &LogicalPlan, scanned: &HashMap<String, ScannedTable>) -> Option<f64> {
    let (mut all, mut is_filtered, mut is_plain) = (0, false, true);
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => {
                all += rows(scan, scanned);
                is_filtered |= !scan.filters.is_empty();
            }
            LogicalPlan::Filter(_) => is_filtered = true,
            LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {}
            _ => is_plain = false,
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    (is_filtered && is_plain).then(|| rows_of(all))
}

/// The scanned column that a column of a plan is, where each of the plan's rows comes from one row of that scan.
fn traced<'a>(plan: &'a LogicalPlan, column: &Column) -> Option<(&'a TableScan, String)> {
    match plan {
        LogicalPlan::TableScan(scan) => Some((scan, column.name.clone())),
        LogicalPlan::Filter(filter) => traced(&filter.input, column),
        LogicalPlan::Projection(projection) => {
            let at = projection.schema.maybe_index_of_column(column)?;
            match plusminus_plan::unaliased(&projection.expr[at]) {
                Expr::Column(below) => traced(&projection.input, below),
                _ => None,
            }
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let at = alias.schema.maybe_index_of_column(column)?;
            traced(&alias.input, &alias.input.schema().columns()[at])
        }
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::Inner => traced_in(&join.left, column).or_else(|| traced_in(&join.right, column)),
            JoinType::LeftSemi | JoinType::Left | JoinType::LeftAnti => traced_in(&join.left, column),
            JoinType::RightSemi | JoinType::Right | JoinType::RightAnti => traced_in(&join.right, column),
            _ => None,
        },
        _ => None,
    }
}

fn traced_in<'a>(side: &'a LogicalPlan, column: &Column) -> Option<(&'a TableScan, String)> {
    side.schema().maybe_index_of_column(column).and_then(|_| traced(side, column))
}

impl Spared {
    /// The rows of the large table's row groups that may hold one of the keys; `None` where its files do not tell.
    async fn rows_read(&self, env: &Environment, state: &SessionState) -> Result<Option<u64>> {
        let provider = source_as_provider(&self.scan.source)?;
        let Some(files) = FileTable::of(&provider) else { return Ok(None) };
        let key = || Expr::Column(self.key.clone());
        let ends = LogicalPlanBuilder::from(self.side.clone());
        let ends = ends.aggregate(Vec::<Expr>::new(), vec![min(key()), max(key())])?.build()?;
        let ends = collected(&state.create_physical_plan(&ends).await?, state, &env.executor).await?;
        let least = ScalarValue::try_from_array(ends.column(0), 0)?;
        let largest = ScalarValue::try_from_array(ends.column(1), 0)?;
        // Without a key no row has a partner.
        if least.is_null() || largest.is_null() {
            return Ok(Some(0));
        }
        Ok(files.rows_between(&self.column, (&least, &largest), state).await?)
    }
}
