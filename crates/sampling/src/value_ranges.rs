//! The extremes of each measure by value of the columns that have few values, taken in the same pass as the sample.
//!
//! A group, or the rows that WHERE chooses, may be much narrower than the table. These ranges bound how far an unsampled row could lie from the others.

use crate::distinct::is_counted;
use crate::error::SamplingError;
use crate::interner::Interner;
use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::ValueRanges;
use std::sync::Arc;

/// Values of a column that gets ranges, at most, NULL among them.
const VALUES_MAX: usize = 256;
/// The most columns that are checked: those of many values are dropped with the first rows.
const COLUMNS_MAX: usize = 64;
/// A column is kept if one of its values, of so many rows at least, is so much narrower than the table in some measure.
const ROWS_MIN: u64 = 1_000;
const NARROW: f64 = 0.4;
/// Extremes that are held, at most, over all values of all columns.
const RANGES_MAX: usize = 1 << 20;

/// The ranges by value that one worker has found.
pub(crate) struct ValueTally {
    schema: SchemaRef,
    columns: Vec<Coded>,
    measures: Vec<usize>,
}

/// A column of few values so far.
struct Coded {
    column: usize,
    /// `None` once it has too many values.
    interner: Option<Interner>,
    /// Smallest and largest number: measures × values, measures outermost.
    ranges: Vec<Vec<[f64; 2]>>,
    /// Rows by value.
    rows: Vec<u64>,
    /// For each measure the range that lies within those of all values: its numbers widen none.
    covered: Vec<[f64; 2]>,
}

impl ValueTally {
    /// A tally without rows; `measures` are the numeric columns, `keys` the only column of φ where all families have that one.
    pub(crate) fn new(schema: &SchemaRef, measures: &[usize], keys: Option<usize>) -> Result<Self, SamplingError> {
        let is_coded = |column: &usize| {
            let data_type = schema.field(*column).data_type();
            is_counted(data_type) && is_written(data_type) && Some(*column) != keys
        };
        let most = COLUMNS_MAX.min(RANGES_MAX / VALUES_MAX / measures.len().max(1));
        let coded = (0..schema.fields().len()).filter(is_coded).take(most);
        let columns = coded.map(|column| {
            let interner = Some(Interner::new(schema, &[column], false)?);
            Ok(Coded {
                column,
                interner,
                ranges: vec![Vec::new(); measures.len()],
                rows: Vec::new(),
                covered: Vec::new(),
            })
        });
        let columns = if measures.is_empty() { Vec::new() } else { columns.collect::<Result<_, SamplingError>>()? };
        Ok(Self { schema: Arc::clone(schema), columns, measures: measures.to_vec() })
    }

    /// Takes a batch, whose measures as numbers are `numbers`.
    pub(crate) fn add(&mut self, batch: &RecordBatch, numbers: &[Float64Array]) -> Result<(), SamplingError> {
        let ends: Vec<[f64; 2]> = if self.columns.is_empty() { Vec::new() } else { numbers.iter().map(ends).collect() };
        for coded in &mut self.columns {
            let Some(interner) = &mut coded.interner else { continue };
            interner.intern(batch, None)?;
            if coded.grow() {
                coded.add(numbers, &ends);
            }
        }
        self.columns.retain(|coded| coded.interner.is_some() || coded.ranges.is_empty());
        Ok(())
    }

