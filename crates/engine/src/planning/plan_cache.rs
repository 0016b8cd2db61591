use super::literals::normalize;
use super::planned_query::PlannedQuery;
use super::templates::Templates;
use crate::answer::Result;
use crate::environment::Environment;
use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::sync::Arc;

/// Planned queries in the cache.
const KEPT_MAX: usize = 256;
/// Bytes that planned queries may hold beside their plans; with very many strata only few are kept.
const BYTES_MAX: usize = 128 << 20;

/// Cache of planned queries by their text without bounds; a text is planned once, however many ask for it at the same time.
pub(crate) struct PlanCache {
    queries: Cache<String, Arc<PlannedQuery>, PlanWeight>,
    templates: Templates,
}

/// The weight of a planned query: the bytes of its bindings, which grow while it is used, and at least its share of the cache.
#[derive(Clone)]
struct PlanWeight;

impl Weighter<String, Arc<PlannedQuery>> for PlanWeight {
    fn weight(&self, _: &String, query: &Arc<PlannedQuery>) -> u64 {
        query.bytes().clamp(BYTES_MAX / KEPT_MAX, BYTES_MAX) as u64
    }
}

impl Default for PlanCache {
    fn default() -> Self {
        let mut options = OptionsBuilder::new();
        // In several shards, each would have room for a part of the bytes only.
        options.shards(1).estimated_items_capacity(KEPT_MAX).weight_capacity(BYTES_MAX as u64);
        #[expect(clippy::expect_used, reason = "both capacities are set")]
        let options = options.build().expect("complete options");
        let queries =
            Cache::with_options(options, PlanWeight, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { queries, templates: Templates::default() }
    }
}

impl PlanCache {
    /// Returns the cached query if it is still current, or plans it.
    pub(crate) async fn get(&self, env: &Environment, sql: &str) -> Result<Arc<PlannedQuery>> {
        loop {
            let found = |_: &String, known: &mut Arc<PlannedQuery>| EntryAction::Retain(Arc::clone(known));
            match self.queries.entry_async(sql, found).await {
                EntryResult::Retained(known) if known.is_current(env).await => return Ok(known),
                EntryResult::Retained(known) => drop(self.queries.remove_if(sql, |kept| Arc::ptr_eq(kept, &known))),
                EntryResult::Vacant(place) => {
                    let (planned, is_kept) = self.planned(env, sql).await?;
                    if is_kept {
                        // Another plan may have taken the place meanwhile, which is as good.
                        let _ = place.insert(Arc::clone(&planned));
                    }
                    return Ok(planned);
                }
                // Nothing replaces or removes an entry above, and nobody waits with a limit.
                _ => return Ok(self.planned(env, sql).await?.0),
            }
        }
    }

    /// Plans a text, from a template if there is one; the second result is whether the plan may be kept.
    async fn planned(&self, env: &Environment, sql: &str) -> Result<(Arc<PlannedQuery>, bool)> {
        let normalized = normalize(sql, env.sql_dialect());
        if let Some((form, literals)) = &normalized
            && let Some(planned) = self.templates.find(env, form, literals).await?
        {
            return Ok((Arc::new(planned), true));
        }
        let (planned, is_kept) = PlannedQuery::new(env, sql).await?;
        let planned = Arc::new(planned);
        if let Some((form, literals)) = normalized.filter(|_| is_kept) {
            self.templates.learn(sql, form, literals, &planned).await;
        }
        Ok((planned, is_kept))
    }

    #[cfg(test)]
    pub(crate) fn templates(&self) -> &Templates {
        &self.templates
    }
}
