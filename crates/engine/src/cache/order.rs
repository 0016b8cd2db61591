//! Puts the rows of a level in the order of strata and ranks.

use super::level_columns::missing;
use crate::answer::Result;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, UInt32Array, downcast_primitive_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{ArrowPrimitiveType, UInt32Type};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{RANK, STRATUM};
use std::sync::Arc;

/// Order of a level's rows across all blocks.
pub(crate) struct Order {
    /// The position of each row; `None` where the blocks are in order already.
    pub(crate) places: Option<UInt32Array>,
    /// Stratum by position.
    pub(crate) strata: UInt32Array,
    /// Rank by position.
    pub(crate) ranks: UInt32Array,
}

/// The order of the rows of all blocks.
pub(crate) fn of(blocks: &[RecordBatch]) -> Result<Order> {
    let blocks = blocks.iter().map(Block::new).collect::<Result<Vec<_>>>()?;
    let rows = blocks.iter().map(|block| block.strata.len()).sum();
    Ok(placed(&blocks, rows).unwrap_or_else(|| sorted(&blocks, rows)))
}

/// A column of all blocks in order; `parts` are its values in each block.
pub(crate) fn column(parts: &[ArrayRef], places: Option<&UInt32Array>) -> Result<ArrayRef> {
    let Some(places) = places else {
        return Ok(match parts {
            [one] => Arc::clone(one),
            parts => concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
        });
    };
    let Some(first) = parts.first().filter(|_| parts.iter().all(|part| part.null_count() == 0)) else {
        return taken(parts, places);
    };
    // Each value is written straight to its position: for a large level every copy costs as much as reading it.
    let first: &dyn Array = first.as_ref();
    downcast_primitive_array! {
        first => Ok(Arc::new(scattered(first, parts, places))),
        _ => taken(parts, places),
    }
}

fn scattered<T: ArrowPrimitiveType>(
    first: &PrimitiveArray<T>,
    parts: &[ArrayRef],
    places: &UInt32Array,
) -> PrimitiveArray<T> {
    let mut values = vec![T::Native::default(); places.len()];
    let own = parts.iter().flat_map(|part| part.as_primitive::<T>().values().iter());
    own.zip(places.values()).for_each(|(value, place)| values[*place as usize] = *value);
    PrimitiveArray::new(values.into(), None).with_data_type(first.data_type().clone())
}

fn taken(parts: &[ArrayRef], places: &UInt32Array) -> Result<ArrayRef> {
    let mut order = vec![0_u32; places.len()];
    places.values().iter().zip(0..).for_each(|(place, row)| order[*place as usize] = row);
    let all = concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
    Ok(take(&all, &UInt32Array::from(order), None)?)
}

/// The strata and ranks of a block's rows.
struct Block<'a> {
    strata: &'a [u32],
    ranks: &'a [u32],
}

impl<'a> Block<'a> {
    fn new(batch: &'a RecordBatch) -> Result<Self> {
        let column = |name: &str| -> Result<&'a [u32]> {
            let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<UInt32Type>());
            Ok(column.ok_or_else(|| missing(name))?.values())
        };
        Ok(Self { strata: column(STRATUM)?, ranks: column(RANK)? })
    }
}

/// The range of ranks that a stratum has in this level.
#[derive(Clone, Copy)]
struct Ranks {
    first: u32,
    last: u32,
    rows: u32,
    /// The position of the lowest rank.
    start: u32,
}

