//! The aggregate query of a join: its sampled table and its keys depend on samples and data, so that it is recognised when it runs.

use super::planned_query::PlannedQuery;
use crate::answer::Result;
use crate::environment::Environment;
use crate::joins::{Facts, KeyCheck, KeyLimits, check_key};
use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, Reason, Refusal, recognise_with, simplified};
use std::sync::{Arc, PoisonError};

/// Keys that are proven for one query; more are asked for only where tables change all the time.
const PROOFS_MAX: usize = 64;

/// A join as it was recognised with the tables and samples of a time.
pub(super) struct JoinedQuery {
    /// What it depends on, as text.
    fingerprint: Vec<String>,
    query: std::result::Result<Arc<AggregateQuery>, Reason>,
}

/// A query, and the samples of its table.
pub(crate) type Sampled = (Arc<AggregateQuery>, Vec<Arc<Manifest>>);

impl PlannedQuery {
    /// The query over the sampled table of a join and the samples of that table, or the reason why there is none; keys are proven within
    /// `limits`.
    pub(crate) async fn over_join(
        &self,
        env: &Environment,
        limits: &KeyLimits,
    ) -> Result<std::result::Result<Sampled, Reason>> {
        let pinned = env.defaults().sample;
        let mut facts = Facts::of(env, &self.plan, self.state(), pinned.as_deref()).await?;
        let fingerprint = facts.fingerprint();
        let lock = || self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().clone().filter(|known| known.fingerprint == fingerprint);
        let found = match known {
            Some(known) => known.query.clone(),
            None => {
                facts.count_rows().await;
                match self.proven(&facts, limits).await? {
                    Proven::Query(query) => {
                        *lock() = Some(Arc::new(JoinedQuery { fingerprint, query: query.clone() }));
                        query
                    }
                    Proven::Later(reason) => Err(reason),
                }
            }
        };
        Ok(found.and_then(|query| Ok((Arc::clone(&query), facts.samples(&query)?))))
    }

    /// Recognises the query, and finds out on the way which columns are keys.
    async fn proven(&self, facts: &Facts<'_>, limits: &KeyLimits) -> Result<Proven> {
        let plan = match simplified(&self.plan, self.state()) {
            Ok(plan) => plan,
            Err(error) => {
                return Ok(Proven::Query(Err(Reason::new(format!("an expression cannot be simplified: {error}")))));
            }
        };
        for _ in 0..PROOFS_MAX {
            let question = match recognise_with(&plan, self.purpose(), facts) {
                Ok(query) => return Ok(Proven::Query(Ok(Arc::new(query)))),
                Err(Refusal::Reason(reason)) => return Ok(Proven::Query(Err(reason))),
                Err(Refusal::Unproven(question)) => question,
            };
            if let KeyCheck::TooLong(time) = check_key(facts, &question, self.state(), limits).await? {
                let (columns, table) = (question.columns.join(", "), question.scan.table_name.table());
                return Ok(Proven::Later(Reason::new(format!(
                    "whether {columns} is a key of {table} must be found out first, which takes about {:.1} s",
                    time.as_secs_f64()
                ))));
            }
        }
        Ok(Proven::Later(Reason::new("its tables change while their keys are looked at")))
    }
}

/// Outcome of recognising a join.
enum Proven {
    /// The query, or the reason why none can be estimated as long as tables and samples stay as they are.
    Query(std::result::Result<Arc<AggregateQuery>, Reason>),
    /// It is not known yet.
    Later(Reason),
}
