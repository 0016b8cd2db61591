//! Chooses the samples that may answer, and the level to begin with.

use crate::bounds::Goal;
use datafusion::logical_expr::Expr;
use plusminus_catalog::Manifest;
use plusminus_kernel::StrataView;
use plusminus_plan::{AggregateQuery, is_matched_column};
use std::cmp::Reverse;
use std::sync::Arc;

/// Rows that a first level should have where groups may be missing; fewer rows show few of the groups.
const FIRST_LEVEL_ROWS: u64 = 4_000;
/// Rows that a pilot should have; fewer rows say little about which sample is better.
const PILOT_ROWS: u64 = 1_000;
/// Rows above which a pilot is too expensive; a sample of many strata may hold more at its lowest level.
const PILOT_ROWS_MAX: u64 = 16_000;
/// Samples that pilots compare.
const PILOTS_MAX: usize = 3;
/// A score above that of any number of columns.
const KEYS_FIRST: i32 = 1_000_000;

/// The samples worth trying, the likeliest first; depends on the query and the store alone.
///
/// A single sample is returned where its strata cover the columns of GROUP BY and WHERE, or where only it can answer (distinct values,
/// aggregates of groups). Otherwise pilots decide between a few. Samples whose strata cover GROUP BY are preferred, since no group is
/// missing there.
pub(crate) fn candidates(query: &AggregateQuery, families: &[Arc<Manifest>]) -> Vec<Arc<Manifest>> {
    let columns_of_query = QueryColumns::new(query);
    let mut sorted: Vec<&Arc<Manifest>> = families.iter().collect();
    sorted.sort_by_key(|m| (Reverse(columns_of_query.score(m)), Reverse(m.sampled_rows()), m.name.clone()));
    let Some(best) = sorted.first().copied() else { return Vec::new() };
    let is_sole = columns_of_query.covers(best)
        || best.design.universe.is_some()
        || query.has_upper_aggregate
        || !query.non_linear.is_empty();
    if is_sole {
        return vec![Arc::clone(best)];
    }
    let has_keys = sorted.iter().any(|m| columns_of_query.covers_keys(m));
    sorted.retain(|m| m.design.universe.is_none() && (!has_keys || columns_of_query.covers_keys(m)));
    sorted.into_iter().take(PILOTS_MAX).cloned().collect()
}

/// The columns that a query uses, by their use.
struct QueryColumns {
    keys: Vec<String>,
    filters: Vec<String>,
    all: Vec<String>,
    distinct: Vec<String>,
}

impl QueryColumns {
    fn new(query: &AggregateQuery) -> Self {
        let names = |exprs: &[Expr]| -> Vec<String> {
            exprs.iter().flat_map(Expr::column_refs).map(|column| column.name.clone()).collect()
        };
        Self {
            keys: names(&query.keys),
            filters: names(&query.predicates),
            all: query.columns(),
            distinct: query.distinct_columns().map(str::to_owned).collect(),
        }
    }

    fn covers_keys(&self, manifest: &Manifest) -> bool {
        self.keys.iter().all(|column| manifest.is_decided(column))
    }

    fn covers(&self, manifest: &Manifest) -> bool {
        self.covers_keys(manifest) && self.filters.iter().all(|column| manifest.is_decided(column))
    }

    /// Score of a sample. Columns of φ that GROUP BY uses count most, then those that WHERE uses; other columns of φ only thin the sample
    /// and count negatively. A sample of whole keys comes first where it alone can count distinct keys, and last elsewhere.
    fn score(&self, manifest: &Manifest) -> i32 {
        if let Some(column) = &manifest.design.universe {
            return if self.distinct.contains(column) { KEYS_FIRST } else { -KEYS_FIRST };
        }
        let phi = &manifest.design.stratified_by;
        if self.all.iter().all(|column| manifest.is_decided(column)) {
            return KEYS_FIRST + 1;
        }
        let worth = |column: &String| {
            if self.keys.contains(column) {
                4
            } else if self.filters.contains(column) {
                2
            } else if is_matched_column(column) {
                // Few rows have no partner.
                0
            } else {
                -1
            }
        };
        // A column that strata determine without being stratified by it counts almost as much.
        let beside = |column: &String| worth(column).max(1) - 1;
        phi.iter().map(worth).sum::<i32>() + manifest.determined.iter().map(beside).sum::<i32>()
    }
}

/// Whether the sample may have an answer at all: it must know requested distinct counts, and a sample of keys must fit the query.
pub(crate) fn may_answer(query: &AggregateQuery, family: &Manifest) -> bool {
    if let Some(column) = &family.design.universe {
        return query.is_answered_by_keys(column);
    }
    query.distinct_columns().all(|column| family.is_decided(column) || family.column_distinct(column).is_some())
}

/// Rows that may pass WHERE, held by levels up to and including each; all rows for samples of keys.
pub(crate) fn cumulative_rows(view: &StrataView, manifest: &Manifest) -> Vec<u64> {
    // In samples of keys, strata do not count rows.
    if !view.by_key && !view.all_may_match() {
        return (0..manifest.levels.len()).map(|level| view.held(level)).collect();
    }
    manifest.rows_by_level()
}

/// The first level to evaluate: the lowest under an error bound, since its errors predict the next level.
///
/// The level holds more rows where groups may be missing or only time is stated: few rows would show few groups, or waste the time.
pub(crate) fn first_level(view: &StrataView, goal: &Goal, cumulative: &[u64]) -> usize {
    match goal.error.is_some() && view.keys_decided {
        true => 0,
        false => level_with(cumulative, FIRST_LEVEL_ROWS),
    }
}

/// The level of a pilot; `None` when the lowest level with enough rows is too large.
pub(crate) fn pilot_level(cumulative: &[u64]) -> Option<usize> {
    let level = level_with(cumulative, PILOT_ROWS);
    cumulative.get(level).is_some_and(|rows| *rows <= PILOT_ROWS_MAX).then_some(level)
}

/// The level whose errors are extrapolated in an explanation.
pub(crate) fn forecast_level(cumulative: &[u64]) -> usize {
    level_with(cumulative, FIRST_LEVEL_ROWS)
}

/// The first level that holds at least `rows`, or the top.
pub(crate) fn level_with(cumulative: &[u64], rows: u64) -> usize {
    cumulative.iter().position(|held| *held >= rows).unwrap_or(cumulative.len().saturating_sub(1))
}
