//! The plan above the aggregate, node by node on one batch: no optimiser, no physical plan.

use crate::error::{Error, Result};
use crate::shape::errors::ESTIMATE;
use crate::shape::has_subquery;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{SortColumn, filter_record_batch, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Sort};
use std::sync::Arc;

/// Rows of a node: its columns in the order of its schema, and the hidden column last.
///
/// `None` when a node or expression is not among those that can be evaluated as they stand.
pub(super) fn run(plan: &LogicalPlan, state: &SessionState, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
    let below = |plan: &LogicalPlan| run(plan, state, batch);
    match plan {
        LogicalPlan::Aggregate(_) => Ok(Some(batch.clone())),
        LogicalPlan::SubqueryAlias(alias) => below(&alias.input),
        LogicalPlan::Distinct(Distinct::All(input)) => below(input),
        LogicalPlan::Projection(projection) => {
            if projection.expr.iter().any(is_hard) {
                return Ok(None);
            }
            let Some(rows) = below(&projection.input)? else { return Ok(None) };
            let columns = evaluate(&projection.expr, &projection.input, state, &rows)?;
            with_columns(&rows, columns).map(Some)
        }
        LogicalPlan::Filter(filter) => {
            if is_hard(&filter.predicate) {
                return Ok(None);
            }
            let Some(rows) = below(&filter.input)? else { return Ok(None) };
            let mask = evaluate(std::slice::from_ref(&filter.predicate), &filter.input, state, &rows)?;
            let mask = mask[0].as_boolean_opt().ok_or_else(|| Error::data("HAVING is not a condition"))?;
            Ok(Some(filter_record_batch(&rows, mask)?))
        }
        LogicalPlan::Sort(sort) => match below(&sort.input)? {
            Some(rows) => sorted(sort, state, &rows),
            None => Ok(None),
        },
        LogicalPlan::Limit(limit) => {
            let (Some(skip), Some(fetch)) =
                (count(limit.skip.as_deref(), 0), count(limit.fetch.as_deref(), usize::MAX))
            else {
                return Ok(None);
            };
            let Some(rows) = below(&limit.input)? else { return Ok(None) };
            let skip = skip.min(rows.num_rows());
            Ok(Some(rows.slice(skip, fetch.min(rows.num_rows() - skip))))
        }
        _ => Ok(None),
    }
}

/// Expressions that need more than the row: subqueries and what changes from call to call.
fn is_hard(expr: &Expr) -> bool {
    has_subquery(expr) || expr.is_volatile()
}

fn sorted(sort: &Sort, state: &SessionState, rows: &RecordBatch) -> Result<Option<RecordBatch>> {
    let exprs: Vec<Expr> = sort.expr.iter().map(|s| s.expr.clone()).collect();
    if exprs.iter().any(is_hard) {
        return Ok(None);
    }
    let values = evaluate(&exprs, &sort.input, state, rows)?;
    let options = |s: &datafusion::logical_expr::SortExpr| arrow::compute::SortOptions {
        descending: !s.asc,
        nulls_first: s.nulls_first,
    };
    let keys: Vec<SortColumn> = values
        .into_iter()
        .zip(&sort.expr)
        .map(|(values, s)| SortColumn { values, options: Some(options(s)) })
        .collect();
    let order = lexsort_to_indices(&keys, sort.fetch)?;
    Ok(Some(take_record_batch(rows, &order)?))
}

/// `exprs` over the columns of `input`, which `rows` holds.
fn evaluate(exprs: &[Expr], input: &LogicalPlan, state: &SessionState, rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
    let schema = with_hidden(input.schema())?;
    // Columns are found by their place; the hidden one is there for the look-ups of error functions.
    let visible = RecordBatch::try_new(nullable(&schema), rows.columns().to_vec())?;
    let mut columns = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let physical = state.create_physical_expr(expr.clone(), &schema)?;
        columns.push(physical.evaluate(&visible)?.into_array(rows.num_rows())?);
    }
    Ok(columns)
}

fn with_hidden(schema: &DFSchema) -> Result<DFSchema> {
    let mut fields: Vec<_> = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
    fields.push((None, Arc::new(Field::new(ESTIMATE, DataType::UInt32, false))));
    Ok(DFSchema::new_with_metadata(fields, schema.metadata().clone())?)
}

/// Estimates may be NULL where the plan thinks they cannot.
fn nullable(schema: &DFSchema) -> Arc<Schema> {
    let fields = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// New columns in front of the hidden one of `rows`.
fn with_columns(rows: &RecordBatch, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let hidden = rows.num_columns() - 1;
    let mut fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(number, c)| Arc::new(arrow::datatypes::Field::new(format!("c{number}"), c.data_type().clone(), true)))
        .collect();
    fields.push(Arc::clone(&rows.schema().fields()[hidden]));
    let columns = columns.into_iter().chain([Arc::clone(rows.column(hidden))]).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The number of a LIMIT or OFFSET; `None` when it is not a plain number.
fn count(expr: Option<&Expr>, default: usize) -> Option<usize> {
    match expr {
        None => Some(default),
        Some(Expr::Literal(value, _)) => match value.cast_to(&arrow::datatypes::DataType::Int64) {
            Ok(ScalarValue::Int64(Some(number))) => usize::try_from(number).ok(),
            Ok(ScalarValue::Int64(None)) => Some(default),
            _ => None,
        },
        Some(_) => None,
    }
}
