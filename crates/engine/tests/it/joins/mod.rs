//! Joins: joined columns are columns of the sampled rows.

mod equal;
mod generated;
mod generator;
mod star;
