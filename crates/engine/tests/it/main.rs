//! The engine through its public door.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    reason = "tests fail by panicking, and compare exact numbers exactly"
)]

mod above;
mod blocks;
mod bounds;
mod candidates;
mod catalog;
mod concurrent;
mod control;
mod coverage;
mod errors;
mod examples;
mod explain;
mod freshness;
mod full_sample;
mod functions;
mod golden;
mod hits;
mod hits_table;
mod honesty;
mod joins;
mod keys;
mod memory;
mod numbers;
mod overflow;
mod prepared;
mod projected;
mod repair;
mod reproducible;
mod row_groups;
mod shorthand;
mod stale_and_damaged;
mod statements;
mod subqueries;
mod summarize;
mod support;
mod tails;
mod universe;
mod unsampled;
mod writers;
