use super::literals::normalize;
use super::planned_query::PlannedQuery;
use super::templates::Templates;
use crate::answer::Result;
use crate::environment::Environment;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Planned queries in the cache.
const KEPT_MAX: usize = 256;
/// Bytes that planned queries may hold beside their plans; with very many strata only few are kept.
const BYTES_MAX: usize = 128 << 20;

/// Uses of the cache between two checks of its bytes.
const KEPT_PER_SUM: u64 = 8;

/// Cache of planned queries by their text without bounds.
#[derive(Default)]
pub(crate) struct PlanCache {
    kept: Mutex<Kept>,
    templates: Templates,
}

#[derive(Default)]
struct Kept {
    queries: HashMap<String, (u64, Arc<PlannedQuery>)>,
    uses: u64,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.queries.values().map(|(_, prepared)| prepared.bytes()).sum()
    }
}

impl PlanCache {
    /// Returns the cached query if it is still current, or plans it.
    pub(crate) async fn get(&self, env: &Environment, sql: &str) -> Result<Arc<PlannedQuery>> {
        if let Some(known) = self.known(sql) {
            if known.is_current(env).await {
                return Ok(known);
            }
            self.lock().queries.remove(sql);
        }
        let apart = normalize(sql, env.sql_dialect());
        if let Some((form, literals)) = &apart
            && let Some(prepared) = self.templates.find(env, form, literals).await?
        {
            let prepared = Arc::new(prepared);
            self.keep(sql, &prepared);
            return Ok(prepared);
        }
        let (prepared, holds) = PlannedQuery::new(env, sql).await?;
        let prepared = Arc::new(prepared);
        if holds {
            self.keep(sql, &prepared);
            if let Some((form, literals)) = apart {
                self.templates.learn(sql, form, literals, &prepared).await;
            }
        }
        Ok(prepared)
    }

    #[cfg(test)]
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }

    fn known(&self, sql: &str) -> Option<Arc<PlannedQuery>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let now = kept.uses;
        let (last, prepared) = kept.queries.get_mut(sql)?;
        *last = now;
        Some(Arc::clone(prepared))
    }

    fn keep(&self, sql: &str, prepared: &Arc<PlannedQuery>) {
        let mut kept = self.lock();
        let now = kept.uses;
        kept.queries.insert(sql.to_owned(), (now, Arc::clone(prepared)));
        // Summing bytes is too slow to do on each insertion.
        let is_due = now.is_multiple_of(KEPT_PER_SUM);
        while kept.queries.len() > KEPT_MAX || is_due && kept.queries.len() > 1 && kept.bytes() > BYTES_MAX {
            let oldest = kept.queries.iter().min_by_key(|(_, (last, _))| *last).map(|(sql, _)| sql.clone());
            let Some(oldest) = oldest else { break };
            kept.queries.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
