//! Finds the samples that still describe a table.

use crate::answer::Result;
use crate::environment::{Environment, SampledView, memory_content, sql_name};
use arrow::datatypes::{DataType, Schema};
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use plusminus_catalog::{BaseFile, Manifest};
use plusminus_files::FileTable;
use plusminus_plan::Reason;
use plusminus_sampling::{VIEW, are_same, are_unchanged, base_files, rows_of};
use std::sync::{Arc, PoisonError};

impl Environment {
    /// The samples of table `key` that still describe it, the pinned one alone where one is, or the reason why there are none.
    pub(crate) async fn usable_samples(
        &self,
        key: &str,
        table: &Arc<dyn TableProvider>,
        state: &SessionState,
        pinned: Option<&str>,
    ) -> Result<std::result::Result<Vec<Arc<Manifest>>, Reason>> {
        let table = &SampledView::uncovered(table);
        let mut families = self.families()?;
        families.retain(|m| m.design.table == key);
        if families.is_empty() {
            return Ok(Err(Reason::new(format!(
                "there is no sample of '{key}' (CREATE SAMPLE name ON {} makes one)",
                sql_name(key)
            ))));
        }
        if let Some(pinned) = pinned {
            families.retain(|m| m.name == pinned);
            if families.is_empty() {
                let what = format!("plusminus.sample names '{pinned}', which is no sample of '{key}'");
                return Ok(Err(Reason::new(what)));
            }
        }
        let current = self.current(&families, table, state).await?;
        let mut stale = None;
        families.retain(|m| match staleness(m, table, &current).or_else(|| self.is_unknown_table(m, table)) {
            None => true,
            Some(why) => {
                tracing::info!(sample = %m.name, why, "stale sample left out");
                stale.get_or_insert_with(|| (m.name.clone(), why));
                false
            }
        });
        match stale {
            Some((name, why)) if families.is_empty() => Ok(Err(Reason::new(format!(
                "sample '{name}' is stale: {why} (CREATE OR REPLACE SAMPLE builds it anew)"
            )))),
            _ => Ok(Ok(families)),
        }
    }

    /// The table's files or row count; files are listed only where they may differ from those that the samples were drawn from.
    async fn current(
        &self,
        families: &[Arc<Manifest>],
        table: &Arc<dyn TableProvider>,
        state: &SessionState,
    ) -> Result<TableState> {
        if let Some(sampled) = families.first().and_then(|m| m.base.files.as_deref())
            && families.iter().all(|m| m.base.files.as_deref() == Some(sampled))
            && self.are_files_unchanged(families, sampled, table)
        {
            return Ok(TableState::SameFiles);
        }
        Ok(match base_files(table, state).await? {
            Some(files) => TableState::Files(files),
            None => TableState::Rows(rows_of(table, state).await?),
        })
    }

    fn are_files_unchanged(
        &self,
        families: &[Arc<Manifest>],
        sampled: &[BaseFile],
        table: &Arc<dyn TableProvider>,
    ) -> bool {
        // A file path in FROM is a new table at each query, so that watching its files does not pay.
        if families.iter().any(|m| m.design.table.contains('/')) {
            return are_unchanged(sampled, table);
        }
        self.watches.are_unchanged(sampled, table, self.clock.elapsed())
    }

    /// Why a table that is not made of files may not be the sampled one; `None` where this process sampled it unchanged.
    fn is_unknown_table(&self, manifest: &Manifest, table: &Arc<dyn TableProvider>) -> Option<String> {
        if manifest.base.files.is_some() {
            return None;
        }
        let sampled = self.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sampled.get(&(manifest.name.clone(), manifest.generation));
        match known.and_then(|(known, content)| Some((known.upgrade()?, *content))) {
            Some((known, content)) if Arc::ptr_eq(&known, table) => match content == memory_content(table) {
                true => None,
                false => Some("its rows were changed since it was built".to_owned()),
            },
            _ => Some("its table is not made of files and was not sampled by this process".to_owned()),
        }
    }
}

