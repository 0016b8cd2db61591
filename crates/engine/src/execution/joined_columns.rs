//! Samples with the columns of joined tables that a query reads.

use super::QueryExecution;
use super::table_answer::in_words;
use crate::answer::Result;
use crate::joins::{fetch_columns, lacking_tables, lacks_columns, predicted_fetch, subquery_of};
use crate::samples::{rows_about, table_work};
use datafusion::datasource::source_as_provider;
use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, Reason};
use std::sync::Arc;
use std::time::Duration;

/// Share of the exact answer's work above which columns are not fetched under an error bound, which the sample may still miss.
const SHARE_OF_TABLE: f64 = 0.2;
/// Share of the time left that fetching may take.
const SHARE_OF_TIME: f64 = 0.6;

/// The cost of fetching the columns that a sample lacks.
struct FetchCost {
    /// Nanoseconds on the reference machine.
    ns: f64,
    time: Duration,
    /// The tables that are read.
    tables: String,
}

impl QueryExecution {
    /// The candidates with the columns of other tables that the query reads. Those of the likeliest are fetched where that pays; others
    /// are left out where they lack any.
    pub(super) async fn with_joined_columns(
        &self,
        query: &AggregateQuery,
        candidates: Vec<Arc<Manifest>>,
    ) -> Result<std::result::Result<Vec<Arc<Manifest>>, Reason>> {
        let mut found = Vec::with_capacity(candidates.len());
        if query.joins.is_empty() {
            return Ok(Ok(candidates));
        }
        for (number, manifest) in candidates.iter().enumerate() {
            let manifest = self.env.with_joined(manifest)?;
            match (number, lacks_columns(&query.joins, &manifest)) {
                (0, true) => match self.too_dear(&self.fetch_cost(query, &manifest).await?).await? {
                    Some(reason) => return Ok(Err(reason)),
                    None => {
                        let before = self.elapsed();
                        let lacking = lacking_tables(&query.joins, &manifest);
                        let tables: Vec<&str> = lacking.map(|table| table.scan.table_name.table()).collect();
                        found.push(fetch_columns(&self.env, &query.joins, &manifest, self.prepared.state()).await?);
                        let took = in_words(self.elapsed().saturating_sub(before));
                        let _ = self.fetched.set(format!(
                            "columns of {} were fetched first ({took}); they are stored beside sample '{}'",
                            tables.join(", "),
                            manifest.name
                        ));
                        self.timings.lap("fetch joined columns");
                    }
                },
                (_, true) => {}
                (_, false) => found.push(manifest),
            }
        }
        Ok(Ok(found))
    }

    async fn fetch_cost(&self, query: &AggregateQuery, manifest: &Manifest) -> Result<FetchCost> {
        let mut rows = Vec::with_capacity(query.joins.len());
        for table in &query.joins {
            let provider = source_as_provider(&table.scan.source)?;
            rows.push((table.matched.as_str(), rows_about(&self.env, &provider).await.unwrap_or(0)));
        }
        let of = |name: &str| rows.iter().find(|(known, _)| *known == name).map_or(0, |(_, rows)| *rows);
        let mut ns = predicted_fetch(&query.joins, manifest, |table| of(&table.matched));
        for table in lacking_tables(&query.joins, manifest) {
            if let Some(plan) = subquery_of(&table.scan) {
                ns += table_work(&self.env, &plan).await?.ns;
            }
        }
        let mut tables: Vec<String> = query.joins.iter().map(|t| self.env.table_key(&t.scan.table_name)).collect();
        tables.sort_unstable();
        tables.dedup();
        let tables = tables.join(",");
        Ok(FetchCost { ns, time: self.env.costs.predict_scan(&tables, ns), tables })
    }

    /// Why columns are not fetched; `None` where they are.
    async fn too_dear(&self, cost: &FetchCost) -> Result<Option<Reason>> {
        let reason = |than: &str| {
            let (tables, time) = (cost.tables.replace(',', ", "), in_words(cost.time));
            Reason::new(format!("fetching the columns of {tables} first takes about {time}, {than}"))
        };
        if self.left().is_some_and(|left| cost.time > left.mul_f64(SHARE_OF_TIME)) {
            return Ok(Some(reason("more than the time allows")));
        }
        let table = self.table().cost().await?;
        let is_dear = |ns: f64| cost.ns > ns * SHARE_OF_TABLE;
        Ok(table
            .filter(|table| self.goal.error.is_some() && is_dear(table.work.ns))
            .map(|_| reason("too much beside the exact answer")))
    }
}
