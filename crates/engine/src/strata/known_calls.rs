//! Aggregates that the catalog alone can tell.

use super::aggregates::{Weighed, weighed};
use super::catalog::{Known, SpecialKnown, known_variable};
use crate::answer::Result;
use crate::samples::Fitted;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::execution::SessionState;
use plusminus_functions::numbers::{estimates_typed, floats};
use plusminus_plan::{Call, CallKind, Shape};
use plusminus_statistics::{Estimate, Quantiles};

/// The aggregates by call, when the catalog alone can tell all of them.
pub(crate) struct KnownCalls {
    pub(crate) calls: Vec<KnownCall>,
    /// Sums and counts by variable and part, where strata were weighed for them.
    pub(crate) variables: Option<Vec<Vec<f64>>>,
}

/// One aggregate by part.
pub(crate) enum KnownCall {
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
    pub(crate) fn column(
        &self,
        data_type: &DataType,
        groups: usize,
        quantiles: &Quantiles,
    ) -> Result<(ArrayRef, Vec<Estimate>)> {
        match self {
            Self::Counted(parts) => {
                let own: Vec<Estimate> = parts.iter().take(groups).map(|k| k.estimate(quantiles)).collect();
                Ok((estimates_typed(&own.iter().map(|e| e.value).collect::<Vec<_>>(), data_type)?, own))
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
