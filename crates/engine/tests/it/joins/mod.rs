//! Joins: joined columns are columns of the sampled rows.

mod changes;
mod coverage;
mod equal;
mod generated;
mod generator;
mod nested;
mod pilot_levels;
mod shared_keys;
mod star;
mod synopses;
