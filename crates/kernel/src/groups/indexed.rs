//! Groups of one whole-numbered key whose values lie close together: a table has the group of every value.

use super::Hashed;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use std::ops::Range;
use std::sync::Arc;

/// Values that a table may span; with four bytes each it stays within the second-level cache of a core, or nearly.
const SPAN_MAX: i128 = 1 << 19;
/// The table's entry for a value without a group.
const NONE: u32 = u32::MAX;

/// Groups by value.
pub struct Indexed {
    schema: SchemaRef,
    /// The value of the table's first entry.
    low: i64,
    /// For each value from `low` on, its group.
    table: Vec<u32>,
    /// The group of NULL, [`NONE`] without one.
    null: u32,
    /// For each group its value; `None` stands for NULL.
    values: Vec<Option<i64>>,
}

/// Whether keys of this type can be looked up in a table.
pub(crate) fn is_indexable(data_type: &DataType) -> bool {
    use DataType::{Date32, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    matches!(data_type, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | Date32)
}

impl Indexed {
    /// A table without groups; the schema has one column of an indexable type.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self { schema, low: 0, table: Vec::new(), null: NONE, values: Vec::new() }
    }

    /// A table without groups for keys of the same schema.
    pub(crate) fn empty_like(&self) -> Self {
        Self::new(Arc::clone(&self.schema))
    }

    /// The number of groups.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Appends the group of every key to `found`; false, and nothing is done, when the values lie too far apart.
    pub(crate) fn intern(&mut self, keys: &ArrayRef, found: &mut Vec<u32>) -> Result<bool> {
        let keys = whole_numbers(keys)?;
        let keys = keys.as_primitive::<Int64Type>();
        let span = match (arrow::compute::min(keys), arrow::compute::max(keys)) {
            (Some(low), Some(high)) => low..high,
            _ => self.low..self.low,
        };
        if keys.null_count() < keys.len() && !self.reach(&span) {
            return Ok(false);
        }
        found.reserve(keys.len());
        if keys.null_count() == 0 {
            found.extend(keys.values().iter().map(|key| self.group(*key)));
        } else {
            found.extend(keys.iter().map(|key| self.group_or_null(key)));
        }
        Ok(true)
    }

    /// Makes the table reach both ends of `span`, unless it would be too long.
    fn reach(&mut self, span: &Range<i64>) -> bool {
        let held = self.low..self.low.saturating_add(self.table.len() as i64 - 1);
        let wanted = match self.table.is_empty() {
            true => span.clone(),
            false => span.start.min(held.start)..span.end.max(held.end),
        };
        let length = i128::from(wanted.end) - i128::from(wanted.start) + 1;
        if length > SPAN_MAX {
            return false;
        }
        let length = length as usize;
        if length > self.table.len() {
            let mut table = vec![NONE; length];
            let from = (i128::from(self.low) - i128::from(wanted.start)).max(0) as usize;
            if !self.table.is_empty() {
                table[from..from + self.table.len()].copy_from_slice(&self.table);
            }
            (self.low, self.table) = (wanted.start, table);
        }
        true
    }

    /// The group of a value that the table reaches; a new value gets the next number.
    #[inline]
    fn group(&mut self, key: i64) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the table")]
        let slot = &mut self.table[key.wrapping_sub(self.low) as usize];
        if *slot == NONE {
            *slot = next(&self.values);
            self.values.push(Some(key));
        }
        *slot
    }

    fn group_or_null(&mut self, key: Option<i64>) -> u32 {
        if let Some(key) = key {
            return self.group(key);
        }
        if self.null == NONE {
            self.null = next(&self.values);
            self.values.push(None);
        }
        self.null
    }

    /// Numbers the groups of `other`, whose rows come after all rows so far; returns for each of its groups the number here.
    ///
    /// `None` stands for values of both that together lie too far apart.
    pub(crate) fn absorb(&mut self, other: &Self) -> Option<Vec<u32>> {
        if !other.table.is_empty() && !self.reach(&(other.low..other.low + (other.table.len() as i64 - 1))) {
            return None;
        }
        Some(other.values.iter().map(|value| self.group_or_null(*value)).collect())
    }

    /// The values, in the order of the groups.
    pub(crate) fn keys(&self) -> Result<ArrayRef> {
        let values: ArrayRef = Arc::new(Int64Array::from(self.values.clone()));
        let data_type = self.schema.field(0).data_type();
        match data_type {
            DataType::Date32 => Ok(cast(&cast(&values, &DataType::Int32)?, data_type)?),
            _ => Ok(cast(&values, data_type)?),
        }
    }

    /// A hash table of these groups under their numbers.
    pub(crate) fn hashed(&self) -> Result<Hashed> {
        let mut hashed = Hashed::new(Arc::clone(&self.schema))?;
        if !self.values.is_empty() {
            hashed.values.intern(&[self.keys()?], &mut hashed.ids)?;
        }
        if hashed.values.len() != self.values.len() {
            return Err(DataFusionError::Execution(
                "groups were not numbered in the order of their appearance".to_owned(),
            ));
        }
        Ok(hashed)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most SPAN_MAX and NULL")]
fn next(values: &[Option<i64>]) -> u32 {
    values.len() as u32
}

fn whole_numbers(keys: &ArrayRef) -> Result<ArrayRef> {
    Ok(match keys.data_type() {
        DataType::Int64 => Arc::clone(keys),
        DataType::Date32 => cast(&cast(keys, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(keys, &DataType::Int64)?,
    })
}
