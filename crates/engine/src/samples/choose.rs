//! Which samples may answer, and at which level to begin.

use crate::bounds::Goal;
use datafusion::logical_expr::Expr;
use plusminus_catalog::Manifest;
use plusminus_kernel::StrataView;
use plusminus_plan::AggregateQuery;
use std::cmp::Reverse;
use std::sync::Arc;

/// Rows that a first look should have where groups may be missing; fewer show few of them.
const FIRST_LOOK_ROWS: u64 = 4_000;
/// Rows that a pilot should have: fewer say little of which sample is better.
const PILOT_ROWS: u64 = 1_000;
/// Rows beyond which a look is no pilot any more: a sample of many strata holds so many at its lowest level.
const PILOT_ROWS_MAX: u64 = 16_000;
/// Samples that are tried by a pilot.
const PILOTS_MAX: usize = 3;
/// More than any number of columns is worth.
const KEYS_FIRST: i32 = 1_000_000;

/// The samples worth a try, the likeliest first; depends on nothing but the query and the store.
///
/// One alone where its strata cover the columns of GROUP BY and WHERE, or where only it can tell (distinct values, aggregates
/// of groups). Otherwise a few, which pilots decide between; those whose strata cover the GROUP BY alone, if there are
/// any, since no group is missing there.
pub(crate) fn candidates(query: &AggregateQuery, families: &[Arc<Manifest>]) -> Vec<Arc<Manifest>> {
    let asked = Asked::new(query);
    let mut sorted: Vec<&Arc<Manifest>> = families.iter().collect();
    sorted.sort_by_key(|m| (Reverse(asked.score(m)), Reverse(m.sampled_rows()), m.name.clone()));
    let Some(best) = sorted.first().copied() else { return Vec::new() };
    let is_sole = asked.covers(best) || best.design.universe.is_some() || query.is_beyond || !query.specials.is_empty();
    if is_sole {
        return vec![Arc::clone(best)];
    }
    let has_keys = sorted.iter().any(|m| asked.covers_keys(m));
    sorted.retain(|m| m.design.universe.is_none() && (!has_keys || asked.covers_keys(m)));
    sorted.into_iter().take(PILOTS_MAX).cloned().collect()
}

/// The columns that a query asks strata for.
struct Asked {
    keys: Vec<String>,
    filters: Vec<String>,
    all: Vec<String>,
    distinct: Vec<String>,
}

impl Asked {
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

    /// Families whose φ covers GROUP BY columns come first, then those that cover WHERE columns; columns of φ that the query
    /// does not use only thin the sample. A sample of whole keys comes first where it alone can count distinct keys, and last
    /// elsewhere.
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
            } else {
                -1
            }
        };
        // What strata decide beside φ is as good, but for more strata than it takes.
        let beside = |column: &String| worth(column).max(1) - 1;
        phi.iter().map(worth).sum::<i32>() + manifest.determined.iter().map(beside).sum::<i32>()
    }
}

/// Whether the family may have an answer at all: whether it knows how many distinct values there are, if that is asked,
/// and whether what it was drawn from fits.
pub(crate) fn may_answer(query: &AggregateQuery, family: &Manifest) -> bool {
    if let Some(column) = &family.design.universe {
        return query.is_answered_by_keys(column);
    }
    query.distinct_columns().all(|column| family.is_decided(column) || family.column_distinct(column).is_some())
}

/// Rows that may pass WHERE, held by levels up to and including each.
pub(crate) fn cumulative_rows(view: &StrataView, manifest: &Manifest) -> Vec<u64> {
    // Of keys, strata count no rows.
    if !view.by_key && !view.all_may_match() {
        return (0..manifest.levels.len()).map(|level| view.held(level)).collect();
    }
    manifest.rows_by_level()
}

/// The level of the first look: the lowest under an error bound, whose errors predict the next.
///
/// Where groups may be missing a look at few rows would see few of them, and where only time is stated it would be wasted.
pub(crate) fn first_level(view: &StrataView, goal: &Goal, cumulative: &[u64]) -> usize {
    match goal.error.is_some() && view.keys_decided {
        true => 0,
        false => level_with(cumulative, FIRST_LOOK_ROWS),
    }
}

/// The level that a pilot looks at; `None` when even the lowest one that tells anything is too large.
pub(crate) fn pilot_level(cumulative: &[u64]) -> Option<usize> {
    let level = level_with(cumulative, PILOT_ROWS);
    cumulative.get(level).is_some_and(|rows| *rows <= PILOT_ROWS_MAX).then_some(level)
}

/// The level whose errors are extrapolated in an explanation.
pub(crate) fn telling_level(cumulative: &[u64]) -> usize {
    level_with(cumulative, FIRST_LOOK_ROWS)
}

/// The first level that holds at least `rows`, or the top.
pub(crate) fn level_with(cumulative: &[u64], rows: u64) -> usize {
    cumulative.iter().position(|held| *held >= rows).unwrap_or(cumulative.len().saturating_sub(1))
}
