//! Samples with the columns of joined tables that a query reads.

use super::QueryExecution;
use super::fetch_costs::{FetchCost, TooDear, shown};
use super::fetching::FetchLater;
use super::table_answer::in_words;
use crate::answer::{Error, Result};
use crate::joins::{SharedKeys, fetch_columns, lacking_tables, lacks_columns, repeating, subquery_of};
use crate::samples::choose;
use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, Reason};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Rows of the lowest levels whose columns are fetched for a pilot, which estimates the error, before those of further levels are.
const PILOT_ROWS: u64 = 64_000;

impl QueryExecution {
    /// The samples that may answer a join, each with what it costs to have the columns of the other tables beside its rows; none for a query of
    /// one table.
    pub(crate) async fn joined_candidates(&self) -> Result<Vec<String>> {
        if !self.goal.is_bounded() || !self.prepared.query.as_ref().is_ok_and(|query| query.is_join) {
            return Ok(Vec::new());
        }
        let Ok((query, samples)) = self.sampled_table().await? else { return Ok(Vec::new()) };
        let mut found = Vec::with_capacity(samples.len());
        for sample in samples.iter().filter(|sample| choose::may_answer(&query, sample)) {
            let shared = match repeating(&query).next() {
                Some(_) => SharedKeys::of(&self.env, &query, sample, self.prepared.state()).await?,
                None => None,
            };
            let name = &sample.name;
            found.push(match shared {
                Some(shared) => {
                    let ns = shared.predicted(&self.env)?;
                    let time = in_words(self.env.costs.predict_scan(&shared.tables(), ns));
                    let what = if ns > 0.0 {
                        format!("joining them takes about {time}, once")
                    } else {
                        "their join is stored".to_owned()
                    };
                    format!("sample '{name}' and those of the same keys: {what}")
                }
                None => {
                    let manifest = self.env.with_joined(sample)?;
                    let levels = manifest.levels.len();
                    let mut lacking: Vec<&str> = lacking_tables(&query.joins, &manifest, levels)
                        .map(|table| table.scan.table_name.table())
                        .collect();
                    lacking.dedup();
                    match lacking.is_empty() {
                        true => format!("sample '{name}' has the columns of other tables beside its rows"),
                        false => {
                            let time = in_words(self.fetch_cost(&query, &manifest, levels).await?.time);
                            format!(
                                "sample '{name}': fetching columns of {} takes about {time}, once",
                                shown(&lacking.join(","))
                            )
                        }
                    }
                }
            });
        }
        Ok(found)
    }

    /// The samples to try, those first whose columns of other tables cost least where a subquery would be computed over whole tables.
    pub(super) async fn attempts(
        &self,
        query: &Arc<AggregateQuery>,
        candidates: Vec<Arc<Manifest>>,
        families: &[Arc<Manifest>],
    ) -> Result<Vec<Vec<Arc<Manifest>>>> {
        let has_subquery = query.joins.iter().any(|table| subquery_of(&table.scan).is_some());
        let Some(first) = candidates.first().filter(|_| has_subquery && repeating(query).next().is_none()) else {
            return Ok(vec![candidates]);
        };
        let cost = self.fetch_cost(query, self.env.with_joined(first)?.as_ref(), first.levels.len()).await?;
        let mut by_keys = None;
        for keyed in families.iter().filter(|m| m.design.universe.is_some() && m.name != first.name) {
            let own = self.fetch_cost(query, self.env.with_joined(keyed)?.as_ref(), keyed.levels.len()).await?;
            if own.ns < cost.ns && by_keys.as_ref().is_none_or(|(known, _)| own.ns < *known) {
                by_keys = Some((own.ns, Arc::clone(keyed)));
            }
        }
        Ok(match by_keys {
            Some((_, keyed)) if cost.has_subquery => vec![vec![keyed], candidates],
            Some((_, keyed)) => vec![candidates, vec![keyed]],
            None => vec![candidates],
        })
    }

