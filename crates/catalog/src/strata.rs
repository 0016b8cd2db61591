use crate::error::CatalogError;
use crate::level::{STRATUM, STRATUM_ROWS};
use crate::manifest::Manifest;
use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, UInt64Type};
use arrow::record_batch::RecordBatch;
use std::path::Path;
use std::sync::Arc;

const CAP: &str = "__cap";
const KEYS: &str = "__keys";
/// The column of the strata table that marks the strata of a tail; absent without a tail.
pub const TAIL: &str = "__tail";
const RANGE: [&str; 3] = ["mean", "min", "max"];

/// The strata of a family, one row each, in the order of the values of φ.
///
/// Columns on disk: `__stratum`, the columns of φ and the determined ones, `__stratum_rows` (N), `__cap` (k), `__tail` where the family has
/// a tail, `__non_null_<column>` for columns with NULLs, and `__mean_<column>`, `__min_<column>` and `__max_<column>`, unless there are too
/// many strata. Older formats have these for large strata alone, and higher moments beside them. A universe sample has no φ; it has
/// `__keys` (the number of different keys in the stratum), and its `__cap` counts keys.
///
/// With a tail, one value of φ may have two strata: first the body's, then the tail's (k = N).
#[derive(Debug, Clone)]
pub struct Strata {
    batch: RecordBatch,
    keys: usize,
    rows: UInt64Array,
    caps: UInt64Array,
    tails: Option<Vec<bool>>,
    all_keys: Option<UInt64Array>,
}

/// The columns that a build has of the strata, to be laid out as a [`Strata`]; each has one entry per stratum.
#[derive(Debug, Default)]
pub struct StrataColumns {
    /// The columns of φ, then the determined ones: name and values.
    pub keys: Vec<(Field, ArrayRef)>,
    /// N of each stratum.
    pub rows: Vec<u64>,
    /// k of each stratum.
    pub caps: Vec<u64>,
    /// Whether each stratum is of the tail, where the family has one.
    pub tails: Option<Vec<bool>>,
    /// The number of different keys of each stratum in the table, where keys were drawn and not rows.
    pub all_keys: Option<Vec<u64>>,
    /// The number of non-NULL values of each stratum, for columns that have NULLs: columns × strata, columns outermost.
    pub non_null: Vec<(String, Vec<u64>)>,
    /// Means and extremes of each stratum, columns × strata, columns outermost; `None` where it has no value.
    pub ranges: Vec<(String, Vec<Option<StratumRange>>)>,
}

/// Summary of one column's values in one stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StratumRange {
    /// Their mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl StrataColumns {
    /// Lays the columns out as one batch.
    ///
    /// # Errors
    /// [`CatalogError::Encode`] when the columns differ in length.
    pub fn build(self) -> Result<Strata, CatalogError> {
        let count = u32::try_from(self.rows.len()).map_err(|e| CatalogError::encode("strata.parquet", e))?;
        let ids = arrow::array::UInt32Array::from_iter_values(0..count);
        let mut fields = vec![Field::new(STRATUM, DataType::UInt32, false)];
        let mut columns: Vec<ArrayRef> = vec![Arc::new(ids)];
        let keys = self.keys.len();
        for (field, values) in self.keys {
            fields.push(field);
            columns.push(values);
        }
        let mut add = |field: Field, values: ArrayRef| {
            fields.push(field);
            columns.push(values);
        };
        for (name, values) in [(STRATUM_ROWS, self.rows), (CAP, self.caps)] {
            add(Field::new(name, DataType::UInt64, false), Arc::new(UInt64Array::from(values)));
        }
        if let Some(tails) = self.tails {
            add(Field::new(TAIL, DataType::Boolean, false), Arc::new(BooleanArray::from(tails)));
        }
        if let Some(keys) = self.all_keys {
            add(Field::new(KEYS, DataType::UInt64, false), Arc::new(UInt64Array::from(keys)));
        }
        for (column, values) in self.non_null {
            let field = Field::new(format!("__non_null_{column}"), DataType::UInt64, false);
            add(field, Arc::new(UInt64Array::from(values)));
        }
        for (column, values) in self.ranges {
            for name in RANGE {
                let part = values.iter().map(|range| range.map(|range| range.part(name)));
                let field = Field::new(format!("__{name}_{column}"), DataType::Float64, true);
                add(field, Arc::new(part.collect::<Float64Array>()));
            }
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        let batch = batch.map_err(|e| CatalogError::encode("strata.parquet", e))?;
        Strata::from_batch(batch, keys, Path::new("strata.parquet"))
    }
}

impl StratumRange {
    fn part(&self, name: &str) -> f64 {
        match name {
            "mean" => self.mean,
            "min" => self.min,
            _ => self.max,
        }
    }
}

