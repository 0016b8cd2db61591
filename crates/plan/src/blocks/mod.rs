//! Plans made of several query blocks: branches of UNION ALL below or above an aggregate, and grouping sets.
//!
//! Each block has one aggregate at most. What stands above all of them row by row (projections, HAVING) is moved into each; ORDER BY, LIMIT and
//! DISTINCT become [`Step`]s on the rows of all.

mod descent;
mod grouping_sets;
mod union_input;

pub use descent::{Descent, blocks_of, descend};
pub use union_input::{SumPlans, sums_of};

use arrow::compute::SortOptions;

/// Blocks of one query beyond which it is answered exactly: CUBE of six columns has so many.
pub const BLOCKS_MAX: usize = 64;

/// A step applied to the rows of all blocks. Columns are given by number, from 0.
#[derive(Debug, Clone)]
pub enum Step {
    /// ORDER BY.
    Sort {
        /// Columns with their directions, the first key first.
        keys: Vec<(usize, SortOptions)>,
        /// Rows that stay, where their number is stated.
        fetch: Option<usize>,
    },
    /// LIMIT and OFFSET.
    Limit {
        /// Rows that are left out at the start.
        skip: usize,
        /// Rows that stay behind them, where their number is stated.
        fetch: Option<usize>,
    },
    /// Rows that agree in these columns become one.
    Distinct {
        /// The columns.
        columns: Vec<usize>,
    },
}

/// Whether a step leaves out rows: a LIMIT, or an ORDER BY with a number of rows.
pub fn cuts_rows(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Limit { .. } | Step::Sort { fetch: Some(_), .. }))
}