    /// The candidates with the columns of other tables that the query reads. Those of the likeliest are fetched where that pays; others
    /// are left out where they lack any.
    pub(super) async fn with_joined_columns(
        &self,
        query: &Arc<AggregateQuery>,
        candidates: Vec<Arc<Manifest>>,
    ) -> Result<std::result::Result<Vec<Arc<Manifest>>, Reason>> {
        let mut found = Vec::with_capacity(candidates.len());
        if query.joins.is_empty() {
            return Ok(Ok(candidates));
        }
        let candidates = match repeating(query).next() {
            None => candidates,
            Some(_) => match self.of_shared_keys(query, &candidates).await? {
                Ok(join) => vec![join],
                Err(reason) => return Ok(Err(reason)),
            },
        };
        for (number, manifest) in candidates.iter().enumerate() {
            let manifest = self.env.with_joined(manifest)?;
            let levels = self.levels_to_fetch(query, &manifest).await?;
            match (number, lacks_columns(&query.joins, &manifest, levels)) {
                (0, true) => match self.with_fetched(query, manifest, levels).await? {
                    Ok(manifest) => found.push(manifest),
                    Err(reason) => return Ok(Err(reason)),
                },
                (_, true) => {}
                (_, false) => found.push(manifest),
            }
        }
        Ok(Ok(found))
    }

    /// The number of levels that are to have the columns of other tables: as many as a pilot needs, or as the pilot asked for; all where
    /// columns cost little, or no pilot on some levels tells what the others would.
    async fn levels_to_fetch(&self, query: &AggregateQuery, manifest: &Manifest) -> Result<usize> {
        let all = manifest.levels.len();
        let pilot = choose::level_with(&manifest.rows_by_level(), PILOT_ROWS) + 1;
        let may_pilot = self.goal.error.is_some()
            && self.goal.within.is_none()
            && manifest.design.universe.is_none()
            && !manifest.repeats_rows
            && self.env.defaults().level.is_none();
        let mut lacking = lacking_tables(&query.joins, manifest, all).peekable();
        if pilot >= all
            || !may_pilot
            || lacking.peek().is_none()
            || lacking.any(|table| subquery_of(&table.scan).is_some())
        {
            return Ok(all);
        }
        if let Some(asked) = self.fetching.asked_for() {
            return Ok(asked.levels.clamp(pilot, all));
        }
        // What an earlier pilot left needs no costs.
        if !lacks_columns(&query.joins, manifest, pilot) {
            return Ok(pilot);
        }
        let cost = self.fetch_cost(query, manifest, all).await?;
        Ok(if self.is_cheap(&cost).await? { all } else { pilot })
    }

    /// The manifest of a sample with the columns of other tables at its first `levels` levels; a reason where fetching them costs too much.
    async fn with_fetched(
        &self,
        query: &Arc<AggregateQuery>,
        manifest: Arc<Manifest>,
        levels: usize,
    ) -> Result<std::result::Result<Arc<Manifest>, Reason>> {
        if self.env.joins.cannot_store.load(Ordering::Relaxed) {
            return Ok(Err(Reason::new("columns of joined tables are kept in the store, which cannot be written")));
        }
        let cost = self.fetch_cost(query, &manifest, levels).await?;
        if let Some(TooDear { reason, is_worth_it_later }) = self.too_dear(&cost).await? {
            // The lowest levels may have them from an earlier pilot.
            let suffices = self.goal.within.is_some() && !lacks_columns(&query.joins, &manifest, 1);
            if is_worth_it_later {
                let levels = self.fetching.asked_for().map_or(manifest.levels.len(), |_| levels);
                let (query, manifest) = (Arc::clone(query), Arc::clone(&manifest));
                self.fetching.leave_for_later(FetchLater { query, manifest, levels });
            }
            return Ok(if suffices { Ok(manifest) } else { Err(reason) });
        }
        let before = self.elapsed();
        let lacking = lacking_tables(&query.joins, &manifest, levels);
        let tables: Vec<&str> = lacking.map(|table| table.scan.table_name.table()).collect();
        let found = fetch_columns(&self.env, &query.joins, &manifest, levels, self.prepared.state()).await?;
        self.fetching.note(&tables.join(","), &manifest.name, false, self.elapsed().saturating_sub(before));
        self.timings.lap("fetch joined columns");
        Ok(Ok(found))
    }

