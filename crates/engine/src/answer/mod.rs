//! Answers: Arrow columns, an interval for every estimate, and a report.

mod diagnose;
mod error;
mod estimates;
mod flat;
pub(crate) mod listing;

pub(crate) use diagnose::with_tables;
pub use error::{Error, Result};
pub use flat::ErrorColumns;
pub(crate) use listing::{plain_report, thousands};
pub use plusminus_functions::sql_type;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f64x4};
use plusminus_functions::numbers::{ends_typed, floats, steps};
use plusminus_plan::Role;
use plusminus_statistics::{Doubt, Estimate, Trust};
use std::sync::Arc;
use std::time::Duration;

/// A column of an answer.
#[derive(Debug, Clone)]
pub struct Column {
    /// The column's name in the query.
    pub name: String,
    /// The column's Arrow type.
    pub data_type: DataType,
    /// Role of the column, such as key or estimate.
    pub role: Role,
    /// For estimates, the interval of every row.
    pub bounds: Option<Bounds>,
}

/// The intervals of a column, one per row, in the column's own type and rounded outward.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Lower ends; NULL where the estimate is NULL or has no interval.
    pub lower: ArrayRef,
    /// Upper ends; NULL where the estimate is NULL or has no interval.
    pub upper: ArrayRef,
    /// How far each row can be relied on.
    pub trust: Vec<Trust>,
}

/// Whether an answer contains estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every number is computed from the whole table.
    Exact,
    /// Some numbers are estimates.
    Approximate,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::Exact { "exact" } else { "approximate" })
    }
}

/// Report on how an answer was computed, and how good it is.
#[derive(Debug, Clone)]
pub struct Report {
    /// Exact or approximate.
    pub mode: Mode,
    /// The confidence of the intervals, 0 to 1.
    pub confidence: f64,
    /// The stated ERROR: a fraction when relative, otherwise in the column's unit.
    pub error_bound: Option<f64>,
    /// Whether the error bound is relative.
    pub error_is_relative: bool,
    /// The stated WITHIN, in milliseconds.
    pub within_ms: Option<f64>,
    /// Whether every bound holds; `None` without bounds.
    pub met: Option<bool>,
    /// The sample that answered.
    pub sample: Option<String>,
    /// The highest level read, from 0.
    pub level: Option<usize>,
    /// The number of levels of the sample.
    pub levels: Option<usize>,
    /// Rows read from the sample or the table.
    pub rows_read: u64,
    /// Rows of the table, where known.
    pub rows_total: Option<u64>,
    /// With the answer's confidence, no missing group has this many rows; 0 when no group is missing.
    pub missing_groups_below: Option<u64>,
    /// Time from text to answer, in milliseconds.
    pub elapsed_ms: f64,
    /// Time by phase, in the order of the work.
    pub parts: Vec<(&'static str, Duration)>,
    /// Why the answer is exact, or which sample answered.
    pub reason: String,
    /// Warnings and notes for the reader.
    pub warnings: Vec<String>,
    /// Rows (from 0), chosen or ordered by an estimate, whose position another sample might change.
    pub unsettled_ranks: Vec<usize>,
    /// Rows (from 0) that another sample might not choose.
    pub unsettled_members: Vec<usize>,
    /// Number of groups that are not shown but that another sample might choose.
    pub unsettled_absent: u64,
}

/// The result of one statement.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) is_query: bool,
    pub(crate) batch: RecordBatch,
    pub(crate) columns: Vec<Column>,
    pub(crate) report: Report,
}

/// One estimate with its interval.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// The estimate; NaN when NULL.
    pub estimate: f64,
    /// Lower end; NaN when there is none.
    pub lower: f64,
    /// Upper end; NaN when there is none.
    pub upper: f64,
    /// How far the estimate can be relied on.
    pub trust: Trust,
}

impl Answer {
    /// Whether the statement was a query; false for statements such as DROP SAMPLE.
    #[must_use]
    pub fn is_query(&self) -> bool {
        self.is_query
    }

    /// The query's rows as one Arrow batch.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The query's rows as Arrow batches, with the intervals of estimates as columns; see [`Self::flat`].
    #[must_use]
    pub fn batches(&self) -> Vec<RecordBatch> {
        vec![self.flat(ErrorColumns::WhereEstimated).unwrap_or_else(|_| self.batch.clone())]
    }

