//! Rows that pass a condition, taken out of columns.
//!
//! Arrow copies run after run of rows that pass, which costs most where runs are short: a condition that lets most rows through, but
//! here and there not one. Numbers are taken out here a word of 64 rows at a time, without a branch per row. Arguments and strata, which
//! every query has, use the processor's vectors.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, downcast_primitive_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterBuilder, FilterPredicate};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::Result;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch};
use std::sync::{Arc, OnceLock};

/// Rows per word of bits.
const WORD: usize = u64::BITS as usize;
/// Passing rows of a word up to which they are found one by one.
const FEW: u32 = 10;

/// Which rows of a batch pass.
pub(crate) struct Selection {
    mask: BooleanArray,
    passing: usize,
    /// Arrow's filter for columns that are not taken out here, built when it is first needed.
    filter: OnceLock<FilterPredicate>,
}

impl Selection {
    /// The rows whose bit is set; `None` when all are.
    pub(crate) fn new(bits: BooleanBuffer) -> Option<Self> {
        let mask = BooleanArray::new(bits, None);
        let passing = mask.true_count();
        (passing < mask.len()).then_some(Self { mask, passing, filter: OnceLock::new() })
    }

    /// How many rows pass.
    pub(crate) fn len(&self) -> usize {
        self.passing
    }

    /// Counts of the rows that pass before any row.
    pub(crate) fn ranks(&self) -> Ranks {
        let words: Vec<u64> = self.mask.values().bit_chunks().iter_padded().collect();
        let before = words.iter().scan(0, |passed, word| {
            let before = *passed;
            *passed += word.count_ones();
            Some(before)
        });
        Ranks { before: before.collect(), words, passing: self.passing }
    }

    /// Appends those of `numbers` whose row passes.
    pub(crate) fn extend<T: Packed>(&self, found: &mut Vec<T>, numbers: &[T]) {
        let bits = self.mask.values().bit_chunks();
        let (full, rest) = numbers.as_chunks::<WORD>();
        let mut words = bits.iter().zip(full).peekable();
        let mut next = found.len();
        found.resize(next + self.passing, T::default());
        // Vectors are written whole, so that the last numbers are taken one by one.
        dispatch!(Level::new(), simd => while let Some((word, numbers)) = words.next_if(|_| next + WORD <= found.len()) {
            next += T::pack(simd, numbers, word, &mut found[next..]);
        });
        found.truncate(next);
        words.for_each(|(word, numbers)| extend_word(found, numbers, word));
        extend_rest(found, rest, bits.remainder_bits());
    }

    /// The rows of `batch` that pass.
    pub(crate) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().map(|column| self.column(column)).collect::<Result<_>>()?;
        let count = RecordBatchOptions::new().with_row_count(Some(self.passing));
        Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &count)?)
    }

    /// The rows of `column` that pass.
    pub(crate) fn column(&self, column: &ArrayRef) -> Result<ArrayRef> {
        if column.null_count() == 0 && column.data_type().is_primitive() {
            let column = column.as_ref();
            downcast_primitive_array!(
                column => return Ok(self.numbers(column)),
                _ => {}
            );
        }
        let filter = self.filter.get_or_init(|| FilterBuilder::new(&self.mask).optimize().build());
        Ok(filter.filter(column)?)
    }

    fn numbers<T: ArrowPrimitiveType>(&self, column: &PrimitiveArray<T>) -> ArrayRef {
        let mut found = Vec::with_capacity(self.passing);
        extend(&mut found, column.values(), self.mask.values());
        Arc::new(PrimitiveArray::<T>::new(found.into(), None).with_data_type(column.data_type().clone()))
    }
}

/// Counts of the rows of a selection that pass, up to any row.
pub(crate) struct Ranks {
    words: Vec<u64>,
    /// For each word, how many rows pass before it.
    before: Vec<u32>,
    passing: usize,
}

impl Ranks {
    /// The number of rows that pass before `row`.
    #[inline]
    pub(crate) fn before(&self, row: usize) -> usize {
        match self.words.get(row / WORD) {
            Some(word) => (self.before[row / WORD] + (word & ((1 << (row % WORD)) - 1)).count_ones()) as usize,
            None => self.passing,
        }
    }
}

fn extend<T: Copy + Default>(found: &mut Vec<T>, numbers: &[T], bits: &BooleanBuffer) {
    let chunks = bits.bit_chunks();
    let (full, rest) = numbers.as_chunks::<WORD>();
    for (word, numbers) in chunks.iter().zip(full) {
        extend_word(found, numbers, word);
    }
    extend_rest(found, rest, chunks.remainder_bits());
}

fn extend_rest<T: Copy>(found: &mut Vec<T>, numbers: &[T], bits: u64) {
    found.extend(numbers.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, number)| *number));
}

/// Numbers that are taken out with the processor's vectors.
pub(crate) trait Packed: Copy + Default {
    /// Puts the numbers whose bit is set side by side into `places`, of which there is a word at least; returns how many.
    fn pack<S: Simd>(simd: S, numbers: &[Self; WORD], word: u64, places: &mut [Self]) -> usize;
}

macro_rules! packed {
    ($number:ty, $vector:ident) => {
        impl Packed for $number {
            #[inline(always)]
            fn pack<S: Simd>(simd: S, numbers: &[Self; WORD], mut word: u64, places: &mut [Self]) -> usize {
                let (lanes, mut next) = (<S::$vector as SimdBase<S>>::LEN, 0);
                for some in numbers.chunks_exact(lanes) {
                    let bits = word & ((1 << lanes) - 1);
                    let mask = <S::$vector as SimdBase<S>>::Mask::from_bitmask(simd, bits);
                    S::$vector::from_slice(simd, some).compress(mask).store_slice(&mut places[next..next + lanes]);
                    next += bits.count_ones() as usize;
                    word >>= lanes;
                }
                next
            }
        }
    };
}

