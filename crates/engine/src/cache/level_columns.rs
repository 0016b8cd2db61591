//! Levels of samples in memory, decoded once, sorted by stratum.

use super::level_part::LevelPart;
use super::order;
use super::order::Order;
use crate::answer::{Error, Result};
use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, UInt32Array};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{Manifest, RANK, STRATUM, Store};
use plusminus_kernel::{FLOAT, Run, runs_of};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// One level of a sample: the rows that it adds, sorted by stratum and rank, and the columns read so far.
#[derive(Debug, Clone)]
pub(crate) struct LevelColumns {
    pub(crate) strata: UInt32Array,
    /// The range of rows of each stratum, in ascending order of strata.
    pub(crate) runs: Arc<Vec<Run>>,
    /// Priority rank of each row within its stratum.
    pub(crate) ranks: UInt32Array,
    /// The position of each row of the files in this order; `None` where the files have this order already.
    pub(crate) places: Option<UInt32Array>,
    pub(crate) columns: HashMap<String, (Arc<Field>, ArrayRef)>,
}

impl LevelColumns {
    /// Some of the columns, then the ranks where they are needed, then the strata. `ranges` restricts the rows; they are ascending and
    /// do not touch.
    pub(crate) fn batch(
        &self,
        names: &[String],
        with_ranks: bool,
        ranges: Option<&[Range<usize>]>,
    ) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(names.len() + 2);
        let mut columns = Vec::with_capacity(names.len() + 2);
        for name in names {
            let (field, column) = self.columns.get(name).ok_or_else(|| missing(name))?;
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
        if with_ranks {
            fields.push(Arc::new(Field::new(RANK, DataType::UInt32, false)));
            columns.push(Arc::new(self.ranks.clone()));
        }
        fields.push(Arc::new(Field::new(STRATUM, DataType::UInt32, false)));
        columns.push(Arc::new(self.strata.clone()));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        match ranges {
            None => Ok(batch),
            Some([]) => Ok(batch.slice(0, 0)),
            Some([one]) => Ok(batch.slice(one.start, one.len())),
            Some(ranges) => Ok(filter_record_batch(&batch, &mask(self.strata.len(), ranges))?),
        }
    }

    /// Row ranges of the strata for which `keep` is true; `None` when these are all rows.
    pub(crate) fn ranges(&self, keep: impl Fn(u32) -> bool) -> Option<Vec<Range<usize>>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for run in self.runs.iter().filter(|run| keep(run.stratum)) {
            let rows = run.range();
            match found.last_mut() {
                Some(last) if last.end == rows.start => last.end = rows.end,
                _ => found.push(rows),
            }
        }
        let is_all = matches!(found.as_slice(), [one] if one.len() == self.strata.len());
        (!is_all).then_some(found)
    }

    /// Columns among `names` that were not read.
    pub(crate) fn lacking(&self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| !self.columns.contains_key(*name)).cloned().collect()
    }

    /// Whether it has every column of `other`.
    pub(crate) fn holds_columns_of(&self, other: &Self) -> bool {
        other.columns.keys().all(|name| self.columns.contains_key(name))
    }

    pub(crate) fn bytes(&self) -> usize {
        let columns: usize = self.columns.values().map(|(_, c)| c.get_array_memory_size()).sum();
        columns + self.strata.len() * 12 + self.runs.len() * size_of::<Run>()
    }
}

fn mask(rows: usize, ranges: &[Range<usize>]) -> BooleanArray {
    let mut mask = BooleanBufferBuilder::new(rows);
    for range in ranges {
        mask.append_n(range.start - mask.len(), false);
        mask.append_n(range.len(), true);
    }
    mask.append_n(rows - mask.len(), false);
    BooleanArray::new(mask.finish(), None)
}

pub(crate) fn missing(name: &str) -> Error {
    Error::Invalid {
        what: format!("the sample has no column '{name}'"),
        next: "the table's columns have changed: build the sample again".into(),
    }
}

/// The table's column behind the name of a level column.
fn base(name: &str) -> &str {
    name.strip_prefix(FLOAT).unwrap_or(name)
}

/// A level column from the values of all blocks, in the order of the level.
fn held(
    name: &str,
    field: &Arc<Field>,
    parts: &[ArrayRef],
    places: Option<&UInt32Array>,
) -> Result<(Arc<Field>, ArrayRef)> {
    let as_floats: Vec<ArrayRef>;
    let (field, parts) = match name.starts_with(FLOAT) {
        true => {
            // Cast before they are put in order: floats take half the room of decimals.
            as_floats = parts.iter().map(|part| Ok(cast(part, &DataType::Float64)?)).collect::<Result<_>>()?;
            (Arc::new(Field::new(name, DataType::Float64, field.is_nullable())), as_floats.as_slice())
        }
        false => (Arc::clone(field), parts),
    };
    Ok((field, order::column(parts, places)?))
}

