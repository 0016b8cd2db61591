//! The command as people run it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    reason = "tests fail by panicking, and compare exact numbers exactly"
)]

mod book;
mod demo;
mod formats;
mod killed;
mod python;
mod readme;
mod support;
mod usage;
