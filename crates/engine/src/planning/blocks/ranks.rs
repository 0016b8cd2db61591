//! RANK, DENSE_RANK and ROW_NUMBER in the order of an estimate.
//!
//! With intervals that hold for all groups at once, a group's rank lies between 1 and the groups whose intervals are wholly above its own,
//! and 1 and those that reach above its lower end: a joint confidence region of the ranking (Klein, Wright and Wieczorek, *Journal of the
//! Royal Statistical Society C* 69, 2020, p. 589).

use super::Step;
use super::descent::{Way, descend};
use super::rows::{self, Combined};
use crate::answer::{Answer, Bounds, Column};
use crate::error::Result;
use crate::numbers::steps;
use crate::prepared::Prepared;
use crate::run::ends_in_order;
use crate::shape::{Role, has_subquery, holds_aggregate, unaliased};
use arrow::array::{Array, ArrayRef, UInt32Array, UInt64Array};
use arrow::compute::{SortColumn, SortOptions, cast, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{Column as PlanColumn, DFSchemaRef, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, Projection, Window, WindowFunctionDefinition};
use plusminus_statistics::{Doubt, Target, Trust};
use std::collections::HashMap;
use std::sync::Arc;

/// A query with ranks over the rows of one block.
pub(crate) struct Ranked {
    /// Columns of the query that are no ranks, and what ranks are computed of.
    pub(crate) block: Arc<Prepared>,
    ranks: Vec<Rank>,
    /// The query's columns, and behind them those that rows are sorted by.
    columns: Vec<Source>,
    /// Ranks (by number) that rows are chosen by, each with the last one that stays.
    chosen: Vec<(usize, u64)>,
    steps: Vec<Step>,
    schema: DFSchemaRef,
}

/// Where a column comes from, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Block(usize),
    Rank(usize),
}

/// A rank by columns of the block.
#[derive(Debug, Clone)]
struct Rank {
    kind: Kind,
    partition: Vec<usize>,
    order: Vec<(usize, SortOptions)>,
    data_type: DataType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rank,
    Dense,
    Row,
}

impl Ranked {
    /// The ranked query; `None` where it is none, or uses ranks for more than being shown, sorted and cut by.
    pub(crate) fn of(prepared: &Prepared, plan: &LogicalPlan) -> Option<Self> {
        let base = |plan: &LogicalPlan| match plan {
            LogicalPlan::Window(window) if holds_aggregate(&window.input) => {
                Some(Way::new(vec![Arc::new(plan.clone())], plan.schema(), false))
            }
            _ => None,
        };
        let way = descend(plan, &base)?;
        let LogicalPlan::Window(window) = way.inputs.first()?.as_ref() else { return None };
        let mut exprs = Exprs { window, list: Vec::new() };
        let ranks = window.window_expr.iter().enumerate();
        let ranks = ranks.map(|(number, expr)| exprs.rank(number, expr)).collect::<Option<Vec<_>>>()?;
        let (all, steps) = way.columns();
        let columns = all.iter().map(|expr| exprs.source(expr)).collect::<Option<Vec<_>>>()?;
        let filters = way.filters.iter().flat_map(split_conjunction);
        let chosen = filters.map(|filter| exprs.chosen(filter)).collect::<Option<Vec<_>>>()?;
        let block = Arc::new(prepared.block(exprs.plan()?).ok()?);
        let schema = Arc::clone(plan.schema());
        block.shape.is_ok().then_some(Self { block, ranks, columns, chosen, steps, schema })
    }

    /// Whether not all rows of the block are shown.
    pub(crate) fn cuts_rows(&self) -> bool {
        !self.chosen.is_empty() || super::cuts_rows(&self.steps)
    }

