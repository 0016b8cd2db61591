//! Rows of sampled levels to cells to totals, without an optimiser or a physical plan.
//!
//! ```text
//!   level: columns of the sample       [`Compiled`], [`Program`]     WHERE, GROUP BY and arguments evaluated, once per level
//!     ↓
//!   rows: stratum, group, values       [`Rows`]                      arguments × rows, sorted by stratum
//!     ↓
//!   cells: stratum × group × variable  [`totals()`], [`ByGroup`]       rows, sum and sum of squares of each variable
//!     ↓  expansion of each stratum
//!   totals: group × variable           `plusminus_statistics::Total`  estimate and its variance
//! ```
//!
//! Ratios and expressions need a second pass over the same rows, in which each row has its linearised value ([`linearised()`]).
//! Percentiles and extremes read the rows themselves ([`Column`]); aggregates of aggregates get replicates of every total
//! ([`replicates()`]). The crate has no access to a session, a file or a clock.

mod buffer_pool;
mod cells;
mod compiled;
mod condition;
mod grouped;
mod groups;
mod native;
mod needs;
mod non_linear;
mod program;
mod replicates;
mod rows;
mod selection;
mod strata;
mod workers;

pub use buffer_pool::{BufferPool, SURPLUS};
pub use cells::{
    Block, BlockAggregator, ByGroup, GroupRange, LinearisedVariable, SumUses, Walk, key_linearised, key_totals,
    linearised, totals,
};
pub use compiled::{Compiled, qualified};
pub use grouped::{NumberedGroups, numbered};
pub use native::{WholeRows, exact_calls};
pub use needs::{FLOAT, Needs, bare, names};
pub use non_linear::Column;
pub use program::{KeepGoing, Program};
pub use replicates::{Replicates, replicates};
pub use rows::{Rows, Run, runs_of};
pub use strata::{Keyed, LevelSizes, LevelStrata, SampleStrata, StrataView};
pub use workers::Workers;
