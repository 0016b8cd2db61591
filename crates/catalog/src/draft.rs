use crate::entries::FileEntry;
use crate::error::CatalogError;
use crate::folder;
use crate::level;
use crate::manifest::Manifest;
use crate::seal;
use crate::store::{MANIFEST_PREFIX, manifest_file};
use crate::strata::Strata;
use crate::values::ValueRanges;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A generation under construction: files are added, then it is published whole, or dropped without a trace.
///
/// It holds the family's build lock for as long as it lives.
#[derive(Debug)]
pub struct Draft {
    family_folder: PathBuf,
    data_folder: String,
    name: String,
    parent: Option<u64>,
    /// Held, not read: the lock ends with the file.
    _lock: File,
    published: bool,
}

impl Draft {
    /// Removes the files that killed builds left and creates an empty data folder; `newest` was read under `lock`.
    pub(crate) fn begin(
        family_folder: PathBuf,
        name: &str,
        newest: Option<&Manifest>,
        lock: File,
    ) -> Result<Self, CatalogError> {
        let parent = newest.map(|m| m.generation);
        clear_orphans(&family_folder, newest)?;
        let data_folder = format!("data-{:08}", parent.unwrap_or(0) + 1);
        folder::remove_folder(&family_folder.join(&data_folder))?;
        folder::create_folder(&family_folder.join(&data_folder))?;
        Ok(Self { family_folder, data_folder, name: name.to_owned(), parent, _lock: lock, published: false })
    }

    /// The folder of this generation's files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.family_folder.join(&self.data_folder)
    }

    /// Syncs and hashes a Parquet file that was written to [`folder`](Self::folder).
    ///
    /// # Errors
    /// When the file cannot be read back, synced or decoded.
    pub fn add(&self, file: &str) -> Result<FileEntry, CatalogError> {
        folder::sync_file(&self.folder().join(file))?;
        level::describe(&self.folder(), file)
    }

    /// Writes the strata table.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_strata(&self, strata: &Strata) -> Result<FileEntry, CatalogError> {
        self.add_batch("strata.parquet", strata.batch())
    }

    /// Writes the ranges by value.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_values(&self, values: &ValueRanges) -> Result<FileEntry, CatalogError> {
        self.add_batch("values.parquet", values.batch())
    }

    fn add_batch(&self, file: &str, batch: &RecordBatch) -> Result<FileEntry, CatalogError> {
        self.write(file, &batch.schema(), std::iter::once(Ok(batch.clone())))
    }

    /// Writes batches of one schema as a Parquet file of this generation.
    ///
    /// # Errors
    /// When a batch is an error, or the file cannot be written.
    pub fn write(
        &self,
        file: &str,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    ) -> Result<FileEntry, CatalogError> {
        level::write(&self.folder().join(file), schema, batches)?;
        self.add(file)
    }

    /// The number that [`publish`](Self::publish) will give this generation, and its parent's.
    #[must_use]
    pub fn generation(&self) -> (u64, Option<u64>) {
        (self.parent.unwrap_or(0) + 1, self.parent)
    }

    /// The name of the folder that holds this generation's files.
    #[must_use]
    pub fn data_folder(&self) -> &str {
        &self.data_folder
    }

    /// Makes the generation the family's current one, atomically, then removes the one before its parent.
    ///
    /// # Errors
    /// When the folder cannot be synced or another process published this generation first.
    pub fn publish(mut self, manifest: &Manifest) -> Result<(), CatalogError> {
        folder::sync_folder(&self.folder())?;
        folder::sync_folder(&self.family_folder)?;
        let file = manifest_file(&self.family_folder, manifest.generation);
        let linked = folder::publish(&file, &seal::seal(manifest, &file)?);
        // Once the manifest can be seen its data must stay, even if a sync after that failed.
        self.published = file.exists();
        if !linked? {
            return Err(CatalogError::Busy { name: self.name.clone() });
        }
        clear_orphans(&self.family_folder, Some(manifest))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // The next build clears what could not be removed here.
            let _ = folder::remove_folder(&self.folder());
        }
    }
}

/// The Parquet settings of a generation's files.
///
/// # Errors
/// Never in practice: the compression level is a constant.
pub fn properties() -> Result<WriterProperties, parquet::errors::ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::try_new(1)?);
    Ok(WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(32_768)).build())
}

/// Writes a tombstone (a manifest that marks the family as dropped), then removes its data; the caller holds the lock.
pub(crate) fn write_tombstone(family_folder: &Path, newest: &Manifest) -> Result<(), CatalogError> {
    let tombstone = Manifest {
        generation: newest.generation + 1,
        parent: Some(newest.generation),
        dropped: true,
        strata_count: 0,
        values: None,
        determined: Vec::new(),
        levels: Vec::new(),
        moments: Vec::new(),
        distinct: Vec::new(),
        ..newest.clone()
    };
    let file = manifest_file(family_folder, tombstone.generation);
    if !folder::publish(&file, &seal::seal(&tombstone, &file)?)? {
        return Err(CatalogError::Busy { name: newest.name.clone() });
    }
    clear_orphans(family_folder, Some(&tombstone))
}

/// Takes the family's build lock, which is held until the returned file is dropped.
pub(crate) fn lock(family_folder: &Path, name: &str) -> Result<File, CatalogError> {
    folder::create_folder(family_folder)?;
    let path = family_folder.join("build.lock");
    let file = File::create(&path).map_err(|e| CatalogError::io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(CatalogError::Busy { name: name.to_owned() }),
        Err(std::fs::TryLockError::Error(e)) => Err(CatalogError::io(&path, e)),
    }
}

/// Removes manifests older than the current one's parent, and every data folder that neither of the two names.
///
/// The parent stays for readers that opened it before the current one appeared.
fn clear_orphans(family_folder: &Path, current: Option<&Manifest>) -> Result<(), CatalogError> {
    let parent = current.filter(|m| !m.dropped).and_then(|m| m.parent);
    let parent_folder = parent.map(|g| format!("data-{g:08}"));
    for entry in folder::list(family_folder)? {
        let path = family_folder.join(&entry);
        if entry.starts_with("data-") {
            let current_folder = current.filter(|m| !m.dropped).map(|m| m.data_folder.as_str());
            if current_folder != Some(&entry) && parent_folder.as_deref() != Some(&entry) {
                folder::remove_folder(&path)?;
            }
        } else if entry.ends_with(".tmp") {
            folder::remove_file(&path)?;
        } else if let Some(generation) = entry.strip_prefix(MANIFEST_PREFIX).and_then(|g| g.strip_suffix(".json")) {
            let generation = generation.parse::<u64>().ok();
            let kept = [current.map(|m| m.generation), parent];
            if current.is_some() && generation.is_some() && !kept.contains(&generation) {
                folder::remove_file(&path)?;
            }
        }
    }
    Ok(())
}
