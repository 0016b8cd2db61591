//! Joins of samples that hold the same keys, each with all its rows: `UNIVERSE ON` samples of two tables, or one of them twice.
//!
//! ```text
//!   sample of one table   k=3: 2 rows   k=8: 1 row        ┐
//!   sample of another     k=3: 3 rows   k=9: 4 rows       ├─▶  k=3: 6 rows   k=8: 1 row without a partner
//!                                                         ┘
//! ```
//!
//! Both keep a key where the hash of its value is small, so that a key of the first is in the second if the second table has it at all. Their join
//! is then a sample of the tables' join that holds all rows of a key or none, with the first sample's strata and ranks. It is kept in
//! the store, as a sample of its own that no list of samples shows, until one of both is built anew.

mod build;
mod heavy;
mod layout;
mod rows;

pub(super) use heavy::{heavy_keys, not_kept};
pub(super) use rows::{SampleRows, rows_of_keys};

use crate::answer::Result;
use crate::environment::Environment;
use arrow::datatypes::DataType;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use plusminus_catalog::{JOINED_SAMPLES, Manifest, fingerprint};
use plusminus_plan::{AggregateQuery, JoinedTable};
use std::sync::Arc;

/// Nanoseconds to read a sampled row of either side, and to make and write a pair of rows, on the reference machine.
const ROW_NS: f64 = 200.0;
const PAIR_NS: f64 = 250.0;
/// Nanoseconds to read a row of a table whose keys with very many rows are looked for.
const SEARCHED_ROW_NS: f64 = 10.0;

/// The sample among those of another table that holds the keys of `own`, which is drawn `UNIVERSE ON (own_column)`.
pub(crate) fn partner(
    (own, own_column): (&Manifest, &str),
    (others, column): (&[Arc<Manifest>], &str),
) -> Option<Arc<Manifest>> {
    let kept = own.keys.as_ref().filter(|_| own.design.universe.as_deref() == Some(own_column))?;
    let holds_keys = |other: &&Arc<Manifest>| {
        other.design.universe.as_deref() == Some(column)
            && other.design.seed == own.design.seed
            // Columns that it cannot store may be among those that are asked for.
            && other.base.left_out.is_empty()
            && other.keys.as_ref().is_some_and(|keys| keys.threshold >= kept.threshold)
            && have_one_hash(own.column_type(own_column), other.column_type(column))
    };
    others.iter().filter(holds_keys).min_by_key(|other| other.sampled_rows()).cloned()
}

/// Whether equal values of two types have the same hash.
pub(crate) fn have_one_hash(one: Option<&str>, other: Option<&str>) -> bool {
    let is_text = |name: &str| {
        name.parse().is_ok_and(|t: DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View))
    };
    one.zip(other).is_some_and(|(one, other)| one == other || (is_text(one) && is_text(other)))
}

/// Rows of a key of a sample of keys, on average.
#[expect(clippy::cast_precision_loss, reason = "a forecast")]
fn rows_per_key(sample: &Manifest) -> f64 {
    let all = sample.keys.as_ref().map_or(0, |keys| keys.others + keys.heavy.len() as u64);
    sample.base.rows as f64 / all.max(1) as f64
}

/// Tables of a query whose rows are paired with those of the sampled one.
pub(crate) fn repeating(query: &AggregateQuery) -> impl Iterator<Item = &JoinedTable> {
    query.joins.iter().filter(|table| table.repeats_rows)
}

/// A sample, and those of the tables that it is paired with, for a query.
pub(crate) struct SharedKeys<'q> {
    query: &'q AggregateQuery,
    own: Arc<Manifest>,
    others: Vec<(&'q JoinedTable, Arc<Manifest>)>,
}

impl<'q> SharedKeys<'q> {
    /// The samples that hold the keys of `own`; `None` where a table has none any more.
    pub(crate) async fn of(
        env: &Environment,
        query: &'q AggregateQuery,
        own: &Arc<Manifest>,
        state: &SessionState,
    ) -> Result<Option<Self>> {
        let mut others = Vec::new();
        for table in repeating(query) {
            let [on] = table.on.as_slice() else { return Ok(None) };
            let (key, provider) = (env.table_key(&table.scan.table_name), source_as_provider(&table.scan.source)?);
            let Ok(samples) = env.usable_samples(&key, &provider, state, None).await? else { return Ok(None) };
            let Some(found) = partner((own, &on.from), (&samples, &on.column)) else { return Ok(None) };
            others.push((table, found));
        }
        Ok(Some(Self { query, own: Arc::clone(own), others }))
    }

