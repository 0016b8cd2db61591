//! Answers that need no row: aggregates that strata decide, extremes from the build-time scan, and sketches.

use super::known_calls::{CatalogCalls, known_calls};
use crate::answer::Result;
use crate::bounds::{Goal, meets_or_null};
use crate::samples::SampleBinding;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use plusminus_catalog::{DistinctCount, Manifest};
use plusminus_functions::numbers::holds;
use plusminus_kernel::{Keyed, StrataView};
use plusminus_plan::{
    AggregateQuery, Argument, NonLinearAggregate, NonLinearKind, Reason, is_joined_column, shown_column,
};
use plusminus_statistics::{Estimate, Quantiles, sketch_interval};
use std::sync::Arc;

/// Values of a special call (extreme or distinct count) by part, where the catalog has them.
pub(crate) type CatalogValues = Option<Vec<CatalogValue>>;

/// The catalog's value of a special call in one part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum CatalogValue {
    Exact(Option<f64>),
    /// A sketch's count, its relative standard error, and the number of non-NULL values, which distinct values cannot exceed.
    Sketch {
        count: f64,
        relative_error: f64,
        most: f64,
    },
}

impl CatalogValue {
    pub(crate) fn estimate(self, quantiles: &Quantiles) -> Estimate {
        match self {
            Self::Exact(Some(value)) => Estimate::exact(value),
            Self::Exact(None) => Estimate::exact_null(),
            Self::Sketch { count, relative_error, most } => {
                sketch_interval(count, relative_error, quantiles).map_monotone(|count| count.min(most))
            }
        }
    }
}

/// Catalog values of every special call, in the query's order; a distinct count that neither catalog nor sample has is a reason.
pub(crate) fn non_linear(
    query: &AggregateQuery,
    manifest: &Manifest,
    view: &StrataView,
    goal: &Goal,
) -> Result<std::result::Result<Vec<CatalogValues>, Reason>> {
    // The number of simultaneous intervals.
    let intervals = if goal.all_groups { query.shown_estimates().max(1) } else { 1 };
    let quantiles = Quantiles::simultaneous(goal.confidence, intervals);
    let mut found = Vec::with_capacity(query.non_linear.len());
    for non_linear in &query.non_linear {
        found.push(match &non_linear.kind {
            NonLinearKind::Quantile { .. } => None,
            NonLinearKind::Extreme { is_max, .. } => extreme(query, non_linear, *is_max, manifest, view),
            NonLinearKind::Distinct { column, .. } => match distinct(query, non_linear, column, manifest, view)? {
                Some(known) if goal.error.is_some_and(|target| !known.iter().all(|k| meets_or_null(&k.estimate(&quantiles), target))) => {
                    let column = shown_column(column);
                    let what = format!("COUNT(DISTINCT {column}) is answered exactly: the sketch kept at build time is not within the error");
                    return Ok(Err(Reason::new(what)));
                }
                Some(known) => Some(known),
                None if manifest.design.universe.as_ref() == Some(column) => None,
                None => {
                    let column = shown_column(column);
                    let what = format!(
                        "COUNT(DISTINCT {column}) of these rows is answered exactly: \
                         no row sample can tell, and none is drawn UNIVERSE ON ({column}) or stratified by it and all that \
                         WHERE and GROUP BY name"
                    );
                    return Ok(Err(Reason::new(what)));
                }
            },
        });
    }
    Ok(Ok(found))
}

/// Whether the query runs over every row of the table as one group.
fn is_whole_table(query: &AggregateQuery) -> bool {
    query.keys.is_empty() && query.predicates.is_empty()
}

fn distinct(
    query: &AggregateQuery,
    non_linear: &NonLinearAggregate,
    column: &str,
    manifest: &Manifest,
    view: &StrataView,
) -> Result<CatalogValues> {
    if query.domains[non_linear.domain].filter.is_some() {
        return Ok(None);
    }
    if view.decides_all()
        && let Some(counts) = view.distinct_counts(column)?
    {
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        return Ok(Some(counts.into_iter().map(|c| CatalogValue::Exact(Some(c as f64))).collect()));
    }
    if !is_whole_table(query) {
        return Ok(None);
    }
    if manifest.design.universe.as_deref() == Some(column) {
        // The build counts each row whose key is NULL as a key of its own.
        let nulls = |stratum: usize| {
            let rows = view.strata.rows()[stratum];
            rows - view.strata.non_null(column).map_or(rows, |non_null| non_null[stratum])
        };
        let keys = view.strata.units().iter().enumerate().map(|(stratum, keys)| keys - nulls(stratum)).sum::<u64>();
        #[expect(clippy::cast_precision_loss, reason = "key counts stay far below 2^53")]
        return Ok(Some(vec![CatalogValue::Exact(Some(keys as f64))]));
    }
    let sketch = manifest.distinct.iter().find(|d| d.column == column);
    let most: u64 = view.strata.non_null(column).unwrap_or(view.strata.rows()).iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
    let known = |d: &DistinctCount| CatalogValue::Sketch {
        count: d.count as f64,
        relative_error: d.relative_error,
        most: most as f64,
    };
    Ok(sketch.map(|d| vec![known(d)]))
}

