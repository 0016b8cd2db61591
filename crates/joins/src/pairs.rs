//! Rows of two tables that have a key in common, in every combination.

use super::encode::Encoder;
use super::key_index::{KeyIndex, NO_KEY};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::DataType;
use datafusion::error::Result;

/// Pairs of rows, by their places; a row of the first table without a partner appears once, with NULL.
#[derive(Debug)]
pub struct Pairs {
    /// Rows of the first table, in ascending order.
    pub first: UInt32Array,
    /// Their partners in the second, in ascending order for each row.
    pub second: UInt32Array,
}

/// Pairs the rows of two tables by key; `None` where there would be more than `most`.
///
/// `first` and `second` are the key columns of both, as many as `compared` has types. A key with a NULL in it has no partner.
///
/// # Errors
/// When a key cannot be cast to the type in which it is compared.
pub fn pairs(compared: &[DataType], first: &[ArrayRef], second: &[ArrayRef], most: usize) -> Result<Option<Pairs>> {
    let encoder = Encoder::new(compared)?;
    let index = KeyIndex::new(&encoder.keys(second)?);
    let partners = Partners::of(&index);
    let count = first.first().map_or(0, |key| key.len());
    let (mut rows, mut numbers) = (Vec::with_capacity(count), Vec::with_capacity(count));
    index.look_up(&encoder.keys(first)?, &mut rows, &mut numbers);
    let mut number_of = vec![NO_KEY; count];
    rows.iter().zip(&numbers).for_each(|(row, number)| number_of[*row as usize] = *number);
    let all: usize = number_of.iter().map(|number| partners.of_key(*number).len().max(1)).sum();
    if all > most {
        return Ok(None);
    }
    let (mut left, mut right) = (Vec::with_capacity(all), Vec::with_capacity(all));
    for (row, number) in (0_u32..).zip(&number_of) {
        match partners.of_key(*number) {
            [] => {
                left.push(row);
                right.push(None);
            }
            own => own.iter().for_each(|partner| {
                left.push(row);
                right.push(Some(*partner));
            }),
        }
    }
    Ok(Some(Pairs { first: left.into(), second: right.into() }))
}

/// The rows of each key, keys one after the other.
struct Partners {
    rows: Vec<u32>,
    /// Where the rows of a key begin; one entry more than there are keys.
    starts: Vec<usize>,
}

impl Partners {
    fn of(index: &KeyIndex) -> Self {
        let mut starts = vec![0; index.len + 1];
        let keyed = || (0_u32..).zip(&index.of_row).filter(|(_, number)| **number != NO_KEY);
        keyed().for_each(|(_, number)| starts[*number as usize + 1] += 1);
        for key in 0..index.len {
            starts[key + 1] += starts[key];
        }
        let (mut next, mut rows) = (starts.clone(), vec![0; starts[index.len]]);
        for (row, number) in keyed() {
            let place = &mut next[*number as usize];
            rows[*place] = row;
            *place += 1;
        }
        Self { rows, starts }
    }

    fn of_key(&self, number: u32) -> &[u32] {
        match number {
            NO_KEY => &[],
            number => &self.rows[self.starts[number as usize]..self.starts[number as usize + 1]],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use std::sync::Arc;

    fn keys(keys: &[Option<i64>]) -> [ArrayRef; 1] {
        [Arc::new(Int64Array::from(keys.to_vec()))]
    }

    #[test]
    fn every_combination_of_rows_with_a_key_is_a_pair() {
        let first = keys(&[Some(1), None, Some(2), Some(1), Some(9)]);
        let second = keys(&[Some(2), Some(1), None, Some(1), Some(3)]);
        let found = pairs(&[DataType::Int64], &first, &second, 100).unwrap().unwrap();
        let found: Vec<_> = found.first.iter().flatten().zip(found.second.iter()).collect();
        assert_eq!(found, [(0, Some(1)), (0, Some(3)), (1, None), (2, Some(0)), (3, Some(1)), (3, Some(3)), (4, None)]);
        assert!(pairs(&[DataType::Int64], &first, &second, 6).unwrap().is_none());
    }
}
