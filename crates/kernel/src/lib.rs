//! The direct path: rows of levels to totals per group, without an optimiser or a physical plan.
//!
//! What a query needs of each row ([`Needs`]) is compiled once ([`Compiled`]). A level's rows are evaluated once
//! ([`Program::evaluate`]) and kept; every look walks the kept rows of all levels side by side, stratum by stratum
//! ([`totals`], then [`linearised`] for ratios and expressions).

mod compiled;
mod condition;
mod filtered;
mod grouped;
mod groups;
mod native;
mod needs;
mod program;
mod replicates;
mod rows;
mod selection;
mod spare;
mod specials;
mod strata;
mod walk;
mod workers;

pub(crate) use compiled::{Compiled, qualified};
pub(crate) use filtered::filtered;
pub(crate) use grouped::numbered;
pub(crate) use native::{WholeRows, exact_calls};
pub(crate) use needs::{Needs, bare, names};
pub(crate) use program::{KeepGoing, Program};
pub(crate) use replicates::{Replicates, replicates};
pub(crate) use rows::{Rows, Run, runs_of};
pub(crate) use spare::{SURPLUS, Spare};
pub(crate) use specials::Column;
pub(crate) use strata::{Keyed, LevelSizes, LevelStrata, SampleStrata, StrataView};
pub(crate) use walk::{
    Asked, Block, ByGroup, Desk, Half, Linear, Walk, key_linearised, key_totals, linearised, merged, totals,
};
pub(crate) use workers::Workers;
