//! Answers for which no row is read.

use super::super::columns::typed;
use super::super::settled::Unsettled;
use super::super::{Context, Estimated, finish};
use super::weighed::{Weighed, weighed};
use super::{Known, SpecialKnown, known_variable};
use crate::above;
use crate::error::Result;
use crate::kernel::StrataView;
use crate::numbers::floats;
use crate::prepared::Fitted;
use crate::shape::{Call, CallKind, Shape};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::execution::SessionState;
use plusminus_statistics::expression::Smooth;
use plusminus_statistics::{Estimate, Quantiles};
use std::sync::Arc;

/// The aggregates by call, when the catalog alone can tell all of them.
pub(crate) struct KnownCalls {
    calls: Vec<KnownCall>,
    /// Sums and counts by variable and part, where strata were weighed for them.
    variables: Option<Vec<Vec<f64>>>,
}

/// One aggregate by part.
enum KnownCall {
    Counted(Vec<SpecialKnown>),
    /// In the call's own type.
    Weighed(ArrayRef),
}

/// What the catalog knows of all calls; `None` when a sample has to be looked at.
pub(crate) fn known_calls(
    shape: &Shape,
    fitted: &Fitted,
    state: &SessionState,
    specials: &[Known],
) -> Result<Option<KnownCalls>> {
    if shape.is_beyond {
        return Ok(None);
    }
    let view = &fitted.view;
    let counted = |call: &Call| match &call.kind {
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        CallKind::Count { rows } => {
            let counts = known_variable(shape, view, *rows)?;
            Some(counts.into_iter().map(|c| SpecialKnown::Exact(Some(c as f64))).collect())
        }
        CallKind::Special(special) => specials[*special].clone(),
        _ => None,
    };
    let counts: Vec<Option<Vec<SpecialKnown>>> = shape.calls.iter().map(counted).collect();
    if counts.iter().all(Option::is_some) {
        let calls = counts.into_iter().flatten().map(KnownCall::Counted).collect();
        return Ok(Some(KnownCalls { calls, variables: None }));
    }
    let Some(Weighed { columns, variables }) = weighed(shape, fitted, state, &counts)? else { return Ok(None) };
    let call = |(column, counted): (Option<ArrayRef>, Option<Vec<SpecialKnown>>)| match (column, counted) {
        (Some(column), _) => Some(KnownCall::Weighed(column)),
        (None, Some(counted)) => Some(KnownCall::Counted(counted)),
        (None, None) => None,
    };
    let calls: Option<Vec<KnownCall>> = columns.into_iter().zip(counts).map(call).collect();
    Ok(calls.map(|calls| KnownCalls { calls, variables: Some(variables) }))
}

/// The answer without a look at any level.
pub(crate) async fn answer(
    shape: &Shape,
    context: &Context<'_>,
    fitted: &Fitted,
    known: &KnownCalls,
) -> Result<Estimated> {
    let view = &fitted.view;
    let quantiles = context.quantiles.each(context.goal.confidence);
    let groups = if shape.keys.is_empty() { 1 } else { view.keys.first().map_or(0, |k| k.len()) };
    let mut columns = view.keys.clone();
    let mut estimates: Vec<Vec<Estimate>> = Vec::new();
    for (call, known) in shape.calls.iter().zip(&known.calls) {
        let (column, own) = known.column(&call.data_type, groups, &quantiles)?;
        columns.push(column);
        estimates.push(own);
    }
    let keys = key_numbers(shape, view)?;
    let inputs = Inputs { shape, estimates: &estimates, known, keys: &keys };
    let hidden: Vec<Vec<Estimate>> =
        shape.hidden.iter().map(|smooth| (0..groups).map(|g| inputs.estimate(smooth, g)).collect()).collect();
    finish::fill(shape, &hidden)?;
    let upper = above::run(shape, context.state, &context.prepared.upward, columns, groups).await?;
    let at = |by_group: &dyn Fn(usize) -> Estimate| upper.groups.iter().map(|g| by_group(*g as usize)).collect();
    let of_output = |smooth: &Smooth| at(&|group| inputs.estimate(smooth, group));
    let intervals = shape.outputs.iter().map(|o| o.smooth.as_ref().map(of_output)).collect();
    let spoken_of = hidden.iter().take(shape.error_calls.len()).map(|by_group| at(&|g| by_group[g])).collect();
    Ok(Estimated {
        sample: Arc::clone(&fitted.manifest),
        batch: upper.batch,
        intervals,
        spoken_of,
        level: None,
        rows_read: 0,
        missing_groups_below: Some(0),
        is_whole: true,
        absent_keys: 0,
        unsettled: Unsettled::default(),
        warnings: Vec::new(),
        repair: None,
    })
}