    /// The query's rows; `None` where NULLs or estimates decide more than an order.
    pub(crate) fn combined(&self, answer: &Answer, target: Option<Target>) -> Result<Option<Combined>> {
        let is_complete = answer.report.missing_groups_below == Some(0);
        let mut ranks = Vec::with_capacity(self.ranks.len());
        for rank in &self.ranks {
            match rank.column(answer, is_complete)? {
                Some(column) => ranks.push(column),
                None => return Ok(None),
            }
        }
        let is_chosen = |row: usize, is_in: &dyn Fn(&Places, usize) -> u64| {
            self.chosen.iter().all(|(rank, last)| is_in(&ranks[*rank], row) <= *last)
        };
        let rows = 0..answer.batch.num_rows();
        let kept: Vec<usize> = rows.clone().filter(|row| is_chosen(*row, &|rank, row| rank.value[row])).collect();
        let mut unsettled = answer.clone();
        let is_open = |row: &usize| !is_chosen(*row, &|rank, row| rank.upper[row]);
        unsettled.report.unsettled_members = (0..kept.len()).filter(|at| is_open(&kept[*at])).collect();
        let may_belong =
            |row: usize| !is_chosen(row, &|rank, row| rank.value[row]) && is_chosen(row, &|rank, row| rank.lower[row]);
        unsettled.report.unsettled_absent += rows.filter(|row| may_belong(*row)).count() as u64;
        let both = self.stacked(unsettled, &ranks, &kept)?;
        let settled: Vec<usize> =
            (0..self.columns.len()).filter(|at| matches!(self.columns[*at], Source::Rank(_))).collect();
        rows::combined(&[both], &self.steps, &self.schema, target, &settled)
    }

    /// The columns of the query, and those that rows are sorted by, of the rows that are kept.
    fn stacked(&self, answer: Answer, ranks: &[Places], kept: &[usize]) -> Result<Answer> {
        let rows: UInt32Array = kept.iter().map(|row| u32::try_from(*row).ok()).collect();
        let (mut arrays, mut fields, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (number, source) in self.columns.iter().enumerate() {
            let (values, column) = match source {
                Source::Block(at) => {
                    let column = &answer.columns[*at];
                    let bounds = column.bounds.as_ref().map(|bounds| bounds.taken(&rows)).transpose()?;
                    (take(answer.batch.column(*at), &rows, None)?, Column { bounds, ..column.clone() })
                }
                Source::Rank(at) => {
                    let (places, data_type) = (&ranks[*at], &self.ranks[*at].data_type);
                    let array = |ranks: &[u64]| -> Result<ArrayRef> {
                        let all: ArrayRef = Arc::new(UInt64Array::from_iter_values(kept.iter().map(|row| ranks[*row])));
                        Ok(cast(&all, data_type)?)
                    };
                    let values = array(&places.value)?;
                    let trust = kept.iter().map(|row| places.trust[*row]).collect();
                    let bounds = Bounds { lower: array(&places.lower)?, upper: array(&places.upper)?, trust };
                    let name = format!("rank {at}");
                    (values, Column { name, data_type: data_type.clone(), role: Role::Estimate, bounds: Some(bounds) })
                }
            };
            fields.push(Field::new(format!("c{number}"), values.data_type().clone(), true));
            arrays.push(values);
            columns.push(column);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        Ok(Answer { is_query: true, batch, columns, report: answer.report })
    }
}

/// Expressions that the block has to compute.
struct Exprs<'a> {
    window: &'a Window,
    list: Vec<Expr>,
}

impl Exprs<'_> {
    fn place(&mut self, expr: &Expr) -> usize {
        self.list.iter().position(|own| own == expr).unwrap_or_else(|| {
            self.list.push(expr.clone());
            self.list.len() - 1
        })
    }

    /// The number of the rank that a column of the window node is.
    fn rank_of(&self, column: &PlanColumn) -> Option<Option<usize>> {
        let at = self.window.schema.index_of_column(column).ok()?;
        Some(at.checked_sub(self.window.input.schema().fields().len()))
    }

    fn source(&mut self, expr: &Expr) -> Option<Source> {
        if let Expr::Column(column) = expr
            && let Some(rank) = self.rank_of(column)?
        {
            return Some(Source::Rank(rank));
        }
        let is_rank = |column: &&PlanColumn| !matches!(self.rank_of(column), Some(None));
        if has_subquery(expr) || expr.column_refs().iter().any(is_rank) {
            return None;
        }
        Some(Source::Block(self.place(expr)))
    }

