//! Suggests a sample that would have answered a query that no sample answered.

use super::level_rows::{LevelEstimate, ProgressiveScan};
use crate::bounds::meets_or_null;
use crate::environment::sql_name;
use datafusion::logical_expr::Expr;
use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, WrittenJoin, is_matched_column, shown_column, written_join};
use plusminus_statistics::{Estimate, Target};

/// Safety factor on the predicted number of rows.
const CAUTION: f64 = 1.3;
/// A suggested sample is larger than the one that missed by this factor at least.
const LARGER_MIN: f64 = 1.5;
/// Largest share of the table in a suggested sample; larger ones would save little.
const SHARE_MAX: f64 = 0.3;
/// Factor on the number of rows where an estimate has no interval.
const UNKNOWN_FACTOR: f64 = 16.0;
/// Relative variance assumed for unknown values; counts and exponential values have it.
const USUAL_VARIANCE: f64 = 1.0;
/// Strata by the columns of WHERE, at most.
const STRATA_MAX: u64 = 200;
/// Rows per group below which intervals say little.
const GROUP_ROWS_MIN: f64 = 100.0;

/// A statement that builds a sample which would probably have met the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleAdvice(pub(crate) String);

impl ProgressiveScan<'_> {
    /// The sample that the errors of a level call for; `rows_needed` counts rows of this sample. `None` where no small sample would do.
    pub(crate) fn advice(&self, evaluated: &LevelEstimate, rows_needed: Option<f64>) -> Option<SampleAdvice> {
        let manifest = &self.binding.manifest;
        if manifest.design.universe.is_some() {
            return None;
        }
        let (keys, filters) = (columns(&self.query.keys)?, filter_columns(self.query, manifest));
        let is_decided = |names: &[String]| names.iter().all(|name| manifest.is_decided(name));
        let design = match is_decided(&keys) {
            true => self.larger(evaluated, rows_needed)?,
            false => self.by_groups(evaluated, &keys)?,
        };
        let by = match (is_decided(&keys), keys.is_empty()) {
            (true, _) if !manifest.design.stratified_by.is_empty() => unmatched(&manifest.design.stratified_by),
            (_, false) => keys,
            _ => filters,
        };
        Some(SampleAdvice(statement(manifest, self.query, &by, &design)))
    }

    /// A SIZE for the same design, in proportion to the rows needed of those that may pass WHERE; `None` where it would be too large.
    fn larger(&self, evaluated: &LevelEstimate, rows_needed: Option<f64>) -> Option<String> {
        let manifest = &self.binding.manifest;
        let held = as_f64(self.binding.cumulative.last().copied().unwrap_or(0).max(1));
        let factor = rows_needed.map_or_else(|| self.worst_factor(evaluated), |rows| rows / held).max(LARGER_MIN);
        let share = CAUTION * factor * as_f64(manifest.sampled_rows()) / as_f64(manifest.base.rows.max(1));
        (share <= SHARE_MAX).then(|| format!("SIZE {} %", percent(share)))
    }

    /// A CAP with as many rows of each group as the error calls for; `None` where the sample would be too large.
    fn by_groups(&self, evaluated: &LevelEstimate, keys: &[String]) -> Option<String> {
        if keys.is_empty() {
            return None;
        }
        let allowed = match self.context.goal.error? {
            Target::Relative(allowed) => allowed,
            Target::Absolute(_) => return None,
        };
        let quantile = evaluated.quantiles.normal();
        let rows = (CAUTION * USUAL_VARIANCE * (quantile / allowed).powi(2)).max(GROUP_ROWS_MIN);
        let all = rows * as_f64(evaluated.populations.len() as u64);
        let share = all / as_f64(self.binding.manifest.base.rows.max(1));
        (share <= SHARE_MAX).then(|| format!("CAP {}", rounded_up(rows)))
    }

    /// Factor on the number of rows that the widest interval calls for.
    fn worst_factor(&self, evaluated: &LevelEstimate) -> f64 {
        let Some(target) = self.context.goal.error else { return 1.0 };
        let shown = evaluated.estimates.iter().take(self.query.shown_estimates()).flatten();
        let failing = shown.filter(|estimate| !meets_or_null(estimate, target));
        failing.map(|estimate| factor(estimate, target)).fold(1.0, f64::max)
    }
}

