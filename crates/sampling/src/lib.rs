//! Draws stratified samples: one pass over a table for all families, then levels of nested resolution.
//!
//! ```text
//! table ──▶ units ──▶ workers, one per thread ──▶ parts ──▶ merged ──▶ levels × blocks ──▶ a generation in the catalog
//!           (row groups,  strata numbered and counted,       strata in    level L: ranks          (Parquet, hashed,
//!            files)       rows of lowest priority kept       one order    below cap / 2^(top − L)  then published)
//! ```
//!
//! The pass keeps, per family and stratum, the rows with the lowest priorities; a priority is a hash of the seed, the
//! row's file and its place in that file (`priority.rs`), so the same table and seed give the same rows on any number of
//! threads. What a pass remembers is bounded by the sample's size, not the table's (`reservoir.rs`). The largest values
//! of a measure can be kept whole (`tail.rs`); where they begin is found by a scan of their columns before the pass.
//!
//! [`draw`] is the entry point. This crate never sees a query or a bound and never computes an interval.

mod advice;
mod build;
mod classes;
mod columns;
mod determined;
mod distinct;
mod error;
mod extension;
mod finish;
mod interner;
mod key_checks;
mod key_counts;
mod layout;
mod local;
mod merge;
mod part;
mod plan;
mod prescan;
mod priority;
mod request;
mod reservoir;
mod source;
mod strata_counts;
mod stratum_ranges;
mod tail;
mod tally;
#[cfg(test)]
mod tests;
mod threads;
mod universe;
mod value_ranges;
mod watch;
mod worker;
mod write;

pub use advice::skewed_measures;
pub use build::draw;
pub use error::SamplingError;
pub use extension::RowExtension;
pub use local::{are_same, are_unchanged};
pub use request::{DrawOptions, Progress, SampleRequest};
pub use source::{Source, VIEW, base_files, rows_of};
pub use universe::{are_kept, key_priorities};
pub use watch::Watches;
