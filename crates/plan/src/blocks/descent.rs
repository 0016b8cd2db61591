//! From the root of a plan down to a UNION ALL or grouping sets.
//!
//! The nodes above become steps on the rows of all blocks and a projection of each block.

use super::super::lineage::Lineage;
use super::super::subqueries::has_subquery;
use super::{BLOCKS_MAX, Step, grouping_sets, union_input};
use arrow::compute::SortOptions;
use datafusion::common::{DFSchemaRef, ScalarValue};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Distinct, Expr, Filter, Limit, LogicalPlan, Projection, Sort};
use std::sync::Arc;

/// The blocks of a plan, and the steps on the rows of all of them.
pub struct BlockPlans {
    /// One plan per block, in the order of their rows.
    pub plans: Vec<LogicalPlan>,
    /// Steps on the rows of all blocks, in this order.
    pub steps: Vec<Step>,
    /// Whether several blocks read the same scan.
    pub share_scan: bool,
}

/// A descent that has not been finished. Expressions are over the columns of `schema`.
pub struct Descent {
    /// The plans of the blocks at which the descent ends.
    pub inputs: Vec<Arc<LogicalPlan>>,
    schema: DFSchemaRef,
    share_scan: bool,
    lineage: Lineage,
    /// Conditions on the path, each applied to the rows of every block.
    pub filters: Vec<Expr>,
    steps: Vec<Open>,
}

/// A step whose columns are still expressions.
enum Open {
    Sort { keys: Vec<(Expr, SortOptions)>, fetch: Option<usize> },
    Limit { skip: usize, fetch: Option<usize> },
    Distinct(Vec<Expr>),
}

/// The blocks of `plan`; `None` where no union and no grouping sets are reached.
pub fn blocks_of(plan: &LogicalPlan) -> Option<BlockPlans> {
    let descent = descend(plan, &base)?;
    let (exprs, steps) = descent.columns();
    let mut share_scan = descent.share_scan;
    let mut plans = Vec::with_capacity(descent.inputs.len());
    for input in &descent.inputs {
        let block = descent.block(input, &exprs, plan.schema())?;
        match blocks_of(&block) {
            // A union of unions is one.
            Some(inner) if inner.steps.is_empty() => {
                share_scan |= inner.share_scan;
                plans.extend(inner.plans);
            }
            _ => plans.push(block),
        }
        if plans.len() > BLOCKS_MAX {
            return None;
        }
    }
    Some(BlockPlans { plans, steps, share_scan })
}

/// The end of a descent: a UNION ALL or grouping sets; `None` for any other plan.
fn base(plan: &LogicalPlan) -> Option<Descent> {
    match plan {
        LogicalPlan::Union(union) => Some(Descent::new(union.inputs.clone(), &union.schema, false)),
        LogicalPlan::Aggregate(aggregate) => {
            let (blocks, share_scan) = match grouping_sets::expanded(aggregate) {
                Some(sets) => (sets, true),
                None => (union_input::apart(aggregate)?, false),
            };
            Some(Descent::new(blocks.into_iter().map(Arc::new).collect(), &aggregate.schema, share_scan))
        }
        _ => None,
    }
}

/// Descends from `plan` to a node at which `base` returns the end; `None` where a node on the path cannot be moved into the blocks.
pub fn descend(plan: &LogicalPlan, base: &dyn Fn(&LogicalPlan) -> Option<Descent>) -> Option<Descent> {
    let descend = |plan: &LogicalPlan| descend(plan, base);
    match plan {
        LogicalPlan::Union(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) => base(plan),
        LogicalPlan::Projection(projection) => {
            let mut descent = descend(&projection.input)?;
            if projection.expr.iter().any(is_beyond_rows) {
                return None;
            }
            descent.lineage = descent.lineage.project(&projection.expr, &projection.schema).ok()?;
            Some(descent)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let mut descent = descend(&alias.input)?;
            descent.lineage = descent.lineage.renamed(&alias.schema);
            Some(descent)
        }
        LogicalPlan::Filter(filter) => filtered(filter, descend(&filter.input)?),
        LogicalPlan::Sort(sort) => sorted(sort, descend(&sort.input)?),
        LogicalPlan::Limit(limit) => limited(limit, descend(&limit.input)?),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let mut descent = descend(input)?;
            descent.steps.push(Open::Distinct(descent.lineage.exprs.clone()));
            Some(descent)
        }
        _ => None,
    }
}

/// Whether `expr` needs more than its row, or changes from call to call.
fn is_beyond_rows(expr: &Expr) -> bool {
    has_subquery(expr) || expr.is_volatile()
}

