//! Logical plans as aggregate queries that samples can answer, or the reason why they cannot.
//!
//! ```text
//!   ORDER BY, LIMIT, HAVING, SELECT   post_aggregate   columns as functions of totals, choices by estimates
//!   ───────────────────────────────
//!   SUM(x), AVG(x) FILTER (…), …      calls            arguments, domains, variables (sums and counts of a domain)
//!   GROUP BY g                        query            keys over the scan's columns
//!   ───────────────────────────────
//!   WHERE, derived columns            aggregate_input  predicates over the scan's columns
//!   FROM t JOIN d ON …                joins            one scan, with the columns of joined tables behind its own
//! ```
//!
//! [`recognise`] takes an analysed plan apart from the root downwards and says what it found as a query over one table, or why it has to
//! run exactly. Everything here is pure: no session, no files, no rows. UNION ALL and grouping sets are split into blocks first
//! ([`blocks_of`]); queries that hold a scalar subquery are checked for whether their answer is monotone in its value ([`monotone()`]).

mod aggregate_input;
mod blocks;
mod calls;
mod differentiable;
mod error_functions;
mod joins;
mod lineage;
mod monotone;
mod one_row;
mod post_aggregate;
mod query;
mod simplify;
mod subqueries;

pub use aggregate_input::holds_aggregate;
pub use blocks::{BLOCKS_MAX, Descent, Step, SumPlans, blocks_of, cuts_rows, descend, sums_of};
pub use calls::{
    Argument, Call, CallKind, Domain, Estimable, NonLinearAggregate, NonLinearKind, SecondMoment, Variable,
    literal_number,
};
pub use error_functions::{ESTIMATE, ErrorCall, ErrorFunction, Slot, check, occur_in, register};

pub use differentiable::used_inputs;
pub use joins::{
    AssumedFacts, JoinFacts, JoinKey, JoinedTable, KeyFact, KeyQuestion, Refusal, RootFact, SharedKeyFact, Star,
    WrittenJoin, column_name, is_joined_column, is_matched_column, key_local_scan, refusal, shown_column, star,
    with_guarded_null_equality, with_source, written_join,
};
pub use monotone::{Monotone, monotone};
pub use one_row::with_scalars;
pub use post_aggregate::{Comparison, Condition, Output, Role, Selection, SourceCalls, roles, sketched, unaliased};
pub use query::{AggregateQuery, Purpose, Reason, estimable_calls, recognise, recognise_with};
pub use simplify::simplified;
pub use subqueries::has_subquery;
