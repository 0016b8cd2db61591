//! Evaluates the plan above the aggregate node by node on one batch, without an optimiser or a physical plan.

use crate::answer::{Error, Result};
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{SortColumn, SortOptions, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Sort};
use datafusion::physical_expr::PhysicalExpr;
use plusminus_plan::{ESTIMATE, has_subquery};
use std::sync::Arc;

/// The compiled plan above the aggregate; columns are found by position, and the hidden column is the last.
#[derive(Debug)]
pub(crate) enum CompiledPostAggregate {
    /// The aggregate's own rows, with the names of its columns.
    Aggregate {
        columns: Fields,
    },
    Project {
        input: Box<CompiledPostAggregate>,
        exprs: Vec<Arc<dyn PhysicalExpr>>,
        columns: Fields,
    },
    Filter {
        input: Box<CompiledPostAggregate>,
        predicate: Arc<dyn PhysicalExpr>,
    },
    Sort {
        input: Box<CompiledPostAggregate>,
        keys: Vec<(Arc<dyn PhysicalExpr>, SortOptions)>,
        fetch: Option<usize>,
    },
    Limit {
        input: Box<CompiledPostAggregate>,
        skip: usize,
        fetch: usize,
    },
}

/// Compiles `plan` down to its aggregate; `None` when a node or expression cannot be evaluated directly.
pub(crate) fn compile(plan: &LogicalPlan, state: &SessionState) -> Result<Option<CompiledPostAggregate>> {
    let below = |plan: &LogicalPlan| Ok::<_, Error>(compile(plan, state)?.map(Box::new));
    Ok(match plan {
        LogicalPlan::Aggregate(aggregate) => {
            Some(CompiledPostAggregate::Aggregate { columns: aggregate.schema.fields().clone() })
        }
        LogicalPlan::SubqueryAlias(alias) => compile(&alias.input, state)?,
        LogicalPlan::Distinct(Distinct::All(input)) => compile(input, state)?,
        LogicalPlan::Projection(projection) => {
            let Some(exprs) = physical(&projection.expr, &projection.input, state)? else { return Ok(None) };
            let columns = projection.schema.fields().clone();
            below(&projection.input)?.map(|input| CompiledPostAggregate::Project { input, exprs, columns })
        }
        LogicalPlan::Filter(filter) => {
            let predicate = physical(std::slice::from_ref(&filter.predicate), &filter.input, state)?;
            let Some(predicate) = predicate.and_then(|mut p| p.pop()) else { return Ok(None) };
            below(&filter.input)?.map(|input| CompiledPostAggregate::Filter { input, predicate })
        }
        LogicalPlan::Sort(sort) => sorted(sort, state)?,
        LogicalPlan::Limit(limit) => {
            let (skip, fetch) = (count(limit.skip.as_deref(), 0), count(limit.fetch.as_deref(), usize::MAX));
            let (Some(skip), Some(fetch)) = (skip, fetch) else { return Ok(None) };
            below(&limit.input)?.map(|input| CompiledPostAggregate::Limit { input, skip, fetch })
        }
        _ => None,
    })
}

fn sorted(sort: &Sort, state: &SessionState) -> Result<Option<CompiledPostAggregate>> {
    let exprs: Vec<Expr> = sort.expr.iter().map(|s| s.expr.clone()).collect();
    let Some(exprs) = physical(&exprs, &sort.input, state)? else { return Ok(None) };
    let options = sort.expr.iter().map(|s| SortOptions { descending: !s.asc, nulls_first: s.nulls_first });
    let keys = exprs.into_iter().zip(options).collect();
    let input = compile(&sort.input, state)?.map(Box::new);
    Ok(input.map(|input| CompiledPostAggregate::Sort { input, keys, fetch: sort.fetch }))
}

