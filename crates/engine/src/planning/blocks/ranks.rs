//! RANK, DENSE_RANK and ROW_NUMBER in the order of an estimate.
//!
//! With intervals that hold for all groups at once, a group's lowest rank is 1 plus the number of intervals wholly above its own, and its
//! highest rank is 1 plus the number of other intervals that reach above its lower end. This is a joint confidence region of the ranking
//! (Klein, Wright and Wieczorek, *Journal of the Royal Statistical Society C* 69, 2020, p. 589).

use crate::planning::PlannedQuery;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion::common::{Column as PlanColumn, DFSchemaRef, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, Projection, Window, WindowFunctionDefinition};
use plusminus_functions::numbers::steps;
use plusminus_plan::{Descent, Step, descend, has_subquery, holds_aggregate, unaliased};
use std::sync::Arc;

/// A query with ranks over the rows of one block.
pub(crate) struct Ranked {
    /// The block that computes the query's other columns and the inputs of the ranks.
    pub(crate) block: Arc<PlannedQuery>,
    pub(crate) ranks: Vec<Rank>,
    /// Source of each of the query's columns, followed by those that rows are sorted by.
    pub(crate) columns: Vec<Source>,
    /// Ranks that rows are filtered by: rank number and the largest rank that stays.
    pub(crate) chosen: Vec<(usize, u64)>,
    pub(crate) steps: Vec<Step>,
    pub(crate) schema: DFSchemaRef,
}

/// Source of a column: a column of the block or a rank, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Block(usize),
    Rank(usize),
}

/// A rank over columns of the block; `partition` and `order` hold column numbers.
#[derive(Debug, Clone)]
pub(crate) struct Rank {
    pub(crate) kind: RankKind,
    pub(crate) partition: Vec<usize>,
    pub(crate) order: Vec<(usize, SortOptions)>,
    pub(crate) data_type: DataType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RankKind {
    Rank,
    Dense,
    Row,
}

impl Ranked {
    /// Recognises a ranked query; `None` where the plan has no ranks, or uses them for more than output, sorting and filters.
    pub(crate) fn of(prepared: &PlannedQuery, plan: &LogicalPlan) -> Option<Self> {
        let base = |plan: &LogicalPlan| match plan {
            LogicalPlan::Window(window) if holds_aggregate(&window.input) => {
                Some(Descent::new(vec![Arc::new(plan.clone())], plan.schema(), false))
            }
            _ => None,
        };
        let descent = descend(plan, &base)?;
        let LogicalPlan::Window(window) = descent.inputs.first()?.as_ref() else { return None };
        let mut exprs = Exprs { window, list: Vec::new() };
        let ranks = window.window_expr.iter().enumerate();
        let ranks = ranks.map(|(number, expr)| exprs.rank(number, expr)).collect::<Option<Vec<_>>>()?;
        let (all, steps) = descent.columns();
        let columns = all.iter().map(|expr| exprs.source(expr)).collect::<Option<Vec<_>>>()?;
        let filters = descent.filters.iter().flat_map(split_conjunction);
        let chosen = filters.map(|filter| exprs.chosen(filter)).collect::<Option<Vec<_>>>()?;
        let block = Arc::new(prepared.block(exprs.plan()?).ok()?);
        let schema = Arc::clone(plan.schema());
        block.query.is_ok().then_some(Self { block, ranks, columns, chosen, steps, schema })
    }

    /// Whether some rows of the block are not shown.
    pub(crate) fn cuts_rows(&self) -> bool {
        !self.chosen.is_empty() || plusminus_plan::cuts_rows(&self.steps)
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

    /// The rank number of a column of the window node; `Some(None)` for a column of its input.
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

    /// Recognises a rank, whose partition and order columns the block computes.
    fn rank(&mut self, number: usize, expr: &Expr) -> Option<Rank> {
        let at = self.window.input.schema().fields().len() + number;
        let data_type = self.window.schema.field(at).data_type().clone();
        let Expr::WindowFunction(call) = unaliased(expr) else { return None };
        let WindowFunction { fun: WindowFunctionDefinition::WindowUDF(function), params } = call.as_ref() else {
            return None;
        };
        let kind = match function.name() {
            "rank" => RankKind::Rank,
            "dense_rank" => RankKind::Dense,
            "row_number" => RankKind::Row,
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

    /// Reads a filter `rank <= number`, `rank < number` or `rank = 1` as rank number and largest rank that stays.
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
