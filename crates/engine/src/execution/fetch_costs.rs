//! The cost of fetching columns of joined tables, beside that of the exact answer.

use super::QueryExecution;
use super::table_answer::in_words;
use crate::answer::Result;
use crate::joins::{KeyLimits, KeyLocal, lacking_tables, predicted_fetch, subquery_of};
use crate::planning::UnprovenKey;
use crate::samples::{rows_about, table_work};
use datafusion::datasource::source_as_provider;
use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, Reason};
use std::time::Duration;

/// Share of the exact answer's work above which columns are not fetched under an error bound, which the sample may still miss: the table then
/// answers, and the columns are fetched behind it.
const SHARE_OF_TABLE: f64 = 0.2;
/// The share once a pilot predicts that the bound will be met.
const SHARE_AFTER_PILOT: f64 = 0.6;
/// Share of the exact answer's work below which columns are fetched for all levels, without a pilot on some.
const CHEAP_SHARE: f64 = 0.05;
/// The share for those who prefer an estimate that misses to the table.
const SHARE_OF_TABLE_UNREAD: f64 = 0.9;
/// Share above which columns are not fetched behind the exact answer either.
const SHARE_BEHIND_TABLE: f64 = 2.0;
/// Share of the exact answer's work that proving a key may take under an error bound.
const KEY_SHARE_OF_TABLE: f64 = 0.5;
/// Share of the exact answer's work above which a key is not proven behind it either. A key is proven once for all queries of its table.
const KEY_SHARE_BEHIND_TABLE: f64 = 5.0;
/// Nanoseconds to compute a subquery from a row of a sample in memory, on the reference machine.
const SUBQUERY_ROW_NS: f64 = 400.0;
/// Share of the time left that fetching may take.
const SHARE_OF_TIME: f64 = 0.6;

/// The cost of fetching the columns that a sample lacks.
pub(super) struct FetchCost {
    /// Nanoseconds on the reference machine.
    pub(super) ns: f64,
    pub(super) time: Duration,
    /// The tables that are read.
    pub(super) tables: String,
    /// Whether a subquery is computed over whole tables.
    pub(super) has_subquery: bool,
    /// Whether samples of keys are joined.
    pub(super) joins_samples: bool,
}

/// Names of tables for people: the names of subqueries say nothing.
pub(super) fn shown(tables: &str) -> String {
    let mut all: Vec<&str> =
        tables.split(',').map(|table| if table.starts_with("subquery ") { "a subquery" } else { table }).collect();
    all.dedup();
    all.join(", ")
}

/// Why columns are not fetched before the answer.
pub(super) struct TooDear {
    pub(super) reason: Reason,
    /// Whether they are fetched behind it.
    pub(super) is_worth_it_later: bool,
}

impl QueryExecution {
    /// The work that proving a key of a joined table may take.
    pub(super) async fn key_limits(&self) -> Result<KeyLimits> {
        let table = self.table().cost().await?.filter(|_| self.goal.error.is_some());
        Ok(KeyLimits { time: self.left(), ns: table.map(|table| table.work.ns * KEY_SHARE_OF_TABLE) })
    }

    /// Why a key is not proven before the answer. It is proven behind it where that costs little enough.
    pub(super) async fn unproven(&self, key: &UnprovenKey) -> Result<Reason> {
        let table = self.table().cost().await?.map(|table| table.work.ns);
        if table.is_none_or(|table| key.ns <= table * KEY_SHARE_BEHIND_TABLE) {
            self.fetching.leave_keys_for_later(KeyLimits { time: None, ns: Some(key.ns) });
        }
        let UnprovenKey { columns, table, time, .. } = key;
        let time = in_words(*time);
        Ok(Reason::new(format!(
            "whether {columns} is a key of {table} must be found out first, which takes about {time}"
        )))
    }

