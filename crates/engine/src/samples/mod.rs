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
    FIRST_LEVEL_MAX, FIRST_LEVEL_SHARE, IN_VAIN, NEXT_LEVEL_SHARE, SAFE_SHARE, SHORT, Standing, TableFollows,
    UNQUESTIONED_NS, file_opening_ns, level_ns,
};
pub(crate) use table_cost::{TableCost, TableWork, table_work};
