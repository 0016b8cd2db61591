//! Finds the files that a path means.

use crate::error::FileError;
use crate::file::DataFile;
use glob::{MatchOptions, Pattern};
use plusminus_catalog::{Compression, FileFormat};
use std::collections::{BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};

/// The greatest depth of folders within folders.
const DEPTH_MAX: usize = 64;

/// The files of a table as they are now.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The format of all files.
    pub format: FileFormat,
    /// In the order of their paths.
    pub(crate) files: Vec<DataFile>,
}

/// Whether a name has characters of a glob.
#[must_use]
pub fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Whether a name in FROM can only mean files: it has a slash, a pattern or a known ending, or something of that name is there.
#[must_use]
pub fn is_path(name: &str) -> bool {
    name.contains('/') || FileFormat::from_path(name).is_some() || is_glob(name) || Path::new(name).is_dir()
}

/// The absolute path of `location`. Symbolic links stay as they are, since their targets may change.
#[must_use]
pub fn absolute(location: &str) -> PathBuf {
    let path = std::path::absolute(location).unwrap_or_else(|_| PathBuf::from(location));
    if !path.components().any(|part| part == Component::ParentDir) {
        return path;
    }
    // The folder that `..` leads to depends on links before it.
    path.canonicalize().unwrap_or(path)
}

impl Listing {
    /// The files that `location` means now; `format` is their format, where the user gave it.
    ///
    /// # Errors
    /// When nothing is there, or files of several kinds are.
    pub fn new(location: &str, format: Option<FileFormat>) -> Result<Self, FileError> {
        let path = absolute(location);
        let mut paths = if path.is_dir() {
            let mut found = Vec::new();
            walk(&path, &mut found, &mut HashSet::new(), 0);
            found
        } else if path.exists() || !is_glob(location) {
            vec![path.clone()]
        } else {
            matching(&path)?
        };
        paths.sort();
        paths.dedup();
        let is_one = paths.len() == 1 && paths[0] == path;
        if is_one && !path.exists() {
            return Err(FileError::absence(format!("there is no file or folder {}", path.display()), NAMES));
        }
        let format = match format {
            Some(format) => format,
            None => only_format(location, &paths)?,
        };
        if !is_one {
            // A folder may hold other things; files that a glob names are meant.
            paths.retain(|file| format_of(file) == Some(format) || path_is_named(location, file));
        }
        let mut files = paths.into_iter().filter_map(DataFile::stat).collect::<Vec<_>>();
        if files.iter().any(|file| file.bytes > 0) {
            files.retain(|file| file.bytes > 0);
        }
        if files.is_empty() {
            return Err(FileError::absence(format!("there is no data file in {}", path.display()), NAMES));
        }
        Ok(Self { format, files })
    }
}

const NAMES: &str = "a .parquet, .csv, .ndjson or .arrow file, a folder of such files, or a glob in quotes";

/// Whether a glob without a known ending names the file, so that it is meant whatever it is called.
fn path_is_named(location: &str, file: &Path) -> bool {
    !Path::new(location).is_dir() && is_glob(location) && format_of(file).is_none()
}

/// The format of a file by its name, an ending of compression left out.
pub(crate) fn format_of(path: &Path) -> Option<FileFormat> {
    FileFormat::from_path(&path.to_string_lossy())
}

/// How a file is compressed, by its name.
pub(crate) fn compression_of(path: &Path) -> Compression {
    Compression::from_path(&path.to_string_lossy())
}

fn only_format(location: &str, paths: &[PathBuf]) -> Result<FileFormat, FileError> {
    let formats: BTreeSet<FileFormat> = paths.iter().filter_map(|path| format_of(path)).collect();
    match formats.iter().collect::<Vec<_>>().as_slice() {
        [format] => Ok(**format),
        [] => Err(FileError::absence(format!("no file in '{location}' has an ending that tells its format"), NAMES)),
        several => {
            let endings: BTreeSet<String> = paths
                .iter()
                .filter(|path| format_of(path).is_some())
                .filter_map(|path| path.extension().map(|e| format!(".{}", e.to_string_lossy())))
                .collect();
            let endings = endings.into_iter().collect::<Vec<_>>();
            Err(FileError::new(
                format!("'{location}' holds files of {} kinds: {}", several.len(), endings.join(", ")),
                format!("a glob that names one kind, such as '{}/*{}'", location.trim_end_matches('/'), endings[0]),
            ))
        }
    }
}

/// Whether a name is left out: hidden files, and files that Spark writes beside its data.
fn is_left_out(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// The files below `folder`, at any depth; folders that links lead to are entered once.
fn walk(folder: &Path, found: &mut Vec<PathBuf>, seen: &mut HashSet<PathBuf>, depth: usize) {
    let is_new = folder.canonicalize().is_ok_and(|real| seen.insert(real));
    if !is_new || depth > DEPTH_MAX {
        return;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if is_left_out(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found, seen, depth + 1);
        } else if path.is_file() && format_of(&path).is_some() {
            found.push(path);
        }
    }
}

/// The files that a pattern matches; `*` and `?` stay within one name, `**` crosses folders.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, FileError> {
    let text = pattern.to_string_lossy();
    let invalid = |e: &dyn std::fmt::Display| {
        FileError::new(format!("'{text}' is not a pattern of files: {e}"), "close every [, or take the brackets out")
    };
    let options =
        MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };
    let found = glob::glob_with(&text, options).map_err(|e| invalid(&e))?;
    let mut files = Vec::new();
    for path in found.flatten() {
        if path.is_file() && is_wanted(pattern, &path) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(FileError::new(
            format!("no file matches '{text}'"),
            "check the pattern: * does not cross /, ** does",
        ));
    }
    Ok(files)
}

/// Whether no part of the path that a wildcard matched is left out; a name that the pattern writes out is meant.
fn is_wanted(pattern: &Path, path: &Path) -> bool {
    let name = |part: Component<'_>| part.as_os_str().to_string_lossy().into_owned();
    let written: HashSet<String> = pattern.components().map(name).filter(|part| is_literal(part)).collect();
    let prefix: HashSet<char> =
        pattern.components().map(name).filter(|part| !is_literal(part)).filter_map(|p| p.chars().next()).collect();
    path.components().map(name).all(|part| {
        let first = part.chars().next();
        !is_left_out(&part) || written.contains(&part) || first.is_some_and(|first| prefix.contains(&first))
    })
}

fn is_literal(part: &str) -> bool {
    Pattern::new(part).is_ok_and(|pattern| pattern.as_str() == part) && !is_glob(part)
}

#[cfg(test)]
mod tests;
