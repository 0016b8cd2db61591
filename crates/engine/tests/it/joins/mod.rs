//! Joins: joined columns are columns of the sampled rows.

mod changes;
mod coverage;
mod equal;
mod first_look;
mod generated;
mod generator;
mod nested;
mod shared_keys;
mod star;
mod synopses;
