//! Answers from the catalog alone, for which no row is read.

use super::rank_stability::RankStability;
use super::{Context, Estimated, finish};
use crate::answer::Result;
use crate::post;
use crate::samples::SampleBinding;
use crate::strata::CatalogCalls;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use plusminus_kernel::StrataView;
use plusminus_plan::{AggregateQuery, CallKind};
use plusminus_statistics::Estimate;
use plusminus_statistics::expression::DifferentiableExpr;
use std::sync::Arc;

/// Builds the answer from catalog values without evaluating a level.
pub(super) async fn answer(
    query: &AggregateQuery,
    context: &Context<'_>,
    binding: &SampleBinding,
    known: &CatalogCalls,
) -> Result<Estimated> {
    let view = &binding.view;
    let quantiles = context.quantiles.each(context.goal.confidence);
    let groups = if query.keys.is_empty() { 1 } else { view.keys.first().map_or(0, |k| k.len()) };
    let mut columns = view.keys.clone();
    let mut estimates: Vec<Vec<Estimate>> = Vec::new();
    for (call, known) in query.calls.iter().zip(&known.calls) {
        let (column, own) = known.column(&call.data_type, groups, &quantiles)?;
        columns.push(column);
        estimates.push(own);
    }
    let keys = key_numbers(query, view)?;
    let inputs = Inputs { query, estimates: &estimates, known, keys: &keys };
    let hidden: Vec<Vec<Estimate>> =
        query.hidden.iter().map(|function| (0..groups).map(|g| inputs.estimate(function, g)).collect()).collect();
    finish::fill(query, &hidden)?;
    let upper = post::run(query, context.state, &context.prepared.compiled_post_aggregate, columns, groups).await?;
    let at = |by_group: &dyn Fn(usize) -> Estimate| upper.groups.iter().map(|g| by_group(*g as usize)).collect();
    let of_output = |function: &DifferentiableExpr| at(&|group| inputs.estimate(function, group));
    let intervals = query.outputs.iter().map(|o| o.function.as_ref().map(of_output)).collect();
    let error_function_inputs =
        hidden.iter().take(query.error_calls.len()).map(|by_group| at(&|g| by_group[g])).collect();
    Ok(Estimated {
        sample: Arc::clone(&binding.manifest),
        batch: upper.batch,
        intervals,
        error_function_inputs,
        level: None,
        rows_read: 0,
        missing_groups_below: Some(0),
        is_whole: true,
        absent_keys: 0,
        unsettled: RankStability::default(),
        warnings: Vec::new(),
        repair: None,
    })
}

/// Inputs of functions of the aggregates.
struct Inputs<'a> {
    query: &'a AggregateQuery,
    /// Estimates, calls × groups.
    estimates: &'a [Vec<Estimate>],
    known: &'a CatalogCalls,
    /// Numeric GROUP BY values, keys × groups.
    keys: &'a [Vec<f64>],
}

impl Inputs<'_> {
    fn estimate(&self, function: &DifferentiableExpr, group: usize) -> Estimate {
        let linear = function.is_linear_in_one();
        let mut inputs = vec![f64::NAN; self.query.first_key_input()];
        if let Some(variables) = &self.known.variables {
            inputs.iter_mut().zip(variables).for_each(|(input, own)| *input = own[group]);
        }
        for (call, own) in self.query.calls.iter().zip(self.estimates) {
            let input = match call.kind {
                CallKind::Count { rows } => rows,
                CallKind::NonLinear(special) => self.query.variables.len() + special,
                CallKind::Sum { sum } => sum,
                _ => continue,
            };
            if let Some(linear) = linear.filter(|linear| linear.input == input) {
                return own[group].map_linear(linear.scale, linear.offset);
            }
            inputs[input] = own[group].value.unwrap_or(f64::NAN);
        }
        inputs.extend(self.keys.iter().map(|k| k.get(group).copied().unwrap_or(f64::NAN)));
        let value = function.evaluate(&inputs);
        if value.is_finite() { Estimate::exact(value) } else { Estimate::exact_null() }
    }
}

/// Numeric GROUP BY values, keys × parts.
fn key_numbers(query: &AggregateQuery, view: &StrataView) -> Result<Vec<Vec<f64>>> {
    let number = |key: &ArrayRef| -> Result<Vec<f64>> {
        if !query.uses_key_numbers() || !key.data_type().is_numeric() {
            return Ok(Vec::new());
        }
        let numbers = cast(key, &DataType::Float64)?;
        Ok(numbers.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    };
    view.keys.iter().map(number).collect()
}
