//! Levels of samples in memory, decoded once, sorted by stratum.

use crate::error::{Error, Result};
use arrow::array::{ArrayRef, AsArray, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take};
use arrow::datatypes::{Field, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{Manifest, RANK, STRATUM, Store, Strata};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One level of one family: the rows it adds, sorted by stratum and rank, and the columns asked for so far.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) strata: UInt32Array,
    /// Priority ranks within the strata.
    pub(crate) ranks: UInt32Array,
    /// From the order of the files to the order of strata.
    order: UInt32Array,
    columns: HashMap<String, (Arc<Field>, ArrayRef)>,
}

impl Image {
    /// Some of the columns as one batch, in the order given.
    pub(crate) fn batch(&self, names: &[String]) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(names.len());
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let (field, column) = self.columns.get(name).ok_or_else(|| missing(name))?;
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(self.strata.len()));
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }

    fn bytes(&self) -> usize {
        let columns: usize = self.columns.values().map(|(_, c)| c.get_array_memory_size()).sum();
        columns + self.strata.len() * 12
    }
}

fn missing(name: &str) -> Error {
    Error::Invalid {
        what: format!("the sample has no column '{name}'"),
        next: "the table's columns have changed: build the sample again".into(),
    }
}

/// (family, generation, level)
type Key = (String, u64, usize);

#[derive(Debug, Default)]
struct Held {
    images: HashMap<Key, (u64, Arc<Image>)>,
    strata: HashMap<(String, u64), Arc<Strata>>,
    clock: u64,
}

/// Images under a budget of bytes; what was used longest ago goes first.
#[derive(Debug)]
pub(crate) struct ImageCache {
    budget: usize,
    held: Mutex<Held>,
}

impl ImageCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, held: Mutex::default() }
    }

    /// The strata of a generation.
    pub(crate) fn strata(&self, store: &Store, manifest: &Manifest) -> Result<Arc<Strata>> {
        let key = (manifest.name.clone(), manifest.generation);
        if let Some(strata) = self.lock().strata.get(&key) {
            return Ok(Arc::clone(strata));
        }
        let strata = Arc::new(store.strata(manifest)?);
        let mut held = self.lock();
        held.strata.retain(|(name, generation), _| *name != key.0 || *generation == key.1);
        held.strata.insert(key, Arc::clone(&strata));
        Ok(strata)
    }

    /// A level with at least `columns`.
    pub(crate) fn level(
        &self,
        store: &Store,
        manifest: &Manifest,
        level: usize,
        columns: &[String],
    ) -> Result<Arc<Image>> {
        let key = (manifest.name.clone(), manifest.generation, level);
        let held = self.get(&key);
        let lacking: Vec<String> = match &held {
            Some(image) => columns.iter().filter(|c| !image.columns.contains_key(*c)).cloned().collect(),
            None => columns.to_vec(),
        };
        match held {
            Some(image) if lacking.is_empty() => Ok(image),
            held => {
                let image = Arc::new(load(store, manifest, level, &lacking, held.as_deref())?);
                self.put(key, Arc::clone(&image));
                Ok(image)
            }
        }
    }

    fn get(&self, key: &Key) -> Option<Arc<Image>> {
        let mut held = self.lock();
        held.clock += 1;
        let now = held.clock;
        let (used, image) = held.images.get_mut(key)?;
        *used = now;
        Some(Arc::clone(image))
    }

    fn put(&self, key: Key, image: Arc<Image>) {
        let mut held = self.lock();
        held.clock += 1;
        let now = held.clock;
        // Older generations of the family are of no more use.
        held.images.retain(|(name, generation, _), _| *name != key.0 || *generation == key.1);
        held.images.insert(key, (now, image));
        while held.images.len() > 1 && held.images.values().map(|(_, i)| i.bytes()).sum::<usize>() > self.budget {
            let Some(oldest) = held.images.iter().min_by_key(|(_, (used, _))| *used).map(|(k, _)| k.clone()) else {
                break;
            };
            held.images.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `columns` of a level, adding to those of `known` in the same order of rows.
fn load(store: &Store, manifest: &Manifest, level: usize, columns: &[String], known: Option<&Image>) -> Result<Image> {
    let mut names = columns.to_vec();
    if known.is_none() {
        names.extend([STRATUM.to_owned(), RANK.to_owned()]);
    }
    let batches = store.level(manifest, level, Some(&names))?;
    let batch = match batches.first() {
        Some(first) => concat_batches(&first.schema(), &batches)?,
        None => return empty(manifest, columns, known),
    };
    let (order, strata, ranks) = match known {
        Some(image) => (image.order.clone(), image.strata.clone(), image.ranks.clone()),
        None => sort(&batch)?,
    };
    let mut all = known.map(|image| image.columns.clone()).unwrap_or_default();
    for name in columns {
        let index = batch.schema().index_of(name).map_err(|_| missing(name))?;
        let field = Arc::clone(&batch.schema().fields()[index]);
        all.insert(name.clone(), (field, take(batch.column(index).as_ref(), &order, None)?));
    }
    Ok(Image { strata, ranks, order, columns: all })
}

/// The order by stratum and rank, and the strata and ranks in it.
fn sort(batch: &RecordBatch) -> Result<(UInt32Array, UInt32Array, UInt32Array)> {
    let column = |name: &str| batch.column_by_name(name).cloned().ok_or_else(|| missing(name));
    let (strata, ranks) = (column(STRATUM)?, column(RANK)?);
    let keys = [strata.clone(), ranks.clone()].map(|values| SortColumn { values, options: None });
    let order = lexsort_to_indices(&keys, None)?;
    let taken = |column: ArrayRef| -> Result<UInt32Array> {
        Ok(take(column.as_ref(), &order, None)?.as_primitive::<UInt32Type>().clone())
    };
    let (strata, ranks) = (taken(strata)?, taken(ranks)?);
    Ok((order, strata, ranks))
}

/// A level without rows has no file to tell the types; they come from the manifest.
fn empty(manifest: &Manifest, columns: &[String], known: Option<&Image>) -> Result<Image> {
    let none = UInt32Array::from(Vec::<u32>::new());
    let mut all = known.map(|image| image.columns.clone()).unwrap_or_default();
    for name in columns {
        let column = manifest.base.columns.iter().find(|c| c.name == *name).ok_or_else(|| missing(name))?;
        let data_type: arrow::datatypes::DataType = column.data_type.parse().map_err(|_| missing(name))?;
        let array = arrow::array::new_empty_array(&data_type);
        all.insert(name.clone(), (Arc::new(Field::new(name, data_type, true)), array));
    }
    Ok(Image { strata: none.clone(), ranks: none.clone(), order: none, columns: all })
}