    /// A rank, whose partitions and order the block computes.
    fn rank(&mut self, number: usize, expr: &Expr) -> Option<Rank> {
        let at = self.window.input.schema().fields().len() + number;
        let data_type = self.window.schema.field(at).data_type().clone();
        let Expr::WindowFunction(call) = unaliased(expr) else { return None };
        let WindowFunction { fun: WindowFunctionDefinition::WindowUDF(function), params } = call.as_ref() else {
            return None;
        };
        let kind = match function.name() {
            "rank" => Kind::Rank,
            "dense_rank" => Kind::Dense,
            "row_number" => Kind::Row,
            _ => return None,
        };
        if params.order_by.is_empty() || params.filter.is_some() {
            return None;
        }
        let partition = params.partition_by.iter().map(|expr| self.place(expr)).collect();
        let order = params.order_by.iter().map(|key| {
            let options = SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
            (self.place(&key.expr), options)
        });
        let order = order.collect();
        Some(Rank { kind, partition, order, data_type })
    }

    /// `rank <= number`, `rank < number` or `rank = 1`.
    fn chosen(&self, filter: &Expr) -> Option<(usize, u64)> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
        let (Expr::Column(column), Expr::Literal(number, _)) = (uncast(left), uncast(right)) else { return None };
        let rank = self.rank_of(column)??;
        if !number.data_type().is_integer() {
            return None;
        }
        let ScalarValue::UInt64(Some(number)) = number.cast_to(&DataType::UInt64).ok()? else { return None };
        match op {
            Operator::LtEq => Some((rank, number)),
            Operator::Lt => Some((rank, number.saturating_sub(1))),
            Operator::Eq if number == 1 => Some((rank, 1)),
            _ => None,
        }
    }

    /// The plan of the block.
    fn plan(&self) -> Option<LogicalPlan> {
        let name = |(at, expr): (usize, &Expr)| expr.clone().unalias().alias(format!("__column_{at}"));
        let exprs = self.list.iter().enumerate().map(name).collect();
        Some(LogicalPlan::Projection(Projection::try_new(exprs, Arc::clone(&self.window.input)).ok()?))
    }
}

/// The expression within casts to whole numbers.
fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) if steps(cast.field.data_type()) == Some(1.0) => uncast(&cast.expr),
        other => other,
    }
}

/// A rank of every row of the block, and the ends of its interval.
struct Places {
    value: Vec<u64>,
    lower: Vec<u64>,
    upper: Vec<u64>,
    trust: Vec<Trust>,
}

impl Rank {
    /// The ranks of the rows of `answer`; `None` where partitions are estimates or what ranks are by is NULL.
    fn column(&self, answer: &Answer, is_complete: bool) -> Result<Option<Places>> {
        let is_open =
            |at: &usize| answer.columns[*at].bounds.as_ref().is_some_and(|b| !b.trust.iter().all(|t| t.is_exact()));
        let first = self.order[0].0;
        if self.partition.iter().any(is_open)
            || self.order.iter().skip(1).any(|(at, _)| is_open(at))
            || answer.batch.column(first).null_count() > 0
        {
            return Ok(None);
        }
        let rows = answer.batch.num_rows();
        let Some(bounds) = &answer.columns[first].bounds else { return Ok(None) };
        let ascends = !self.order[0].1.descending;
        let intervals: Vec<(f64, f64)> =
            bounds.estimates(answer.batch.column(first))?.iter().map(|e| ends_in_order(e, ascends)).collect();
        let mut places = Places {
            value: vec![1; rows],
            lower: vec![1; rows],
            upper: vec![1; rows],
            trust: vec![Trust::Exact; rows],
        };
        for members in self.partitions(answer)? {
            let doubt = members.iter().find_map(|row| match bounds.trust[*row] {
                Trust::Untrusted(doubt) => Some(doubt),
                _ => None,
            });
            let is_exact = members.iter().all(|row| bounds.trust[*row].is_exact());
            self.value(answer, &members, &mut places.value)?;
            if !is_exact {
                self.ends(&members, &intervals, &mut places);
            }
            for row in &members {
                if is_exact {
                    (places.lower[*row], places.upper[*row]) = (places.value[*row], places.value[*row]);
                }
                places.trust[*row] = match (doubt, is_complete, is_exact) {
                    (_, false, _) => Trust::Untrusted(Doubt::NoRows),
                    (Some(doubt), true, _) => Trust::Untrusted(doubt),
                    (None, true, true) => Trust::Exact,
                    (None, true, false) => Trust::Trusted,
                };
            }
        }
        Ok(Some(places))
    }

