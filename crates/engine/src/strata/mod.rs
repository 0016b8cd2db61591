//! Answers from the catalog alone: what is known of the strata without reading a row.

mod aggregates;
pub(crate) mod catalog;
mod known_calls;

pub(crate) use catalog::{Known, certain_extremes, known_variable};
pub(crate) use known_calls::KnownCalls;
