//! Watching by inotify.

use datafusion::catalog::TableProvider;
use plusminus_catalog::BaseFile;
use plusminus_files::FileTable;
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;
use std::fs::{Metadata, read_dir};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The most folders of a watched table; with more, files are checked one by one.
const FOLDERS_MAX: usize = 64;
/// File systems of this machine alone, by their magic numbers: ext2 to ext4, XFS, Btrfs, F2FS, ZFS and tmpfs. Others may be
/// changed from elsewhere, which is not reported.
const OWN_SYSTEMS: [i128; 6] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0x0102_1994];

/// The files of one table.
#[derive(Debug)]
pub(super) struct Watched {
    table: Weak<dyn TableProvider>,
    then: Vec<BaseFile>,
    since: Duration,
    events: OwnedFd,
    /// The table's own paths, each with the file or folder that it led to.
    places: Vec<(PathBuf, Place)>,
}

/// A file or folder itself, whatever it is called.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    device: u64,
    inode: u64,
}

impl Place {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Watched {
    /// Begins to watch; `None` where not every change would be reported.
    pub(super) fn begin(then: &[BaseFile], table: &Arc<dyn TableProvider>, now: Duration) -> Option<Self> {
        let files = FileTable::of(table)?;
        // The target of a link on the way may change without a report here.
        if then.iter().any(|file| file.target.is_some()) {
            return None;
        }
        let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        let places = watch_all(&events, vec![files.root()])?;
        Some(Self { table: Arc::downgrade(table), then: then.to_vec(), since: now, events, places })
    }

    pub(super) fn is_of(&self, then: &[BaseFile], table: &Arc<dyn TableProvider>) -> bool {
        Weak::ptr_eq(&self.table, &Arc::downgrade(table)) && self.then == then
    }

    /// When watching began.
    pub(super) fn since(&self) -> Duration {
        self.since
    }

    /// Begins anew with the same watch; false where that is not possible.
    pub(super) fn go_on(&mut self, now: Duration) -> bool {
        let mut buffer = [0; 4096];
        while rustix::io::read(&self.events, &mut buffer).is_ok_and(|read| read > 0) {}
        let paths = std::mem::take(&mut self.places).into_iter().map(|(path, _)| path).collect();
        self.since = now;
        // A path that is watched already is not watched twice.
        watch_all(&self.events, paths).map(|places| self.places = places).is_some()
    }

    /// Whether nothing was reported, and the table's paths lead where they led.
    pub(super) fn is_quiet(&self) -> bool {
        let mut buffer = [0; 4096];
        let is_there = |(path, place): &(PathBuf, Place)| path.metadata().is_ok_and(|now| Place::of(&now) == *place);
        rustix::io::read(&self.events, &mut buffer) == Err(Errno::AGAIN) && self.places.iter().all(is_there)
    }
}

/// Watches the files and folders that the paths lead to, and returns them with the paths.
fn watch_all(events: &OwnedFd, paths: Vec<PathBuf>) -> Option<Vec<(PathBuf, Place)>> {
    let mut folders = 0;
    let mut places = Vec::with_capacity(paths.len());
    for path in paths {
        let metadata = path.metadata().ok()?;
        if metadata.is_dir() {
            watch_folder(events, &path, &mut folders)?;
        } else {
            watch(events, &path, Some(&metadata))?;
        }
        places.push((path, Place::of(&metadata)));
    }
    Some(places)
}

/// Watches a folder and those below it.
fn watch_folder(events: &OwnedFd, folder: &Path, folders: &mut usize) -> Option<()> {
    *folders += 1;
    if *folders > FOLDERS_MAX {
        return None;
    }
    watch(events, folder, None)?;
    for entry in read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            watch_folder(events, &entry.path(), folders)?;
        } else if !kind.is_file() || entry.metadata().ok()?.nlink() > 1 {
            // The target of a link, or another name of the same file, may be changed without a report here.
            return None;
        }
    }
    Some(())
}

/// Watches a folder with the files in it, or a file.
fn watch(events: &OwnedFd, path: &Path, file: Option<&Metadata>) -> Option<()> {
    let is_own = rustix::fs::statfs(path).is_ok_and(|system| OWN_SYSTEMS.contains(&i128::from(system.f_type)));
    if !is_own || file.is_some_and(|file| file.nlink() > 1) || path.is_symlink() {
        return None;
    }
    let changes = WatchFlags::MODIFY
        | WatchFlags::ATTRIB
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF;
    add_watch(events, path, changes).ok().map(|_| ())
}
