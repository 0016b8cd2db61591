//! Which level can be looked at in the time that is left.

use super::Context;
use super::projected::may_project;
use crate::cache::Key;
use crate::environment::Cost;
use crate::samples::{SampleBinding, level_ns, opening_ns};
use datafusion::logical_expr::Expr;
use plusminus_plan::{AggregateQuery, Argument};
use std::time::Duration;

/// The part of the time left that a first look may take. Whatever the later ones do, there is an answer then; predictions
/// of queries that were never asked may be off by a factor of several.
const FIRST_LOOK: f64 = 0.1;
/// The part of the time left that any further look may take.
const NEXT_LOOK: f64 = 0.6;
/// Looks are taken to be this much longer than the mean of those like them, so that most end in time.
const CAUTION: f64 = 1.4;

/// What estimating one number of one group takes, in cells of a row.
const GROUP_CELLS: f64 = 60.0;

/// Rows of a group on average below which no sample meets an error.
const GROUP_ROWS_MIN: f64 = 5.0;

/// Groups of the table, at least: the most distinct values of any column that is grouped by as it is. Those of expressions and of columns
/// that WHERE narrows are not known.
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

/// Looks of one query, priced.
pub(crate) struct LevelCosts<'a> {
    query: &'a AggregateQuery,
    context: &'a Context<'a>,
    binding: &'a SampleBinding,
    /// Cells per row: what each row passes through.
    width: f64,
    /// Groups of the table, as far as they are known.
    groups: f64,
    /// Cells per group: what is estimated of each.
    group_width: f64,
}

impl<'a> LevelCosts<'a> {
    pub(crate) fn new(query: &'a AggregateQuery, context: &'a Context<'a>, binding: &'a SampleBinding) -> Self {
        let plain = query.arguments.iter().filter(|a| matches!(a, Argument::Plain(_))).count();
        let passes = 1 + query.predicates.len() + 2 * query.keys.len() + plain + query.variables.len();
        // A percentile sorts, and replicates count every row many times.
        let heavy = 4 * query.specials.len() + if query.is_beyond { 16 } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let width = (passes + heavy) as f64;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let group_width = GROUP_CELLS * query.smooths().count().max(1) as f64;
        Self { query, context, binding, width, groups: groups(query, binding), group_width }
    }

    /// Rows held by the levels up to each.
    pub(crate) fn cumulative(&self) -> &[u64] {
        &self.binding.cumulative
    }

    /// The highest level.
    pub(crate) fn top(&self) -> usize {
        self.cumulative().len().saturating_sub(1)
    }

