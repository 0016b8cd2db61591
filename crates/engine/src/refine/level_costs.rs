//! Predicts the time of evaluating levels, and chooses levels that fit into the time left.

use super::Context;
use super::projected::may_project;
use crate::cache::Key;
use crate::environment::Cost;
use crate::samples::{FIRST_LEVEL_SHARE, NEXT_LEVEL_SHARE, SampleBinding, file_opening_ns, level_ns, reading_ns};
use datafusion::logical_expr::Expr;
use plusminus_plan::{AggregateQuery, Argument};
use std::time::Duration;

/// Factor on the predicted mean time of a level, so that most levels end in time.
const CAUTION: f64 = 1.4;

/// Cells of a row that take as long as estimating one number of one group.
const GROUP_CELLS: f64 = 60.0;

/// Average rows per group below which no sample meets an error.
const GROUP_ROWS_MIN: f64 = 5.0;

/// Lower bound on the groups of the table: the most distinct values of any plain GROUP BY column. Expressions and columns that WHERE
/// restricts do not count.
fn groups(query: &AggregateQuery, binding: &SampleBinding) -> f64 {
    let is_narrowed = |name: &str| {
        query.predicates.iter().any(|condition| condition.column_refs().iter().any(|column| column.name == name))
    };
    let values = |key: &Expr| match key {
        Expr::Column(column) if !is_narrowed(&column.name) => binding.manifest.column_distinct(&column.name),
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    query.keys.iter().filter_map(values).map(|distinct| distinct.count as f64).fold(1.0, f64::max)
}

/// Costs of evaluating the levels of one sample for one query.
pub(crate) struct LevelCosts<'a> {
    query: &'a AggregateQuery,
    context: &'a Context<'a>,
    binding: &'a SampleBinding,
    /// Cells per row: the operations that each row passes through.
    width: f64,
    /// Groups of the table, as far as they are known.
    groups: f64,
    /// Cells per group: the numbers that are estimated of each group.
    group_width: f64,
}

impl<'a> LevelCosts<'a> {
    pub(crate) fn new(query: &'a AggregateQuery, context: &'a Context<'a>, binding: &'a SampleBinding) -> Self {
        let plain = query.arguments.iter().filter(|a| matches!(a, Argument::Plain(_))).count();
        let passes = 1 + query.predicates.len() + 2 * query.keys.len() + plain + query.variables.len();
        // A percentile sorts, and replicates count every row many times.
        let heavy = 4 * query.non_linear.len() + if query.has_upper_aggregate { 16 } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let width = (passes + heavy) as f64;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let group_width = GROUP_CELLS * query.functions().count().max(1) as f64;
        Self { query, context, binding, width, groups: groups(query, binding), group_width }
    }

    /// Rows held by levels up to and including each.
    pub(crate) fn cumulative(&self) -> &[u64] {
        &self.binding.cumulative
    }

    /// The highest level that has all columns that the query reads.
    pub(crate) fn top(&self) -> usize {
        self.binding.readable.saturating_sub(1).min(self.last())
    }

    /// The highest level.
    pub(crate) fn last(&self) -> usize {
        self.cumulative().len().saturating_sub(1)
    }

