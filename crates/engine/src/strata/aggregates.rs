//! Aggregates that read stratification columns (φ) alone: each stratum counts as equal rows, as many as it has in the table.
//!
//! The state that a DataFusion accumulator has after N equal rows is written down for each stratum and merged. Results are therefore
//! those of the query on the table, in the query's own types.

use super::catalog::CatalogValue;
use crate::answer::{Error, Result};
use crate::samples::SampleBinding;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, UInt64Array};
use arrow::compute::kernels::numeric::{mul, mul_wrapping};
use arrow::compute::{cast, filter_record_batch, nullif};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Float64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{EmitTo, Expr};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};
use plusminus_catalog::Manifest;
use plusminus_kernel::{StrataView, qualified};
use plusminus_plan::{AggregateQuery, Argument, Call, CallKind, Domain};
use std::sync::Arc;

/// Aggregates and variables computed from strata weighted by their row counts.
pub(crate) struct StrataAggregates {
    /// One array per call with a value for every part; `None` for a call whose value was already found in the catalog.
    pub(crate) columns: Vec<Option<ArrayRef>>,
    /// Sums and counts, variables × parts; NaN where a variable reads columns outside φ.
    pub(crate) variables: Vec<Vec<f64>>,
}

/// Computes the calls that have no value in `found` yet; `None` when one of them reads columns outside φ.
pub(crate) fn weighed(
    query: &AggregateQuery,
    binding: &SampleBinding,
    state: &SessionState,
    found: &[Option<Vec<CatalogValue>>],
) -> Result<Option<StrataAggregates>> {
    let view = &binding.view;
    let is_decided = |column: &&datafusion::common::Column| binding.manifest.is_decided(&column.name);
    let is_of_phi = |call: &Call| call.expr.column_refs().iter().all(is_decided);
    // Error functions of second moments need sums that are not kept here.
    let has_spread = query.calls.iter().any(|call| matches!(call.kind, CallKind::Moments { .. }));
    if has_spread && !query.error_calls.is_empty() {
        return Ok(None);
    }
    if !view.decides_all() || !query.calls.iter().zip(found).all(|(call, found)| found.is_some() || is_of_phi(call)) {
        return Ok(None);
    }
    let strata = Strata::new(query, view)?;
    let mut columns = Vec::with_capacity(query.calls.len());
    for (call, found) in query.calls.iter().zip(found) {
        if found.is_some() {
            columns.push(None);
            continue;
        }
        // A call that cannot be computed here, because of an overflow say, is left to rows, and its error to the queries that meet it.
        let Ok(Some(column)) = strata.call(call, state) else { return Ok(None) };
        columns.push(Some(column));
    }
    let variable =
        |v: &plusminus_plan::Variable| strata.variable(query, v.domain, v.argument, state, &binding.manifest);
    let variables = query.variables.iter().map(variable).collect::<Result<_>>();
    Ok(variables.ok().map(|variables| StrataAggregates { columns, variables }))
}

/// The strata that may match WHERE: their values of φ, table rows and parts.
struct Strata {
    batch: RecordBatch,
    schema: DFSchema,
    rows: UInt64Array,
    parts: Vec<usize>,
    count: usize,
}

impl Strata {
    fn new(query: &AggregateQuery, view: &StrataView) -> Result<Self> {
        let all = view.key_batch()?;
        let living: BooleanArray =
            view.strata.rows().iter().zip(0..).map(|(rows, h)| Some(*rows > 0 && view.is_matching(h))).collect();
        let rows: ArrayRef = Arc::new(UInt64Array::from(view.strata.rows().to_vec()));
        let rows = arrow::compute::filter(&rows, &living)?.as_primitive().clone();
        let parts =
            view.part_of.iter().zip(living.values()).filter(|(_, may_match)| *may_match).map(|(p, _)| *p as usize);
        Ok(Self {
            schema: qualified(&query.scan.table_name, &all.schema())?,
            parts: parts.collect(),
            rows,
            batch: filter_record_batch(&all, &living)?,
            count: view.parts,
        })
    }

