//! The files of the table and their names.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{GenerateError, Generator};

/// One file of the table.
pub(super) struct Part {
    pub(super) path: PathBuf,
    /// The path it is written to until all parts are complete.
    pub(super) temporary: PathBuf,
    pub(super) rows: Range<u64>,
}

/// Cuts a range of rows into ranges of `size` rows; the last may be shorter.
pub(super) fn pieces(rows: &Range<u64>, size: u64) -> impl Iterator<Item = Range<u64>> + use<> {
    let end = rows.end;
    let starts = (rows.start..end).step_by(usize::try_from(size).unwrap_or(usize::MAX));
    starts.map(move |start| start..(start + size).min(end))
}

/// The files of a table; an empty table has one.
pub(super) fn parts(generator: &Generator, folder: &Path) -> Vec<Part> {
    let size = generator.layout.block_rows * generator.layout.file_blocks;
    let mut ranges: Vec<Range<u64>> = pieces(&(0..generator.rows), size).collect();
    if ranges.is_empty() {
        ranges.push(0..0);
    }
    let digits = (ranges.len() - 1).to_string().len().max(3);
    let part = |(number, rows): (usize, Range<u64>)| {
        let name = format!("part-{number:0digits$}.parquet");
        Part { temporary: folder.join(format!(".{name}.tmp")), path: folder.join(name), rows }
    };
    ranges.into_iter().enumerate().map(part).collect()
}

/// Parts of a larger table would silently add their rows to this one.
pub(super) fn refuse_leftovers(folder: &Path, parts: &[Part]) -> Result<(), GenerateError> {
    for entry in fs::read_dir(folder).map_err(GenerateError::io(folder))? {
        let path = entry.map_err(GenerateError::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let ours = name.starts_with("part-") && name.ends_with(".parquet");
        if ours && parts.iter().all(|part| part.path != path) {
            return Err(GenerateError::Leftover { path });
        }
    }
    Ok(())
}

/// Gives all parts their names.
pub(super) fn publish(parts: &[Part]) -> Result<(), GenerateError> {
    parts.iter().try_for_each(|part| fs::rename(&part.temporary, &part.path).map_err(GenerateError::io(&part.path)))
}
