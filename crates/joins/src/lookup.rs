use super::encode::Encoder;
use super::key_index::{KeyIndex, NO_KEY};
use arrow::array::{ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

/// Columns of a table in memory, found by its key.
pub struct Lookup {
    encoder: Encoder,
    wanted: KeyIndex,
    /// The row of each key, by the key's number.
    rows: Vec<u32>,
    columns: Vec<ArrayRef>,
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("keys", &self.rows.len()).finish_non_exhaustive()
    }
}

impl Lookup {
    /// `columns` by the key columns `keys`, which are compared in the types `compared`.
    ///
    /// # Errors
    /// When two rows have the same key.
    pub fn new(compared: &[DataType], keys: &[ArrayRef], columns: Vec<ArrayRef>) -> Result<Self> {
        let encoder = Encoder::new(compared)?;
        let mut wanted = KeyIndex::new(&encoder.keys(keys)?);
        let mut rows = vec![NO_KEY; wanted.len];
        for (number, row) in std::mem::take(&mut wanted.of_row).into_iter().zip(0_u32..) {
            if number == NO_KEY {
                continue;
            }
            let own = &mut rows[number as usize];
            if *own != NO_KEY {
                return Err(DataFusionError::Execution("two rows of a joined table have the same key".to_owned()));
            }
            *own = row;
        }
        Ok(Self { encoder, wanted, rows, columns })
    }

    /// Which rows have a partner, and the partners' columns, NULL where there is none; `keys` are the rows' key columns.
    ///
    /// # Errors
    /// When a key cannot be cast to the type in which it is compared.
    pub fn find(&self, keys: &[ArrayRef]) -> Result<(BooleanArray, Vec<ArrayRef>)> {
        let count = keys.first().map_or(0, |key| key.len());
        let (mut places, mut numbers) = (Vec::with_capacity(count), Vec::with_capacity(count));
        self.wanted.look_up(&self.encoder.keys(keys)?, &mut places, &mut numbers);
        let mut rows: Vec<Option<u32>> = vec![None; count];
        for (place, number) in places.into_iter().zip(numbers) {
            rows[place as usize] = Some(self.rows[number as usize]);
        }
        let matched = rows.iter().map(|row| Some(row.is_some())).collect();
        let rows = UInt32Array::from(rows);
        let columns = self.columns.iter().map(|column| Ok(take(column, &rows, None)?)).collect::<Result<Vec<_>>>()?;
        Ok((matched, columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    fn whole(keys: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(keys.to_vec()))
    }

    #[test]
    fn rows_find_partners_and_repeated_keys_are_errors() {
        let compared = [DataType::Int64];
        let keys = whole(&[Some(30), None, Some(10)]);
        let lookup = Lookup::new(&compared, &[keys], vec![whole(&[Some(3), Some(0), Some(1)])]).unwrap();
        let (matched, columns) = lookup.find(&[whole(&[Some(10), Some(20), None, Some(30)])]).unwrap();
        assert_eq!(matched.values().iter().collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(columns[0].as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None, None, Some(3)]);
        assert!(Lookup::new(&compared, &[whole(&[Some(1), Some(1)])], Vec::new()).is_err());
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let lookup = Lookup::new(&[DataType::Utf8], &[texts], vec![whole(&[Some(1), Some(2)])]).unwrap();
        let asked: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("z")]));
        assert_eq!(
            lookup.find(&[asked]).unwrap().1[0].as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(2), None, None]
        );
    }
}
