//! What is known of the tables of a join: their versions, which have samples, and which columns are keys.

use super::scan::scan_of;
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
use plusminus_plan::{JoinFacts, KeyFact, KeyQuestion, Reason, RootFact};
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
            tables.push(Table { key, provider, version, rows: 0, samples });
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
            let samples = table.samples.iter().flatten().map(|m| format!("{} {}", m.name, m.generation));
            let samples: Vec<String> = samples.collect();
            format!("{} {} {}", table.key, table.version.as_deref().unwrap_or_default(), samples.join(", "))
        };
        self.tables.iter().map(of).collect()
    }

    /// The samples of the scanned table.
    pub(crate) fn samples(&self, scan: &TableScan) -> std::result::Result<Vec<Arc<Manifest>>, Reason> {
        match self.table(scan) {
            Some(table) => table.samples.clone(),
            None => Err(Reason::new("its table is not among those of the query")),
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
            None => RootFact::Unsampled(0, Reason::new("its table is not among those of the query")),
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
            Some(KnownKey { duplicate: Some((values, rows)), .. }) => {
                KeyFact::Duplicate(format!("{table} has {rows} rows for {} {values}", columns.join(", ")))
            }
        }
    }
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
}

/// Outcome of finding out whether columns are a key.
pub(crate) enum KeyCheck {
    Done,
    /// It would take about so long, which is more than allowed.
    TooLong(Duration),
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
        Some(plan) => table_work(env, &plan).await?.ns,
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        None => {
            let rows = facts.table(&question.scan).map_or(0, |table| table.rows);
            rows as f64 * key_ns(question)
        }
    };
    let time = env.costs.predict_scan(&table, ns);
    if limits.time.is_some_and(|left| time > left) || limits.ns.is_some_and(|most| ns > most) {
        return Ok(KeyCheck::TooLong(time));
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
            duplicate: proof.duplicate.map(|found| (found.values, found.rows)),
        });
    }
    Ok(KeyCheck::Done)
}

/// The plan of the subquery that a question is about.
fn question_plan(question: &KeyQuestion) -> Result<LogicalPlan> {
    subquery_of(&question.scan).ok_or_else(|| Error::data("a table that the query does not name"))
}
