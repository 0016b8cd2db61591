//! From the root of a plan down to the aggregate, and the query's columns in terms of the aggregate's.

mod linear;
mod nested_aggregate;
mod outputs;
pub mod roles;
mod selection;
pub mod sketched;
mod smoothness;
mod source_calls;
mod trace;

pub(crate) use linear::needs_all_groups;
pub use nested_aggregate::unaliased;
pub use outputs::Output;
pub(crate) use roles::combine;
pub use roles::{Role, roles};
pub use selection::{Comparison, Condition, Selection};
pub use sketched::sketched;
pub use source_calls::SourceCalls;
pub(crate) use trace::descend;

use super::error_functions::ErrorCall;
use super::lineage::Lineage;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use roles::role_of;

/// The path from the root of a plan to its aggregate.
pub(crate) struct PostAggregate<'a> {
    /// The aggregate node.
    pub aggregate: &'a Aggregate,
    /// The plan, with error functions replaced by look-ups.
    pub plan: LogicalPlan,
    pub(crate) lineage: Lineage,
    /// HAVING conditions, over the aggregate's columns.
    having: Vec<Expr>,
    /// The sort keys that LIMITs cut by, each with whether it ascends, over the aggregate's columns.
    cut_by: Vec<(Expr, bool)>,
    /// The current order of rows, by which a LIMIT cuts: sort keys over the aggregate's columns, each with whether it ascends.
    order: Vec<(Expr, bool)>,
    /// Calls of error functions, in the order of the numbers of their look-ups.
    pub error_calls: Vec<ErrorCall>,
    distinct: bool,
    /// Whether a HAVING or LIMIT leaves out rows.
    pub chooses_rows: bool,
    /// Whether an aggregate or a window function stands above the aggregate.
    pub has_upper_aggregate: bool,
}

impl PostAggregate<'_> {
    /// Notes a LIMIT, which cuts rows off in their current order.
    fn cut(&mut self) {
        self.chooses_rows = true;
        self.cut_by.extend(self.order.iter().cloned());
    }

    /// Whether any expression on the path refers to outer rows from within a subquery.
    pub(crate) fn is_correlated(&self) -> bool {
        let sorted = self.cut_by.iter().chain(&self.order).map(|(e, _)| e);
        self.lineage.exprs.iter().chain(&self.having).chain(sorted).any(super::subqueries::is_correlated)
    }

    /// Whether HAVING or LIMIT chooses rows by an estimate; the first `keys` columns of the aggregate are GROUP BY columns.
    pub(crate) fn selects_by_estimate(&self, keys: usize) -> bool {
        let schema = &self.aggregate.schema;
        let is_estimate = |c: &datafusion::common::Column| schema.index_of_column(c).is_ok_and(|i| i >= keys);
        let mut selecting = self.having.iter().chain(self.cut_by.iter().map(|(e, _)| e));
        selecting.any(|e| role_of(e, is_estimate) == Role::Estimate)
    }
}