    /// Name, type and role of each column, and the intervals of estimates.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The report on how the answer was computed.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The estimates of column `name` as numbers.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such column or it is not a numeric estimate.
    pub fn cells(&self, name: &str) -> Result<Vec<Cell>> {
        let names = || self.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let index = self.columns.iter().position(|c| c.name == name);
        let index = index.ok_or_else(|| Error::invalid(format!("the answer has no column '{name}'"), names()))?;
        let Some(bounds) = &self.columns[index].bounds else {
            return Err(Error::invalid(
                format!("column '{name}' is not an estimate"),
                "a column that is computed from an aggregate",
            ));
        };
        let numbers = |array: &ArrayRef| -> Result<Vec<f64>> {
            Ok(floats(array)?.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
        };
        let (estimates, lower, upper) =
            (numbers(self.batch.column(index))?, numbers(&bounds.lower)?, numbers(&bounds.upper)?);
        let rows = estimates.into_iter().zip(lower).zip(upper).zip(&bounds.trust);
        Ok(rows.map(|(((estimate, lower), upper), trust)| Cell { estimate, lower, upper, trust: *trust }).collect())
    }
}

/// Columns with exact values: an estimate's interval is the value itself. Columns flagged in `sketched` are estimates without ends.
pub(crate) fn exact_columns(batch: &RecordBatch, roles: &[Role], sketched: &[bool]) -> Vec<Column> {
    let columns = batch.schema();
    let columns = columns.fields().iter().zip(batch.columns()).zip(roles).zip(sketched);
    columns
        .map(|(((field, values), role), is_sketched)| {
            let ends = || match is_sketched {
                true => arrow::array::new_null_array(values.data_type(), values.len()),
                false => Arc::clone(values),
            };
            let trust = if *is_sketched { Trust::Untrusted(Doubt::Sketch) } else { Trust::Exact };
            let role = if *is_sketched { Role::Estimate } else { *role };
            let bounds = || Bounds { lower: ends(), upper: ends(), trust: vec![trust; values.len()] };
            Column {
                name: field.name().clone(),
                data_type: field.data_type().clone(),
                role,
                bounds: (role == Role::Estimate).then(bounds),
            }
        })
        .collect()
}

/// The bounds of an estimated column, in its type and rounded outward.
pub(crate) fn bounds(values: &ArrayRef, intervals: &[Estimate]) -> Result<Bounds> {
    let numbers = &floats(values)?;
    let mut trust = Vec::with_capacity(intervals.len());
    let (mut lower, mut upper) = (Vec::with_capacity(intervals.len()), Vec::with_capacity(intervals.len()));
    // All in one pass, since the intervals of many groups do not fit into the cache.
    for (interval, value) in intervals.iter().zip(numbers.values()) {
        let end = |end: Option<f64>| end.filter(|end| end.is_finite()).unwrap_or(f64::NAN);
        let (low, high) = (end(interval.lower), end(interval.upper));
        // An interval never excludes its own estimate, not even by rounding.
        lower.push(if low > *value { *value } else { low });
        upper.push(if high < *value { *value } else { high });
        trust.push(interval.trust);
    }
    let (lower, upper) = (ends(lower, numbers), ends(upper, numbers));
    let exact = trust.contains(&Trust::Exact).then(|| trust.iter().map(|t| t.is_exact()).collect::<Vec<bool>>().into());
    let lower = in_type(lower, values, exact.as_ref(), Side::Lower)?;
    let upper = in_type(upper, values, exact.as_ref(), Side::Upper)?;
    Ok(Bounds { lower, upper, trust })
}

/// One end of every interval; NULL where it is not known or the number itself is NULL.
fn ends(ends: Vec<f64>, numbers: &Float64Array) -> Float64Array {
    // Usually every interval has both ends.
    let are_all = numbers.null_count() == 0 && ends.iter().fold(true, |all, end| all & !end.is_nan());
    let is_end = |(row, end): (usize, &f64)| !end.is_nan() && numbers.is_valid(row);
    let valid = (!are_all).then(|| ends.iter().enumerate().map(is_end).collect::<Vec<bool>>().into());
    Float64Array::new(ends.into(), valid.filter(|valid: &NullBuffer| valid.null_count() > 0))
}

/// Which end of an interval.
#[derive(Clone, Copy)]
enum Side {
    Lower,
    Upper,
}

/// Rounds ends outward to multiples of 1/`steps`, with vector instructions: a library call for each number would be slower.
fn outward(ends: &Float64Array, steps: f64, side: Side) -> Float64Array {
    // Rounding up is rounding down with the sign turned.
    let unit = if matches!(side, Side::Upper) { -steps } else { steps };
    let mut steps: Vec<f64> = ends.values().iter().map(|end| end * unit).collect();
    dispatch!(Level::new(), simd => {
        let (full, rest) = steps.as_chunks_mut();
        for some in full {
            *some = f64x4::load_array_ref(simd, some).floor().into();
        }
        rest.iter_mut().for_each(|step| *step = step.floor());
    });
    steps.iter_mut().for_each(|step| *step /= unit);
    Float64Array::new(steps.into(), ends.nulls().cloned())
}

/// Ends in the estimate's own type, rounded outward; rows flagged in `exact` repeat the estimate itself.
fn in_type(ends: Float64Array, values: &ArrayRef, exact: Option<&BooleanArray>, side: Side) -> Result<ArrayRef> {
    let ends = match steps(values.data_type()) {
        Some(steps) => outward(&ends, steps, side),
        None => ends,
    };
    let typed = ends_typed(ends, values.data_type())?;
    match exact {
        Some(exact) => Ok(arrow::compute::kernels::zip::zip(exact, values, &typed)?),
        None => Ok(typed),
    }
}

#[cfg(test)]
mod tests {
    use super::{Side, outward};
    use arrow::array::Float64Array;

    /// Rounds down and up, also where numbers are left over from whole vectors; NULL stays NULL.
    #[test]
    fn ends_are_rounded_outward() {
        let ends =
            Float64Array::from(vec![Some(0.0), Some(1.25), Some(-1.25), None, Some(7.0), Some(-0.01), Some(1e300)]);
        let lower = [Some(0.0), Some(1.2), Some(-1.3), None, Some(7.0), Some(-0.1), Some(1e300)];
        let upper = [Some(0.0), Some(1.3), Some(-1.2), None, Some(7.0), Some(0.0), Some(1e300)];
        for (side, expected) in [(Side::Lower, lower), (Side::Upper, upper)] {
            assert_eq!(outward(&ends, 10.0, side).iter().collect::<Vec<_>>(), expected);
        }
        assert_eq!(outward(&Float64Array::from(vec![2.5; 9]), 1.0, Side::Upper), Float64Array::from(vec![3.0; 9]));
    }
}
