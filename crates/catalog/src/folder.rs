//! The only place that touches the file system: durable writes, atomic publication, listings.

use crate::error::CatalogError;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads a whole file that a manifest promised; its absence is damage.
pub(crate) fn read_promised(file: &Path) -> Result<Vec<u8>, CatalogError> {
    fs::read(file).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => CatalogError::damaged(file, "the file is missing"),
        _ => CatalogError::io(file, e),
    })
}

/// Opens a file that a manifest promised; its absence is damage.
pub(crate) fn open_promised(file: &Path) -> Result<File, CatalogError> {
    File::open(file).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => CatalogError::damaged(file, "the file is missing"),
        _ => CatalogError::io(file, e),
    })
}

/// Writes `bytes` to `file` under a temporary name, syncs it, and renames it into place over what was there.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<(), CatalogError> {
    let temporary = temporary_name(file);
    write_synced(&temporary, bytes)?;
    fs::rename(&temporary, file).map_err(|e| CatalogError::io(file, e))?;
    sync_parent(file)
}

/// Replaces `file` by `bytes` without waiting for the disk, which may lose them when the machine fails. It also removes the temporary files
/// of processes that ended on the way.
pub(crate) fn replace_at_leisure(file: &Path, bytes: &[u8]) -> Result<(), CatalogError> {
    let temporary = temporary_name(file);
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, file));
    written.map_err(|e| CatalogError::io(file, e))?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(()) };
    let (left, own) = (format!(".{}.", name.to_string_lossy()), format!(".{}.", std::process::id()));
    let is_left = |entry: &String| entry.starts_with(&left) && entry.ends_with(".tmp") && !entry.contains(&own);
    list(folder)?.iter().filter(|entry| is_left(entry)).try_for_each(|entry| remove_file(&folder.join(entry)))
}

/// Makes `file` appear whole or not at all; `Ok(false)` when it exists already.
///
/// A hard link fails when the target exists, which a rename does not, so two writers cannot both win.
pub(crate) fn publish(file: &Path, bytes: &[u8]) -> Result<bool, CatalogError> {
    let temporary = temporary_name(file);
    write_synced(&temporary, bytes)?;
    let linked = fs::hard_link(&temporary, file);
    let removed = fs::remove_file(&temporary);
    match linked {
        // A temporary name that could not be removed is swept away by the next build.
        Ok(()) => {
            drop(removed);
            sync_parent(file)?;
            Ok(true)
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(CatalogError::io(file, e)),
    }
}

/// Syncs an already written file to the disk.
pub(crate) fn sync_file(file: &Path) -> Result<(), CatalogError> {
    File::open(file).and_then(|f| f.sync_all()).map_err(|e| CatalogError::io(file, e))
}

/// Syncs a folder, so that the names in it survive a crash.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), CatalogError> {
    sync_file(folder)
}

/// Creates `folder` with its parents and syncs the names on the way.
pub(crate) fn create_folder(folder: &Path) -> Result<(), CatalogError> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|e| CatalogError::io(folder, e))?;
    let mut above = folder.parent();
    while let Some(parent) = above.filter(|p| !p.as_os_str().is_empty()) {
        if sync_folder(parent).is_err() {
            // A parent that cannot be opened for syncing (permissions) was not created here.
            break;
        }
        above = parent.parent();
    }
    Ok(())
}

/// The names in `folder`, sorted; empty when the folder does not exist.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>, CatalogError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(CatalogError::io(folder, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| CatalogError::io(folder, e))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Removes a folder with what is in it; absence is fine.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), CatalogError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CatalogError::io(folder, e)),
        _ => Ok(()),
    }
}

/// Removes a file; absence is fine.
pub(crate) fn remove_file(file: &Path) -> Result<(), CatalogError> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(CatalogError::io(file, e)),
        _ => Ok(()),
    }
}

/// A name beside `file` that no other writer has, in this process or another.
pub(crate) fn temporary_name(file: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    file.with_file_name(format!(".{name}.{}.{number}.tmp", std::process::id()))
}

fn write_synced(file: &Path, bytes: &[u8]) -> Result<(), CatalogError> {
    let write = || {
        let mut open = File::create(file)?;
        open.write_all(bytes)?;
        open.sync_all()
    };
    write().map_err(|e| CatalogError::io(file, e))
}

fn sync_parent(file: &Path) -> Result<(), CatalogError> {
    file.parent().map_or(Ok(()), sync_folder)
}