fn extreme(
    query: &AggregateQuery,
    non_linear: &NonLinearAggregate,
    is_max: bool,
    manifest: &Manifest,
    view: &StrataView,
) -> CatalogValues {
    let ends = certain_extremes(query, non_linear, is_max, manifest, view, |_| false)?;
    ends.into_iter().map(|end| end.map(|v| CatalogValue::Exact(Some(v)))).collect()
}

/// The extreme of a column over whole strata by part, from the build-time scan; strata for which `skip` is true are left out.
///
/// `None` when the strata do not decide the rows, or the scan met values that are not finite. A part is `None` when its extreme is
/// not known or too large for a float to hold exactly.
pub(crate) fn certain_extremes(
    query: &AggregateQuery,
    non_linear: &NonLinearAggregate,
    is_max: bool,
    manifest: &Manifest,
    view: &StrataView,
    skip: impl Fn(usize) -> bool,
) -> Option<Vec<Option<f64>>> {
    let Argument::Plain(Expr::Column(column)) = &query.arguments[non_linear.argument] else { return None };
    if query.domains[non_linear.domain].filter.is_some() || !view.decides_all() {
        return None;
    }
    let moments = manifest.column_moments(&column.name)?;
    // Values that are not finite are in no moments.
    let strata = view.strata.non_null(&column.name).unwrap_or(view.strata.rows());
    if moments.count != strata.iter().sum::<u64>() {
        return None;
    }
    let ends = if is_whole_table(query) {
        vec![if is_max { moments.max } else { moments.min }]
    } else {
        view.known_extremes(&column.name, is_max, skip)
    };
    Some(ends.into_iter().map(|end| end.filter(|v| v.is_finite() && holds(*v, non_linear.steps))).collect())
}

/// First step of an approximate answer, after the catalog was asked.
pub(crate) enum CatalogOutcome<'a> {
    /// The catalog knows every call through this sample, so that no row is read.
    Answered(&'a SampleBinding, CatalogCalls),
    /// No sample can answer.
    Refused(Reason),
    /// Levels of a sample have to be evaluated; the catalog's values of special calls.
    NonLinear(Vec<CatalogValues>),
}

/// Asks the catalog, with the likeliest candidate first.
pub(crate) fn start<'a>(
    query: &AggregateQuery,
    goal: &Goal,
    state: &SessionState,
    candidates: &'a [Arc<SampleBinding>],
) -> Result<CatalogOutcome<'a>> {
    let Some(first) = candidates.first() else {
        return Ok(CatalogOutcome::Refused(Reason::new("there is no sample that could answer")));
    };
    let non_linear = match usable(query, first, goal)? {
        Ok(non_linear) => non_linear,
        Err(reason) => return Ok(CatalogOutcome::Refused(reason)),
    };
    for binding in candidates {
        if let Some(known) = known_calls(query, binding, state, &non_linear)? {
            return Ok(CatalogOutcome::Answered(binding, known));
        }
    }
    Ok(CatalogOutcome::NonLinear(non_linear))
}

/// Catalog values of special calls, or the reason why no sample can answer.
fn usable(
    query: &AggregateQuery,
    binding: &SampleBinding,
    goal: &Goal,
) -> Result<std::result::Result<Vec<CatalogValues>, Reason>> {
    if query.has_upper_aggregate && query.needs_all_groups && !binding.view.keys_decided {
        let reason = "an aggregate of groups that the sample is not stratified by may miss some: answered exactly";
        return Ok(Err(Reason::new(reason)));
    }
    if binding.view.keyed == Some(Keyed::Absent) {
        let column = binding.manifest.design.universe.as_deref().unwrap_or_default();
        return Ok(Err(Reason::new(format!(
            "answered exactly: the sample does not hold every named value of {column}"
        ))));
    }
    non_linear(query, &binding.manifest, &binding.view, goal)
}

/// A row count by part that strata alone decide, in table rows.
pub(crate) fn known_variable(query: &AggregateQuery, view: &StrataView, variable: usize) -> Option<Vec<u64>> {
    let variable = &query.variables[variable];
    let domain = &query.domains[variable.domain];
    if variable.argument.is_some() || domain.filter.is_some() || !view.decides_all() {
        return None;
    }
    match domain.not_null.as_slice() {
        [] => Some(view.known_counts(None)),
        [argument] => match &query.arguments[*argument] {
            // The catalog counted no NULLs of columns of other tables.
            Argument::Plain(Expr::Column(column)) if !is_joined_column(&column.name) => {
                Some(view.known_counts(Some(&column.name)))
            }
            _ => None,
        },
        _ => None,
    }
}
