//! Tails: the rows with the largest values of a measure, which a sample keeps whole.
//!
//! A value is large if it lies far from zero, up or down, since that is the effect one row can have on a SUM. Only values strictly beyond
//! an edge are of the tail: rows that tie at the edge stay in the body. So the tail never has more rows than it was given, and columns
//! whose values are all equal have none. Zero, NaN and NULL are never of the tail.

use arrow::array::{Array, Float64Array};
use arrow::buffer::BooleanBuffer;

/// The tail gets one in so many of the rows that the sample keeps.
pub(crate) const SHARE: u64 = 10;
/// Rows of the tail of a family with a CAP, at most: how many rows such a family keeps is not known beforehand.
pub(crate) const CAPPED_ROWS_MAX: u64 = 1_000_000;

/// The two edges of a column beyond which its tail begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    /// The column's place among the numeric columns of the table.
    pub(crate) number: usize,
    /// Values below are of the tail.
    pub(crate) low: f64,
    /// Values above are of the tail.
    pub(crate) high: f64,
}

impl Edge {
    /// Values further from zero than `beyond` are of the tail.
    pub(crate) fn from_zero(number: usize, beyond: f64) -> Self {
        Self { number, low: -beyond, high: beyond }
    }
}

/// Marks the rows in which any column lies beyond its edge; `numbers` are the numeric columns of the batch.
pub(crate) fn marks(edges: &[Edge], numbers: &[Float64Array], rows: usize) -> BooleanBuffer {
    let of_column = |edge: &Edge| {
        let values = &numbers[edge.number];
        let is_beyond = |value: f64| value > edge.high || value < edge.low;
        BooleanBuffer::collect_bool(rows, |row| is_beyond(values.value(row)) && values.is_valid(row))
    };
    let columns = edges.iter().map(of_column);
    columns.reduce(|all, column| &all | &column).unwrap_or_else(|| BooleanBuffer::new_unset(rows))
}

/// The largest of many numbers, in bounded memory and whatever their order.
#[derive(Debug, Clone)]
pub(crate) struct Largest {
    keep: usize,
    /// Nothing at or below this can be among the largest any more.
    floor: f64,
    held: Vec<f64>,
}

impl Largest {
    /// Remembers the `keep` largest sizes, distances from zero.
    pub(crate) fn of_sizes(keep: usize) -> Self {
        Self { keep: keep.max(1), floor: 0.0, held: Vec::new() }
    }

    /// Remembers the `keep` largest numbers.
    pub(crate) fn of_numbers(keep: usize) -> Self {
        Self { keep: keep.max(1), floor: f64::NEG_INFINITY, held: Vec::new() }
    }

    pub(crate) fn add(&mut self, values: &Float64Array) {
        for value in values.iter().flatten() {
            self.push(value.abs());
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        other.held.into_iter().for_each(|number| self.push(number));
    }

    #[inline]
    pub(crate) fn push(&mut self, number: f64) {
        if number > self.floor {
            self.held.push(number);
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

    /// The number of largest numbers that are surely held.
    pub(crate) fn kept(&self) -> usize {
        self.keep
    }

    /// The largest numbers, in any order, and others that were held beside them.
    pub(crate) fn held(&self) -> &[f64] {
        &self.held
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
