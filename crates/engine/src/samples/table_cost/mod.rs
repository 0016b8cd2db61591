//! Cost of the exact answer: the work of a plan on its tables, and the time that follows from past scans.
//!
//! Work is counted in nanoseconds of a reference machine with two threads, from rows, columns and operators alone, so that it does not
//! depend on the machine or its load. Time is work times the factors learnt for the machine, the table and the query.

mod keys;

pub(crate) use keys::rows_by_keys;

use super::table_rows::{ScannedTable, scanned_tables};
use crate::answer::Result;
use crate::environment::Environment;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Aggregate, Expr, FetchType, Join, JoinType, Limit, LogicalPlan, Operator, SkipType, TableScan,
};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Nanoseconds for planning, starting and ending, whatever the number of rows.
const BASE_NS: f64 = 1.5e6;
/// Nanoseconds per row of a scan, whatever is read of it.
const ROW_NS: f64 = 0.5;
/// Nanoseconds per comparison or other call in an expression.
const CALL_NS: f64 = 1.5;
/// Nanoseconds per call on texts, such as LIKE.
const TEXT_CALL_NS: f64 = 15.0;
/// Nanoseconds to hash a row by one GROUP BY column.
const KEY_NS: f64 = 10.0;
/// Nanoseconds to add a row to a plain aggregate.
const AGGREGATE_NS: f64 = 2.5;
/// Nanoseconds to add a row to an aggregate that keeps values, such as COUNT(DISTINCT …) or a percentile.
const KEEPING_AGGREGATE_NS: f64 = 45.0;
/// Nanoseconds to sort a row, or to pass it through a window.
const SORT_NS: f64 = 60.0;
/// Nanoseconds per row of either side of a join.
const JOIN_NS: f64 = 25.0;
/// Assumed share of rows that one condition lets pass.
const PASSING: f64 = 0.4;
/// The smallest assumed share that several conditions let pass.
const PASSING_MIN: f64 = 1e-3;
/// Assumed number of groups as a share of rows.
const GROUPS: f64 = 0.01;
/// Rows that are read, in batches and row groups, for each row that a LIMIT waits for.
const READ_PER_ROW: f64 = 1_000.0;
/// Assumed rows of a table with unknown size.
const UNKNOWN_ROWS: f64 = 1e6;

/// The work of an exact answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableWork {
    /// Keys of the scanned tables, sorted and joined by commas; their scans are learnt together.
    pub(crate) tables: String,
    /// Rows of all scans.
    pub(crate) rows: u64,
    /// Nanoseconds on the reference machine.
    pub(crate) ns: f64,
    /// Whether conditions may save reading part of the tables.
    pub(crate) has_conditions: bool,
}

impl TableWork {
    /// The work of an answer that reads `rows` rows, since conditions spare files and row groups.
    pub(crate) fn reading(&self, rows: u64) -> Self {
        let share = if self.rows == 0 { 1.0 } else { (rows_of(rows) / rows_of(self.rows)).min(1.0) };
        let ns = BASE_NS + (self.ns - BASE_NS).max(0.0) * share;
        Self { ns, ..self.clone() }
    }
}

/// The exact answer as a candidate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableCost {
    pub(crate) work: TableWork,
    /// Predicted time from the start of the scan to the answer.
    pub(crate) time: Duration,
    /// Whether the prediction was learnt from scans of these tables.
    pub(crate) is_learnt: bool,
}

