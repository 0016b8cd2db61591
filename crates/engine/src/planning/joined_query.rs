//! The aggregate query of a join: its sampled table and its keys depend on samples and data, so that it is recognised when it runs.

use super::planned_query::PlannedQuery;
use crate::answer::Result;
use crate::environment::Environment;
use crate::joins::{Facts, KeyCheck, KeyLimits, check_key};
use plusminus_catalog::Manifest;
use plusminus_plan::{AggregateQuery, Reason, Refusal, recognise_with, simplified};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

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

/// Why a join has no query over the table that is sampled.
#[derive(Debug)]
pub(crate) enum Unsampled {
    Refused(Reason),
    Unproven(UnprovenKey),
}

/// Columns that may be a key of a table, which takes too long to find out before the answer.
#[derive(Debug)]
pub(crate) struct UnprovenKey {
    /// The columns, with commas between them.
    pub(crate) columns: String,
    pub(crate) table: String,
    /// Predicted time of finding out.
    pub(crate) time: Duration,
    /// Its work in nanoseconds of the reference machine.
    pub(crate) ns: f64,
}

impl PlannedQuery {
    /// The query over the sampled table of a join and the samples of that table, or the reason why there is none; keys are proven within
    /// `limits`.
    pub(crate) async fn over_join(
        &self,
        env: &Environment,
        limits: &KeyLimits,
    ) -> Result<std::result::Result<Sampled, Unsampled>> {
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
                    Proven::Changing => Err(Reason::new("its tables change while their keys are looked at")),
                    Proven::Later(key) => return Ok(Err(Unsampled::Unproven(key))),
                }
            }
        };
        let sampled = found.and_then(|query| Ok((Arc::clone(&query), facts.samples(&query)?)));
        Ok(sampled.map_err(Unsampled::Refused))
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
            if let KeyCheck::TooLong { time, ns } = check_key(facts, &question, self.state(), limits).await? {
                let (columns, table) = (question.columns.join(", "), question.scan.table_name.table().to_owned());
                return Ok(Proven::Later(UnprovenKey { columns, table, time, ns }));
            }
        }
        Ok(Proven::Changing)
    }
}

/// Outcome of recognising a join.
enum Proven {
    /// The query, or the reason why none can be estimated as long as tables and samples stay as they are.
    Query(std::result::Result<Arc<AggregateQuery>, Reason>),
    /// A key has to be proven first.
    Later(UnprovenKey),
    /// The tables change all the time.
    Changing,
}