/// Reads `columns` of a part of a level on `threads` threads, and adds them to those of `known`, in the same order of rows.
pub(crate) fn load(
    (store, threads): (&Store, usize),
    manifest: &Manifest,
    part: &LevelPart,
    columns: &[String],
    known: Option<&LevelColumns>,
) -> Result<LevelColumns> {
    let (joined, own): (Vec<String>, Vec<String>) =
        columns.iter().cloned().partition(|name| manifest.joined_column(base(name)).is_some());
    let mut names: Vec<String> = own.iter().map(|c| base(c).to_owned()).collect();
    names.sort();
    names.dedup();
    if known.is_none() {
        names.extend([STRATUM.to_owned(), RANK.to_owned()]);
    }
    let batches = store.level(manifest, part.level, Some(&names), part.row_groups.as_deref(), threads)?;
    let Some(first) = batches.first() else { return empty(manifest, columns, known) };
    let schema = first.schema();
    let Order { places, strata, ranks } = match known {
        Some(level_columns) => Order {
            places: level_columns.places.clone(),
            strata: level_columns.strata.clone(),
            ranks: level_columns.ranks.clone(),
        },
        None => order::of(&batches)?,
    };
    let column = |name: &String| {
        let index = schema.index_of(base(name)).map_err(|_| missing(name))?;
        let parts: Vec<ArrayRef> = batches.iter().map(|batch| Arc::clone(batch.column(index))).collect();
        Ok((name.clone(), held(name, &schema.fields()[index], &parts, places.as_ref())?))
    };
    let mut all = known.map(|level_columns| level_columns.columns.clone()).unwrap_or_default();
    all.extend(in_parts(&own, if strata.len() < THREADED_ROWS { 1 } else { threads }, &column)?);
    all.extend(load_joined(store, manifest, part, &joined, places.as_ref())?);
    let runs = known.map_or_else(|| Arc::new(runs_of(&strata)), |level_columns| Arc::clone(&level_columns.runs));
    Ok(LevelColumns { strata, runs, ranks, places, columns: all })
}

/// A column by its name.
type NamedColumn = (String, (Arc<Field>, ArrayRef));

/// Reads columns of other tables, which are stored beside the level.
fn load_joined(
    store: &Store,
    manifest: &Manifest,
    part: &LevelPart,
    names: &[String],
    places: Option<&UInt32Array>,
) -> Result<Vec<NamedColumn>> {
    let mut found = Vec::with_capacity(names.len());
    let rows = part.row_ranges(manifest);
    for joined in &manifest.joined {
        let is_own =
            |name: &&String| manifest.joined_column(base(name)).is_some_and(|(own, _)| Arc::ptr_eq(own, joined));
        let own: Vec<&String> = names.iter().filter(is_own).collect();
        if own.is_empty() {
            continue;
        }
        let mut read: Vec<String> = own.iter().map(|name| base(name).to_owned()).collect();
        read.sort();
        read.dedup();
        let batches = store.joined_level(manifest, joined, part.level, &read, rows.as_deref()).inspect_err(|_| {
            // Columns that are damaged are fetched again by the next query.
            let _ = store.forget_joined(manifest, joined);
        })?;
        for name in own {
            let parts = batches.iter().map(|batch| batch.column_by_name(base(name)).cloned());
            let parts = parts.collect::<Option<Vec<_>>>().ok_or_else(|| missing(name))?;
            let data_type = parts.first().map_or(DataType::Null, |part| part.data_type().clone());
            let field = Arc::new(Field::new(base(name), data_type, true));
            found.push((name.clone(), held(name, &field, &parts, places)?));
        }
    }
    Ok(found)
}

/// Rows of a level from which its columns are built on several threads.
const THREADED_ROWS: usize = 100_000;

/// Applies `work` to every item on `threads` threads; results are in the order of the items.
fn in_parts<T: Sync, R: Send>(items: &[T], threads: usize, work: &(impl Fn(&T) -> Result<R> + Sync)) -> Result<Vec<R>> {
    let share = items.len().div_ceil(threads.max(1)).max(1);
    if share >= items.len() {
        return items.iter().map(work).collect();
    }
    std::thread::scope(|scope| {
        let parts = items.chunks(share);
        let parts: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter().map(work).collect::<Result<Vec<_>>>())).collect();
        let mut all = Vec::with_capacity(items.len());
        for part in parts {
            all.extend(part.join().unwrap_or_else(|_| Err(Error::data("a thread that read a sample died")))?);
        }
        Ok(all)
    })
}

/// An empty level; no file has its types, so that they come from the manifest.
fn empty(manifest: &Manifest, columns: &[String], known: Option<&LevelColumns>) -> Result<LevelColumns> {
    let none = UInt32Array::from(Vec::<u32>::new());
    let mut all = known.map(|level_columns| level_columns.columns.clone()).unwrap_or_default();
    for name in columns {
        let data_type = manifest.column_type(base(name)).ok_or_else(|| missing(name))?;
        let data_type: DataType = data_type.parse().map_err(|_| missing(name))?;
        let array = arrow::array::new_empty_array(&data_type);
        all.insert(name.clone(), held(name, &Arc::new(Field::new(base(name), data_type, true)), &[array], None)?);
    }
    Ok(LevelColumns { strata: none.clone(), runs: Arc::default(), ranks: none, places: None, columns: all })
}