/// Computes the work of running an analysed plan on its tables. That of joins depends on where conditions and keys stand once it is optimised.
pub(crate) async fn table_work(env: &Environment, plan: &LogicalPlan, state: &SessionState) -> Result<TableWork> {
    let optimised = if has_joins(plan)? { state.optimize(plan).ok() } else { None };
    let plan = optimised.as_ref().unwrap_or(plan);
    let scanned = scanned_tables(env, plan).await?;
    let mut names: Vec<&str> = scanned.values().map(|table| table.key.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let (has_conditions, compares_columns) = conditions_of(plan)?;
    let mut walk = Walk { scanned: &scanned, columns: named_columns(plan)?, compares_columns, ns: BASE_NS, rows: 0.0 };
    walk.plan(plan)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
    Ok(TableWork { tables: names.join(", "), rows: walk.rows as u64, ns: walk.ns, has_conditions })
}

fn has_joins(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Join(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The names of the output columns and of all columns that any expression of the plan reads.
fn named_columns(plan: &LogicalPlan) -> Result<HashSet<String>> {
    let mut names: HashSet<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    plan.apply_with_subqueries(|node| {
        // Scans and aliases pass columns on without using them.
        if !matches!(node, LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_)) {
            node.apply_expressions(|expr| {
                names.extend(expr.column_refs().into_iter().map(|column| column.name.clone()));
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(names)
}

/// Rows of a part of a plan, approximately.
#[derive(Debug, Clone, Copy)]
struct Produced {
    rows: f64,
    /// Their share of the rows that there would be without conditions.
    share: f64,
}

struct Walk<'a> {
    /// Scanned tables by their name in the plan.
    scanned: &'a HashMap<String, ScannedTable>,
    columns: HashSet<String>,
    /// Whether some condition compares columns for equality: before optimisation joins may have their keys there.
    compares_columns: bool,
    ns: f64,
    rows: f64,
}

impl Walk<'_> {
    /// Adds the work of a plan; returns what it produces, approximately.
    fn plan(&mut self, plan: &LogicalPlan) -> Result<Produced> {
        for subquery in subqueries(plan)? {
            self.plan(&subquery)?;
        }
        if let LogicalPlan::TableScan(scan) = plan {
            return Ok(Produced { rows: self.scan(scan), share: 1.0 });
        }
        let before = self.ns;
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            inputs.push(self.plan(input)?);
        }
        if let LogicalPlan::Join(join) = plan {
            return Ok(self.join(join, &inputs));
        }
        let rows: f64 = inputs.iter().map(|input| input.rows).sum();
        let share = match (plan, inputs.as_slice()) {
            (LogicalPlan::Filter(filter), [input]) => input.share * passing(&filter.predicate),
            // Of rows that are formed anew none was left out.
            (LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_), _) => 1.0,
            (_, [input]) => input.share,
            _ => 1.0,
        };
        let rows = match plan {
            LogicalPlan::Filter(filter) => {
                self.ns += rows * calls_ns(&filter.predicate);
                rows * passing(&filter.predicate)
            }
            LogicalPlan::Projection(projection) => {
                self.ns += rows * projection.expr.iter().map(calls_ns).sum::<f64>();
                rows
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, rows),
            LogicalPlan::Distinct(_) => {
                self.ns += rows * KEY_NS * width(plan);
                rows
            }
            LogicalPlan::Sort(_) => {
                self.ns += rows * SORT_NS;
                rows
            }
            LogicalPlan::Window(window) => {
                self.ns += rows * SORT_NS * (1.0 + width_of(window.window_expr.len()) / 2.0);
                rows
            }
            LogicalPlan::Limit(limit) => {
                let wanted = limited(limit)?;
                if let Some(wanted) = wanted.filter(|_| is_streaming(&limit.input)) {
                    // Reading ends soon after enough rows were produced.
                    self.ns = before + (self.ns - before) * (wanted * READ_PER_ROW / rows.max(1.0)).min(1.0);
                }
                wanted.map_or(rows, |wanted| rows.min(wanted))
            }
            _ => rows,
        };
        Ok(Produced { rows, share })
    }

    fn scan(&mut self, scan: &TableScan) -> f64 {
        let table = self.scanned.get(&scan.table_name.to_string());
        let rows = table.and_then(|table| table.rows).map_or(UNKNOWN_ROWS, rows_of);
        let fields = scan.projected_schema.fields().iter();
        let read = fields.filter(|field| self.columns.contains(field.name()));
        let decoding: f64 = read.map(|field| decode_ns(field.data_type())).sum();
        let factor = table.map_or(1.0, |table| table.decode_factor);
        self.rows += rows;
        self.ns += rows * (ROW_NS + decoding * factor + table.map_or(0.0, |table| table.row_ns));
        let filters: f64 = scan.filters.iter().map(calls_ns).sum();
        self.ns += rows * filters;
        rows
    }

    fn aggregate(&mut self, aggregate: &Aggregate, rows: f64) -> f64 {
        let keys: f64 = aggregate.group_expr.iter().map(|key| KEY_NS + calls_ns(key)).sum();
        let calls: f64 = aggregate.aggr_expr.iter().map(aggregate_ns).sum();
        let sets = aggregate.group_expr.iter().map(grouping_sets).sum::<f64>().max(1.0);
        self.ns += rows * (keys + calls) * sets;
        if aggregate.group_expr.is_empty() { 1.0 } else { rows * GROUPS * sets }
    }

    /// A row of the larger side finds its partner where that is left; a row of an outer join stays without one.
    fn join(&mut self, join: &Join, inputs: &[Produced]) -> Produced {
        let rows: f64 = inputs.iter().map(|input| input.rows).sum();
        self.ns += rows * JOIN_NS;
        let [left, right] = inputs else { return Produced { rows, share: 1.0 } };
        // Without key columns every row is paired with every other.
        if join.on.is_empty() && !self.compares_columns {
            let pairs = left.rows * right.rows;
            self.ns += pairs * CALL_NS;
            return Produced { rows: pairs * PASSING, share: 1.0 };
        }
        let (larger, smaller) = if left.rows >= right.rows { (left, right) } else { (right, left) };
        let share = match join.join_type {
            JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi => smaller.share,
            _ => 1.0,
        };
        Produced { rows: larger.rows * share, share: (larger.share * share).max(PASSING_MIN) }
    }
}

/// Whether a plan has conditions, and whether one of them compares columns for equality.
fn conditions_of(plan: &LogicalPlan) -> Result<(bool, bool)> {
    let (mut has_conditions, mut found) = (false, false);
    plan.apply_with_subqueries(|node| {
        let condition = match node {
            LogicalPlan::Filter(filter) => Some(&filter.predicate),
            LogicalPlan::Join(join) => join.filter.as_ref(),
            _ => None,
        };
        has_conditions |= matches!(node, LogicalPlan::Filter(_));
        found |= condition.is_some_and(compares_columns);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok((has_conditions, found))
}

/// The number of rows that a LIMIT waits for; `None` where it is no literal.
fn limited(limit: &Limit) -> Result<Option<f64>> {
    Ok(match (limit.get_skip_type()?, limit.get_fetch_type()?) {
        (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) => Some(width_of(skip) + width_of(fetch)),
        _ => None,
    })
}

/// Whether a plan produces rows while its input is still read.
fn is_streaming(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Filter(_) | LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Limit(_) => {
            plan.inputs().into_iter().all(is_streaming)
        }
        _ => false,
    }
}

/// The plans of the subqueries in a node's own expressions.
fn subqueries(plan: &LogicalPlan) -> Result<Vec<LogicalPlan>> {
    let mut found = Vec::new();
    plan.apply_expressions(|expr| {
        expr.apply(|expr| {
            match expr {
                Expr::ScalarSubquery(subquery) => found.push(subquery.subquery.as_ref().clone()),
                Expr::InSubquery(subquery) => found.push(subquery.subquery.subquery.as_ref().clone()),
                Expr::Exists(exists) => found.push(exists.subquery.subquery.as_ref().clone()),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// Nanoseconds to decode a value.
fn decode_ns(data_type: &DataType) -> f64 {
    match data_type {
        DataType::Boolean | DataType::Null => 0.5,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary | DataType::BinaryView => 5.0,
        DataType::Decimal128(..) | DataType::Decimal256(..) => 4.0,
        other if other.is_nested() => 20.0,
        _ => 1.5,
    }
}

/// Nanoseconds to evaluate an expression for a row; a plain column costs nothing.
fn calls_ns(expr: &Expr) -> f64 {
    let mut ns = 0.0;
    // The closure never fails.
    let _ = expr.apply(|expr| {
        ns += match expr {
            Expr::Like(_) | Expr::SimilarTo(_) | Expr::ScalarFunction(_) => TEXT_CALL_NS,
            Expr::BinaryExpr(binary) if matches!(binary.op, Operator::RegexMatch | Operator::RegexNotMatch) => {
                4.0 * TEXT_CALL_NS
            }
            Expr::Column(_) | Expr::Literal(..) | Expr::Alias(_) => 0.0,
            _ => CALL_NS,
        };
        Ok(TreeNodeRecursion::Continue)
    });
    ns
}

fn aggregate_ns(expr: &Expr) -> f64 {
    let mut ns = 0.0;
    let _ = expr.apply(|expr| {
        if let Expr::AggregateFunction(call) = expr {
            let name = call.func.name();
            let keeps =
                call.params.distinct || ["median", "percentile_cont", "array_agg", "string_agg"].contains(&name);
            ns += if keeps { KEEPING_AGGREGATE_NS } else { AGGREGATE_NS };
            ns += call.params.args.iter().chain(call.params.filter.as_deref()).map(calls_ns).sum::<f64>();
            return Ok(TreeNodeRecursion::Jump);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    ns
}

/// Whether a condition compares columns for equality.
fn compares_columns(condition: &Expr) -> bool {
    datafusion::logical_expr::utils::split_conjunction(condition).into_iter().any(|part| match part {
        Expr::BinaryExpr(binary) => {
            binary.op == Operator::Eq && !binary.left.column_refs().is_empty() && !binary.right.column_refs().is_empty()
        }
        _ => false,
    })
}

/// The assumed share of rows that the conditions which AND joins let pass.
fn passing(expr: &Expr) -> f64 {
    let conditions = datafusion::logical_expr::utils::split_conjunction(expr).len();
    PASSING.powi(i32::try_from(conditions).unwrap_or(i32::MAX)).max(PASSING_MIN)
}

/// Number of groupings in which ROLLUP, CUBE or GROUPING SETS put each row; 0 for a plain key.
fn grouping_sets(key: &Expr) -> f64 {
    use datafusion::logical_expr::GroupingSet;
    match key {
        Expr::GroupingSet(GroupingSet::Rollup(keys)) => 1.0 + width_of(keys.len()),
        Expr::GroupingSet(GroupingSet::Cube(keys)) => width_of(keys.len()).exp2(),
        Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => width_of(sets.len()),
        _ => 0.0,
    }
}

fn width(plan: &LogicalPlan) -> f64 {
    width_of(plan.schema().fields().len())
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn width_of(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "a forecast")]
fn rows_of(rows: u64) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests;