    /// The join of the likeliest sample with those of the other tables that hold its keys; it is made where that pays.
    async fn of_shared_keys(
        &self,
        query: &Arc<AggregateQuery>,
        candidates: &[Arc<Manifest>],
    ) -> Result<std::result::Result<Arc<Manifest>, Reason>> {
        let gone = || Reason::new("no sample of it shares its keys with a sample of the other table");
        let Some(first) = candidates.first() else { return Ok(Err(gone())) };
        let Some(shared) = SharedKeys::of(&self.env, query, first, self.prepared.state()).await? else {
            return Ok(Err(gone()));
        };
        let ns = shared.predicted(&self.env)?;
        if ns > 0.0 {
            if self.env.joins.cannot_store.load(Ordering::Relaxed) {
                return Ok(Err(Reason::new("joins of samples are kept in the store, which cannot be written")));
            }
            let tables = shared.tables();
            let cost = FetchCost {
                ns,
                time: self.env.costs.predict_scan(&tables, ns),
                tables: tables.clone(),
                has_subquery: false,
                joins_samples: true,
            };
            if let Some(TooDear { reason, is_worth_it_later }) = self.too_dear(&cost).await? {
                if is_worth_it_later {
                    let (query, manifest, levels) = (Arc::clone(query), Arc::clone(first), first.levels.len());
                    self.fetching.leave_for_later(FetchLater { query, manifest, levels });
                }
                return Ok(Err(reason));
            }
            let before = self.elapsed();
            let found = shared.joined(&self.env, self.prepared.state()).await?;
            self.fetching.note(&tables, &first.name, true, self.elapsed().saturating_sub(before));
            self.timings.lap("join samples");
            return Ok(Ok(found));
        }
        Ok(Ok(shared.joined(&self.env, self.prepared.state()).await?))
    }

    /// Proves keys that samples lacked for this query, now that it is answered; a sentence for the report.
    fn prove_behind(&self) -> Option<String> {
        let limits = *self.fetching.keys_later()?;
        let (env, prepared) = (Arc::clone(&self.env), Arc::clone(&self.prepared));
        self.env.executor.detach(self.left(), async move {
            if let Err(error) = prepared.over_join(&env, &limits).await {
                tracing::info!(%error, "keys were not proven");
            }
        });
        Some("that is found out in the background, so that a sample can answer the next such query".to_owned())
    }

    /// Fetches columns that the sample lacked for this query, now that it is answered; a sentence for the report.
    pub(super) fn fetch_behind(&self) -> Option<String> {
        let Some(later) = self.fetching.later() else { return self.prove_behind() };
        let levels = later.levels;
        let tables: Vec<String> = lacking_tables(&later.query.joins, &later.manifest, levels)
            .map(|table| table.scan.table_name.table().to_owned())
            .collect();
        let (env, prepared) = (Arc::clone(&self.env), Arc::clone(&self.prepared));
        let (query, manifest) = (Arc::clone(&later.query), Arc::clone(&later.manifest));
        if repeating(&query).next().is_some() {
            self.env.executor.detach(self.left(), async move {
                let made = async {
                    if let Some(shared) = SharedKeys::of(&env, &query, &manifest, prepared.state()).await? {
                        shared.joined(&env, prepared.state()).await?;
                    }
                    Ok::<(), Error>(())
                };
                if let Err(error) = made.await {
                    tracing::info!(%error, "samples were not joined");
                }
            });
            let what = "its samples are joined in the background, so that they can answer the next such query";
            return Some(what.to_owned());
        }
        let sentence = format!(
            "columns of {} are fetched in the background, so that sample '{}' can answer the next such query",
            shown(&tables.join(",")),
            manifest.name
        );
        self.env.executor.detach(self.left(), async move {
            if let Err(error) = fetch_columns(&env, &query.joins, &manifest, levels, prepared.state()).await {
                tracing::info!(%error, "columns of joined tables were not fetched");
            }
        });
        Some(sentence)
    }
}
