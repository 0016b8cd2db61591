//! The candidates that may answer a query, their costs, and the choice between them.

mod binding;
pub(crate) mod choose;
mod cost_history;
mod decide;
mod registry;
mod table_cost;
mod table_rows;

pub(crate) use binding::{ArgumentMoments, Grouped, SampleBinding};
pub(crate) use cost_history::QueryCost;
pub(crate) use decide::{FirstStep, IN_VAIN, Standing, file_opening_ns, first_step, level_ns};
pub(crate) use table_cost::{TableCost, TableWork, table_work};
