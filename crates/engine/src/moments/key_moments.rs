//! Moments of the totals per key, for samples that hold all rows of a key or none.
//!
//! The build-time scan has statistics of rows, not of keys; the keys of the sample's top level represent all keys.

use super::range::{of_column, range};
use super::{ArgumentFacts, MomentsCache, Opened, evaluated, uncast};
use crate::answer::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use plusminus_plan::{AggregateQuery, Argument};
use plusminus_statistics::{Moments, PopulationMoments};

impl MomentsCache {
    /// Moments of each argument's sum over a key's rows, one entry per argument; empty for arguments that are used in second moments only.
    pub(crate) fn of_keys(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        sample: &Opened<'_>,
    ) -> Result<Vec<ArgumentFacts>> {
        let mut known = Vec::with_capacity(query.arguments.len());
        for (number, argument) in query.arguments.iter().enumerate() {
            let own = match argument {
                Argument::Plain(expr) if query.is_added(number) => {
                    let mut own = self.key_totals(Some(expr), query, state, sample)?;
                    own.min = sign(expr, query, sample, |moments| moments.min.is_some_and(|min| min >= 0.0));
                    own.max = sign(expr, query, sample, |moments| moments.max.is_some_and(|max| max <= 0.0));
                    own
                }
                _ => PopulationMoments::default(),
            };
            let of = |name: &str| Some(of_column(name, sample.manifest, sample.strata));
            let range = argument.plain().and_then(|expr| range(expr, &query.scan.projected_schema, &of));
            known.push(ArgumentFacts { mean: None, keys: own, range: range.unwrap_or_default() });
        }
        Ok(known)
    }

    /// Moments of the number of rows per key.
    pub(crate) fn rows_of_keys(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        sample: &Opened<'_>,
    ) -> Result<PopulationMoments> {
        let known = self.key_totals(None, query, state, sample)?;
        Ok(PopulationMoments { min: Some(0.0), ..known })
    }

    fn key_totals(
        &self,
        expr: Option<&Expr>,
        query: &AggregateQuery,
        state: &SessionState,
        sample: &Opened<'_>,
    ) -> Result<PopulationMoments> {
        let text = expr.map_or_else(|| "rows of a key".to_owned(), |e| format!("{e} by key"));
        let known = self.cached(sample, text, || {
            let keys = totals_by_key(expr, query, state, sample)?;
            let keys = keys.map_or_else(PopulationMoments::default, |totals| moments(&totals));
            Ok(ArgumentFacts { keys, ..ArgumentFacts::default() })
        })?;
        Ok(known.keys)
    }
}

/// 0 where the build-time scan shows that no value has the other sign, so that no key's total has it either.
fn sign(
    expr: &Expr,
    query: &AggregateQuery,
    sample: &Opened<'_>,
    holds: impl Fn(&plusminus_catalog::ColumnMoments) -> bool,
) -> Option<f64> {
    let Expr::Column(column) = uncast(expr, &query.scan.projected_schema) else { return None };
    let moments = sample.manifest.column_moments(&column.name)?;
    let non_null: u64 = sample.strata.non_null(&column.name).unwrap_or(sample.strata.rows()).iter().sum();
    (moments.count == non_null && holds(moments)).then_some(0.0)
}

/// The sum of an expression over each key's rows (or their number), for all keys of the sample except those with very many rows.
fn totals_by_key(
    expr: Option<&Expr>,
    query: &AggregateQuery,
    state: &SessionState,
    sample: &Opened<'_>,
) -> Result<Option<Vec<f64>>> {
    let exprs: Vec<&Expr> = expr.into_iter().collect();
    let columns: Vec<String> = exprs.iter().flat_map(|e| e.column_refs()).map(|c| c.name.clone()).collect();
    let mut totals: Vec<f64> = Vec::new();
    for level in 0..sample.manifest.levels.len() {
        let level_columns = sample.level_cache.level(sample.store, sample.manifest, level, &columns)?;
        let Some(values) = evaluated(&exprs, &level_columns, &columns, query, state)? else { return Ok(None) };
        let mut last = None;
        for (row, rank) in level_columns.ranks.values().iter().enumerate() {
            // Keys with very many rows are stored whole and known exactly.
            if sample.strata.is_tail(level_columns.strata.value(row) as usize) {
                continue;
            }
            if last.replace(*rank) != Some(*rank) {
                totals.push(0.0);
            }
            let value = values.first().map_or(1.0, |values| values[row]);
            if let Some(total) = totals.last_mut().filter(|_| !value.is_nan()) {
                *total += value;
            }
        }
    }
    Ok(Some(totals))
}

/// Moments of the keys' totals, without bounds, since keys that were not drawn may exceed them.
fn moments(totals: &[f64]) -> PopulationMoments {
    let mut moments = Moments::default();
    moments.add_slice(totals);
    PopulationMoments { min: None, max: None, ..PopulationMoments::from(&moments) }
}