    /// Rows held by the levels up to one.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    pub(crate) fn rows(&self, level: usize) -> f64 {
        self.cumulative().get(level).copied().unwrap_or(0) as f64
    }

    /// Rows times what each passes through, and groups times what is estimated of each.
    pub(crate) fn cells(&self, level: usize) -> f64 {
        let rows = self.rows(level);
        rows * self.width + rows.min(self.groups) * self.group_width
    }

    /// The work of a first look at `level`, with the files up to it to be opened: nanoseconds of the reference machine.
    pub(crate) fn first_ns(&self, level: usize) -> f64 {
        level_ns(self.cells(level)) + opening_ns(level + 1, self.binding.manifest.base.columns.len())
    }

    /// Whether even the highest level holds so few rows of a group on average that no error is met.
    pub(crate) fn has_thin_groups(&self) -> bool {
        self.rows(self.top()) < GROUP_ROWS_MIN * self.groups
    }

    /// Whether no look is worth its time, since the table answers in the end.
    pub(crate) fn is_vain(&self) -> bool {
        let goal = self.context.goal;
        goal.reads_table_on_miss() && goal.within.is_none() && self.has_thin_groups()
    }

    /// Whether the levels up to `level` are in memory in the order of the query's groups.
    fn is_projected(&self, level: usize) -> bool {
        may_project(self.query, self.binding, level)
            && self.binding.grouped(self.query).is_ok_and(|grouped| {
                self.context.level_cache.holds(&Key::projection(&self.binding.manifest, level, &grouped.keys))
            })
    }

    /// What a look at `level` will take, with caution, and what has to be read for it.
    pub(crate) fn look(&self, level: usize) -> Option<Duration> {
        Some(self.walk(level)? + self.load(level))
    }

    /// What reading levels up to `level` will take, as far as they are not in memory; nothing before that was learnt.
    fn load(&self, level: usize) -> Duration {
        if self.is_projected(level) {
            return Duration::ZERO;
        }
        let (binding, level_cache) = (self.binding, self.context.level_cache);
        let lacking = |(level, rows): (usize, u64)| {
            rows.saturating_mul(level_cache.lacking(&binding.manifest, level, &binding.needs.columns) as u64)
        };
        let levels = binding.manifest.levels.iter().map(|level| level.rows).enumerate();
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let values = levels.take(level + 1).map(lacking).sum::<u64>() as f64;
        let time = if values > 0.0 { self.context.costs.predict(Cost::Load, values) } else { None };
        time.map_or(Duration::ZERO, |time| time.mul_f64(CAUTION))
    }

    /// What a look at `level` will take when everything is in memory, with caution.
    fn walk(&self, level: usize) -> Option<Duration> {
        Some(self.at_pace(Cost::Level, level)?.mul_f64(CAUTION))
    }

    /// How long an answer from `level` takes, from the text on.
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

    /// Whether what looks and reading files take was learnt.
    pub(crate) fn is_learnt(&self) -> bool {
        self.walk(0).is_some() && self.knows_loads()
    }

    /// Whether what reading files takes was learnt.
    pub(crate) fn knows_loads(&self) -> bool {
        self.context.costs.predict(Cost::Load, 1.0).is_some()
    }

    /// So many values were read from files in this time.
    pub(crate) fn learn_load(&self, values: u64, took: Duration) {
        if values > 0 && !took.is_zero() {
            #[expect(clippy::cast_precision_loss, reason = "a forecast")]
            self.add(Cost::Load, values as f64, took);
        }
    }

    fn add(&self, cost: Cost, cells: f64, took: Duration) {
        if let Some(learnt) = self.context.costs.learn(cost, cells, took) {
            let store = self.context.store.clone();
            // Aside, since the disk may take its time; a store that cannot be written teaches this process only.
            tokio::task::spawn_blocking(move || drop(store.keep_costs(&learnt)));
        }
    }

    /// Whether a look at `level` takes but a small part of the time left, or time was not stated.
    pub(crate) fn is_small(&self, level: usize) -> bool {
        let Some(left) = self.context.left() else { return true };
        self.look(level).is_some_and(|time| time <= left.mul_f64(FIRST_LOOK))
    }

    /// The first level to look at: the top, if time alone is stated and there is plenty of it; otherwise `first`, or a lower
    /// one if that takes too long.
    pub(crate) fn first(&self, first: usize) -> usize {
        if self.context.goal.within.is_none() {
            return first;
        }
        if self.context.goal.error.is_none() && self.is_small(self.top()) {
            return self.top();
        }
        match self.look(first) {
            None if self.context.is_hasty() => 0,
            None => first,
            Some(_) => (0..=first).rev().find(|level| self.is_small(*level)).unwrap_or(0),
        }
    }

    /// The level to look at after `level`: the `wanted` one under an error bound, else the highest, if it ends in time; a lower one that
    /// does; or none. `level` took so long, without reading files where the price of that is known.
    pub(crate) fn next(&self, level: usize, wanted: usize, took: Duration) -> Option<usize> {
        let Some(left) = self.context.left() else { return Some(wanted) };
        let highest = if self.context.goal.error.is_some() { wanted } else { self.top() };
        let time = |next: usize| {
            // A look that is slower than learnt (the machine is busy) says so of the next one, too.
            let known = self.walk(level).unwrap_or(took);
            let slower = (took.as_secs_f64() / known.as_secs_f64().max(1e-9)).max(1.0);
            let share = self.cells(next) / self.cells(level).max(1.0);
            let walk = self.walk(next);
            let walk = walk.map_or_else(|| took.mul_f64(share.clamp(1.0, 1e6)), |time| time.mul_f64(slower.min(1e3)));
            walk + self.load(next)
        };
        (level + 1..=highest).rev().find(|next| time(*next) <= left.mul_f64(NEXT_LOOK))
    }
}
