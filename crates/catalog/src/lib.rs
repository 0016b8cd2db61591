//! The catalog of samples: table definitions and sample families as versioned generations in a folder.
//!
//! ```text
//! store/
//!   plusminus.json                         format version
//!   costs.json                             learnt costs
//!   tables/<table>.json                    persistent table definitions
//!   views/<view>.json                      persistent view definitions
//!   keys/<table and columns>.json          whether columns are a key
//!   samples/<family>/
//!     generation-00000001.json             sealed manifest: design, base, files with hashes
//!     data-00000001/strata.parquet         one row per stratum, sorted by stratum
//!     data-00000001/values.parquet         extremes of measures by value, if there are any
//!     data-00000001/level-00-block-000.parquet …
//!     data-00000001/joined-….json, joined-…-level-00.parquet …   columns of other tables, fetched for queries
//! ```
//!
//! A generation exists from the moment its manifest is linked into place, and every file it names was written and synced before. Readers
//! take the highest generation; a manifest or a data file whose checksum does not match is an error that names the file, never an older
//! answer in silence.
//!
//! This crate never sees a query, a clock or a random number, and never decides what to sample.
//!
//! ```
//! # fn main() -> Result<(), plusminus_catalog::CatalogError> {
//! # let folder = tempfile::tempdir().map_err(|e| plusminus_catalog::CatalogError::io("tempdir", e))?;
//! let store = plusminus_catalog::Store::open(folder.path().join("store"))?;
//! assert!(store.families()?.is_empty());
//! # Ok(())
//! # }
//! ```

mod costs;
mod draft;
mod entries;
mod error;
mod family;
mod folder;
mod joined;
mod level;
mod manifest;
mod seal;
mod store;
mod strata;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub use costs::{LearntCosts, LearntLine};
pub use draft::{Draft, properties};
pub use entries::{FileEntry, LevelEntry, RowGroupEntry};
pub use error::CatalogError;
pub use family::Verification;
pub use joined::{JoinedColumn, JoinedColumns};
pub use level::{LEVEL_COLUMNS, PRIORITY, RANK, STRATUM, STRATUM_ROWS, level_schema};
pub use manifest::{
    BaseFile, BaseTable, Column, ColumnMoments, Design, DistinctCount, FORMAT_VERSION, HeavyKey, JOINED_SAMPLES,
    KeptKeys, KeyCheck, Manifest, OLDEST_READABLE_VERSION, SampleSize,
};
pub use store::Store;
pub use strata::{Strata, StrataColumns, StratumRange, TAIL};
pub use table::{Compression, FileFormat, KnownKey, TableDefinition, ViewDefinition};
pub use values::{ValueRange, ValueRanges};

/// A short text that differs where `content` does.
///
/// # Errors
/// [`CatalogError::Encode`] when it has no text.
pub fn fingerprint(content: &impl serde::Serialize) -> Result<String, CatalogError> {
    let text = serde_json::to_vec(content).map_err(|e| CatalogError::encode("a fingerprint", e))?;
    Ok(blake3::hash(&text).to_hex()[..12].to_owned())
}

/// Checks and decodes the bytes of a manifest, as reading a store does; for fuzzing.
///
/// # Errors
/// [`CatalogError::Damaged`] for anything but a whole manifest, [`CatalogError::Version`] for one of another format.
pub fn decode_manifest_bytes(bytes: &[u8]) -> Result<Manifest, CatalogError> {
    store::decode_manifest(bytes, std::path::Path::new("manifest"))
}
