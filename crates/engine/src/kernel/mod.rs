//! The direct path: rows of levels to totals per group, without an optimiser or a physical plan.
//!
//! A level's rows are evaluated once ([`Program::evaluate`]) and kept; every look walks the kept rows of all levels
//! side by side, stratum by stratum ([`totals`], then [`linearised`] for ratios and expressions).

mod filtered;
mod native;
mod program;
mod replicates;
mod rows;
mod specials;
mod strata;
mod walk;

pub(crate) use filtered::filtered;
pub(crate) use native::exact_calls;
pub(crate) use program::{Program, mean, qualified, with_strata};
pub(crate) use replicates::{Replicates, replicates};
pub(crate) use rows::Rows;
pub(crate) use specials::Column;
pub(crate) use strata::StrataView;
pub(crate) use walk::{Linear, key_linearised, key_totals, linearised, totals};