/// Moves a condition into each block; `None` where a step before it left out rows.
fn filtered(filter: &Filter, mut descent: Descent) -> Option<Descent> {
    let leaves_out = |step: &Open| !matches!(step, Open::Sort { fetch: None, .. });
    if is_beyond_rows(&filter.predicate) || descent.steps.iter().any(leaves_out) {
        return None;
    }
    descent.filters.push(descent.lineage.replace(&filter.predicate).ok()?);
    Some(descent)
}

fn sorted(sort: &Sort, mut descent: Descent) -> Option<Descent> {
    let mut keys = Vec::with_capacity(sort.expr.len());
    for key in &sort.expr {
        if is_beyond_rows(&key.expr) {
            return None;
        }
        let options = SortOptions { descending: !key.asc, nulls_first: key.nulls_first };
        keys.push((descent.lineage.replace(&key.expr).ok()?, options));
    }
    descent.steps.push(Open::Sort { keys, fetch: sort.fetch });
    Some(descent)
}

fn limited(limit: &Limit, mut descent: Descent) -> Option<Descent> {
    let skip = number(limit.skip.as_deref())?.unwrap_or(0);
    let fetch = number(limit.fetch.as_deref())?;
    descent.steps.push(Open::Limit { skip, fetch });
    Some(descent)
}

/// The number of LIMIT or OFFSET, if one is stated; `None` when it is not a plain number.
fn number(expr: Option<&Expr>) -> Option<Option<usize>> {
    match expr {
        None => Some(None),
        Some(Expr::Literal(value, _)) => match value.cast_to(&arrow::datatypes::DataType::Int64).ok()? {
            ScalarValue::Int64(Some(number)) => usize::try_from(number).ok().map(Some),
            _ => Some(None),
        },
        Some(_) => None,
    }
}

impl Descent {
    /// A descent that ends at `inputs`, whose columns are those of `schema`.
    pub fn new(inputs: Vec<Arc<LogicalPlan>>, schema: &DFSchemaRef, share_scan: bool) -> Self {
        let lineage = Lineage::identity(schema);
        Self { inputs, schema: Arc::clone(schema), share_scan, lineage, filters: Vec::new(), steps: Vec::new() }
    }

    /// The columns that each block has to have, and the steps with these columns by number.
    ///
    /// The query's columns come first, then those that rows are sorted by or made distinct in.
    pub fn columns(&self) -> (Vec<Expr>, Vec<Step>) {
        let mut exprs = self.lineage.exprs.clone();
        let mut place = |expr: &Expr| {
            exprs.iter().position(|own| own == expr).unwrap_or_else(|| {
                exprs.push(expr.clone());
                exprs.len() - 1
            })
        };
        let mut step = |open: &Open| match open {
            Open::Sort { keys, fetch } => {
                let keys = keys.iter().map(|(expr, options)| (place(expr), *options)).collect();
                Step::Sort { keys, fetch: *fetch }
            }
            Open::Limit { skip, fetch } => Step::Limit { skip: *skip, fetch: *fetch },
            Open::Distinct(columns) => Step::Distinct { columns: columns.iter().map(&mut place).collect() },
        };
        let steps = self.steps.iter().map(&mut step).collect();
        (exprs, steps)
    }

    /// The plan of one block: its rows under the names of `schema`, filtered, then `exprs` under the names of `query`.
    pub(super) fn block(&self, input: &Arc<LogicalPlan>, exprs: &[Expr], query: &DFSchemaRef) -> Option<LogicalPlan> {
        let own = input.schema().columns().into_iter().zip(self.schema.iter());
        let named = own.map(|(column, (qualifier, field))| {
            let is_same = column.relation.as_ref() == qualifier && column.name == *field.name();
            let column = Expr::Column(column);
            if is_same { column } else { column.alias_qualified(qualifier.cloned(), field.name()) }
        });
        let mut plan = LogicalPlan::Projection(Projection::try_new(named.collect(), Arc::clone(input)).ok()?);
        if let Some(predicate) = conjunction(self.filters.iter().cloned()) {
            plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(plan)).ok()?);
        }
        let name = |(at, expr): (usize, &Expr)| match query.iter().nth(at) {
            Some((qualifier, field)) => expr.clone().alias_qualified(qualifier.cloned(), field.name()),
            None => expr.clone().alias(format!("__key_{at}")),
        };
        let exprs = exprs.iter().enumerate().map(name).collect();
        Some(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan)).ok()?))
    }
}
