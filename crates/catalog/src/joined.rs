//! Columns of other tables, stored beside the levels of a generation.
//!
//! They are no part of the generation: a query that asks for them has them fetched once, and they are found again by their names, which
//! change with the data of the tables that they come from. Each set of columns is a sealed description and a file per level, with as many
//! rows as the level and in the order of its blocks. The highest levels may lack them until a query reads that far.

use crate::entries::FileEntry;
use crate::error::CatalogError;
use crate::folder;
use crate::level::{self, Selection};
use crate::manifest::Manifest;
use crate::seal;
use crate::store::Store;
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::time::Duration;

const PREFIX: &str = "joined-";
/// Time for which columns of other data are kept for queries that read them.
const KEPT: Duration = Duration::from_secs(600);

/// Columns of another table for every row of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinedColumns {
    /// The columns.
    pub columns: Vec<JoinedColumn>,
    /// The files, one for each level from the lowest on.
    pub levels: Vec<FileEntry>,
}

/// A column of another table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinedColumn {
    /// The name, which begins with the path of keys that leads to the table.
    pub name: String,
    /// The Arrow type as text.
    pub data_type: String,
    /// The smallest and the largest number over all rows of the other table, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
}

impl Store {
    /// Whether a file of a generation's folder holds columns of another table, which can be fetched again.
    #[must_use]
    pub fn is_joined_file(name: &str) -> bool {
        name.starts_with(PREFIX)
    }