/// Compiles `exprs` over the columns of `input`; `None` when one holds a subquery or is volatile.
fn physical(exprs: &[Expr], input: &LogicalPlan, state: &SessionState) -> Result<Option<Vec<Arc<dyn PhysicalExpr>>>> {
    if exprs.iter().any(|expr| has_subquery(expr) || expr.is_volatile()) {
        return Ok(None);
    }
    let schema = with_hidden(input.schema())?;
    let compile = |expr: &Expr| Ok(plusminus_functions::overflow::physical_expr(state, expr.clone(), &schema)?);
    exprs.iter().map(compile).collect::<Result<_>>().map(Some)
}

/// Adds the hidden column, which lookups of error functions read. All columns become nullable, since an estimate may be NULL.
fn with_hidden(schema: &DFSchema) -> Result<DFSchema> {
    let nullable = |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_nullable(true));
    let mut fields: Vec<_> = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), nullable(field))).collect();
    fields.push((None, Arc::new(Field::new(ESTIMATE, DataType::UInt32, false))));
    Ok(DFSchema::new_with_metadata(fields, schema.metadata().clone())?)
}

impl CompiledPostAggregate {
    /// Computes the query's rows from the aggregate's; `batch` has the aggregate's columns, and the hidden column last.
    pub(crate) fn run(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        match self {
            Self::Aggregate { columns } => {
                let own = batch.columns()[..batch.num_columns() - 1].to_vec();
                with_columns(batch, columns, own)
            }
            Self::Project { input, exprs, columns } => {
                let rows = input.run(batch)?;
                let values = exprs.iter().map(|expr| evaluate(expr, &rows)).collect::<Result<_>>()?;
                with_columns(&rows, columns, values)
            }
            Self::Filter { input, predicate } => {
                let rows = input.run(batch)?;
                let mask = evaluate(predicate, &rows)?;
                let mask = mask.as_boolean_opt().ok_or_else(|| Error::data("HAVING is not a condition"))?;
                Ok(filter_record_batch(&rows, mask)?)
            }
            Self::Sort { input, keys, fetch } => {
                let rows = input.run(batch)?;
                let column = |(expr, options): &(Arc<dyn PhysicalExpr>, SortOptions)| {
                    Ok(SortColumn { values: evaluate(expr, &rows)?, options: Some(*options) })
                };
                let keys = keys.iter().map(column).collect::<Result<Vec<_>>>()?;
                Ok(take_record_batch(&rows, &lexsort_to_indices(&keys, *fetch)?)?)
            }
            Self::Limit { input, skip, fetch } => {
                let rows = input.run(batch)?;
                let skip = (*skip).min(rows.num_rows());
                Ok(rows.slice(skip, (*fetch).min(rows.num_rows() - skip)))
            }
        }
    }
}

fn evaluate(expr: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<ArrayRef> {
    Ok(expr.evaluate(rows)?.into_array(rows.num_rows())?)
}

/// Puts new columns in front of the hidden one of `rows`, under the plan's names, since some functions look columns up by name.
fn with_columns(rows: &RecordBatch, columns: &Fields, values: Vec<ArrayRef>) -> Result<RecordBatch> {
    let hidden = rows.num_columns() - 1;
    let field = |(field, values): (&Arc<Field>, &ArrayRef)| {
        Arc::new(field.as_ref().clone().with_data_type(values.data_type().clone()).with_nullable(true))
    };
    let mut fields: Vec<_> = columns.iter().zip(&values).map(field).collect();
    fields.push(Arc::clone(&rows.schema().fields()[hidden]));
    let values = values.into_iter().chain([Arc::clone(rows.column(hidden))]).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), values)?)
}

/// The number of a LIMIT or OFFSET; `None` when it is not a plain number.
fn count(expr: Option<&Expr>, default: usize) -> Option<usize> {
    match expr {
        None => Some(default),
        Some(Expr::Literal(value, _)) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(number))) => usize::try_from(number).ok(),
            Ok(ScalarValue::Int64(None)) => Some(default),
            _ => None,
        },
        Some(_) => None,
    }
}
