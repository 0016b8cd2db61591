//! What is known of the tables of a join: their versions, which have samples, and which columns are keys.

use super::scan::scan_of;
use super::shared_keys::{have_one_hash, partner, repeating};
use crate::answer::{Error, Result};
use crate::environment::Environment;
use crate::samples::{rows_about, table_work};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{ViewTable, source_as_provider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use plusminus_catalog::{KnownKey, Manifest, fingerprint};
use plusminus_joins::prove;
use plusminus_plan::{AggregateQuery, JoinFacts, KeyFact, KeyQuestion, Reason, RootFact, SharedKeyFact, refusal};
use std::sync::Arc;
use std::time::Duration;

/// Nanoseconds to read and compare a value of a key on the reference machine: a whole number or a time alone, or anything else.
const WHOLE_KEY_NS: f64 = 8.0;
const OTHER_KEY_NS: f64 = 45.0;

/// The tables of a plan as they are now.
pub(crate) struct Facts<'a> {
    env: &'a Environment,
    tables: Vec<Table>,
}

/// A table as it is now.
struct Table {
    /// The key of its samples.
    key: String,
    provider: Arc<dyn TableProvider>,
    version: Option<String>,
    /// Its number of rows, about; 0 before [`Facts::count_rows`].
    rows: u64,
    samples: std::result::Result<Vec<Arc<Manifest>>, Reason>,
    /// Its samples, whichever is pinned.
    all_samples: Vec<Arc<Manifest>>,
}

impl<'a> Facts<'a> {
    /// The tables that a plan and its subqueries scan.
    pub(crate) async fn of(
        env: &'a Environment,
        plan: &LogicalPlan,
        state: &SessionState,
        pinned: Option<&str>,
    ) -> Result<Self> {
        let mut scanned: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let key = env.table_key(&scan.table_name);
                if scanned.iter().all(|(known, _)| *known != key) {
                    scanned.push((key, source_as_provider(&scan.source)?));
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let mut tables = Vec::with_capacity(scanned.len());
        for (key, provider) in scanned {
            let version = env.table_version(&key, &provider, state).await?;
            let samples = env.usable_samples(&key, &provider, state, pinned).await?;
            let all_samples = match pinned {
                Some(_) => env.usable_samples(&key, &provider, state, None).await?.unwrap_or_default(),
                None => samples.clone().unwrap_or_default(),
            };
            tables.push(Table { key, provider, version, rows: 0, samples, all_samples });
        }
        Ok(Self { env, tables })
    }

    /// Counts the rows of all tables, which recognising a join needs and finding it again does not.
    pub(crate) async fn count_rows(&mut self) {
        for table in &mut self.tables {
            table.rows = match table.samples.as_ref().ok().and_then(|samples| samples.first()) {
                Some(manifest) => manifest.base.rows,
                None => rows_about(self.env, &table.provider).await.unwrap_or(0),
            };
        }
    }

    /// A text that is the same as long as recognising a query again would give the same.
    pub(crate) fn fingerprint(&self) -> Vec<String> {
        let of = |table: &Table| {
            let named = |samples: &[Arc<Manifest>]| {
                samples.iter().map(|m| format!("{} {}", m.name, m.generation)).collect::<Vec<_>>().join(", ")
            };
            let version = table.version.as_deref().unwrap_or_default();
            let pinned = table.samples.as_deref().map(named).unwrap_or_default();
            format!("{} {version} {pinned}; {}", table.key, named(&table.all_samples))
        };
        self.tables.iter().map(of).collect()
    }

    /// The samples of a query's table; of one whose rows are paired with others, those that share its keys with samples of the others.
    pub(crate) fn samples(&self, query: &AggregateQuery) -> std::result::Result<Vec<Arc<Manifest>>, Reason> {
        let Some(table) = self.table(&query.scan) else {
            return Err(Reason::new("its table is not among those of the query"));
        };
        let mut samples = table.samples.clone()?;
        for other in repeating(query) {
            let found = self.table(&other.scan).map(|table| table.all_samples.as_slice()).unwrap_or_default();
            samples.retain(|own| match other.on.as_slice() {
                [on] => partner((own, &on.from), (found, &on.column)).is_some(),
                _ => false,
            });
        }
        match samples.is_empty() {
            true => Err(Reason::new("no sample of it shares its keys with a sample of the other table")),
            false => Ok(samples),
        }
    }

    fn table(&self, scan: &TableScan) -> Option<&Table> {
        let key = self.env.table_key(&scan.table_name);
        self.tables.iter().find(|table| table.key == key)
    }

    /// The name and the version of a table, or of a subquery as a table; no version where a change could not be seen.
    fn named(&self, scan: &TableScan) -> (String, Option<String>) {
        match subquery_of(scan) {
            None => match self.table(scan) {
                Some(table) => (table.key.clone(), table.version.clone()),
                None => (scan.table_name.to_string(), None),
            },
            Some(plan) => (scan.table_name.table().to_owned(), self.version_of(&plan)),
        }
    }

    /// A subquery as the root of a join: it has no samples, and those of its tables are not samples of it. A union has about as many rows as its
    /// tables; what else a subquery may be need not.
    fn derived_root(&self, rows_of: &LogicalPlan) -> RootFact {
        let mut rows = 0;
        let counted = rows_of.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                rows += self.table(scan).map_or(0, |table| table.rows);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let is_counted = counted.is_ok() && matches!(rows_of, LogicalPlan::Union(_));
        RootFact::Unsampled(if is_counted { rows } else { 0 }, Reason::new(refusal(rows_of)))
    }

    /// A text that changes with the data of any table that a subquery reads.
    fn version_of(&self, plan: &LogicalPlan) -> Option<String> {
        let mut versions = Vec::new();
        let read = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                versions.push(self.table(scan).and_then(|table| Some((table.key.clone(), table.version.clone()?))));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        read.ok()?;
        let mut versions: Vec<(String, String)> = versions.into_iter().collect::<Option<Vec<_>>>()?;
        versions.sort_unstable();
        versions.dedup();
        fingerprint(&versions).ok()
    }
}

/// The plan of a subquery that stands for a table.
pub(crate) fn subquery_of(scan: &TableScan) -> Option<LogicalPlan> {
    let provider = source_as_provider(&scan.source).ok()?;
    let is_subquery = (provider.as_ref() as &dyn std::any::Any).is::<ViewTable>();
    provider.get_logical_plan().filter(|_| is_subquery).map(std::borrow::Cow::into_owned)
}

impl JoinFacts for Facts<'_> {
    fn root(&self, scan: &TableScan) -> RootFact {
        match self.table(scan) {
            Some(Table { rows, samples: Ok(_), .. }) => RootFact::Sampled(*rows),
            Some(Table { rows, samples: Err(why), .. }) => RootFact::Unsampled(*rows, why.clone()),
            // Its plan is that of the subquery below a projection to the columns' names.
            None => match subquery_of(scan).as_ref().map(LogicalPlan::inputs).as_deref() {
                Some([rows]) => self.derived_root(rows),
                _ => RootFact::Unsampled(0, Reason::new("its table is not among those of the query")),
            },
        }
    }