    /// Adds the ranges of another worker; a column that one of them has dropped is gone.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), SamplingError> {
        let mut others: Vec<Coded> = other.columns;
        for coded in &mut self.columns {
            let part = others.iter().position(|part| part.column == coded.column).map(|at| others.swap_remove(at));
            match part {
                Some(part) => coded.merge(part)?,
                None => coded.interner = None,
            }
        }
        self.columns.retain(|coded| coded.interner.is_some());
        Ok(())
    }

    /// The ranges as the catalog stores them; `None` where no column has few values.
    pub(crate) fn finish(self) -> Result<Option<ValueRanges>, SamplingError> {
        let names: Vec<String> = self.measures.iter().map(|m| self.schema.field(*m).name().clone()).collect();
        let fields = ValueRanges::fields(&names);
        let mut batches = Vec::new();
        for coded in self.columns {
            batches.extend(coded.finish(&self.schema, &fields)?);
        }
        if batches.is_empty() {
            return Ok(None);
        }
        let columns = (0..fields.fields().len()).map(|at| {
            let parts: Vec<&dyn Array> = batches.iter().map(|batch: &RecordBatch| batch.column(at).as_ref()).collect();
            concat(&parts)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        Ok(Some(ValueRanges::new(RecordBatch::try_new(Arc::clone(&fields), columns)?)))
    }
}

/// Whether values can be written as text and read back.
fn is_written(data_type: &DataType) -> bool {
    use DataType::{Boolean, Date32, LargeUtf8, Utf8, Utf8View};
    data_type.is_integer() || matches!(data_type, Boolean | Utf8 | LargeUtf8 | Utf8View | Date32)
}

impl Coded {
    /// Makes room for new values; false, with the column dropped, where there are too many.
    fn grow(&mut self) -> bool {
        let count = self.interner.as_ref().map_or(usize::MAX, Interner::len);
        if count > VALUES_MAX {
            self.interner = None;
            self.ranges = vec![Vec::new()];
            return false;
        }
        self.ranges.iter_mut().for_each(|ranges| ranges.resize(count, [f64::INFINITY, f64::NEG_INFINITY]));
        if self.rows.len() < count {
            self.rows.resize(count, 0);
            self.covered.clear();
        }
        true
    }

    /// Takes the measures of the rows interned last, which lie between `ends`.
    fn add(&mut self, numbers: &[Float64Array], ends: &[[f64; 2]]) {
        let Some(interner) = &self.interner else { return };
        interner.ids().iter().for_each(|code| self.rows[*code] += 1);
        if self.covered.is_empty() {
            self.covered = self.ranges.iter().map(|ranges| covered(ranges)).collect();
        }
        for (at, (ranges, numbers)) in self.ranges.iter_mut().zip(numbers).enumerate() {
            let (inside, ends) = (&mut self.covered[at], ends[at]);
            if inside[0] <= ends[0] && ends[1] <= inside[1] {
                continue;
            }
            let mut take = |value: f64, code: usize| {
                let range = &mut ranges[code];
                // Comparisons, which NaN never passes.
                range[0] = if value < range[0] { value } else { range[0] };
                range[1] = if value > range[1] { value } else { range[1] };
            };
            if numbers.null_count() == 0 {
                numbers.values().iter().zip(interner.ids()).for_each(|(value, code)| take(*value, *code));
            } else {
                let rows = numbers.iter().zip(interner.ids());
                rows.for_each(|(value, code)| take(value.unwrap_or(f64::NAN), *code));
            }
            *inside = covered(ranges);
        }
    }

    fn merge(&mut self, other: Self) -> Result<(), SamplingError> {
        let (Some(interner), Some(part)) = (&mut self.interner, other.interner) else {
            self.interner = None;
            return Ok(());
        };
        let count = part.len();
        if count > 0 {
            interner.intern_keys(&part.into_keys()?, count)?;
        }
        let places = interner.ids().to_vec();
        if count == 0 || !self.grow() {
            return Ok(());
        }
        places.iter().zip(other.rows).for_each(|(place, rows)| self.rows[*place] += rows);
        for (ranges, parts) in self.ranges.iter_mut().zip(other.ranges) {
            for (place, part) in places.iter().zip(parts) {
                ranges[*place] = [ranges[*place][0].min(part[0]), ranges[*place][1].max(part[1])];
            }
        }
        Ok(())
    }

    /// Whether a value with enough rows is much narrower than all of them in some measure.
    fn is_telling(&self) -> bool {
        let width = |range: &[f64; 2]| range[1] - range[0];
        self.ranges.iter().any(|ranges| {
            let hull = |all: [f64; 2], one: &[f64; 2]| [all[0].min(one[0]), all[1].max(one[1])];
            let all = ranges.iter().fold([f64::INFINITY, f64::NEG_INFINITY], hull);
            let is_narrow = |(range, rows): (&[f64; 2], &u64)| {
                *rows >= ROWS_MIN && range[0] <= range[1] && width(range) < NARROW * width(&all)
            };
            ranges.iter().zip(&self.rows).any(is_narrow)
        })
    }

    /// One row per value; `None` where no value is much narrower, or values cannot be written as text.
    fn finish(self, schema: &SchemaRef, fields: &Arc<Schema>) -> Result<Option<RecordBatch>, SamplingError> {
        if !self.is_telling() {
            return Ok(None);
        }
        let Some(interner) = self.interner else { return Ok(None) };
        let keys = interner.into_keys()?;
        let [values] = keys.as_slice() else { return Ok(None) };
        let Ok(text) = cast(values, &DataType::Utf8) else { return Ok(None) };
        let name = schema.field(self.column).name();
        let names: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(name, values.len())));
        let mut columns = vec![names, text];
        for ranges in &self.ranges {
            for end in 0..2 {
                let ends = ranges.iter().map(|range| (range[0] <= range[1]).then(|| range[end]));
                columns.push(Arc::new(ends.collect::<Float64Array>()));
            }
        }
        Ok(Some(RecordBatch::try_new(Arc::clone(fields), columns)?))
    }
}

/// The smallest and the largest number; infinite and in the wrong order where there is none.
fn ends(numbers: &Float64Array) -> [f64; 2] {
    let widened = |ends: [f64; 2], value: f64| {
        [if value < ends[0] { value } else { ends[0] }, if value > ends[1] { value } else { ends[1] }]
    };
    let none = [f64::INFINITY, f64::NEG_INFINITY];
    match numbers.null_count() {
        0 => numbers.values().iter().fold(none, |ends, value| widened(ends, *value)),
        _ => numbers.iter().flatten().fold(none, widened),
    }
}

/// The range that lies within all ranges; its ends are in the wrong order where there is none.
fn covered(ranges: &[[f64; 2]]) -> [f64; 2] {
    ranges.iter().fold([f64::NEG_INFINITY, f64::INFINITY], |all, range| [all[0].max(range[0]), all[1].min(range[1])])
}

/// The column of φ that all families have, if it is their only one: the strata know its ranges.
pub(crate) fn common_key<'a>(mut families: impl Iterator<Item = &'a [usize]>) -> Option<usize> {
    let first = families.next()?;
    let [key] = first else { return None };
    families.all(|columns| columns == first).then_some(*key)
}

#[cfg(test)]
mod tests;