impl Environment {
    /// Whether a sample still describes its table: `fresh`, or `stale` and why.
    pub(crate) async fn freshness(&self, manifest: &Arc<Manifest>) -> String {
        let found = match self.table(&manifest.design.table).await {
            Ok((table, key)) if key == manifest.design.table => {
                let state = self.context.state();
                let own = std::slice::from_ref(manifest);
                match self.current(own, &table, &state).await {
                    Ok(current) => {
                        staleness(manifest, &table, &current).or_else(|| self.is_unknown_table(manifest, &table))
                    }
                    Err(error) => Some(error.to_string().lines().next().unwrap_or_default().to_owned()),
                }
            }
            _ => Some("its table is not there".to_owned()),
        };
        found.map_or_else(|| "fresh".to_owned(), |why| format!("stale: {why}"))
    }
}

/// Files or row count of a table at present.
enum TableState {
    /// The files that every sample was drawn from.
    SameFiles,
    Files(Vec<BaseFile>),
    /// The exact number of rows, where the table knows it.
    Rows(Option<u64>),
}

/// How the table's columns differ from those that were sampled. It runs at every query, also for tables of a thousand columns.
fn other_columns(manifest: &Manifest, schema: &Schema) -> Option<String> {
    let (fields, columns) = (schema.fields(), &manifest.base.columns);
    if fields.len() != columns.len() {
        return Some("the table's columns are not those it had".to_owned());
    }
    for (column, beside) in columns.iter().zip(fields) {
        // Columns may have another order.
        let field = match *beside.name() == column.name {
            true => Some(beside.as_ref()),
            false => schema.field_with_name(&column.name).ok(),
        };
        match field {
            None => return Some(format!("the table no longer has the column '{}'", column.name)),
            Some(field) if !reads_as(field.data_type(), &column.data_type) => {
                return Some(format!("column '{}' changed its type", column.name));
            }
            Some(_) => {}
        }
    }
    None
}

/// Whether a type's text is `text`.
fn reads_as(data_type: &DataType, text: &str) -> bool {
    /// The part of a text that was not written yet.
    struct Rest<'a>(&'a str);
    impl std::fmt::Write for Rest<'_> {
        fn write_str(&mut self, written: &str) -> std::fmt::Result {
            self.0 = self.0.strip_prefix(written).ok_or(std::fmt::Error)?;
            Ok(())
        }
    }
    let mut rest = Rest(text);
    std::fmt::write(&mut rest, format_args!("{data_type}")).is_ok() && rest.0.is_empty()
}

/// Why a sample no longer describes its table; `None` where it does.
fn staleness(manifest: &Manifest, table: &Arc<dyn TableProvider>, current: &TableState) -> Option<String> {
    if let Some(why) = other_columns(manifest, &table.schema()) {
        return Some(why);
    }
    if table.get_logical_plan().is_some()
        && manifest.base.options.get(VIEW).map(String::as_str) != Some(table.get_table_definition().unwrap_or_default())
    {
        return Some("the view is defined otherwise".to_owned());
    }
    if FileTable::of(table).is_some_and(|files| files.definition().options != manifest.base.options) {
        return Some("its files are read with other options".to_owned());
    }
    let (sampled, current) = match (manifest.base.files.as_deref(), current) {
        (_, TableState::SameFiles) => return None,
        (Some(sampled), TableState::Files(current)) => (sampled, current.as_slice()),
        (None, TableState::Rows(Some(rows))) if *rows == manifest.base.rows => return None,
        (None, TableState::Rows(_)) => return Some("the number of rows changed".to_owned()),
        _ => return Some("the table is another one".to_owned()),
    };
    if are_same(sampled, current) {
        return None;
    }
    let changed = sampled.iter().find(|f| !current.iter().any(|current| f.is_same(current)));
    Some(match changed {
        Some(file) if current.iter().any(|current| current.path == file.path) => {
            format!("file '/{}' changed since it was built", file.path.trim_start_matches('/'))
        }
        Some(file) => format!("file '{}' is gone since it was built", file.path),
        None => "files were added to the table since it was built".to_owned(),
    })
}
