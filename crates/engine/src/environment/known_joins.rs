//! Tables that are joined to sampled ones: their versions and keys, as far as queries of the session asked for them.

use super::Environment;
use super::tables::memory_content;
use crate::answer::Result;
use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionState;
use plusminus_catalog::{BaseFile, JoinedColumns, KnownKey, Manifest, fingerprint};
use plusminus_files::FileTable;
use plusminus_sampling::{are_unchanged, base_files};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Keys by table and columns.
type Keys = HashMap<(String, Vec<String>), KnownKey>;

/// Versions of tables, keys, and columns of other tables beside samples.
#[derive(Default)]
pub(crate) struct KnownJoins {
    /// Differs between sessions, so that tables in memory of different ones have different versions.
    session: String,
    versions: Mutex<HashMap<String, Version>>,
    memory: Mutex<HashMap<String, MemoryVersion>>,
    /// Keys by table and columns; `None` before they were read from the store.
    keys: Mutex<Option<Keys>>,
    /// Manifests with the columns of other tables that are stored beside them, by sample and generation.
    manifests: Mutex<HashMap<(String, u64), Arc<Manifest>>>,
    /// Joins of samples by name.
    of_samples: Mutex<HashMap<String, Arc<Manifest>>>,
    /// Whether columns that were fetched could not be stored, so that fetching more is in vain.
    pub(crate) cannot_store: AtomicBool,
    /// Held while columns of other tables are fetched.
    pub(crate) fetching: tokio::sync::Mutex<()>,
}

/// The version of a table of files.
#[derive(Clone)]
struct Version {
    files: Arc<Vec<BaseFile>>,
    text: String,
}

/// The version of a table in memory. Memory that a table gave back may be another one's, so that its place alone tells nothing.
struct MemoryVersion {
    table: Weak<dyn TableProvider>,
    content: u64,
    number: u64,
}

impl KnownJoins {
    /// The number of the version of a table in memory with this content; another one for another table under the name.
    fn memory_version(&self, key: &str, table: &Arc<dyn TableProvider>, content: u64) -> u64 {
        let mut all = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(key);
        let is_same = |known: &MemoryVersion| {
            known.content == content && known.table.upgrade().is_some_and(|known| Arc::ptr_eq(&known, table))
        };
        let number = match known {
            Some(known) if is_same(known) => return known.number,
            Some(known) => known.number + 1,
            None => 0,
        };
        all.insert(key.to_owned(), MemoryVersion { table: Arc::downgrade(table), content, number });
        number
    }

    /// A join of samples that was found or made before.
    pub(crate) fn known_join(&self, name: &str) -> Option<Arc<Manifest>> {
        self.of_samples.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Keeps a join of samples in the place of the one of its name.
    pub(crate) fn keep_join(&self, join: &Arc<Manifest>) {
        self.of_samples.lock().unwrap_or_else(PoisonError::into_inner).insert(join.name.clone(), Arc::clone(join));
    }

    /// Nothing known yet; `now_unix_ms` tells this session from others.
    pub(crate) fn new(now_unix_ms: u64) -> Self {
        Self { session: format!("{}-{now_unix_ms}", std::process::id()), ..Self::default() }
    }

    fn keys(&self) -> MutexGuard<'_, Option<Keys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Environment {
    /// A text that changes with the data of table `key`; `None` where a change of the table could not be seen.
    pub(crate) async fn table_version(
        &self,
        key: &str,
        table: &Arc<dyn TableProvider>,
        state: &SessionState,
    ) -> Result<Option<String>> {
        if (table.as_ref() as &dyn std::any::Any).is::<MemTable>() {
            let Some(content) = memory_content(table) else { return Ok(None) };
            let number = self.joins.memory_version(key, table, content);
            return Ok(Some(fingerprint(&(&self.joins.session, key, number, columns(&table.schema())))?));
        }
        let lock = || self.joins.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(key).cloned();
        if let Some(known) = known
            && self.is_unchanged(key, &known.files, table)
        {
            return Ok(Some(known.text));
        }
        let Some(files) = base_files(table, state).await? else { return Ok(None) };
        let options = FileTable::of(table).map(|files| files.definition().options.clone());
        let text = fingerprint(&(&files, options, columns(&table.schema())))?;
        lock().insert(key.to_owned(), Version { files: Arc::new(files), text: text.clone() });
        Ok(Some(text))
    }

    fn is_unchanged(&self, key: &str, files: &[BaseFile], table: &Arc<dyn TableProvider>) -> bool {
        // A file path in FROM is a new table at each query, so that watching its files does not pay.
        if key.contains('/') {
            return are_unchanged(files, table);
        }
        self.watches.are_unchanged(files, table, self.clock.elapsed())
    }

    /// Whether columns of a version of a table are a key; `None` where that was not found out yet.
    pub(crate) fn known_key(&self, table: &str, version: &str, columns: &[String]) -> Option<KnownKey> {
        let mut keys = self.joins.keys();
        let by_columns = |key: KnownKey| ((key.table.clone(), key.columns.clone()), key);
        // Keys that cannot be read are found out again.
        let all =
            keys.get_or_insert_with(|| self.store.keys().unwrap_or_default().into_iter().map(by_columns).collect());
        all.get(&(table.to_owned(), columns.to_vec())).filter(|known| known.version == version).cloned()
    }

    /// Keeps what was found out of columns as a key; in memory alone where the store cannot be written.
    pub(crate) fn keep_key(&self, key: KnownKey) {
        if let Err(error) = self.store.put_key(&key) {
            tracing::info!(%error, "a key is known to this process alone");
        }
        let place = (key.table.clone(), key.columns.clone());
        self.joins.keys().get_or_insert_default().insert(place, key);
    }

    /// The manifest with the columns of other tables that are stored beside the sample.
    pub(crate) fn with_joined(&self, manifest: &Arc<Manifest>) -> Result<Arc<Manifest>> {
        let mut all = self.joins.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (manifest.name.clone(), manifest.generation);
        if let Some(known) = all.get(&place) {
            return Ok(Arc::clone(known));
        }
        let joined = self.store.joined(manifest)?.into_iter().map(Arc::new).collect();
        let found = Arc::new(Manifest { joined, ..manifest.as_ref().clone() });
        // Earlier generations are not asked for again.
        all.retain(|(name, _), _| *name != manifest.name);
        all.insert(place, Arc::clone(&found));
        Ok(found)
    }

    /// Adds columns of another table to those stored beside a sample, in the place of the same columns of fewer levels.
    pub(crate) fn add_joined(&self, manifest: &Manifest, more: JoinedColumns) -> Arc<Manifest> {
        let mut found = manifest.clone();
        found.joined.retain(|known| known.columns != more.columns);
        found.joined.push(Arc::new(more));
        let found = Arc::new(found);
        let mut all = self.joins.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((manifest.name.clone(), manifest.generation), Arc::clone(&found));
        found
    }

    /// Removes a join of samples whose files turned out to be damaged.
    pub(crate) fn remove_join(&self, name: &str) -> Result<()> {
        self.joins.of_samples.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(self.store.remove_join(name)?)
    }

    /// Forgets which columns of other tables are stored beside samples, so that they are looked up again.
    pub(crate) fn forget_joined(&self) {
        self.joins.manifests.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.joins.of_samples.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Names and types of a table's columns.
fn columns(schema: &Schema) -> Vec<(String, String)> {
    schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
}
