//! Joins: joined columns are columns of the sampled rows.

mod changes;
mod coverage;
mod equal;
mod generated;
mod generator;
mod star;
mod synopses;