/// The flags of the tail, one per stratum. A column of φ may have the same name, so the columns of φ are skipped.
fn tails(batch: &RecordBatch, keys: usize) -> Option<Vec<bool>> {
    let schema = batch.schema();
    let at = schema.fields().iter().skip(keys + 1).position(|field| field.name() == TAIL)?;
    let flags = batch.column(keys + 1 + at).as_boolean_opt()?;
    Some(flags.iter().map(|flag| flag == Some(true)).collect())
}

impl Strata {
    /// The columns on disk that describe the strata, and the counts and ranges of some of the table's columns.
    pub(crate) fn columns_for(manifest: &Manifest, columns: &[String]) -> Vec<String> {
        let own = [STRATUM, STRATUM_ROWS, CAP, TAIL, KEYS].map(str::to_owned);
        let keys = manifest.design.stratified_by.iter().chain(&manifest.determined).cloned();
        let of = |column: &String| {
            let known = ["non_null", RANGE[0], RANGE[1], RANGE[2]];
            known.map(|name| format!("__{name}_{column}"))
        };
        own.into_iter().chain(keys).chain(columns.iter().flat_map(of)).collect()
    }

    /// The strata in a batch that was read from `file`, with `keys` columns of φ and determined ones.
    pub(crate) fn from_batch(batch: RecordBatch, keys: usize, file: &Path) -> Result<Self, CatalogError> {
        let counts = |name: &str| {
            let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>()).cloned();
            column.ok_or_else(|| CatalogError::damaged(file, format!("it has no column {name}")))
        };
        let (rows, caps) = (counts(STRATUM_ROWS)?, counts(CAP)?);
        if batch.num_columns() < keys + 3 {
            return Err(CatalogError::damaged(file, "it lacks columns of the stratification"));
        }
        let tails = tails(&batch, keys);
        // A universe sample has no φ whose column could have that name.
        let counted = if keys == 0 { batch.column_by_name(KEYS) } else { None };
        let all_keys = counted.and_then(|column| column.as_primitive_opt::<UInt64Type>()).cloned();
        Ok(Self { batch, keys, rows, caps, tails, all_keys })
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.batch.get_array_memory_size() + self.tails.as_ref().map_or(0, Vec::len)
    }

    /// The number of strata.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// True for the sample of an empty table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole table as stored.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The columns of φ and the determined ones.
    #[must_use]
    pub fn key_columns(&self) -> Vec<(Arc<Field>, ArrayRef)> {
        let fields = self.batch.schema();
        (1..=self.keys).map(|i| (Arc::clone(&fields.fields()[i]), Arc::clone(self.batch.column(i)))).collect()
    }

    /// N of each stratum.
    #[must_use]
    pub fn rows(&self) -> &[u64] {
        self.rows.values()
    }

    /// k of each stratum: the rows (keys in a universe sample) that all levels together hold of it, at most.
    #[must_use]
    pub fn caps(&self) -> &[u64] {
        self.caps.values()
    }

    /// The number of sampling units of each stratum in the table: keys in a universe sample, otherwise rows.
    #[must_use]
    pub fn units(&self) -> &[u64] {
        self.all_keys.as_ref().map_or(self.rows(), |keys| keys.values())
    }

    /// Whether keys were drawn, with all their rows.
    #[must_use]
    pub fn is_universe(&self) -> bool {
        self.all_keys.is_some()
    }

    /// Whether each stratum is of the tail; `None` when the family has no tail.
    #[must_use]
    pub fn tails(&self) -> Option<&[bool]> {
        self.tails.as_deref()
    }

    /// Whether `stratum` is of the tail, and so kept whole by the sample.
    #[must_use]
    pub fn is_tail(&self, stratum: usize) -> bool {
        self.tails.as_ref().and_then(|tails| tails.get(stratum)).is_some_and(|tail| *tail)
    }

    /// Non-NULL values of `column` in each stratum; `None` when the column has no NULL anywhere.
    #[must_use]
    pub fn non_null(&self, column: &str) -> Option<&[u64]> {
        let column = self.batch.column_by_name(&format!("__non_null_{column}"))?;
        column.as_primitive_opt::<UInt64Type>().map(|c| c.values().as_ref())
    }

    /// The smallest or largest value of `column` in each stratum, NULL where none was kept; `None` when no stratum keeps any.
    #[must_use]
    pub fn extremes(&self, column: &str, is_max: bool) -> Option<&Float64Array> {
        let name = if is_max { "max" } else { "min" };
        self.batch.column_by_name(&format!("__{name}_{column}"))?.as_primitive_opt::<Float64Type>()
    }

    /// The mean of `column` in each stratum, NULL where none was kept; `None` when no stratum keeps any.
    #[must_use]
    pub fn means(&self, column: &str) -> Option<&Float64Array> {
        self.batch.column_by_name(&format!("__mean_{column}"))?.as_primitive_opt::<Float64Type>()
    }
}
