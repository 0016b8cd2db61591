//! Whether intervals hold as often as they say, measured on simulated samples with fixed seeds.
//!
//! Each check allows a shortfall of four standard errors of the measured share, so that another seed
//! would raise a false alarm about once in 30,000 checks. The measured shares are shown by
//! `cargo test -p plusminus-statistics --test coverage -- --nocapture`.

#![allow(clippy::cast_possible_truncation, reason = "row counts of made-up tables")]

mod counts;
mod draws;
mod filtered;
mod keys;
mod levels;
mod products;
mod ranks;
mod ratio;
mod replicates;
mod stopping;
mod table;
mod tally;
mod variance;
mod whole;
