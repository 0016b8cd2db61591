//! What is known of the tables of a join: their versions, which have samples, and which columns are keys.

use super::scan::scan_of;
use crate::answer::Result;
use crate::environment::Environment;
use crate::samples::rows_about;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableScan};
use plusminus_catalog::{KnownKey, Manifest};
use plusminus_joins::prove;
use plusminus_plan::{JoinFacts, KeyFact, KeyQuestion, Reason, RootFact};
use std::sync::Arc;
use std::time::Duration;

/// Nanoseconds to read and compare a value of a key, on the reference machine.
const KEY_VALUE_NS: f64 = 10.0;

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
            let rows = match samples.as_ref().ok().and_then(|samples| samples.first()) {
                Some(manifest) => manifest.base.rows,
                None => rows_about(env, &provider).await.unwrap_or(0),
            };
            tables.push(Table { key, provider, version, rows, samples });
        }
        Ok(Self { env, tables })
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
}

impl JoinFacts for Facts<'_> {
    fn root(&self, scan: &TableScan) -> RootFact {
        match self.table(scan) {
            Some(Table { rows, samples: Ok(_), .. }) => RootFact::Sampled(*rows),
            Some(Table { rows, samples: Err(why), .. }) => RootFact::Unsampled(*rows, why.clone()),
            None => RootFact::Unsampled(0, Reason::new("its table is not among those of the query")),
        }
    }

    fn key(&self, scan: &TableScan, columns: &[String]) -> KeyFact {
        let Some(table) = self.table(scan) else { return KeyFact::Unknown };
        let Some(version) = &table.version else {
            let name = &table.key;
            return KeyFact::Shared(format!("{name} is not made of files, so that it could change unseen"));
        };
        match self.env.known_key(&table.key, version, columns) {
            None => KeyFact::Unknown,
            Some(KnownKey { shared: None, .. }) => {
                KeyFact::Unique { table: table.key.clone(), version: version.clone() }
            }
            Some(KnownKey { shared: Some((values, rows)), .. }) => {
                KeyFact::Shared(format!("{} has {rows} rows for {} {values}", table.key, columns.join(", ")))
            }
        }
    }
}

/// These facts where any table may be the one whose rows are sampled, the one with the most rows first.
pub(super) struct AnyRoot<'f, 'a>(pub(super) &'f Facts<'a>);

impl JoinFacts for AnyRoot<'_, '_> {
    fn root(&self, scan: &TableScan) -> RootFact {
        RootFact::Sampled(self.0.table(scan).map_or(0, |table| table.rows))
    }

    fn key(&self, scan: &TableScan, columns: &[String]) -> KeyFact {
        self.0.key(scan, columns)
    }
}

/// Outcome of finding out whether columns are a key.
pub(crate) enum KeyCheck {
    Done,
    /// It would take about so long, which is more than the time left.
    TooLong(Duration),
}

/// Finds out whether columns are a key, and keeps the result, unless that would take longer than `left`.
pub(crate) async fn check_key(
    facts: &Facts<'_>,
    question: &KeyQuestion,
    state: &SessionState,
    left: Option<Duration>,
) -> Result<KeyCheck> {
    let env = facts.env;
    let Some(table) = facts.table(&question.scan) else { return Ok(KeyCheck::Done) };
    let Some(version) = &table.version else { return Ok(KeyCheck::Done) };
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    let ns = table.rows as f64 * question.columns.len() as f64 * KEY_VALUE_NS;
    let time = env.costs.predict_scan(&table.key, ns);
    if left.is_some_and(|left| time > left) {
        return Ok(KeyCheck::TooLong(time));
    }
    let span = tracing::info_span!("key", table = table.key, columns = question.columns.join(", "));
    let (plan, task) = (scan_of(&question.scan, question.columns.iter(), state).await?, state.task_ctx());
    let proving = env.executor.on_tables(async move { Ok(prove(&plan, &task).await?) });
    let proof = tracing::Instrument::instrument(proving, span).await?;
    // A table that changed meanwhile is asked again under its new version.
    if env.table_version(&table.key, &table.provider, state).await?.as_ref() == Some(version) {
        env.keep_key(KnownKey {
            table: table.key.clone(),
            version: version.clone(),
            columns: question.columns.clone(),
            shared: proof.shared.map(|shared| (shared.values, shared.rows)),
        });
    }
    Ok(KeyCheck::Done)
}
