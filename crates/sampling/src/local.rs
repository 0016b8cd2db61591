//! The files of a table on the local disk, asked without the detour that remote stores need.

use crate::source::{accepts, listing_table};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::listing::{ListingTable, ListingTableUrl};
use object_store::path::Path as StorePath;
use plusminus_catalog::BaseFile;
use std::cmp::Ordering;
use std::fs::{DirEntry, Metadata, read_dir};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// What the local file system calls itself.
const LOCAL: &str = "LocalFileSystem(file:///)";

/// Whether the files of a table on the local disk are for certain those listed in `then`, which is sorted: none changed, gone or
/// new. False too where that cannot be told here; [`base_files`](crate::base_files) is the authority then.
///
/// Every query asks, so a file costs little but the question to the operating system: it is looked up by its name in its folder, and only files that are
/// not listed are held against the table's rules.
#[must_use]
pub fn are_unchanged(then: &[BaseFile], table: &Arc<dyn TableProvider>, state: &dyn Session) -> bool {
    let Some(table) = listing_table(table) else { return false };
    let mut check = Check { table, state, then, seen: vec![false; then.len()] };
    table.table_paths().iter().all(|url| check.is_same(url)) && check.seen.iter().all(|seen| *seen)
}

/// Whether the files behind `url` are those of this machine's file system.
pub(crate) fn is_local(url: &ListingTableUrl, state: &dyn Session) -> bool {
    url.scheme() == "file" && state.runtime_env().object_store(url).is_ok_and(|store| store.to_string() == LOCAL)
}

struct Check<'a> {
    table: &'a ListingTable,
    state: &'a dyn Session,
    then: &'a [BaseFile],
    seen: Vec<bool>,
}

impl Check<'_> {
    fn is_same(&mut self, url: &ListingTableUrl) -> bool {
        let path = url.get_url().to_file_path().ok().filter(|_| is_local(url, self.state));
        let Some(path) = path else { return false };
        let Some(name) = store_path(&path) else { return false };
        if url.is_collection() || url.get_glob().is_some() {
            return self.is_folder_same(url, &path, &name, true);
        }
        let found = self.then.binary_search_by(|file| file.path.as_str().cmp(&name));
        found.is_ok_and(|at| path.metadata().is_ok_and(|now| self.note(at, &now)))
    }

    /// Whether what a folder holds is what it held; `name` is the folder's in its store.
    fn is_folder_same(&mut self, url: &ListingTableUrl, folder: &Path, name: &str, is_top: bool) -> bool {
        let Ok(entries) = read_dir(folder) else { return false };
        let then = within(self.then, name);
        for entry in entries {
            let Ok(entry) = entry else { return false };
            let own = entry.file_name();
            let is_same = match own.to_str().filter(|own| is_plain(own)) {
                Some(own) => match self.then[then.clone()].binary_search_by(|file| compare(&file.path, name, own)) {
                    Ok(at) => self.is_file_same(url, &entry, then.start + at, is_top),
                    Err(_) => self.is_new_nothing(url, &entry, &format!("{name}/{own}")),
                },
                None => self.is_strange_same(url, &entry, is_top),
            };
            if !is_same {
                return false;
            }
        }
        true
    }

    /// The same of a name that stores write in another way.
    fn is_strange_same(&mut self, url: &ListingTableUrl, entry: &DirEntry, is_top: bool) -> bool {
        let Some(name) = store_path(&entry.path()) else { return false };
        match self.then.binary_search_by(|file| file.path.as_str().cmp(&name)) {
            Ok(at) => self.is_file_same(url, entry, at, is_top),
            Err(_) => self.is_new_nothing(url, entry, &name),
        }
    }

    fn is_file_same(&mut self, url: &ListingTableUrl, entry: &DirEntry, at: usize, is_top: bool) -> bool {
        // Links are followed, for it is what they point to that is read.
        let is_link = entry.file_type().map_or(true, |kind| kind.is_symlink());
        let metadata = if is_link { entry.path().metadata() } else { entry.metadata() };
        let is_accepted = |now: &Metadata| {
            let path = &self.then[at].path;
            // Right below a folder without a pattern only the ending decides.
            if is_top && url.get_glob().is_none() {
                return path.ends_with(&self.table.options().file_extension) && now.len() > 0;
            }
            self.accepts(url, path, now.len())
        };
        let Some(now) = metadata.ok().filter(is_accepted) else { return false };
        self.note(at, &now)
    }

    /// Whether an entry that is not listed is no file of the table either; folders are entered.
    fn is_new_nothing(&mut self, url: &ListingTableUrl, entry: &DirEntry, name: &str) -> bool {
        let path = entry.path();
        // What a broken link points to is no file.
        let Ok(now) = path.metadata() else { return true };
        if now.is_dir() {
            // Linked folders may lead in circles, which the long way minds.
            let is_link = entry.file_type().map_or(true, |kind| kind.is_symlink());
            return !is_link && self.is_folder_same(url, &path, name, false);
        }
        !self.accepts(url, name, now.len())
    }

    fn accepts(&self, url: &ListingTableUrl, path: &str, bytes: u64) -> bool {
        StorePath::parse(path).is_ok_and(|location| accepts(self.table, url, &location, bytes, self.state))
    }

    /// Marks a listed file as seen, and tells whether it is as it was.
    fn note(&mut self, at: usize, now: &Metadata) -> bool {
        self.seen[at] = true;
        let then = &self.then[at];
        let changed = now.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let changed = changed.and_then(|since| i64::try_from(since.as_micros()).ok());
        now.is_file() && now.len() == then.bytes && changed == Some(then.modified_unix_us)
    }
}

/// The files below `folder`, at any depth, as a range of the sorted `files`.
fn within(files: &[BaseFile], folder: &str) -> std::ops::Range<usize> {
    let below = |file: &BaseFile| file.path.strip_prefix(folder).map_or(file.path.as_str().cmp(folder), relative);
    let start = files.partition_point(|file| below(file) == Ordering::Less);
    let end = start + files[start..].partition_point(|file| below(file) == Ordering::Equal);
    start..end
}

/// What follows a folder's name, against the slash that its own files have there.
fn relative(rest: &str) -> Ordering {
    match rest.as_bytes().first() {
        None => Ordering::Less,
        Some(byte) => byte.cmp(&b'/'),
    }
}

/// `path` against `folder/name`, for paths within the folder.
fn compare(path: &str, folder: &str, name: &str) -> Ordering {
    path.get(folder.len() + 1..).map_or(Ordering::Less, |own| own.cmp(name))
}

/// The path as stores write it.
fn store_path(path: &Path) -> Option<String> {
    // Most paths are written as they stand, and the general way costs more than asking the disk.
    let text = path.to_str().and_then(|text| text.strip_prefix('/')).map(|text| text.strip_suffix('/').unwrap_or(text));
    match text.filter(|text| text.split('/').all(is_plain)) {
        Some(text) => Some(text.to_owned()),
        None => Some(StorePath::from_absolute_path(path).ok()?.to_string()),
    }
}

/// Whether stores write a name as it stands.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'='))
}

#[cfg(test)]
pub(crate) mod tests;
