//! Joins that a sample declares: their columns are fetched when it is built, and any of them may stratify it.

use super::extension::{JoinedColumnLookup, needed_for};
use super::facts::{AnyRoot, Facts, KeyLimits, check_key};
use crate::answer::{Error, Result};
use crate::environment::Environment;
use datafusion::catalog::TableProvider;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use plusminus_plan::{Refusal, Star, star};
use std::sync::Arc;

/// Keys that are proven for one join.
const PROOFS_MAX: usize = 64;

/// A join as a sample declares it.
pub(crate) struct DeclaredJoin {
    star: Star,
    /// The table whose rows are sampled, and the key of its samples.
    pub(crate) table: Arc<dyn TableProvider>,
    pub(crate) key: String,
}

/// Recognises a join whose rows are those of one table, and finds out which columns are keys.
pub(crate) async fn declared_join(env: &Environment, plan: &LogicalPlan, state: &SessionState) -> Result<DeclaredJoin> {
    let mut facts = Facts::of(env, plan, state, None).await?;
    facts.count_rows().await;
    for _ in 0..PROOFS_MAX {
        match star(plan, &AnyRoot(&facts)) {
            Ok(star) => {
                let (table, key) = (source_as_provider(&star.scan.source)?, env.table_key(&star.scan.table_name));
                return Ok(DeclaredJoin { star, table, key });
            }
            Err(Refusal::Reason(reason)) => {
                let next = "a table that is joined to others by keys of theirs that are unique";
                return Err(Error::invalid(format!("no sample can be drawn of this join: {}", reason.0), next));
            }
            Err(Refusal::Unproven(question)) => {
                check_key(&facts, &question, state, &KeyLimits::default()).await?;
            }
        }
    }
    Err(Error::data("the tables of the join change while their keys are looked at"))
}

impl DeclaredJoin {
    /// Whether any table is joined to the sampled one.
    pub(crate) fn has_joins(&self) -> bool {
        !self.star.joins.is_empty()
    }

    /// The joined tables.
    pub(crate) fn joins(&self) -> &[plusminus_plan::JoinedTable] {
        &self.star.joins
    }

    /// The keys of all tables of the join.
    pub(crate) fn tables(&self, env: &Environment) -> Vec<String> {
        let others = self.star.joins.iter().map(|table| env.table_key(&table.scan.table_name));
        let mut all: Vec<String> = std::iter::once(self.key.clone()).chain(others).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The names that samples of the table have for columns of the join.
    pub(crate) fn columns(&self, written: &[String]) -> Result<Vec<String>> {
        let own = |name: &String| match self.star.column(name) {
            Ok(own) => Ok(own.to_owned()),
            Err(reason) => {
                let written = name.rsplit('.').next().unwrap_or(name);
                let near = plusminus_dialect::nearest(written, self.star.names()).filter(|near| *near != written);
                let next = near.map(|near| format!("did you mean '{near}'?"));
                Err(Error::invalid(reason.0, next.unwrap_or_else(|| "a column of one of its tables".to_owned())))
            }
        };
        written.iter().map(own).collect()
    }

    /// The names of columns that stratify, and of those that say whether a row has partners in their tables: where these are told apart, too,
    /// strata decide inner joins.
    pub(crate) fn strata(&self, written: &[String]) -> Result<Vec<String>> {
        let mut names = self.columns(written)?;
        let tables = needed_for(&self.star.joins, &names);
        names.extend(tables.into_iter().map(|table| table.matched));
        Ok(names)
    }

    /// Joined columns by which rows are stratified, to be found for every row of the sampled table; `None` where none of `names` is one.
    pub(crate) async fn extension(
        &self,
        env: &Environment,
        names: &[String],
        state: &SessionState,
    ) -> Result<Option<Arc<JoinedColumnLookup>>> {
        let needed = needed_for(&self.star.joins, names);
        if needed.is_empty() {
            return Ok(None);
        }
        JoinedColumnLookup::load(env, &needed, state).await.map(|columns| Some(Arc::new(columns)))
    }
}
