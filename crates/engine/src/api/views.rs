//! Views that the store remembers, and the check which views can be sampled.

use super::session::Session;
use crate::answer::{Answer, Error, Result, listing};
use crate::planning::case;
use datafusion::catalog::{Session as CatalogSession, TableProvider};
use datafusion::common::TableReference;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use plusminus_catalog::ViewDefinition;
use plusminus_files::FileTable;
use std::sync::Arc;

impl Session {
    /// Writes the view or table that a statement declared to the store, and removes what it dropped.
    pub(crate) async fn keep_declarations(&self, plan: &LogicalPlan, sql: &str) -> Result<()> {
        let LogicalPlan::Ddl(statement) = plan else { return Ok(()) };
        let store = &self.env.store;
        match statement {
            DdlStatement::CreateView(view) if !view.temporary => {
                let (name, sql) =
                    (self.env.table_key(&view.name), case::with_absolute_paths(&self.env.context.state(), sql)?);
                store.forget(&name)?;
                Ok(store.put_view(&ViewDefinition { name, sql })?)
            }
            DdlStatement::CreateMemoryTable(table) => {
                // It takes the place of a table that the store keeps.
                let name = self.env.table_key(&table.name);
                match self.kept_definition(&name) {
                    Some(_) => Ok(store.forget(&name)?),
                    None => Ok(()),
                }
            }
            DdlStatement::CreateExternalTable(table) if !table.temporary => {
                let name = self.env.table_key(&table.name);
                let provider = self.env.context.table_provider(table.name.clone()).await?;
                store.forget(&name)?;
                match FileTable::of(&provider) {
                    Some(files) => Ok(store.put_table(files.definition())?),
                    None => Ok(()),
                }
            }
            DdlStatement::DropView(view) => Ok(store.forget(&self.env.table_key(&view.name))?),
            DdlStatement::DropTable(table) => {
                let name = self.env.table_key(&table.name);
                let kept = self.kept_definition(&name);
                store.forget(&name)?;
                match kept {
                    Some(kept) => Ok(store.remove_rows_of(&kept)?),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Removes a view that could not be declared from the store; `None` when the store has no such view.
    pub(crate) fn forget_broken_view(&self, name: &TableReference) -> Result<Option<Answer>> {
        let name = self.env.table_key(name);
        if !self.env.store.views()?.iter().any(|view| view.name == name) {
            return Ok(None);
        }
        self.env.store.forget(&name)?;
        Ok(Some(listing::message(&format!("view '{name}' dropped"))))
    }

    /// The error for a view of the store that cannot be declared, in the place of one that it does not exist.
    pub(crate) async fn of_broken_view(&self, error: Error) -> Error {
        let Error::Invalid { what, .. } = &error else { return error };
        let name = what.strip_prefix("there is no table named '").and_then(|rest| rest.split_once('\''));
        let (Some((name, _)), Ok(views)) = (name, self.env.store.views()) else { return error };
        let Some(view) = views.into_iter().find(|view| view.name == name) else { return error };
        match self.declare(&view.sql).await {
            Err(Error::Invalid { what, .. }) => Error::invalid(
                format!("view '{name}' cannot be read: {what}"),
                format!("CREATE OR REPLACE VIEW {name} AS …, or DROP VIEW {name}"),
            ),
            _ => error,
        }
    }

    async fn declare(&self, sql: &str) -> Result<()> {
        let context = &self.env.context;
        context.execute_logical_plan(case::named_plan_of(&context.state(), sql).await?).await?;
        Ok(())
    }

    /// Declares the store's views again; since views may depend on each other, rounds are repeated as long as one succeeds.
    pub(crate) async fn restore_views(&self) -> Result<()> {
        let mut open = self.env.store.views()?;
        loop {
            let before = open.len();
            let mut left = Vec::new();
            for view in open {
                let is_known = self.env.context.table_exist(TableReference::bare(view.name.as_str()))?;
                // A view whose tables are gone must not block the others; a query on it reports the error.
                if !is_known && self.declare(&view.sql).await.is_err() {
                    left.push(view);
                }
            }
            if left.is_empty() || left.len() == before {
                return Ok(());
            }
            open = left;
        }
    }
}

/// Refuses to sample a view over anything but files, since changes of other tables cannot be detected.
pub(crate) async fn refuse_unwatched_view(
    name: &str,
    table: &Arc<dyn TableProvider>,
    state: &dyn CatalogSession,
) -> Result<()> {
    if table.get_logical_plan().is_none() || plusminus_sampling::base_files(table, state).await?.is_some() {
        return Ok(());
    }
    Err(Error::unsupported(
        format!(
            "view '{name}' stands on tables that are no files, so a sample of it could not be told from a stale one"
        ),
        "a sample of the table that it stands on, or a view over files",
    ))
}
