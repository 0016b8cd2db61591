//! From the root down to the aggregate, and what each of the query's columns is in terms of it.

mod linear;
mod nested_aggregate;
mod outputs;
pub mod roles;
mod selection;
pub mod sketched;
mod smoothness;
mod source_calls;
mod trace;

pub use linear::needs_all_groups;
pub use nested_aggregate::unaliased;
pub use outputs::Output;
pub(crate) use roles::combine;
pub use roles::{Role, roles};
pub use selection::{Comparison, Condition, Selection};
pub use sketched::sketched;
pub use source_calls::SourceCalls;
pub use trace::descend;

use super::error_functions::ErrorCall;
use super::lineage::Lineage;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use roles::role_of;

/// The way from the root to the aggregate.
pub struct PostAggregate<'a> {
    /// The aggregate node.
    pub aggregate: &'a Aggregate,
    /// The plan, with error functions replaced by look-ups.
    pub plan: LogicalPlan,
    pub(crate) lineage: Lineage,
    /// HAVING conditions, over the aggregate's columns.
    having: Vec<Expr>,
    /// The sort keys (and whether they ascend) that a LIMIT cuts by, over the aggregate's columns.
    cut_by: Vec<(Expr, bool)>,
    /// The order that rows come in so far; a LIMIT cuts by it.
    order: Vec<(Expr, bool)>,
    /// Calls of error functions, by the number of their look-up.
    pub error_calls: Vec<ErrorCall>,
    distinct: bool,
    /// Whether a HAVING or LIMIT leaves out rows.
    pub chooses_rows: bool,
    /// Whether an aggregate or a window function stands above the aggregate.
    pub is_beyond: bool,
}

impl PostAggregate<'_> {
    /// Rows are cut off in the order they come in.
    fn cut(&mut self) {
        self.chooses_rows = true;
        self.cut_by.extend(self.order.iter().cloned());
    }

    /// Whether any expression on the way refers to rows from within a subquery.
    pub(crate) fn is_correlated(&self) -> bool {
        let sorted = self.cut_by.iter().chain(&self.order).map(|(e, _)| e);
        self.lineage.exprs.iter().chain(&self.having).chain(sorted).any(super::subqueries::is_correlated)
    }

    /// Whether rows are chosen by an estimate.
    pub fn selects_by_estimate(&self, keys: usize) -> bool {
        let schema = &self.aggregate.schema;
        let is_estimate = |c: &datafusion::common::Column| schema.index_of_column(c).is_ok_and(|i| i >= keys);
        let mut selecting = self.having.iter().chain(self.cut_by.iter().map(|(e, _)| e));
        selecting.any(|e| role_of(e, is_estimate) == Role::Estimate)
    }
}
