//! Subqueries whose rows for a key come from one table's rows with this key alone, so that a sample of whole keys suffices for the keys it holds.

use crate::subqueries::has_subquery;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result as PlanResult};
use datafusion::logical_expr::{Distinct, Expr, Join, LogicalPlan, TableScan, TableSource};
use std::sync::Arc;

/// The table and its column whose rows with a value make up the rows of `plan` that have this value in their column `place`.
///
/// `None` where other rows take part: LIMIT, windows, aggregates by other columns, a table that is read twice.
#[must_use]
pub fn key_local_scan(plan: &LogicalPlan, place: usize) -> Option<(TableScan, String)> {
    let (scan, column) = traced(plan, place)?;
    let mut times = 0;
    let counted = plan.apply(|node| {
        times += usize::from(matches!(node, LogicalPlan::TableScan(other) if other.table_name == scan.table_name));
        Ok(TreeNodeRecursion::Continue)
    });
    (counted.is_ok() && times == 1).then(|| (scan.clone(), column))
}

/// `plan` with the table of `scan` read from another source of the same columns.
///
/// # Errors
/// When the plan cannot be put together again.
pub fn with_source(plan: LogicalPlan, scan: &TableScan, source: &Arc<dyn TableSource>) -> PlanResult<LogicalPlan> {
    let replaced = plan.transform_up(|node| match node {
        LogicalPlan::TableScan(own) if own.table_name == scan.table_name => {
            let own = TableScan { source: Arc::clone(source), ..own };
            Ok(Transformed::yes(LogicalPlan::TableScan(own)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}

fn traced(plan: &LogicalPlan, place: usize) -> Option<(&TableScan, String)> {
    let below = |input: &'_ LogicalPlan, column: &Column| input.schema().maybe_index_of_column(column);
    match plan {
        LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
            let is_simple = !scan.filters.iter().any(has_subquery);
            is_simple.then(|| (scan, scan.projected_schema.field(place).name().clone()))
        }
        LogicalPlan::Projection(projection) => {
            let column = as_column(projection.expr.get(place)?)?;
            let is_simple = !projection.expr.iter().any(has_subquery);
            traced(&projection.input, below(&projection.input, column)?).filter(|_| is_simple)
        }
        LogicalPlan::Filter(filter) if !has_subquery(&filter.predicate) => traced(&filter.input, place),
        LogicalPlan::SubqueryAlias(alias) => traced(&alias.input, place),
        LogicalPlan::Distinct(Distinct::All(input)) => traced(input, place),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => traced(&sort.input, place),
        // The key is one of those that rows are grouped by.
        LogicalPlan::Aggregate(aggregate) => {
            let is_set = aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_)));
            let column = as_column(aggregate.group_expr.get(place)?)?;
            traced(&aggregate.input, below(&aggregate.input, column)?).filter(|_| !is_set)
        }
        LogicalPlan::Join(join) => of_join(join, place),
        _ => None,
    }
}

/// A side whose rows the join keeps or drops one by one.
fn of_join(join: &Join, place: usize) -> Option<(&TableScan, String)> {
    let left = join.left.schema().fields().len();
    let has_left = !matches!(join.join_type, JoinType::RightSemi | JoinType::RightAnti);
    match join.join_type {
        JoinType::Inner | JoinType::Left if place < left => traced(&join.left, place),
        JoinType::LeftSemi | JoinType::LeftAnti => traced(&join.left, place),
        JoinType::Inner | JoinType::Right if has_left && place >= left => traced(&join.right, place - left),
        _ => None,
    }
}

fn as_column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => as_column(&alias.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::empty::EmptyTable;
    use datafusion::prelude::SessionContext;

    /// The table and column behind the first column of a query.
    async fn found(sql: &str) -> Option<String> {
        let context = SessionContext::new();
        for name in ["t", "u"] {
            let fields = ["k", "x", "y"].map(|name| Field::new(name, DataType::Int64, true));
            let table = EmptyTable::new(Arc::new(Schema::new(fields.to_vec())));
            context.register_table(name, Arc::new(table)).unwrap();
        }
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        key_local_scan(&plan, 0).map(|(scan, column)| format!("{}.{column}", scan.table_name))
    }

    #[tokio::test]
    async fn rows_of_a_key_come_from_rows_with_the_key() {
        for (sql, expected) in [
            ("SELECT k, SUM(x) FROM t WHERE y > 3 GROUP BY k", "t.k"),
            ("SELECT DISTINCT a.k AS other FROM t AS a", "t.k"),
            (
                "SELECT k, n FROM (SELECT k, x, COUNT(*) AS n FROM t GROUP BY x, k HAVING COUNT(*) > 2) ORDER BY n",
                "t.k",
            ),
            ("SELECT t.k, MAX(u.y) FROM t JOIN u ON t.x = u.x GROUP BY t.k", "t.k"),
            ("SELECT u.k FROM t JOIN u ON t.x = u.x", "u.k"),
            ("SELECT t.k FROM t LEFT JOIN u ON t.x = u.x", "t.k"),
        ] {
            assert_eq!(found(sql).await.as_deref(), Some(expected), "{sql}");
        }
        for sql in [
            "SELECT k FROM t ORDER BY x LIMIT 5",
            "SELECT k + 1, COUNT(*) FROM t GROUP BY k",
            "SELECT MAX(k) FROM t",
            "SELECT k, ROW_NUMBER() OVER (ORDER BY x) FROM t",
            "SELECT k FROM t WHERE x > (SELECT AVG(x) FROM t)",
            "SELECT a.k FROM t AS a JOIN t AS b ON a.x = b.x",
            "SELECT k FROM t UNION ALL SELECT k FROM u",
            "SELECT u.k FROM t LEFT JOIN u ON t.x = u.x",
            "SELECT k, x FROM t GROUP BY GROUPING SETS ((k), (x))",
        ] {
            assert_eq!(found(sql).await, None, "{sql}");
        }
    }
}