/// Factor on the number of rows that an estimate calls for.
fn factor(estimate: &Estimate, target: Target) -> f64 {
    let (Some(value), Some(low), Some(high)) = (estimate.value, estimate.lower, estimate.upper) else {
        return UNKNOWN_FACTOR;
    };
    let allowed = match target {
        Target::Relative(allowed) => allowed * value.abs(),
        Target::Absolute(allowed) => allowed,
    };
    let factor = ((high - low) / (2.0 * allowed)).powi(2);
    if factor.is_finite() { factor.max(2.0) } else { UNKNOWN_FACTOR }
}

/// The columns of GROUP BY; `None` where a key is no plain column.
fn columns(keys: &[Expr]) -> Option<Vec<String>> {
    let name = |key: &Expr| match key {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    };
    keys.iter().map(name).collect()
}

/// Columns with few values that WHERE compares; stratifying by them gives more rows that pass.
fn filter_columns(query: &AggregateQuery, manifest: &Manifest) -> Vec<String> {
    let (mut names, mut strata): (Vec<String>, u64) = (Vec::new(), 1);
    for column in query.predicates.iter().flat_map(Expr::column_refs) {
        let Some(values) = manifest.column_distinct(&column.name).map(|distinct| distinct.count) else { continue };
        if !names.contains(&column.name) && strata.saturating_mul(values) <= STRATA_MAX {
            strata *= values;
            names.push(column.name.clone());
        }
    }
    names
}

/// Columns without those that say whether a row has a partner, which a build adds by itself.
fn unmatched(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| !is_matched_column(name)).cloned().collect()
}

fn statement(manifest: &Manifest, query: &AggregateQuery, by: &[String], size: &str) -> String {
    let table = &manifest.design.table;
    let file = table.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or(table);
    let stem = file.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let WrittenJoin { relation, columns } = written_join(table, &query.joins, by, sql_name);
    let (name, design) = match by.is_empty() {
        true => (sql_name(&format!("{stem}_uniform")), String::new()),
        false => {
            let word = |column: &String| {
                shown_column(column).to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
            };
            let words: Vec<String> = by.iter().map(word).collect();
            (sql_name(&format!("{stem}_by_{}", words.join("_"))), format!(" STRATIFIED BY ({})", columns.join(", ")))
        }
    };
    // A larger sample of the same design replaces the existing one.
    let (create, name) = match unmatched(&manifest.design.stratified_by) == by {
        true => ("CREATE OR REPLACE SAMPLE", sql_name(&manifest.name)),
        false => ("CREATE SAMPLE", name),
    };
    format!("{create} {name} ON {relation}{design} {size}")
}

/// A share as a percentage of two digits, rounded up.
fn percent(share: f64) -> f64 {
    let percent = (100.0 * share).max(0.01);
    let unit = 10f64.powf(percent.log10().floor() - 1.0);
    // Rounded to four decimals, since units below 1 are not exact in binary.
    ((percent / unit).ceil() * unit * 1e4).round() / 1e4
}

/// Rounds up to two digits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
fn rounded_up(rows: f64) -> u64 {
    let unit = 10f64.powf((rows.log10().floor() - 1.0).max(0.0));
    ((rows / unit).ceil() * unit) as u64
}

#[expect(clippy::cast_precision_loss, reason = "a forecast")]
fn as_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_two_digits() {
        assert_eq!([0.0312, 0.2, 0.00012345].map(|share| percent(share).to_string()), ["3.2", "20", "0.013"]);
        assert_eq!([101.0, 1234.5, 99.2].map(rounded_up), [110, 1_300, 100]);
    }

    #[test]
    fn names_are_quoted_where_sql_asks_for_it() {
        assert_eq!(
            ["os", "Os", "2nd", "a b", "/x/it's.csv"].map(sql_name),
            ["os", "\"Os\"", "\"2nd\"", "\"a b\"", "'/x/it''s.csv'"]
        );
    }
}