    fn evaluate(&self, expr: &Expr, state: &SessionState) -> Result<ArrayRef> {
        let physical = plusminus_functions::overflow::physical_expr(state, expr.clone(), &self.schema)?;
        Ok(physical.evaluate(&self.batch)?.into_array(self.batch.num_rows())?)
    }

    /// One call with a value for every part; `None` for functions whose accumulator state is not known here.
    fn call(&self, call: &Call, state: &SessionState) -> Result<Option<ArrayRef>> {
        let physical = self.batch.schema();
        let context = PhysicalPlanningContext::default();
        let builder =
            LoweredAggregateBuilder::new(&call.expr, &self.schema, &physical, state.execution_props(), &context);
        let lowered = builder.build()?;
        let aggregate = lowered.aggregate;
        let count = self.batch.num_rows();
        let mut arguments = Vec::with_capacity(1);
        for argument in aggregate.expressions() {
            arguments.push(argument.evaluate(&self.batch)?.into_array(count)?);
        }
        let filter = lowered.filter.as_ref().map(|f| f.evaluate(&self.batch)?.into_array(count)).transpose()?;
        let Some(states) = states(&aggregate, &arguments, &self.rows)? else { return Ok(None) };
        let (states, parts) = match filter.as_ref().and_then(|f| f.as_boolean_opt()) {
            None => (states, self.parts.clone()),
            Some(mask) => {
                let kept = |array: ArrayRef| arrow::compute::filter(&array, mask);
                let parts = self.parts.iter().zip(mask.iter()).filter(|(_, keep)| *keep == Some(true)).map(|(p, _)| *p);
                (states.into_iter().map(kept).collect::<Result<Vec<_>, _>>()?, parts.collect())
            }
        };
        let mut accumulator: Box<dyn datafusion::logical_expr::GroupsAccumulator> =
            if aggregate.groups_accumulator_supported() {
                aggregate.create_groups_accumulator()?
            } else {
                let one = Arc::clone(&aggregate);
                Box::new(GroupsAccumulatorAdapter::new(move || one.create_accumulator()))
            };
        accumulator.merge_batch(&states, &parts, self.count)?;
        let found = accumulator.evaluate(EmitTo::All)?;
        if aggregate.fun().name() == "count" {
            return Ok(Some(found));
        }
        // A part without a value is NULL; accumulators know only groups that they have seen.
        let first = &states[0];
        let counts = first.as_primitive_opt::<UInt64Type>().filter(|_| states.len() > 1);
        let has_value = |row: usize| counts.map_or_else(|| first.is_valid(row), |counts| counts.value(row) > 0);
        let mut empty = vec![true; self.count];
        parts.iter().enumerate().for_each(|(row, part)| empty[*part] &= !has_value(row));
        Ok(Some(nullif(&found, &BooleanArray::from(empty))?))
    }

    /// A count or sum by part; NaN where the argument or the domain reads columns outside φ.
    fn variable(
        &self,
        query: &AggregateQuery,
        domain: usize,
        argument: Option<usize>,
        state: &SessionState,
        manifest: &Manifest,
    ) -> Result<Vec<f64>> {
        let unknown = || vec![f64::NAN; self.count];
        let is_of_phi = |expr: &Expr| expr.column_refs().iter().all(|c| manifest.is_decided(&c.name));
        let Domain { filter, not_null } = &query.domains[domain];
        let mut mask = vec![true; self.parts.len()];
        if let Some(filter) = filter {
            if !is_of_phi(filter) {
                return Ok(unknown());
            }
            let truth = self.evaluate(filter, state)?;
            let truth = truth.as_boolean_opt().ok_or_else(|| Error::data("FILTER is not a condition"))?;
            mask.iter_mut().zip(truth.iter()).for_each(|(m, t)| *m &= t == Some(true));
        }
        let plain = |number: usize| query.arguments[number].plain().filter(|expr| is_of_phi(expr));
        for number in not_null {
            let Some(expr) = plain(*number) else { return Ok(unknown()) };
            let nulls = self.evaluate(expr, state)?.logical_nulls();
            if let Some(nulls) = nulls {
                mask.iter_mut().zip(nulls.iter()).for_each(|(m, valid)| *m &= valid);
            }
        }
        let values = match argument {
            None => None,
            Some(number) => match (&query.arguments[number], plain(number)) {
                (Argument::Plain(_), Some(expr)) => Some(cast(&self.evaluate(expr, state)?, &DataType::Float64)?),
                _ => return Ok(unknown()),
            },
        };
        let values = values.as_ref().map(|values| values.as_primitive::<Float64Type>());
        let mut sums = vec![0.0; self.count];
        for (row, part) in self.parts.iter().enumerate().filter(|(row, _)| mask[*row]) {
            #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
            let rows = self.rows.value(row) as f64;
            sums[*part] += rows * values.map_or(1.0, |values| values.value(row));
        }
        Ok(sums)
    }
}

