//! Rows of other tables by key: whether a key is one, and the columns of the partners of sampled rows.
//!
//! ```text
//!   prove   key columns of a table ──▶ no two rows agree in them, or a key that several rows have
//!   fetch   keys of sampled rows, key and other columns of a table ──▶ for each sampled row its partner's columns, NULL without one
//!   Lookup  columns of a table in memory by its key, for tables that every row of another one asks
//!   pairs   keys of two tables in memory ──▶ rows that have a key in common, in every combination
//! ```
//!
//! The first two read a table once, partition by partition, and keep no row of it that no sampled row asks for. Keys are compared in the type that
//! SQL compares them in; whole numbers and times take bitmaps, other keys their bytes. A key with a NULL in it has no partner.
//!
//! This crate never sees a query, a sample or a file: it takes batches and gives arrays.

mod encode;
mod extremes;
mod fetch;
mod key_index;
mod lookup;
mod paged_bitmap;
mod pairs;
mod prove;

pub use extremes::Extremes;
pub use fetch::{Partners, fetch};
pub use lookup::Lookup;
pub use pairs::{Pairs, pairs};
pub use prove::{DuplicateKey, KeyProof, prove};
