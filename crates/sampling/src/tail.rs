//! Tails: the rows with the largest values of a measure, which a sample keeps whole.
//!
//! Large is what lies far from zero, up or down, since that is what one row can do to a SUM. Only values strictly beyond
//! an edge are of the tail: rows that tie at the edge stay in the body, so the tail never has more rows than it was
//! given, and neither do columns whose values are all equal have one. Zero, NaN and NULL are never of the tail.

use arrow::array::{Array, Float64Array};
use arrow::buffer::BooleanBuffer;

/// A tail takes one row in so many of those that the sample keeps.
pub(crate) const SHARE: u64 = 10;
/// Rows of the tail of a family with a CAP, at most: how many rows such a family keeps is not known beforehand.
pub(crate) const CAPPED_ROWS_MAX: u64 = 1_000_000;

/// Where the tail of a column begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    /// The column's place among the numeric columns of the table.
    pub(crate) number: usize,
    /// Values further from zero are of the tail.
    pub(crate) beyond: f64,
}

/// Marks the rows in which any column lies beyond its edge; `numbers` are the numeric columns of the batch.
pub(crate) fn marks(edges: &[Edge], numbers: &[Float64Array], rows: usize) -> BooleanBuffer {
    let of_column = |edge: &Edge| {
        let values = &numbers[edge.number];
        BooleanBuffer::collect_bool(rows, |row| values.value(row).abs() > edge.beyond && values.is_valid(row))
    };
    let columns = edges.iter().map(of_column);
    columns.reduce(|all, column| &all | &column).unwrap_or_else(|| BooleanBuffer::new_unset(rows))
}

/// The sizes (distances from zero) of the largest of many values, in bounded memory and whatever their order.
#[derive(Debug, Clone)]
pub(crate) struct Largest {
    keep: usize,
    /// Nothing at or below this can be among the largest any more.
    floor: f64,
    held: Vec<f64>,
}

impl Largest {
    /// Remembers the `keep` largest sizes.
    pub(crate) fn new(keep: usize) -> Self {
        Self { keep: keep.max(1), floor: 0.0, held: Vec::new() }
    }

    pub(crate) fn add(&mut self, values: &Float64Array) {
        for value in values.iter().flatten() {
            self.add_size(value.abs());
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        other.held.into_iter().for_each(|size| self.add_size(size));
    }

    fn add_size(&mut self, size: f64) {
        if size > self.floor {
            self.held.push(size);
            if self.held.len() >= self.keep.saturating_mul(2) {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        if self.held.len() >= self.keep {
            let (_, last, _) = self.held.select_nth_unstable_by(self.keep - 1, |a, b| b.total_cmp(a));
            self.floor = *last;
            self.held.truncate(self.keep);
        }
    }

    /// The smallest size that at most `rows` values exceed; `rows` is below what is kept.
    pub(crate) fn edge(&mut self, rows: usize) -> f64 {
        if rows >= self.held.len() {
            return 0.0;
        }
        *self.held.select_nth_unstable_by(rows, |a, b| b.total_cmp(a)).1
    }
}

#[cfg(test)]
mod tests;
