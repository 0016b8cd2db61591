//! Registers files as tables of a session.

use super::session::Session;
use crate::answer::Result;
use crate::environment::definition;
use datafusion::common::TableReference;
use plusminus_files::FileTable;
use std::sync::PoisonError;

impl Session {
    /// Makes a file, a folder of files or a glob a table of this session; the store keeps its definition once the table is sampled.
    ///
    /// File extensions tell Parquet, CSV, JSON and Arrow files apart; the layout of a CSV file is sniffed, and folders named `key=value`
    /// become columns.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) when nothing is there or the format cannot be determined,
    /// [`Error::Data`](crate::Error::Data) when it cannot be read.
    pub async fn register(&self, name: &str, location: &str) -> Result<()> {
        let definition = definition(name, location)?;
        self.env.register_definition(&definition).await?;
        let mut registered = self.env.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.retain(|d| d.name != definition.name);
        registered.push(definition);
        Ok(())
    }

    pub(crate) async fn restore_tables(&self) -> Result<()> {
        for definition in self.env.store.tables()? {
            // A context that brought a table of this name keeps its own.
            if self.env.context.table_exist(TableReference::bare(definition.name.as_str()))? {
                continue;
            }
            // A table whose files are gone must not block the others; a query on it reports the error.
            let _ = self.env.register_definition(&definition).await;
        }
        Ok(())
    }

    /// Registers tables and views that another session of the store declared or changed, and removes those that it dropped.
    pub(crate) async fn refresh_tables(&self) -> Result<()> {
        let changed = self.env.store.declarations_changed();
        {
            let mut seen = self.env.declarations_seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == changed {
                return Ok(());
            }
            *seen = changed;
        }
        // A definition that is being replaced at this moment is read with the next statement.
        let Ok(definitions) = self.env.store.tables() else {
            *self.env.declarations_seen.lock().unwrap_or_else(PoisonError::into_inner) = [None; 2];
            return Ok(());
        };
        for definition in &definitions {
            let name = TableReference::bare(definition.name.as_str());
            // A table that goes at this moment is as good as none.
            let known = match self.env.context.table_exist(name.clone())? {
                true => self.env.context.table_provider(name).await.ok(),
                false => None,
            };
            let is_current = known.as_ref().is_some_and(|table| {
                // Tables that this session made of something else are its own.
                FileTable::of(table).is_none_or(|files| files.definition().location == definition.location)
            });
            if !is_current {
                let _ = self.env.register_definition(definition).await;
            }
        }
        for name in self.env.table_names() {
            let table = self.env.context.table_provider(TableReference::bare(name.as_str())).await;
            let Ok(table) = table else { continue };
            let is_kept = FileTable::of(&table).is_some_and(|files| self.env.store.keeps_rows_of(files.definition()));
            if is_kept && !definitions.iter().any(|definition| definition.name == name) {
                self.env.context.deregister_table(TableReference::bare(name.as_str()))?;
            }
        }
        self.restore_views().await
    }

    /// The names of the tables of the default schema, sorted.
    #[must_use]
    pub fn table_names(&self) -> Vec<String> {
        self.env.table_names()
    }

    /// Writes the definition of a sampled table to the store.
    pub(crate) fn keep_table(&self, name: &str) -> Result<()> {
        let registered = self.env.registered.lock().unwrap_or_else(PoisonError::into_inner);
        match registered.iter().find(|d| d.name == name) {
            Some(definition) => Ok(self.env.store.put_table(definition)?),
            None => Ok(()),
        }
    }
}
