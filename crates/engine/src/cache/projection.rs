//! Rows of a sample's levels in the order of the groups of some GROUP BY keys.
//!
//! The group of a row depends neither on WHERE nor on the aggregates. For keys that are grouped by repeatedly, rows in the order of
//! their groups need no hashing, no sorting and no scattered additions to cells. Column-oriented databases call columns that are kept
//! in the order of other keys a projection (Stonebraker et al., "C-Store", VLDB 2005).

use super::level_columns::{LevelColumns, missing};
use crate::answer::{Error, Result};
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::STRATUM;
use std::collections::HashMap;
use std::sync::Arc;

/// The rows of the levels up to one, ordered by group, then stratum, then level, then rank. Without keys all rows are one group,
/// stored as two halves that share no stratum.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    strata: UInt32Array,
    /// The first row of each group, then the number of rows.
    pub(crate) starts: Arc<Vec<u32>>,
    /// The groups' keys: one array per key, with one value per group.
    pub(crate) keys: Vec<ArrayRef>,
    /// For each row of this order, its number among the rows of the levels, one level after the other.
    order: UInt32Array,
    columns: HashMap<String, (Arc<Field>, ArrayRef)>,
}

impl Projection {
    /// A projection without columns. `groups` has the group of every row, one level after the other, and `keys` one row per group.
    pub(crate) fn by_group(levels: &[Arc<LevelColumns>], groups: &[u32], keys: Vec<ArrayRef>) -> Result<Self> {
        let strata = strata_of(levels)?;
        if strata.len() != groups.len() {
            return Err(Error::data("these groups are of other rows"));
        }
        let by_stratum = sorted_by(&strata, 0..).0;
        let (order, starts) = sorted_by(groups, by_stratum.into_iter());
        Ok(Self::new(&strata, order, starts, keys))
    }

    /// All rows ordered by stratum, without columns.
    pub(crate) fn by_stratum(levels: &[Arc<LevelColumns>]) -> Result<Self> {
        let strata = strata_of(levels)?;
        let (order, starts) = sorted_by(&strata, 0..);
        let half = order.len().div_ceil(2);
        let middle = starts.iter().map(|start| *start as usize).find(|start| *start >= half).unwrap_or(half);
        let ends = [0, middle, order.len()].map(|end| u32::try_from(end).unwrap_or(u32::MAX));
        Ok(Self::new(&strata, order, ends.to_vec(), Vec::new()))
    }

    fn new(strata: &[u32], order: Vec<u32>, starts: Vec<u32>, keys: Vec<ArrayRef>) -> Self {
        Self {
            strata: order.iter().map(|row| strata[*row as usize]).collect(),
            starts: Arc::new(starts),
            keys,
            order: order.into(),
            columns: HashMap::new(),
        }
    }

    /// Bytes that a projection of `levels` with these columns takes, approximately.
    pub(crate) fn bytes_for(levels: &[Arc<LevelColumns>], names: &[String]) -> usize {
        let column = |level_columns: &Arc<LevelColumns>, name: &String| {
            level_columns.columns.get(name).map_or(0, |(_, values)| values.get_array_memory_size())
        };
        let columns = levels.iter().flat_map(|level_columns| names.iter().map(move |name| column(level_columns, name)));
        columns.sum::<usize>() + levels.iter().map(|level_columns| 12 * level_columns.strata.len()).sum::<usize>()
    }

    /// Columns among `names` that the projection lacks.
    pub(crate) fn lacking(&self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| !self.columns.contains_key(*name)).cloned().collect()
    }

    /// A copy with one more column, taken from the levels that the projection was built from.
    pub(crate) fn with_column(&self, levels: &[Arc<LevelColumns>], name: &str) -> Result<Self> {
        let mut parts = Vec::with_capacity(levels.len());
        for level_columns in levels {
            parts.push(level_columns.columns.get(name).ok_or_else(|| missing(name))?);
        }
        let values: Vec<&dyn Array> = parts.iter().map(|(_, values)| values.as_ref()).collect();
        let mut more = self.clone();
        if let Some((field, _)) = parts.first() {
            let field = Arc::new(Field::new(field.name(), field.data_type().clone(), true));
            more.columns.insert(name.to_owned(), (field, take(&concat(&values)?, &self.order, None)?));
        }
        Ok(more)
    }

    /// Some of the columns, then the strata.
    pub(crate) fn batch(&self, names: &[String]) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(names.len() + 1);
        let mut columns = Vec::with_capacity(names.len() + 1);
        for name in names {
            let (field, column) = self.columns.get(name).ok_or_else(|| missing(name))?;
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
        fields.push(Arc::new(Field::new(STRATUM, DataType::UInt32, false)));
        columns.push(Arc::new(self.strata.clone()) as ArrayRef);
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    pub(crate) fn bytes(&self) -> usize {
        let columns = self.columns.values().map(|(_, column)| column);
        let arrays: usize = columns.chain(&self.keys).map(|column| column.get_array_memory_size()).sum();
        arrays + 4 * self.starts.len() + self.strata.get_array_memory_size() + self.order.get_array_memory_size()
    }
}

