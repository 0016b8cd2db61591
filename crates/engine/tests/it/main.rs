//! The engine through its public door.

mod bounds;
mod coverage;
mod errors;
mod explain;
mod full_sample;
mod golden;
mod honesty;
mod reproducible;
mod stale_and_damaged;
mod support;
mod writers;