/// Positions computed from the ranks, where the ranks of every stratum are consecutive; `None` where they are not.
fn placed(blocks: &[Block<'_>], rows: usize) -> Option<Order> {
    let highest = blocks.iter().flat_map(|block| block.strata.iter().copied()).max()? as usize;
    // For many strata with few rows each the lookup table would be larger than the rows.
    if highest > 4 * rows + 1024 {
        return None;
    }
    let none = Ranks { first: u32::MAX, last: 0, rows: 0, start: 0 };
    let mut strata = vec![none; highest + 1];
    for block in blocks {
        for (stratum, rank) in block.strata.iter().zip(block.ranks) {
            let own = &mut strata[*stratum as usize];
            (own.first, own.last, own.rows) = (own.first.min(*rank), own.last.max(*rank), own.rows + 1);
        }
    }
    let mut start = 0;
    for own in strata.iter_mut().filter(|own| own.rows > 0) {
        if own.last - own.first + 1 != own.rows {
            return None;
        }
        own.start = start;
        start += own.rows;
    }
    let mut order = Builder::new(rows);
    for block in blocks {
        for (stratum, rank) in block.strata.iter().zip(block.ranks) {
            let own = strata[*stratum as usize];
            order.put(own.start + (rank - own.first), *stratum, *rank);
        }
    }
    // A rank that occurs twice leaves a position empty.
    (!order.strata.contains(&u32::MAX)).then(|| order.finish())
}

/// Positions by sorting: each block is in order already, and a stable sort merges sorted runs.
fn sorted(blocks: &[Block<'_>], rows: usize) -> Order {
    let keys = || blocks.iter().flat_map(|block| block.strata.iter().zip(block.ranks));
    let mut all: Vec<(u64, u32)> = Vec::with_capacity(rows);
    all.extend(keys().map(|(stratum, rank)| u64::from(*stratum) << u32::BITS | u64::from(*rank)).zip(0..));
    all.sort_by_key(|(key, _)| *key);
    let mut places = vec![0_u32; rows];
    all.iter().zip(0..).for_each(|((_, row), place)| places[*row as usize] = place);
    let mut order = Builder::new(rows);
    keys().zip(places).for_each(|((stratum, rank), place)| order.put(place, *stratum, *rank));
    order.finish()
}

/// An order under construction.
struct Builder {
    places: Vec<u32>,
    strata: Vec<u32>,
    ranks: Vec<u32>,
    is_in_place: bool,
}

impl Builder {
    fn new(rows: usize) -> Self {
        Self { places: Vec::with_capacity(rows), strata: vec![u32::MAX; rows], ranks: vec![0; rows], is_in_place: true }
    }

    fn put(&mut self, place: u32, stratum: u32, rank: u32) {
        self.is_in_place &= place as usize == self.places.len();
        self.places.push(place);
        (self.strata[place as usize], self.ranks[place as usize]) = (stratum, rank);
    }

    fn finish(self) -> Order {
        let places = (!self.is_in_place).then(|| self.places.into());
        Order { places, strata: self.strata.into(), ranks: self.ranks.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;

    fn block(rows: &[(u32, u32)]) -> RecordBatch {
        let column =
            |of: fn(&(u32, u32)) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(rows.iter().map(of))) };
        RecordBatch::try_from_iter([(STRATUM, column(|r| r.0)), (RANK, column(|r| r.1))]).unwrap()
    }

    fn rows_of(blocks: &[RecordBatch]) -> (Option<Vec<u32>>, Vec<(u32, u32)>) {
        let order = of(blocks).unwrap();
        let rows = order.strata.values().iter().copied().zip(order.ranks.values().iter().copied()).collect();
        // Columns of every type are put in the same order.
        let parts: Vec<ArrayRef> = blocks.iter().map(|block| Arc::clone(block.column(1))).collect();
        assert_eq!(column(&parts, order.places.as_ref()).unwrap().as_primitive::<UInt32Type>(), &order.ranks);
        let texts = |part: &ArrayRef| -> ArrayRef {
            Arc::new(
                part.as_primitive::<UInt32Type>().iter().map(|v| v.map(|v| v.to_string())).collect::<StringArray>(),
            )
        };
        let parts: Vec<ArrayRef> = parts.iter().map(texts).collect();
        let all: ArrayRef = Arc::new(order.ranks.clone());
        assert_eq!(&column(&parts, order.places.as_ref()).unwrap(), &texts(&all));
        (order.places.map(|places| places.values().to_vec()), rows)
    }

    #[test]
    fn rows_are_placed_by_their_ranks_or_sorted() {
        let in_order = [block(&[(0, 5), (0, 6)]), block(&[(2, 0), (2, 1)])];
        assert_eq!(rows_of(&in_order).0, None);
        let striped = [block(&[(0, 5), (0, 7), (2, 1)]), block(&[(0, 6), (2, 0)])];
        let expected = vec![(0, 5), (0, 6), (0, 7), (2, 0), (2, 1)];
        assert_eq!(rows_of(&striped), (Some(vec![0, 2, 4, 1, 3]), expected));
        // Ranks with gaps, a rank that occurs twice, and few rows in a stratum with a high number.
        for other in [
            [block(&[(0, 9), (1, 3)]), block(&[(0, 2), (1, 7)])],
            [block(&[(0, 2), (0, 4)]), block(&[(0, 2), (0, 3)])],
            [block(&[(0, 1), (9_999_999, 0)]), block(&[(0, 0), (7, 3)])],
        ] {
            let (order, rows) = rows_of(&other);
            assert!(order.is_some() && rows.is_sorted() && rows.len() == 4, "{rows:?}");
        }
    }
}
