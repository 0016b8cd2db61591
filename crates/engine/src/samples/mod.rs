//! The candidates that may answer a query, what each costs, and which one is taken.

mod candidate;
mod decide;
mod table_cost;
mod table_rows;

pub(crate) use candidate::TableCandidate;
pub(crate) use decide::{IN_VAIN, Opening, Standing, level_ns, opening, opening_ns};
pub(crate) use table_cost::{TableCost, TableWork, table_work};