/// The strata of all rows, one level after the other.
fn strata_of(levels: &[Arc<LevelColumns>]) -> Result<Vec<u32>> {
    let strata: Vec<u32> = levels.iter().flat_map(|level_columns| level_columns.strata.values()).copied().collect();
    match u32::try_from(strata.len()) {
        Ok(_) => Ok(strata),
        Err(_) => Err(Error::data("the levels have too many rows to be put in another order")),
    }
}

/// Sorts `rows` stably by their entry in `numbers`; also returns the start of each number's rows, then the number of rows.
fn sorted_by(numbers: &[u32], rows: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<u32>) {
    let count = numbers.iter().max().map_or(0, |max| *max as usize + 1);
    let mut starts = vec![0_u32; count + 1];
    numbers.iter().for_each(|number| starts[*number as usize + 1] += 1);
    for number in 0..count {
        starts[number + 1] += starts[number];
    }
    let mut next = starts.clone();
    let mut found = vec![0; numbers.len()];
    for row in rows.take(numbers.len()) {
        let place = &mut next[numbers[row as usize] as usize];
        found[*place as usize] = row;
        *place += 1;
    }
    (found, starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{Int64Type, UInt32Type};

    fn level_columns(strata: &[u32], values: &[i64]) -> Arc<LevelColumns> {
        let field = Arc::new(Field::new("x", DataType::Int64, false));
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        let strata = UInt32Array::from(strata.to_vec());
        Arc::new(LevelColumns {
            ranks: strata.clone(),
            places: None,
            runs: Arc::default(),
            columns: HashMap::from([("x".to_owned(), (field, column))]),
            strata,
        })
    }

    /// Rows are ordered by group, then stratum, then level, then row; a column that is added later has the same order.
    #[test]
    fn rows_lie_in_the_order_of_groups() {
        let levels = [
            level_columns(&[0, 0, 2], &[1, 2, 3]),
            level_columns(&[], &[]),
            level_columns(&[0, 1, 2, 2], &[4, 5, 6, 7]),
        ];
        let keys: ArrayRef = Arc::new(Int64Array::from(vec![10, 20, 30]));
        let projection = Projection::by_group(&levels, &[1, 0, 1, 1, 0, 2, 0], vec![keys]).unwrap();
        assert_eq!(projection.starts.as_slice(), &[0, 3, 6, 7]);
        let names = ["x".to_owned()];
        assert_eq!(projection.lacking(&names), names);
        let projection = projection.with_column(&levels, "x").unwrap();
        assert!(projection.lacking(&names).is_empty());
        let batch = projection.batch(&names).unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[2, 5, 7, 1, 4, 3, 6]);
        assert_eq!(batch.column(1).as_primitive::<UInt32Type>().values(), &[0, 1, 2, 0, 0, 2, 2]);
    }

    /// Rows are ordered by stratum, then level; the halves share no stratum.
    #[test]
    fn rows_lie_in_the_order_of_strata() {
        let levels = [level_columns(&[0, 0, 2], &[1, 2, 3]), level_columns(&[0, 1, 2, 2], &[4, 5, 6, 7])];
        let names = ["x".to_owned()];
        let projection = Projection::by_stratum(&levels).unwrap().with_column(&levels, "x").unwrap();
        assert_eq!(projection.starts.as_slice(), &[0, 4, 7]);
        let batch = projection.batch(&names).unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2, 4, 5, 3, 6, 7]);
        for (strata, starts) in [(&[][..], [0, 0, 0]), (&[0, 0, 0], [0, 3, 3]), (&[0, 1, 1], [0, 3, 3])] {
            let values = vec![0; strata.len()];
            let projection = Projection::by_stratum(&[level_columns(strata, &values)]).unwrap();
            assert_eq!(projection.starts.as_slice(), &starts, "{strata:?}");
        }
    }

    #[test]
    fn groups_of_other_rows_and_missing_columns_are_errors() {
        let levels = [level_columns(&[0], &[1])];
        assert!(Projection::by_group(&levels, &[0, 0], vec![]).is_err());
        let projection = Projection::by_group(&levels, &[0], vec![]).unwrap();
        assert!(projection.with_column(&levels, "y").is_err());
        assert!(projection.batch(&["x".to_owned()]).is_err());
    }
}