packed!(f64, f64s);
packed!(u32, u32s);

#[inline]
fn extend_word<T: Copy + Default>(found: &mut Vec<T>, numbers: &[T; WORD], word: u64) {
    let passing = word.count_ones();
    if passing == u64::BITS {
        found.extend_from_slice(numbers);
    } else if passing <= FEW {
        let mut left = word;
        while left != 0 {
            found.push(numbers[left.trailing_zeros() as usize]);
            left &= left - 1;
        }
    } else {
        let mut packed = [T::default(); WORD];
        let mut next = 0;
        for (at, number) in numbers.iter().enumerate() {
            // A number whose row does not pass is overwritten by the next.
            packed[next % WORD] = *number;
            next += usize::from(word >> at & 1 == 1);
        }
        found.extend_from_slice(&packed[..next]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Decimal128Array, Int64Array, StringArray};
    use arrow::compute::filter_record_batch;

    /// A mask in which `share` of a hundred rows pass; which ones depends on `salt`.
    fn mask(rows: usize, share: usize, salt: usize) -> BooleanArray {
        (0..rows).map(|row| Some((row * 7_919 + salt * 31) % 10_007 * 100 < share * 10_007)).collect()
    }

    /// Columns of every kind come out as Arrow's filter has them, for few and many rows that pass, from words at any offset.
    #[test]
    fn columns_hold_the_rows_that_pass() {
        let rows = 700;
        let numbers = || 0..i64::from(rows);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("whole", Arc::new(Int64Array::from_iter_values(numbers()))),
            ("with NULLs", Arc::new(numbers().map(|n| (n % 3 > 0).then_some(n)).collect::<Int64Array>())),
            ("decimal", {
                let values = Decimal128Array::from_iter_values(numbers().map(i128::from));
                Arc::new(values.with_precision_and_scale(12, 2).unwrap())
            }),
            ("date", Arc::new(Date32Array::from_iter_values(0..rows))),
            ("text", Arc::new(numbers().map(|n| Some(n.to_string())).collect::<StringArray>())),
            ("flag", Arc::new(numbers().map(|n| Some(n % 5 == 0)).collect::<BooleanArray>())),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let length = usize::try_from(rows).unwrap();
        for share in [0, 1, 8, 30, 60, 92, 99] {
            for (from, length) in [(0, length), (3, 640), (64, 129), (1, 5)] {
                let mask = mask(length + from, share, from).slice(from, length);
                let batch = batch.slice(from, length);
                let found = Selection::new(mask.values().clone())
                    .map_or(batch.clone(), |passing| passing.batch(&batch).unwrap());
                assert_eq!(found, filter_record_batch(&batch, &mask).unwrap(), "{share} {from} {length}");
            }
        }
    }

    /// Arguments and strata are taken out like columns, and appended to those that are there.
    #[test]
    fn numbers_are_appended() {
        for share in [0, 1, 8, 30, 60, 92, 99] {
            for (from, length) in [(0, 700), (3, 640), (64, 129), (1, 5), (0, 64)] {
                let mask = mask(length + from, share, from).slice(from, length);
                let strata: Vec<u32> = (7..).take(length).collect();
                let values: Vec<f64> = strata.iter().map(|h| f64::from(*h) / 2.0).collect();
                let Some(selection) = Selection::new(mask.values().clone()) else { continue };
                let (mut found_strata, mut found) = (vec![1], vec![0.25, -1.0]);
                selection.extend(&mut found_strata, &strata);
                selection.extend(&mut found, &values);
                let expected: Vec<u32> =
                    strata.iter().zip(mask.values()).filter(|(_, is)| *is).map(|(h, _)| *h).collect();
                assert_eq!((found_strata[0], &found_strata[1..]), (1, &expected[..]));
                let expected: Vec<f64> = expected.into_iter().map(|h| f64::from(h) / 2.0).collect();
                assert_eq!((&found[..2], &found[2..]), (&[0.25, -1.0][..], &expected[..]));
            }
        }
    }

    /// Nothing has to be taken out where all rows pass.
    #[test]
    fn all_may_pass() {
        assert!(Selection::new(BooleanBuffer::new_set(3)).is_none());
        assert_eq!(Selection::new(BooleanBuffer::new_unset(3)).unwrap().len(), 0);
    }

    /// Rows are counted up to any row, the end too, from words at any offset.
    #[test]
    fn rows_before_a_row_are_counted() {
        for (from, length) in [(0, 700), (3, 640), (64, 129), (1, 5), (0, 64)] {
            let mask = mask(length + from, 60, from).slice(from, length);
            let ranks = Selection::new(mask.values().clone()).unwrap().ranks();
            for row in 0..=length {
                assert_eq!(ranks.before(row), mask.slice(0, row).true_count(), "{from} {length} {row}");
            }
        }
    }

    /// A batch without columns keeps the number of rows.
    #[test]
    fn rows_are_counted_without_columns() {
        let count = RecordBatchOptions::new().with_row_count(Some(100));
        let batch = RecordBatch::try_new_with_options(Arc::new(arrow::datatypes::Schema::empty()), vec![], &count);
        let mask = mask(100, 40, 0);
        let found = Selection::new(mask.values().clone()).unwrap().batch(&batch.unwrap()).unwrap();
        assert_eq!(found.num_rows(), mask.true_count());
    }
}