    fn unique(&self, scan: &TableScan) -> KeyFact {
        match self.named(scan) {
            (table, Some(version)) => KeyFact::Unique { table, version },
            (table, None) => unseen(&table),
        }
    }

    fn key(&self, scan: &TableScan, columns: &[String]) -> KeyFact {
        let (table, version) = self.named(scan);
        let Some(version) = version else { return unseen(&table) };
        match self.env.known_key(&table, &version, columns) {
            None => KeyFact::Unknown,
            Some(KnownKey { duplicate: None, .. }) => KeyFact::Unique { table, version },
            Some(KnownKey { duplicate: Some((values, rows)), has_more, .. }) => {
                let least = if has_more { "at least " } else { "" };
                KeyFact::Duplicate(format!("{table} has {least}{rows} rows for {} {values}", columns.join(", ")))
            }
        }
    }

    fn shared_key(
        &self,
        (root, root_column): (&TableScan, &str),
        (other, column): (&TableScan, &str),
    ) -> SharedKeyFact {
        shared_key(self, (root, root_column), (other, column))
    }
}

fn shared_key(
    facts: &Facts<'_>,
    (root, root_column): (&TableScan, &str),
    (other, column): (&TableScan, &str),
) -> SharedKeyFact {
    let (Some(own), Some(with)) = (facts.table(root), facts.table(other)) else {
        return SharedKeyFact::Unsampled(None);
    };
    if subquery_of(other).is_some() {
        return SharedKeyFact::Unsampled(None);
    }
    let Some(version) = with.version.clone() else { return SharedKeyFact::Unsampled(None) };
    let drawn = own.samples.iter().flatten();
    let mut found = drawn.map(|sample| partner((sample, root_column), (&with.all_samples, column)));
    if found.any(|found| found.is_some()) {
        return SharedKeyFact::Sampled { table: with.key.clone(), version };
    }
    let type_of = |table: &Table, name: &str| {
        table.provider.schema().field_with_name(name).map(|field| field.data_type().to_string()).ok()
    };
    let types = [type_of(own, root_column), type_of(with, column)];
    SharedKeyFact::Unsampled(Some(match have_one_hash(types[0].as_deref(), types[1].as_deref()) {
        false => format!("samples of keys cannot join them, since {root_column} and {column} differ in type"),
        true if own.key == with.key => {
            format!("a sample drawn UNIVERSE ON ({root_column}) of {} could answer", own.key)
        }
        true => format!(
            "samples drawn UNIVERSE ON ({root_column}) of {} and UNIVERSE ON ({column}) of {}, of one SIZE in percent, could answer",
            own.key, with.key
        ),
    }))
}

