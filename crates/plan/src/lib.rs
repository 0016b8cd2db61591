//! Logical plans as aggregate queries that samples can answer, or the reason why they cannot.
//!
//! ```text
//!   ORDER BY, LIMIT, HAVING, SELECT   post_aggregate   columns as functions of totals, choices by estimates
//!   ───────────────────────────────
//!   SUM(x), AVG(x) FILTER (…), …      calls            arguments, domains, variables (sums and counts of a domain)
//!   GROUP BY g                        query            keys over the scan's columns
//!   ───────────────────────────────
//!   WHERE, derived columns            aggregate_input  predicates over the scan's columns
//!   FROM t                            aggregate_input  one scan
//! ```
//!
//! [`recognise`] takes an analysed plan apart from the root downwards and says what it found as a query over one table, or why it has to
//! run exactly. Everything here is pure: no session, no files, no rows. UNION ALL and grouping sets are split into blocks first
//! ([`blocks_of`]); queries that hold a scalar subquery are checked for whether their answer is monotone in its value ([`monotone()`]).

mod aggregate_input;
mod blocks;
mod calls;
mod error_functions;
mod lineage;
mod monotone;
mod post_aggregate;
mod query;
mod simplify;
mod smooth;
mod subqueries;

pub use aggregate_input::holds_aggregate;
pub use blocks::{BLOCKS_MAX, Step, Way, blocks_of, cuts_rows, descend};
pub use calls::{Argument, Call, CallKind, Domain, Estimable, Special, SpecialKind, Spread, Variable, literal_number};
pub use error_functions::{ESTIMATE, ErrorCall, ErrorFunction, Slot, check, occur_in, register};

pub use monotone::{Monotone, monotone};
pub use post_aggregate::{Behind, Comparison, Condition, Output, Role, Selection, roles, sketched, unaliased};
pub use query::{Purpose, Reason, Shape, estimable_calls, recognise};
pub use simplify::simplified;
pub use smooth::used_inputs;
pub use subqueries::has_subquery;
