//! The files of a table on the local disk, asked without the detour that remote stores need.

use crate::source::{accepts, listing_table};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::listing::ListingTableUrl;
use object_store::path::Path as StorePath;
use plusminus_catalog::BaseFile;
use std::fs::{Metadata, read_dir};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// What the local file system calls itself.
const LOCAL: &str = "LocalFileSystem(file:///)";

/// The files of a table as they are now, sorted; `None` when it is not made of files on the local disk or one cannot be told.
///
/// A question of some microseconds per file, for every query has to ask it. [`base_files`](crate::base_files) is the authority
/// where the answer is not the one hoped for.
#[must_use]
pub fn local_files(table: &Arc<dyn TableProvider>, state: &dyn Session) -> Option<Vec<BaseFile>> {
    let table = listing_table(table)?;
    let mut files = Vec::new();
    for url in table.table_paths() {
        let store = state.runtime_env().object_store(url).ok()?;
        if url.scheme() != "file" || store.to_string() != LOCAL {
            return None;
        }
        let path = local_path(url)?;
        if !url.is_collection() && url.get_glob().is_none() {
            files.push(base_file(&path, &path.metadata().ok()?)?);
            continue;
        }
        let keep = |location: &StorePath, bytes: u64| accepts(table, url, location, bytes, state);
        walk(&path, &keep, &mut files)?;
    }
    files.sort();
    files.dedup();
    Some(files)
}

fn local_path(url: &ListingTableUrl) -> Option<PathBuf> {
    url.get_url().to_file_path().ok()
}

fn walk(folder: &Path, keep: &dyn Fn(&StorePath, u64) -> bool, files: &mut Vec<BaseFile>) -> Option<()> {
    for entry in read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let path = entry.path();
        // Links are followed; what a broken one points to is no file.
        let Ok(metadata) = path.metadata() else { continue };
        if metadata.is_dir() {
            // Linked folders may lead in circles, which the long way minds.
            if entry.file_type().ok()?.is_symlink() {
                return None;
            }
            walk(&path, keep, files)?;
        } else if let Some(file) = base_file(&path, &metadata)
            && StorePath::parse(&file.path).is_ok_and(|location| keep(&location, metadata.len()))
        {
            files.push(file);
        }
    }
    Some(())
}

fn base_file(path: &Path, metadata: &Metadata) -> Option<BaseFile> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(BaseFile {
        path: store_path(path)?,
        bytes: metadata.len(),
        modified_unix_us: i64::try_from(since.as_micros()).ok()?,
    })
}

/// The path as stores write it.
fn store_path(path: &Path) -> Option<String> {
    // Most paths are written as they stand, and the general way costs more than asking the disk.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'=');
    match path.to_str()?.strip_prefix('/') {
        Some(text) if text.bytes().all(is_plain) => Some(text.to_owned()),
        _ => Some(StorePath::from_absolute_path(path).ok()?.to_string()),
    }
}
