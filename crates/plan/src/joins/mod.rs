//! Joins below an aggregate: other tables' columns as further columns of the sampled table's rows.
//!
//! ```text
//!   plan ──collect──▶ instances, scopes, conjuncts ──orient──▶ a root, and one edge to every other table ──columns──▶ one wide scan
//! ```
//!
//! `collect` turns the tree of joins into a graph: table instances, and the conjuncts of ON and WHERE by scope. `orient` looks for a
//! root from which equal keys lead to every other instance, each key unique in the table that it leads to, so that a row of the root has
//! at most one partner everywhere. `columns` then names each joined column by its path of keys, never by a table's alias.

mod collect;
mod columns;
mod derived;
mod facts;
mod key_local;
mod keys;
mod null_equality;
mod orient;
mod star;
mod subquery_conditions;
#[cfg(test)]
mod tests;
mod written;

pub use collect::refusal;
pub(crate) use collect::{Collected, SubqueryJoins, collect};
pub use columns::{JoinKey, JoinedTable, column_name, is_joined_column, is_matched_column, shown_column};
pub(crate) use columns::{Widened, widened};
pub use facts::{AssumedFacts, JoinFacts, KeyFact, KeyQuestion, Refusal, RootFact, SharedKeyFact};
pub use key_local::{key_local_scan, with_source};
pub use null_equality::with_guarded_null_equality;
pub(crate) use orient::orient;
pub use star::{Star, star};
pub use written::{WrittenJoin, written_join};

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, TableScan};

/// The scope of the inner joins and of WHERE.
pub(crate) const INNER: usize = 0;

/// One use of a table.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) scan: TableScan,
    /// The scope in whose joins it takes part.
    pub(crate) scope: usize,
    /// Columns that are a key by the way in which its rows are made.
    pub(crate) key: Option<Vec<String>>,
}

/// Tables that are joined to others as a whole: those of inner joins, the nullable side of an outer join, or those of an EXISTS.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Conditions that a combination of its rows must pass, over columns of instances.
    pub(crate) conjuncts: Vec<Expr>,
    /// Whether a row appears once for each of its partners here, rather than once if it has any.
    pub(crate) repeats_rows: bool,
}

/// The table instances below an aggregate, and the conditions between them.
#[derive(Debug)]
pub(crate) struct JoinGraph {
    pub(crate) instances: Vec<Instance>,
    /// Scopes; the first is that of the inner joins and of WHERE.
    pub(crate) scopes: Vec<Scope>,
}

impl Default for JoinGraph {
    fn default() -> Self {
        Self { instances: Vec::new(), scopes: vec![Scope { repeats_rows: true, ..Scope::default() }] }
    }
}

/// Prefixes of the relations that stand for instances and scopes until the columns are named; no table's name begins with them.
const INSTANCE: &str = "\u{1}instance ";
const SCOPE: &str = "\u{1}scope ";

/// A column of an instance.
pub(crate) fn instance_column(instance: usize, name: &str) -> Expr {
    Expr::Column(Column::new(Some(TableReference::bare(format!("{INSTANCE}{instance}"))), name))
}

/// The instance that a column belongs to.
pub(crate) fn instance_of(column: &Column) -> Option<usize> {
    number_after(column, INSTANCE)
}

/// Whether a row found partners in the tables of a scope, all conditions included.
pub(crate) fn matched(scope: usize) -> Expr {
    Expr::Column(Column::new(Some(TableReference::bare(format!("{SCOPE}{scope}"))), "matched"))
}

/// The scope that a column of [`matched`] asks for.
pub(crate) fn scope_of(column: &Column) -> Option<usize> {
    number_after(column, SCOPE)
}

fn number_after(column: &Column, prefix: &str) -> Option<usize> {
    column.relation.as_ref()?.table().strip_prefix(prefix)?.parse().ok()
}
