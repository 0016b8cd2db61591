//! Levels of samples in memory, decoded once, sorted by stratum.

mod cache;
mod projection;
mod strata;

pub(crate) use cache::{ImageCache, Key, Offer};
pub(crate) use projection::Projection;

use crate::error::{Error, Result};
use crate::kernel::{Run, runs_of};
use arrow::array::{ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, UInt32Array};
use arrow::compute::{cast, concat_batches, filter_record_batch, take};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{Manifest, RANK, STRATUM, Store};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Before the name of a column: its values as floats, cast once when the level is decoded.
pub(crate) const FLOAT: &str = "__float ";

/// One level of one family: the rows it adds, sorted by stratum and rank, and the columns asked for so far.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) strata: UInt32Array,
    /// The rows of each stratum.
    pub(crate) runs: Arc<Vec<Run>>,
    /// Priority ranks within the strata.
    pub(crate) ranks: UInt32Array,
    /// From the order of the files to the order of strata.
    order: UInt32Array,
    columns: HashMap<String, (Arc<Field>, ArrayRef)>,
}

impl Image {
    /// Some of the columns, the rank where it is needed, and the stratum behind them; only the rows in `ranges`, which are in
    /// order and apart, or all.
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

    /// The rows of the strata that `keep` keeps; `None` when these are all.
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

    fn bytes(&self) -> usize {
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

fn missing(name: &str) -> Error {
    Error::Invalid {
        what: format!("the sample has no column '{name}'"),
        next: "the table's columns have changed: build the sample again".into(),
    }
}

/// The column of the table behind the name of one of an image.
fn base(name: &str) -> &str {
    name.strip_prefix(FLOAT).unwrap_or(name)
}

/// A column as the image holds it.
fn held(name: &str, field: &Arc<Field>, values: ArrayRef) -> Result<(Arc<Field>, ArrayRef)> {
    if name.starts_with(FLOAT) {
        let field = Field::new(name, DataType::Float64, field.is_nullable());
        return Ok((Arc::new(field), cast(&values, &DataType::Float64)?));
    }
    Ok((Arc::clone(field), values))
}

/// Reads `columns` of a level, adding to those of `known` in the same order of rows.
fn load(store: &Store, manifest: &Manifest, level: usize, columns: &[String], known: Option<&Image>) -> Result<Image> {
    let mut names: Vec<String> = columns.iter().map(|c| base(c).to_owned()).collect();
    names.sort();
    names.dedup();
    if known.is_none() {
        names.extend([STRATUM.to_owned(), RANK.to_owned()]);
    }
    let batches = store.level(manifest, level, Some(&names))?;
    let batch = match batches.first() {
        Some(first) => concat_batches(&first.schema(), &batches)?,
        None => return empty(manifest, columns, known),
    };
    drop(batches);
    let (order, strata, ranks) = match known {
        Some(image) => (image.order.clone(), image.strata.clone(), image.ranks.clone()),
        None => sort(&batch)?,
    };
    let mut all = known.map(|image| image.columns.clone()).unwrap_or_default();
    for name in columns {
        let index = batch.schema().index_of(base(name)).map_err(|_| missing(name))?;
        let values = take(batch.column(index).as_ref(), &order, None)?;
        all.insert(name.clone(), held(name, &batch.schema().fields()[index], values)?);
    }
    let runs = known.map_or_else(|| Arc::new(runs_of(&strata)), |image| Arc::clone(&image.runs));
    Ok(Image { strata, runs, ranks, order, columns: all })
}

/// The order by stratum and rank, and the strata and ranks in it.
///
/// Every block of a level is in that order already, and a stable sort merges what it finds in order.
fn sort(batch: &RecordBatch) -> Result<(UInt32Array, UInt32Array, UInt32Array)> {
    let column = |name: &str| -> Result<&UInt32Array> {
        let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<UInt32Type>());
        column.ok_or_else(|| missing(name))
    };
    let (strata, ranks) = (column(STRATUM)?.values(), column(RANK)?.values());
    let key = |(stratum, rank): (&u32, &u32)| u64::from(*stratum) << u32::BITS | u64::from(*rank);
    let mut rows: Vec<(u64, u32)> = strata.iter().zip(ranks).map(key).zip(0..).collect();
    rows.sort_by_key(|(key, _)| *key);
    let of = |number: fn(&(u64, u32)) -> u32| UInt32Array::from_iter_values(rows.iter().map(number));
    #[expect(clippy::cast_possible_truncation, reason = "a half of the key")]
    let (strata, ranks) = (of(|(key, _)| (*key >> u32::BITS) as u32), of(|(key, _)| *key as u32));
    Ok((of(|(_, row)| *row), strata, ranks))
}

/// A level without rows has no file to tell the types; they come from the manifest.
fn empty(manifest: &Manifest, columns: &[String], known: Option<&Image>) -> Result<Image> {
    let none = UInt32Array::from(Vec::<u32>::new());
    let mut all = known.map(|image| image.columns.clone()).unwrap_or_default();
    for name in columns {
        let column = manifest.base.columns.iter().find(|c| c.name == base(name)).ok_or_else(|| missing(name))?;
        let data_type: DataType = column.data_type.parse().map_err(|_| missing(name))?;
        let array = arrow::array::new_empty_array(&data_type);
        all.insert(name.clone(), held(name, &Arc::new(Field::new(base(name), data_type, true)), array)?);
    }
    Ok(Image { strata: none.clone(), runs: Arc::default(), ranks: none.clone(), order: none, columns: all })
}