impl KnownCalls {
    /// Whether no sketch takes part.
    pub(crate) fn is_exact(&self) -> bool {
        let counted = self.calls.iter().filter_map(|call| match call {
            KnownCall::Counted(parts) => Some(parts),
            KnownCall::Weighed(_) => None,
        });
        counted.flatten().all(|known| matches!(known, SpecialKnown::Exact(_)))
    }
}

impl KnownCall {
    /// The call's column, and what is known of each of its values.
    fn column(&self, data_type: &DataType, groups: usize, quantiles: &Quantiles) -> Result<(ArrayRef, Vec<Estimate>)> {
        match self {
            Self::Counted(parts) => {
                let own: Vec<Estimate> = parts.iter().take(groups).map(|k| k.estimate(quantiles)).collect();
                Ok((typed(&own.iter().map(|e| e.value).collect::<Vec<_>>(), data_type)?, own))
            }
            Self::Weighed(column) => {
                let column = column.slice(0, groups.min(column.len()));
                let exact = |value: Option<f64>| value.map_or_else(Estimate::exact_null, Estimate::exact);
                let own = floats(&column)?.iter().map(exact).collect();
                Ok((column, own))
            }
        }
    }
}

/// What functions of the aggregates are evaluated on.
struct Inputs<'a> {
    shape: &'a Shape,
    /// By call and group.
    estimates: &'a [Vec<Estimate>],
    known: &'a KnownCalls,
    /// Numeric GROUP BY values by key and group.
    keys: &'a [Vec<f64>],
}

impl Inputs<'_> {
    fn estimate(&self, smooth: &Smooth, group: usize) -> Estimate {
        let linear = smooth.is_linear_in_one();
        let mut inputs = vec![f64::NAN; self.shape.first_key_input()];
        if let Some(variables) = &self.known.variables {
            inputs.iter_mut().zip(variables).for_each(|(input, own)| *input = own[group]);
        }
        for (call, own) in self.shape.calls.iter().zip(self.estimates) {
            let input = match call.kind {
                CallKind::Count { rows } => rows,
                CallKind::Special(special) => self.shape.variables.len() + special,
                CallKind::Sum { sum } => sum,
                _ => continue,
            };
            if let Some(linear) = linear.filter(|linear| linear.input == input) {
                return own[group].map_linear(linear.scale, linear.offset);
            }
            inputs[input] = own[group].value.unwrap_or(f64::NAN);
        }
        inputs.extend(self.keys.iter().map(|k| k.get(group).copied().unwrap_or(f64::NAN)));
        let value = smooth.evaluate(&inputs);
        if value.is_finite() { Estimate::exact(value) } else { Estimate::exact_null() }
    }
}

/// Numeric GROUP BY values by key and part.
fn key_numbers(shape: &Shape, view: &StrataView) -> Result<Vec<Vec<f64>>> {
    let number = |key: &ArrayRef| -> Result<Vec<f64>> {
        if !shape.uses_key_numbers() || !key.data_type().is_numeric() {
            return Ok(Vec::new());
        }
        let numbers = cast(key, &DataType::Float64)?;
        Ok(numbers.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    };
    view.keys.iter().map(number).collect()
}
