//! Which samples may answer for a table.

use super::Session;
use crate::error::Result;
use crate::shape::Reason;
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use plusminus_catalog::{BaseFile, Manifest};
use plusminus_sampling::{Source, base_files};
use std::sync::{Arc, PoisonError, Weak};

impl Session {
    /// The current generation of every family; read anew only when a family has a new one.
    pub(crate) fn families(&self) -> Result<Vec<Arc<Manifest>>> {
        let versions = self.inner.store.versions()?;
        let mut known = self.inner.manifests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, manifests)) = known.as_ref()
            && *of == versions
        {
            return Ok(manifests.clone());
        }
        let manifests: Vec<Arc<Manifest>> = self.inner.store.families()?.into_iter().map(Arc::new).collect();
        *known = Some((versions, manifests.clone()));
        Ok(manifests)
    }

    /// The families of table `key` that still describe it, or why there are none.
    pub(crate) async fn usable_families(
        &self,
        key: &str,
        table: &Arc<dyn TableProvider>,
        state: &SessionState,
    ) -> Result<std::result::Result<Vec<Arc<Manifest>>, Reason>> {
        let mut families = self.families()?;
        families.retain(|m| m.design.table == key);
        if families.is_empty() {
            return Ok(Err(Reason::new(format!(
                "there is no sample of '{key}' (CREATE SAMPLE name ON {key} makes one)"
            ))));
        }
        let now = match base_files(table, state).await? {
            Some(files) => Now::Files(files),
            None => Now::Rows(Source::open(table, state).await?.rows()),
        };
        let why = |m: &Manifest| staleness(m, table, &now).or_else(|| self.stranger(m, table));
        let stale = families.iter().find_map(|m| Some((m.name.clone(), why(m)?)));
        families.retain(|m| why(m).is_none());
        match stale {
            Some((name, why)) if families.is_empty() => Ok(Err(Reason::new(format!(
                "sample '{name}' is stale: {why} (CREATE OR REPLACE SAMPLE builds it anew)"
            )))),
            _ => Ok(Ok(families)),
        }
    }

    /// A table that is not made of files is only known to be the sampled one in the process that sampled it.
    fn stranger(&self, manifest: &Manifest, table: &Arc<dyn TableProvider>) -> Option<String> {
        if manifest.base.files.is_some() {
            return None;
        }
        let sampled = self.inner.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sampled.get(&(manifest.name.clone(), manifest.generation)).and_then(Weak::upgrade);
        match known {
            Some(known) if Arc::ptr_eq(&known, table) => None,
            _ => Some("its table is not made of files and was not sampled by this process".to_owned()),
        }
    }
}

/// What a table is made of today.
enum Now {
    Files(Vec<BaseFile>),
    /// The exact number of rows, where the table knows it.
    Rows(Option<u64>),
}

/// Why a family no longer describes its table.
fn staleness(manifest: &Manifest, table: &Arc<dyn TableProvider>, now: &Now) -> Option<String> {
    if table.schema().fields().len() != manifest.base.columns.len() {
        return Some("the table's columns are not those it had".to_owned());
    }
    for column in &manifest.base.columns {
        match table.schema().field_with_name(&column.name) {
            Err(_) => return Some(format!("the table no longer has the column '{}'", column.name)),
            Ok(field) if field.data_type().to_string() != column.data_type => {
                return Some(format!("column '{}' changed its type", column.name));
            }
            Ok(_) => {}
        }
    }
    let (then, now) = match (manifest.base.files.as_deref(), now) {
        (Some(then), Now::Files(now)) => (then, now.as_slice()),
        (None, Now::Rows(Some(rows))) if *rows == manifest.base.rows => return None,
        (None, Now::Rows(_)) => return Some("the number of rows changed".to_owned()),
        _ => return Some("the table is another one".to_owned()),
    };
    if then == now {
        return None;
    }
    let changed = then.iter().find(|f| !now.contains(f));
    Some(match changed {
        Some(file) => format!("file '{}' changed or is gone since it was built", file.path),
        None => "files were added to the table since it was built".to_owned(),
    })
}
