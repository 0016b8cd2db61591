//! Answers from the catalog alone, without reading a row.

mod aggregates;
pub(crate) mod catalog;
mod known_calls;

pub(crate) use catalog::{CatalogValues, certain_extremes, known_variable};
pub(crate) use known_calls::CatalogCalls;