/// Accumulator state after `rows` equal rows, one entry per stratum; `None` for functions whose state is not known here.
fn states(
    aggregate: &Arc<AggregateFunctionExpr>,
    arguments: &[ArrayRef],
    rows: &UInt64Array,
) -> Result<Option<Vec<ArrayRef>>> {
    let fields = aggregate.state_fields()?;
    let types: Vec<&DataType> = fields.iter().map(|f| f.data_type()).collect();
    let [argument] = arguments else { return Ok(None) };
    let counts = || -> Result<ArrayRef> {
        let valid = argument.logical_nulls();
        let count = |row: usize| if valid.as_ref().is_none_or(|v| v.is_valid(row)) { rows.value(row) } else { 0 };
        Ok(Arc::new(UInt64Array::from_iter_values((0..rows.len()).map(count))))
    };
    Ok(Some(match (aggregate.fun().name(), types.as_slice()) {
        ("count", [count]) => vec![cast(&counts()?, count)?],
        ("sum", [sum]) => match times(argument, rows, sum)? {
            Some(sums) => vec![sums],
            None => return Ok(None),
        },
        ("min" | "max" | "bool_and" | "bool_or", [value]) => vec![cast(argument, value)?],
        ("avg", [DataType::UInt64, sum]) => match times(argument, rows, sum)? {
            Some(sums) => vec![counts()?, sums],
            None => return Ok(None),
        },
        ("var" | "var_pop" | "stddev" | "stddev_pop", [DataType::UInt64, DataType::Float64, DataType::Float64]) => {
            let zero: ArrayRef = Arc::new(Float64Array::from(vec![0.0; rows.len()]));
            let counts = counts()?;
            // A stratum whose values are all NULL adds no row.
            let is_empty = arrow::compute::kernels::cmp::eq(&counts, &UInt64Array::new_scalar(0))?;
            let mean = arrow::compute::kernels::zip::zip(&is_empty, &zero, &cast(argument, &DataType::Float64)?)?;
            vec![counts, mean, zero]
        }
        _ => return Ok(None),
    }))
}

/// Products of values and row counts in the type of a sum; `None` for types that no sum is known to have.
fn times(values: &ArrayRef, rows: &UInt64Array, data_type: &DataType) -> Result<Option<ArrayRef>> {
    let values = cast(values, data_type)?;
    let rows: ArrayRef = Arc::new(rows.clone());
    Ok(match data_type {
        // Whole numbers wrap, as DataFusion's sums do.
        DataType::Int64 | DataType::UInt64 => Some(mul_wrapping(&values, &cast(&rows, data_type)?)?),
        DataType::Float64 => Some(mul(&values, &cast(&rows, data_type)?)?),
        DataType::Decimal128(precision, scale) => {
            let product = mul(&values, &cast(&rows, &DataType::Decimal128(20, 0))?)?;
            let product = product.as_primitive::<Decimal128Type>().clone();
            Some(Arc::new(product.with_precision_and_scale(*precision, *scale)?))
        }
        DataType::Decimal256(precision, scale) => {
            let product = mul(&values, &cast(&rows, &DataType::Decimal256(20, 0))?)?;
            let product = product.as_primitive::<Decimal256Type>().clone();
            Some(Arc::new(product.with_precision_and_scale(*precision, *scale)?))
        }
        _ => None,
    })
}