    /// The rows of each partition.
    fn partitions(&self, answer: &Answer) -> Result<Vec<Vec<usize>>> {
        let rows = answer.batch.num_rows();
        if self.partition.is_empty() {
            return Ok(vec![(0..rows).collect()]);
        }
        let arrays: Vec<ArrayRef> = self.partition.iter().map(|at| Arc::clone(answer.batch.column(*at))).collect();
        let fields = arrays.iter().map(|values| SortField::new(values.data_type().clone())).collect();
        let keys = RowConverter::new(fields)?.convert_columns(&arrays)?;
        let mut found: HashMap<OwnedRow, Vec<usize>> = HashMap::new();
        for (row, key) in keys.iter().enumerate() {
            found.entry(key.owned()).or_default().push(row);
        }
        Ok(found.into_values().collect())
    }

    /// Ranks by the estimates themselves.
    fn value(&self, answer: &Answer, members: &[usize], ranks: &mut [u64]) -> Result<()> {
        let rows: UInt32Array = members.iter().map(|row| u32::try_from(*row).ok()).collect();
        let mut columns = Vec::with_capacity(self.order.len());
        for (at, options) in &self.order {
            columns.push(SortColumn { values: take(answer.batch.column(*at), &rows, None)?, options: Some(*options) });
        }
        let sorted = lexsort_to_indices(&columns, None)?;
        let fields = columns.iter().map(|c| SortField::new(c.values.data_type().clone())).collect();
        let arrays: Vec<ArrayRef> = columns.iter().map(|c| Arc::clone(&c.values)).collect();
        let keys = RowConverter::new(fields)?.convert_columns(&arrays)?;
        let (mut rank, mut dense, mut before) = (0, 0, None);
        for (place, at) in (1_u64..).zip(sorted.values()) {
            let key = keys.row(*at as usize);
            if before != Some(key) {
                (rank, dense) = (place, dense + 1);
            }
            before = Some(key);
            ranks[members[*at as usize]] = match self.kind {
                Kind::Rank => rank,
                Kind::Dense => dense,
                Kind::Row => place,
            };
        }
        Ok(())
    }

    /// The least and the greatest rank that the intervals leave; the larger comes first in them.
    fn ends(&self, members: &[usize], intervals: &[(f64, f64)], places: &mut Places) {
        let mut lows: Vec<f64> = members.iter().map(|row| intervals[*row].0).collect();
        let mut highs: Vec<f64> = members.iter().map(|row| intervals[*row].1).collect();
        lows.sort_unstable_by(f64::total_cmp);
        highs.sort_unstable_by(f64::total_cmp);
        let count = members.len();
        for row in members {
            let (low, high) = intervals[*row];
            let above = (count - lows.partition_point(|other| *other <= high)) as u64;
            // The row itself is among those that reach as far.
            let reach = (count - highs.partition_point(|other| *other < low)) as u64;
            let lower = match self.kind {
                Kind::Dense => 1 + above.min(1),
                Kind::Rank | Kind::Row => 1 + above,
            };
            let own = places.value[*row];
            (places.lower[*row], places.upper[*row]) = (lower.min(own), reach.max(own));
        }
    }
}
