//! Aggregates that are computable from the catalog alone.

use super::aggregates::{StrataAggregates, weighed};
use super::catalog::{CatalogValue, CatalogValues, known_variable};
use crate::answer::Result;
use crate::samples::SampleBinding;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::execution::SessionState;
use plusminus_functions::numbers::{estimates_typed, floats};
use plusminus_plan::{AggregateQuery, Call, CallKind};
use plusminus_statistics::{Estimate, Quantiles};

/// All aggregate calls of a query, computed from the catalog alone.
pub(crate) struct CatalogCalls {
    pub(crate) calls: Vec<CatalogCall>,
    /// Sums and counts, variables × parts, where they were computed from strata.
    pub(crate) variables: Option<Vec<Vec<f64>>>,
}

/// One aggregate call with a value for every part.
pub(crate) enum CatalogCall {
    Counted(Vec<CatalogValue>),
    /// Values in the call's own type, one per part.
    StrataAggregates(ArrayRef),
}

/// Values of all calls from the catalog; `None` when rows of a sample are needed.
pub(crate) fn known_calls(
    query: &AggregateQuery,
    binding: &SampleBinding,
    state: &SessionState,
    non_linear: &[CatalogValues],
) -> Result<Option<CatalogCalls>> {
    if query.has_upper_aggregate {
        return Ok(None);
    }
    let view = &binding.view;
    let counted = |call: &Call| match &call.kind {
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        CallKind::Count { rows } => {
            let counts = known_variable(query, view, *rows)?;
            Some(counts.into_iter().map(|c| CatalogValue::Exact(Some(c as f64))).collect())
        }
        CallKind::NonLinear(special) => non_linear[*special].clone(),
        _ => None,
    };
    let counts: Vec<Option<Vec<CatalogValue>>> = query.calls.iter().map(counted).collect();
    if counts.iter().all(Option::is_some) {
        let calls = counts.into_iter().flatten().map(CatalogCall::Counted).collect();
        return Ok(Some(CatalogCalls { calls, variables: None }));
    }
    let Some(StrataAggregates { columns, variables }) = weighed(query, binding, state, &counts)? else {
        return Ok(None);
    };
    let call = |(column, counted): (Option<ArrayRef>, Option<Vec<CatalogValue>>)| match (column, counted) {
        (Some(column), _) => Some(CatalogCall::StrataAggregates(column)),
        (None, Some(counted)) => Some(CatalogCall::Counted(counted)),
        (None, None) => None,
    };
    let calls: Option<Vec<CatalogCall>> = columns.into_iter().zip(counts).map(call).collect();
    Ok(calls.map(|calls| CatalogCalls { calls, variables: Some(variables) }))
}

impl CatalogCalls {
    /// Whether every value is exact, which sketches are not.
    pub(crate) fn is_exact(&self) -> bool {
        let counted = self.calls.iter().filter_map(|call| match call {
            CatalogCall::Counted(parts) => Some(parts),
            CatalogCall::StrataAggregates(_) => None,
        });
        counted.flatten().all(|known| matches!(known, CatalogValue::Exact(_)))
    }
}

impl CatalogCall {
    /// The call's column with `groups` values, and the estimate behind each of them.
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
            Self::StrataAggregates(column) => {
                let column = column.slice(0, groups.min(column.len()));
                let exact = |value: Option<f64>| value.map_or_else(Estimate::exact_null, Estimate::exact);
                let own = floats(&column)?.iter().map(exact).collect();
                Ok((column, own))
            }
        }
    }
}
