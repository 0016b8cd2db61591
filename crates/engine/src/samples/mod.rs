//! The candidates that may answer a query, their costs, and the choice between them.

mod binding;
pub(crate) mod choose;
mod cost_history;
mod decide;
mod registry;
mod table_cost;
mod table_rows;

pub(crate) use binding::{ArgumentMoments, GroupOrder, SampleBinding};
pub(crate) use cost_history::QueryCost;
pub(crate) use decide::{
    ErrorBoundProgress, FIRST_LEVEL_MAX, FIRST_LEVEL_SHARE, NEXT_LEVEL_SHARE, NO_COMPARISON_BELOW_NS, SAFE_SHARE,
    SHORT, SPECULATIVE_SHARE, TableFollows, file_opening_ns, level_ns, reading_ns,
};
pub(crate) use table_cost::{TableCost, TableWork, rows_by_keys, table_work};
pub(crate) use table_rows::rows_about;
