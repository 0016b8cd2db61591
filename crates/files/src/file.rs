//! A file of a table, with the metadata that shows whether it has changed.

use crate::error::FileError;
use object_store::ObjectMeta;
use object_store::path::Path as StorePath;
use plusminus_catalog::BaseFile;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A data file as it is on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DataFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) modified_unix_us: i64,
    /// When the file or its entry was changed last, whatever its modification time was set to.
    pub(crate) changed_unix_us: Option<i64>,
    pub(crate) inode: Option<u64>,
    /// The file that the path leads to, where a link is part of it.
    pub(crate) target: Option<PathBuf>,
}

impl DataFile {
    /// The file at `path`; `None` where there is none.
    pub(crate) fn stat(path: PathBuf) -> Option<Self> {
        let metadata = path.metadata().ok().filter(Metadata::is_file)?;
        let target = path.canonicalize().ok().filter(|target| *target != path);
        let (changed_unix_us, inode) = identity(&metadata);
        Some(Self {
            bytes: metadata.len(),
            modified_unix_us: metadata.modified().ok().and_then(micros).unwrap_or(0),
            changed_unix_us,
            inode,
            target,
            path,
        })
    }

    /// The file as an object store describes it.
    pub(crate) fn object(&self) -> Result<ObjectMeta, FileError> {
        let location = StorePath::from_absolute_path(&self.path);
        let location = location.map_err(|e| FileError::of_file(&self.path, e, "rename the file"))?;
        let modified = UNIX_EPOCH + std::time::Duration::from_micros(u64::try_from(self.modified_unix_us).unwrap_or(0));
        Ok(ObjectMeta { location, last_modified: modified.into(), size: self.bytes, e_tag: None, version: None })
    }

    fn base_file(&self) -> Result<BaseFile, FileError> {
        Ok(BaseFile {
            path: self.object()?.location.to_string(),
            bytes: self.bytes,
            modified_unix_us: self.modified_unix_us,
            changed_unix_us: self.changed_unix_us,
            inode: self.inode,
            target: self.target.as_ref().map(|target| target.to_string_lossy().into_owned()),
        })
    }
}

/// The files as a sample's manifest lists them, sorted.
///
/// # Errors
/// When a path cannot be written down.
pub fn base_files(listing: &crate::Listing) -> Result<Vec<BaseFile>, FileError> {
    let mut files = listing.files.iter().map(DataFile::base_file).collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

fn micros(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

/// When the file's entry was changed, and its inode number, where the system has them.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> (Option<i64>, Option<u64>) {
    use std::os::unix::fs::MetadataExt;
    (Some(metadata.ctime() * 1_000_000 + metadata.ctime_nsec() / 1_000), Some(metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (Option<i64>, Option<u64>) {
    (None, None)
}

/// The file at a store's path.
pub(crate) fn local_path(location: &StorePath) -> PathBuf {
    let decoded = location.parts().map(|part| percent_decoded(part.as_ref())).collect::<Vec<_>>();
    Path::new("/").join(decoded.join("/"))
}

/// `%41` is `A`; anything else stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}