    /// The columns of other tables that are stored beside a generation. What cannot be read does not count.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn joined(&self, manifest: &Manifest) -> Result<Vec<JoinedColumns>, CatalogError> {
        let folder = self.data_folder(manifest);
        let names = folder::list(&folder)?;
        let files = names.iter().filter(|name| name.starts_with(PREFIX) && name.ends_with(".json"));
        let read = |name: &String| {
            let file = folder.join(name);
            seal::open(&folder::read_promised(&file).ok()?, &file).ok()
        };
        Ok(files.filter_map(read).collect())
    }

    /// Stores columns of another table: one batch per level, with the columns in their order. They follow those of the lower levels that
    /// `before` has of the same columns.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn keep_joined(
        &self,
        manifest: &Manifest,
        columns: Vec<JoinedColumn>,
        levels: &[RecordBatch],
        before: Option<&JoinedColumns>,
    ) -> Result<JoinedColumns, CatalogError> {
        let folder = self.data_folder(manifest);
        let mut hash = blake3::Hasher::new();
        for column in &columns {
            hash.update(column.name.as_bytes()).update(&[0]);
        }
        let name = format!("{PREFIX}{}", &hash.finalize().to_hex()[..16]);
        let mut files = before.map(|before| before.levels.clone()).unwrap_or_default();
        for (number, batch) in (files.len()..).zip(levels) {
            let file = format!("{name}-level-{number:02}.parquet");
            // Renamed into place whole, since another process may write the same columns.
            let temporary = folder::temporary_name(&folder.join(&file));
            level::write(&temporary, &batch.schema(), std::iter::once(Ok(batch.clone())))?;
            folder::sync_file(&temporary)?;
            std::fs::rename(&temporary, folder.join(&file)).map_err(|e| CatalogError::io(folder.join(&file), e))?;
            files.push(level::describe(&folder, &file)?);
        }
        let joined = JoinedColumns { columns, levels: files };
        let file = folder.join(format!("{name}.json"));
        folder::replace(&file, &seal::seal(&joined, &file)?)?;
        Ok(joined)
    }

    /// Removes columns of other tables for which `is_old` holds and that have not been written lately.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove_joined(
        &self,
        manifest: &Manifest,
        is_old: impl Fn(&JoinedColumns) -> bool,
    ) -> Result<(), CatalogError> {
        let folder = self.data_folder(manifest);
        for name in folder::list(&folder)?.iter().filter(|name| name.starts_with(PREFIX) && name.ends_with(".json")) {
            let file = folder.join(name);
            let Ok(joined) = folder::read_promised(&file).and_then(|bytes| seal::open::<JoinedColumns>(&bytes, &file))
            else {
                continue;
            };
            let written = file.metadata().and_then(|known| known.modified()).ok();
            let age = written.and_then(|written| written.elapsed().ok());
            if is_old(&joined) && age.is_some_and(|age| age > KEPT) {
                folder::remove_file(&file)?;
                joined.levels.iter().try_for_each(|level| folder::remove_file(&folder.join(&level.file)))?;
            }
        }
        Ok(())
    }

    /// Removes all but the `most` newest of those columns of other tables for which `is_counted` holds, unless they were written lately.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn limit_joined(
        &self,
        manifest: &Manifest,
        most: usize,
        is_counted: impl Fn(&JoinedColumns) -> bool,
    ) -> Result<(), CatalogError> {
        let folder = self.data_folder(manifest);
        let mut counted = Vec::new();
        for joined in self.joined(manifest)?.into_iter().filter(|joined| is_counted(joined)) {
            let Some(first) = joined.levels.first() else { continue };
            let written = folder.join(&first.file).metadata().and_then(|known| known.modified()).ok();
            counted.push((written, joined));
        }
        counted.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
        let old: Vec<String> = counted
            .split_off(most.min(counted.len()))
            .into_iter()
            .flat_map(|(_, joined)| joined.levels)
            .map(|l| l.file)
            .collect();
        self.remove_joined(manifest, |joined| joined.levels.iter().any(|level| old.contains(&level.file)))
    }

    /// Forgets columns of another table whose files turned out to be damaged.
    ///
    /// # Errors
    /// When their description cannot be removed.
    pub fn forget_joined(&self, manifest: &Manifest, joined: &JoinedColumns) -> Result<(), CatalogError> {
        let Some(first) = joined.levels.first() else { return Ok(()) };
        let name = first.file.split("-level-").next().unwrap_or_default();
        folder::remove_file(&self.data_folder(manifest).join(format!("{name}.json")))
    }

    /// Reads some of the columns for one level, in the order of the level's rows; `rows` limits them to ascending ranges.
    ///
    /// # Errors
    /// [`CatalogError::Damaged`] names the file.
    pub fn joined_level(
        &self,
        manifest: &Manifest,
        joined: &JoinedColumns,
        level: usize,
        columns: &[String],
        rows: Option<&[Range<u64>]>,
    ) -> Result<Vec<RecordBatch>, CatalogError> {
        let folder = self.data_folder(manifest);
        let Some(entry) = joined.levels.get(level) else {
            return Err(CatalogError::damaged(folder, format!("level {level} lacks columns of joined tables")));
        };
        if entry.rows == 0 {
            return Ok(Vec::new());
        }
        let Some(rows) = rows else {
            return level::read(&folder, entry, Selection { columns: Some(columns), row_groups: None });
        };
        let (groups, kept) = groups_of(entry, rows);
        let batches = level::read(&folder, entry, Selection { columns: Some(columns), row_groups: Some(&groups) })?;
        Ok(sliced(&batches, &kept))
    }
}

/// The row groups that hold some rows of a file, and the ranges of these among the rows of those groups.
fn groups_of(entry: &FileEntry, rows: &[Range<u64>]) -> (Vec<usize>, Vec<Range<u64>>) {
    let (mut groups, mut kept) = (Vec::new(), Vec::new());
    let (mut start, mut before) = (0, 0);
    for (number, group) in entry.row_groups.iter().enumerate() {
        let end = start + group.rows;
        let own = rows.iter().filter(|range| range.start < end && range.end > start);
        let own = own.map(|range| before + range.start.max(start) - start..before + range.end.min(end) - start);
        let known = kept.len();
        kept.extend(own);
        if kept.len() > known {
            groups.push(number);
            before += group.rows;
        }
        start = end;
    }
    (groups, kept)
}

/// Ranges of the rows of all batches, without copying.
fn sliced(batches: &[RecordBatch], ranges: &[Range<u64>]) -> Vec<RecordBatch> {
    let mut found = Vec::new();
    let mut start = 0;
    for batch in batches {
        let end = start + batch.num_rows() as u64;
        for range in ranges.iter().filter(|range| range.start < end && range.end > start) {
            let (from, to) = (range.start.max(start) - start, range.end.min(end) - start);
            let place = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
            found.push(batch.slice(place(from), place(to - from)));
        }
        start = end;
    }
    found
}