    /// Rows held by levels up to `level`.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    pub(crate) fn rows(&self, level: usize) -> f64 {
        self.cumulative().get(level).copied().unwrap_or(0) as f64
    }

    /// Cells of evaluating `level`: rows times cells per row, plus groups times cells per group.
    pub(crate) fn cells(&self, level: usize) -> f64 {
        let rows = self.rows(level);
        rows * self.width + rows.min(self.groups) * self.group_width
    }

    /// Work of evaluating `level` first, with opening the files up to it, in nanoseconds of the reference machine.
    pub(crate) fn first_ns(&self, level: usize) -> f64 {
        level_ns(self.cells(level)) + file_opening_ns(level + 1, self.binding.manifest.base.columns.len())
    }

    /// Work of reading the matching parts of the levels after `level` up to `last`, whether they are in memory or not, in nanoseconds of
    /// the reference machine.
    pub(crate) fn reading_ns(&self, level: usize, last: usize) -> f64 {
        let binding = self.binding;
        let parts = binding.parts.iter().take(last + 1).skip(level + 1);
        reading_ns(parts.map(|part| part.rows(&binding.manifest)).sum(), binding.needs.columns.len())
    }

    /// Whether even the highest level holds too few rows per group on average to meet an error.
    pub(crate) fn has_thin_groups(&self) -> bool {
        self.rows(self.last()) < GROUP_ROWS_MIN * self.groups
    }

    /// Whether evaluating any level is a waste, since the table answers in the end.
    pub(crate) fn is_vain(&self) -> bool {
        let goal = self.context.goal;
        goal.reads_table_on_miss() && goal.within.is_none() && self.has_thin_groups()
    }

    /// Whether a projection of the levels up to `level` by the query's groups is in memory.
    fn is_projected(&self, level: usize) -> bool {
        may_project(self.query, self.binding, level)
            && self.binding.group_order(self.query).is_ok_and(|group_order| {
                self.context.level_cache.holds(&Key::projection(&self.binding.manifest, level, &group_order.keys))
            })
    }

    /// Predicted time of evaluating `level`, reading included, with the safety factor; `None` before enough was learnt.
    pub(crate) fn predicted_time(&self, level: usize) -> Option<Duration> {
        Some(self.walk(level)? + self.load(level))
    }

    /// Predicted time of reading those columns of levels up to `level` that are not in memory; zero before enough was learnt.
    fn load(&self, level: usize) -> Duration {
        if self.is_projected(level) {
            return Duration::ZERO;
        }
        let (binding, level_cache) = (self.binding, self.context.level_cache);
        let unread = |part| level_cache.unread_values(&binding.manifest, part, &binding.needs.columns);
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let values = binding.parts.iter().take(level + 1).map(unread).sum::<u64>() as f64;
        let time = if values > 0.0 { self.context.costs.predict(Cost::Load, values) } else { None };
        time.map_or(Duration::ZERO, |time| time.mul_f64(CAUTION))
    }

    /// Predicted time of evaluating `level` with all columns in memory, with the safety factor.
    fn walk(&self, level: usize) -> Option<Duration> {
        Some(self.at_pace(Cost::Level, level)?.mul_f64(CAUTION))
    }

    /// Predicted time of an answer from `level`, from the text on.
    pub(crate) fn answer(&self, level: usize) -> Option<Duration> {
        self.at_pace(Cost::Answer, level)
    }

    fn at_pace(&self, cost: Cost, level: usize) -> Option<Duration> {
        let others = |cells| self.context.costs.predict(cost, cells);
        Some(others(self.cells(level))?.mul_f64(self.context.prepared.query_cost.of(cost, others)))
    }

    pub(crate) fn learn(&self, cost: Cost, level: usize, took: Duration) {
        let cells = self.cells(level);
        self.context.prepared.query_cost.note(cost, cells, took);
        self.add(cost, cells, took);
    }

    /// Whether the costs of evaluating levels and of reading files were learnt.
    pub(crate) fn is_learnt(&self) -> bool {
        self.walk(0).is_some() && self.knows_loads()
    }

    /// Whether the cost of reading files was learnt.
    pub(crate) fn knows_loads(&self) -> bool {
        self.context.costs.predict(Cost::Load, 1.0).is_some()
    }

    /// Learns that `values` values were read from files in this time.
    pub(crate) fn learn_load(&self, values: u64, took: Duration) {
        if values > 0 && !took.is_zero() {
            #[expect(clippy::cast_precision_loss, reason = "a forecast")]
            self.add(Cost::Load, values as f64, took);
        }
    }

    fn add(&self, cost: Cost, cells: f64, took: Duration) {
        if let Some(learnt) = self.context.costs.learn(cost, cells, took) {
            let store = self.context.store.clone();
            // Written in the background, since disks are slow; if the store cannot be written, only this process learns.
            tokio::task::spawn_blocking(move || drop(store.keep_costs(&learnt)));
        }
    }

    /// Whether evaluating `level` takes a small part of the time left, or no time was stated.
    pub(crate) fn is_small(&self, level: usize) -> bool {
        let Some(left) = self.context.left() else { return true };
        self.predicted_time(level).is_some_and(|time| time <= left.mul_f64(FIRST_LEVEL_SHARE))
    }

    /// The first level to evaluate: the top where only time is stated and there is plenty of it; otherwise `first`, or a lower level if
    /// that takes too long.
    pub(crate) fn first(&self, first: usize) -> usize {
        if self.context.goal.within.is_none() {
            return first;
        }
        if self.context.goal.error.is_none() && self.is_small(self.top()) {
            return self.top();
        }
        match self.predicted_time(first) {
            None if self.context.is_short_of_time() => 0,
            None => first,
            Some(_) => (0..=first).rev().find(|level| self.is_small(*level)).unwrap_or(0),
        }
    }

    /// The level to evaluate after `level`: the `wanted` one under an error bound, else the highest, or the highest below it that ends in
    /// time; `None` if none does. `took` is the time of `level`, without reading files where that cost was learnt.
    pub(crate) fn next(&self, level: usize, wanted: usize, took: Duration) -> Option<usize> {
        let Some(left) = self.context.left() else { return Some(wanted) };
        let highest = if self.context.goal.error.is_some() { wanted } else { self.top() };
        let time = |next: usize| {
            // A level that took longer than predicted, on a busy machine say, makes the next one take longer too.
            let known = self.walk(level).unwrap_or(took);
            let slower = (took.as_secs_f64() / known.as_secs_f64().max(1e-9)).max(1.0);
            let share = self.cells(next) / self.cells(level).max(1.0);
            let walk = self.walk(next);
            let walk = walk.map_or_else(|| took.mul_f64(share.clamp(1.0, 1e6)), |time| time.mul_f64(slower.min(1e3)));
            walk + self.load(next)
        };
        (level + 1..=highest).rev().find(|next| time(*next) <= left.mul_f64(NEXT_LEVEL_SHARE))
    }
}
