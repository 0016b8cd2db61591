//! Which samples may answer for a table.

use super::Session;
use crate::error::Result;
use crate::shape::Reason;
use datafusion::catalog::TableProvider;
use plusminus_catalog::Manifest;
use plusminus_sampling::base_files;
use std::sync::Arc;

impl Session {
    /// The current generation of every family.
    pub(crate) fn families(&self) -> Result<Vec<Manifest>> {
        Ok(self.inner.store.families()?)
    }

    /// The families of table `key` that still describe it, or why there are none.
    pub(crate) async fn usable_families(
        &self,
        key: &str,
        table: &Arc<dyn TableProvider>,
    ) -> Result<std::result::Result<Vec<Manifest>, Reason>> {
        let mut families = self.families()?;
        families.retain(|m| m.design.table == key);
        if families.is_empty() {
            return Ok(Err(Reason::new(format!("there is no sample of '{key}' (CREATE SAMPLE name ON {key} makes one)"))));
        }
        let files = base_files(table, &self.inner.context.state()).await?;
        let stale = families.iter().find_map(|m| Some((m.name.clone(), staleness(m, table, files.as_deref())?)));
        families.retain(|m| staleness(m, table, files.as_deref()).is_none());
        match stale {
            Some((name, why)) if families.is_empty() => Ok(Err(Reason::new(format!(
                "sample '{name}' is stale: {why} (CREATE OR REPLACE SAMPLE builds it anew)"
            )))),
            _ => Ok(Ok(families)),
        }
    }
}

/// Why a family no longer describes its table.
fn staleness(
    manifest: &Manifest,
    table: &Arc<dyn TableProvider>,
    files: Option<&[plusminus_catalog::BaseFile]>,
) -> Option<String> {
    for column in &manifest.base.columns {
        match table.schema().field_with_name(&column.name) {
            Err(_) => return Some(format!("the table no longer has the column '{}'", column.name)),
            Ok(field) if field.data_type().to_string() != column.data_type => {
                return Some(format!("column '{}' changed its type", column.name));
            }
            Ok(_) => {}
        }
    }
    let (then, now) = (manifest.base.files.as_deref()?, files.unwrap_or_default());
    if then == now {
        return None;
    }
    let changed = then.iter().find(|f| !now.contains(f));
    Some(match changed {
        Some(file) => format!("file '{}' changed or is gone since it was built", file.path),
        None => "files were added to the table since it was built".to_owned(),
    })
}
