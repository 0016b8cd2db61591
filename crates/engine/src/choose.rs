//! Which family answers, and at which level to begin.

use crate::goal::Goal;
use crate::shape::Shape;
use datafusion::logical_expr::Expr;
use plusminus_catalog::Manifest;
use std::sync::Arc;

/// Rows that a first look should have where groups may be missing; fewer show few of them.
const FIRST_LOOK_ROWS: u64 = 4_000;

/// More than any number of columns is worth.
const KEYS_FIRST: i32 = 1_000_000;

/// The family that suits `shape` best; depends on nothing but the query and the store.
///
/// Families whose φ covers GROUP BY columns come first, then those that cover WHERE columns; columns of φ that the
/// query does not use only thin the sample. Ties go to the larger sample, then to the name. A sample of whole keys comes
/// first where it alone can count distinct keys, and last elsewhere.
pub(crate) fn family<'a>(shape: &Shape, families: &'a [Arc<Manifest>]) -> Option<&'a Arc<Manifest>> {
    let names = |exprs: &[Expr]| -> Vec<String> {
        exprs.iter().flat_map(|e| e.column_refs().into_iter().map(|c| c.name.clone()).collect::<Vec<_>>()).collect()
    };
    let (keys, filters) = (names(&shape.keys), names(&shape.predicates));
    let score = |manifest: &Manifest| {
        if let Some(column) = &manifest.design.universe {
            return if shape.distinct_columns().any(|c| c == column) { KEYS_FIRST } else { -KEYS_FIRST };
        }
        let phi = &manifest.design.stratified_by;
        let knows_all = shape.columns().iter().all(|c| phi.contains(c));
        if knows_all {
            return KEYS_FIRST + 1;
        }
        let used = phi.iter().map(|c| {
            if keys.contains(c) {
                4
            } else if filters.contains(c) {
                2
            } else {
                -1
            }
        });
        used.sum::<i32>()
    };
    let best = |m: &&Arc<Manifest>| (score(m), m.sampled_rows(), std::cmp::Reverse(m.name.clone()));
    families.iter().max_by_key(best)
}

/// Whether the family may have an answer at all: whether it knows how many distinct values there are, if that is asked,
/// and whether what it was drawn from fits.
pub(crate) fn may_answer(shape: &Shape, family: &Manifest) -> bool {
    if let Some(column) = &family.design.universe {
        return shape.is_answered_by_keys(column);
    }
    shape.distinct_columns().all(|column| {
        family.design.stratified_by.iter().any(|c| c == column) || family.column_distinct(column).is_some()
    })
}

/// Rows held by levels up to and including each.
pub(crate) fn cumulative_rows(manifest: &Manifest) -> Vec<u64> {
    let levels = manifest.levels.iter();
    levels
        .scan(0, |sum, level| {
            *sum += level.rows;
            Some(*sum)
        })
        .collect()
}

/// The level of the first look: the lowest under an error bound, whose errors predict the next.
///
/// Where groups may be missing a look at few rows would see few of them, and where only time is stated it would be wasted.
pub(crate) fn first_level(shape: &Shape, family: &Manifest, goal: &Goal, cumulative: &[u64]) -> usize {
    let phi = &family.design.stratified_by;
    let is_known = |key: &Expr| key.column_refs().iter().all(|c| phi.contains(&c.name));
    match goal.error.is_some() && shape.keys.iter().all(is_known) {
        true => 0,
        false => level_with(cumulative, FIRST_LOOK_ROWS),
    }
}

/// The first level that holds at least `rows`, or the top.
pub(crate) fn level_with(cumulative: &[u64], rows: u64) -> usize {
    cumulative.iter().position(|held| *held >= rows).unwrap_or(cumulative.len().saturating_sub(1))
}