fn unseen(table: &str) -> KeyFact {
    KeyFact::Duplicate(format!("{table} is not made of files, so that it could change unseen"))
}

/// These facts where any table may be the one whose rows are sampled, the one with the most rows first.
pub(super) struct AnyRoot<'f, 'a>(pub(super) &'f Facts<'a>);

impl JoinFacts for AnyRoot<'_, '_> {
    fn root(&self, scan: &TableScan) -> RootFact {
        RootFact::Sampled(self.0.table(scan).map_or(0, |table| table.rows))
    }

    fn unique(&self, scan: &TableScan) -> KeyFact {
        self.0.unique(scan)
    }

    fn key(&self, scan: &TableScan, columns: &[String]) -> KeyFact {
        self.0.key(scan, columns)
    }

    // A sample of a join has one row for each of the table.
    fn shared_key(&self, _: (&TableScan, &str), _: (&TableScan, &str)) -> SharedKeyFact {
        SharedKeyFact::Unsampled(None)
    }
}

/// Outcome of finding out whether columns are a key.
pub(crate) enum KeyCheck {
    Done,
    /// It would take about so long, and so many nanoseconds on the reference machine, which is more than allowed.
    TooLong {
        time: Duration,
        ns: f64,
    },
}

/// The work that finding out whether columns are a key may take; none is a limit where `None`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeyLimits {
    pub(crate) time: Option<Duration>,
    /// Nanoseconds of the reference machine.
    pub(crate) ns: Option<f64>,
}

/// Nanoseconds per row of proving a key.
fn key_ns(question: &KeyQuestion) -> f64 {
    let schema = question.scan.projected_schema.as_arrow();
    let is_whole = |name: &String| {
        schema
            .field_with_name(name)
            .is_ok_and(|field| field.data_type().is_integer() || field.data_type().is_temporal())
    };
    match question.columns.as_slice() {
        [one] if is_whole(one) => WHOLE_KEY_NS,
        #[expect(clippy::cast_precision_loss, reason = "a number of columns")]
        several => several.len() as f64 * OTHER_KEY_NS,
    }
}

/// Finds out whether columns are a key, and keeps the result, unless that would take more than `limits`.
pub(crate) async fn check_key(
    facts: &Facts<'_>,
    question: &KeyQuestion,
    state: &SessionState,
    limits: &KeyLimits,
) -> Result<KeyCheck> {
    let env = facts.env;
    let (table, version) = facts.named(&question.scan);
    let Some(version) = version else { return Ok(KeyCheck::Done) };
    let ns = match subquery_of(&question.scan) {
        Some(plan) => table_work(env, &plan, state).await?.ns,
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        None => {
            let rows = facts.table(&question.scan).map_or(0, |table| table.rows);
            rows as f64 * key_ns(question)
        }
    };
    let time = env.costs.predict_scan(&table, ns);
    if limits.time.is_some_and(|left| time > left) || limits.ns.is_some_and(|most| ns > most) {
        return Ok(KeyCheck::TooLong { time, ns });
    }
    let span = tracing::info_span!("key", table, columns = question.columns.join(", "));
    let (plan, task) = (scan_of(&question.scan, question.columns.iter(), state).await?, state.task_ctx());
    let proving = env.executor.on_tables(async move { Ok(prove(&plan, &task).await?) });
    let proof = tracing::Instrument::instrument(proving, span).await?;
    // A table that changed meanwhile is asked again under its new version.
    let again = match (subquery_of(&question.scan), facts.table(&question.scan)) {
        (None, Some(own)) => env.table_version(&own.key, &own.provider, state).await?,
        _ => Facts::of(env, &question_plan(question)?, state, None).await?.named(&question.scan).1,
    };
    if again.as_ref() == Some(&version) {
        env.keep_key(KnownKey {
            table,
            version,
            columns: question.columns.clone(),
            has_more: proof.duplicate.as_ref().is_some_and(|found| !found.is_counted),
            duplicate: proof.duplicate.map(|found| (found.values, found.rows)),
        });
    }
    Ok(KeyCheck::Done)
}

/// The plan of the subquery that a question is about.
fn question_plan(question: &KeyQuestion) -> Result<LogicalPlan> {
    subquery_of(&question.scan).ok_or_else(|| Error::data("a table that the query does not name"))
}