    /// The names of all tables, each once.
    pub(crate) fn tables(&self) -> String {
        let others = self.others.iter().map(|(_, other)| other);
        let mut all: Vec<&str> = others.chain([&self.own]).map(|sample| sample.design.table.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all.join(",")
    }

    /// The work of joining the samples, in nanoseconds of the reference machine; 0 where their join is stored.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    pub(crate) fn predicted(&self, env: &Environment) -> Result<f64> {
        if self.stored(env)?.is_some() {
            return Ok(0.0);
        }
        let others = || self.others.iter().map(|(_, other)| other);
        let sampled: u64 = others().chain([&self.own]).map(|sample| sample.sampled_rows()).sum();
        let searched: u64 = others().map(|other| heavy::searched_rows(&self.own, other)).sum();
        let pairs = others().fold(self.own.sampled_rows() as f64, |pairs, other| pairs * rows_per_key(other).max(1.0));
        Ok(sampled as f64 * ROW_NS + pairs * PAIR_NS + searched as f64 * SEARCHED_ROW_NS)
    }

    /// The join of the samples with the columns that the query needs; it is made where it is not stored.
    pub(crate) async fn joined(&self, env: &Environment, state: &SessionState) -> Result<Arc<Manifest>> {
        if let Some(found) = self.stored(env)? {
            return Ok(found);
        }
        let _making = env.joins.fetching.lock().await;
        if let Some(found) = self.stored(env)? {
            return Ok(found);
        }
        let span = tracing::info_span!("join samples", sample = self.own.name, with = self.others.len());
        let made = tracing::Instrument::instrument(self.build(env, state), span).await;
        let made = Arc::new(made?);
        self.remove_old(env, &made);
        env.joins.keep_join(&made);
        Ok(made)
    }

    /// The names of the columns that the join needs, in its order: those of the sampled table, then those of each other table with
    /// what they are called there.
    fn needed(&self) -> (Vec<String>, Vec<Vec<(String, String)>>) {
        let of_others: Vec<Vec<(String, String)>> =
            self.others.iter().map(|(table, _)| table.columns.clone()).collect();
        let keys = self.query.joins.iter().flat_map(|table| table.on.iter().map(|on| on.from.clone()));
        let mut own: Vec<String> = self.query.named_columns().into_iter().chain(keys).collect();
        own.retain(|name| self.own.base.columns.iter().chain(&self.own.base.joined).any(|column| column.name == *name));
        own.sort();
        own.dedup();
        (own, of_others)
    }

    /// The stored join, if it has all columns that are needed and is of these samples.
    fn stored(&self, env: &Environment) -> Result<Option<Arc<Manifest>>> {
        let Some(found) = self.known(env)? else { return Ok(None) };
        let (own, of_others) = self.needed();
        let matched = self.others.iter().map(|(table, _)| &table.matched);
        let mut names = own.iter().chain(of_others.iter().flatten().map(|(name, _)| name)).chain(matched);
        let has = |name: &String| found.base.columns.iter().any(|column| column.name == *name);
        Ok(names.all(has).then_some(found))
    }

    /// The stored join of these samples, with some columns.
    fn known(&self, env: &Environment) -> Result<Option<Arc<Manifest>>> {
        let name = self.name()?;
        let found = match env.joins.known_join(&name) {
            Some(found) => Some(found),
            None => env.store.join(&name)?.map(Arc::new),
        };
        Ok(found.inspect(|found| env.joins.keep_join(found)))
    }

    /// A name that changes with each of the samples, and with the data of the other tables, so that nothing of one join is taken for
    /// another's.
    fn name(&self) -> Result<String> {
        let of = |m: &Manifest| (m.name.clone(), m.generation, m.created_unix_ms);
        let other = |(table, other): &(&JoinedTable, Arc<Manifest>)| {
            (table.on[0].column.clone(), table.matched.clone(), of(other))
        };
        let others: Vec<_> = self.others.iter().map(other).collect();
        Ok(fingerprint(&(of(&self.own), &self.own.design.universe, others))?)
    }

    /// The names of the samples.
    fn samples(&self) -> String {
        let others = self.others.iter().map(|(_, other)| other.name.as_str());
        std::iter::once(self.own.name.as_str()).chain(others).collect::<Vec<_>>().join(",")
    }

    /// Removes joins of samples that are no more.
    fn remove_old(&self, env: &Environment, made: &Manifest) {
        let removed = env.store.joins().map_err(crate::answer::Error::from).and_then(|joins| {
            let samples = env.families()?;
            let is_there = |name: &str| samples.iter().any(|sample| sample.name == name);
            for join in joins {
                let of = join.base.options.get(JOINED_SAMPLES).map(String::as_str).unwrap_or_default();
                // The same samples under another name are earlier generations of them.
                let is_earlier =
                    of == self.samples() && join.created_unix_ms < made.created_unix_ms && join.name != made.name;
                if is_earlier || !of.split(',').all(is_there) {
                    env.store.remove_join(&join.name)?;
                }
            }
            Ok(())
        });
        if let Err(error) = removed {
            tracing::info!(%error, "old joins of samples are left");
        }
    }
}