    /// The cost of fetching the columns that a sample lacks at its first `levels` levels.
    pub(super) async fn fetch_cost(
        &self,
        query: &AggregateQuery,
        manifest: &Manifest,
        levels: usize,
    ) -> Result<FetchCost> {
        let mut rows = Vec::with_capacity(query.joins.len());
        for table in &query.joins {
            let provider = source_as_provider(&table.scan.source)?;
            rows.push((table.matched.as_str(), rows_about(&self.env, &provider).await.unwrap_or(0)));
        }
        let of = |name: &str| rows.iter().find(|(known, _)| *known == name).map_or(0, |(_, rows)| *rows);
        let mut ns = predicted_fetch(&query.joins, manifest, levels, |table| of(&table.matched));
        let mut has_subquery = false;
        for table in lacking_tables(&query.joins, manifest, levels) {
            if let Some(subquery) = KeyLocal::of(&self.env, table, manifest, self.prepared.state()).await? {
                #[expect(clippy::cast_precision_loss, reason = "a forecast")]
                let rows = subquery.sample.sampled_rows() as f64;
                ns += rows * SUBQUERY_ROW_NS;
            } else if let Some(plan) = subquery_of(&table.scan) {
                ns += table_work(&self.env, &plan, self.prepared.state()).await?.ns;
                has_subquery = true;
            }
        }
        let mut tables: Vec<String> = query.joins.iter().map(|t| self.env.table_key(&t.scan.table_name)).collect();
        tables.sort_unstable();
        tables.dedup();
        let tables = tables.join(",");
        Ok(FetchCost { ns, time: self.env.costs.predict_scan(&tables, ns), tables, has_subquery, joins_samples: false })
    }

    /// Whether columns cost so little that none is spared.
    pub(super) async fn is_cheap(&self, cost: &FetchCost) -> Result<bool> {
        Ok(self.work_to_beat(cost, CHEAP_SHARE).await?.is_some_and(|work| cost.ns <= work * CHEAP_SHARE))
    }

    /// The work of the exact answer, in nanoseconds. Where columns cost less than `share` of it, rows that keys of joined tables spare are left
    /// out; not where a time is stated, since looking at the keys takes some of it.
    async fn work_to_beat(&self, cost: &FetchCost, share: f64) -> Result<Option<f64>> {
        let table = self.table();
        let is_below = table.cost().await?.is_some_and(|table| cost.ns <= table.work.ns * share);
        if is_below && self.goal.within.is_none() {
            table.look_at_keys().await?;
        }
        Ok(table.cost().await?.map(|table| table.work.ns))
    }

    /// Why columns are not fetched before the answer; `None` where they are.
    pub(super) async fn too_dear(&self, cost: &FetchCost) -> Result<Option<TooDear>> {
        let too_dear = |than: &str, is_worth_it_later: bool| {
            let time = in_words(cost.time);
            let what = if cost.joins_samples { "joining samples of" } else { "fetching the columns of" };
            let reason = Reason::new(format!("{what} {} first takes about {time}, {than}", shown(&cost.tables)));
            Some(TooDear { reason, is_worth_it_later })
        };
        let is_alternative = self.goal.reads_table_on_miss() || cost.has_subquery;
        let share = match (is_alternative, self.fetching.asked_for()) {
            (true, Some(asked)) if asked.is_predicted => SHARE_AFTER_PILOT,
            (true, _) => SHARE_OF_TABLE,
            (false, _) => SHARE_OF_TABLE_UNREAD,
        };
        let work = self.work_to_beat(cost, share).await?;
        let is_below = |share: f64| work.is_none_or(|work| cost.ns <= work * share);
        if self.left().is_some_and(|left| cost.time > left.mul_f64(SHARE_OF_TIME)) {
            return Ok(too_dear("more than the time allows", is_below(SHARE_BEHIND_TABLE)));
        }
        match self.goal.error.is_none() || is_below(share) {
            true => Ok(None),
            false => Ok(too_dear("too much beside the exact answer", is_below(SHARE_BEHIND_TABLE))),
        }
    }
}
