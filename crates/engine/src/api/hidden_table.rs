//! Tables that exist for one statement, under names that no other statement can know.

use super::session::Session;
use crate::answer::Result;
use datafusion::datasource::MemTable;
use std::sync::Arc;

/// A table that is removed when this is dropped, also where its statement fails or is given up.
pub(crate) struct HiddenTable<'a> {
    session: &'a Session,
    name: String,
}

impl<'a> HiddenTable<'a> {
    pub(crate) fn new(session: &'a Session, table: MemTable) -> Result<Self> {
        let name = format!("__hidden_{}", session.env.next_query());
        session.context().register_table(name.as_str(), Arc::new(table))?;
        Ok(Self { session, name })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for HiddenTable<'_> {
    fn drop(&mut self) {
        // It is registered, and only this removes it.
        let _ = self.session.context().deregister_table(self.name.as_str());
    }
}
