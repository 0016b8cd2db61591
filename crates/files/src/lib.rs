//! Tables made of files: which files a path means, how each of them is read, and whether they have changed.
//!
//! ```text
//! path ──▶ listing ──▶ files ──▶ layout ──▶ one per file: columns, CSV dialect, compression
//!          (DuckDB's rules)      (cached)       │
//!                                               ▼
//!                     hive values + union of all columns by name = the table's schema
//!                                               │
//!                                               ▼
//!                     FileTable::scan: files of one layout are read together, missing columns are NULL
//! ```
//!
//! [`FileTable`] is the entry point. Which files a path means follows DuckDB: a `*` does not cross `/` and `**` does, names that begin
//! with `.` or `_` are left out, an existing path is itself even with brackets in it. Columns are put together by name, and
//! types are widened where nothing is lost. This crate never sees a sample or a bound.

mod diagnose;
mod error;
mod file;
mod hive;
mod layout;
mod listing;
mod options;
mod row_groups;
mod scan;
mod sniff;
mod table;
mod widen;

pub use diagnose::find_fault;
pub use error::FileError;
pub use file::base_files;
pub use layout::LayoutCache;
pub use listing::{Listing, absolute, is_glob, is_path};
pub use options::Options;
pub use table::{FilePart, FileTable};
