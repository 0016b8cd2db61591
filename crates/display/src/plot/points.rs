//! The points of a plot: for each row a label, an estimate and its interval.

use crate::render::{with_errors, without_errors};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use plusminus::{Answer, Role, Trust};

/// One estimate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) label: String,
    /// Microseconds since 1970, where the first column is a date or time.
    pub(crate) time: Option<i64>,
    pub(crate) value: f64,
    /// The ends of the interval; the value itself where there is none.
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) trust: Trust,
    /// The number as a table shows it.
    pub(crate) text: String,
}

/// The estimates of one column.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// The names of the columns that label the points.
    pub(crate) labels: String,
    pub(crate) points: Vec<Point>,
}

impl Series {
    /// The estimate and its labels: `avg(delay) by origin`.
    pub(crate) fn title(&self) -> String {
        if self.labels.is_empty() { self.name.clone() } else { format!("{} by {}", self.name, self.labels) }
    }
}

/// One series per numeric column that is computed from an aggregate, or that is not the first; NULL and NaN are left out.
pub(crate) fn series(answer: &Answer) -> Vec<Series> {
    let columns = answer.columns();
    let is_drawn = |at: usize| {
        let column = &columns[at];
        column.data_type.is_numeric() && (column.role == Role::Estimate || column.role == Role::Value && at > 0)
    };
    let drawn: Vec<usize> = (0..columns.len()).filter(|at| is_drawn(*at)).collect();
    let labels: Vec<usize> = (0..columns.len()).filter(|at| !drawn.contains(at)).collect();
    let texts: Vec<Vec<String>> = labels
        .iter()
        .map(|at| {
            without_errors(&columns[*at], answer.batch().column(*at)).into_iter().map(|shown| shown.text).collect()
        })
        .collect();
    let times = labels.first().and_then(|at| times(answer, *at));
    let label = |row: usize| texts.iter().map(|column| column[row].as_str()).collect::<Vec<_>>().join(", ");
    let of = |at: usize| {
        let column = &columns[at];
        let shown = with_errors(column, answer.batch().column(at));
        let numbers = numbers(answer, at);
        let points = numbers.into_iter().zip(shown).enumerate().filter_map(|(row, (number, shown))| {
            let (value, lower, upper, trust) = number?;
            let text = format!("{} {}", shown.text, shown.aside).trim_end().to_owned();
            Some(Point {
                label: label(row),
                time: times.as_ref().and_then(|t| t[row]),
                value,
                lower,
                upper,
                trust,
                text,
            })
        });
        let labels = labels.iter().map(|at| columns[*at].name.as_str()).collect::<Vec<_>>().join(", ");
        Series { name: column.name.clone(), labels, points: points.collect() }
    };
    drawn.into_iter().map(of).filter(|series| !series.points.is_empty()).collect()
}

/// Value, ends and trust of each row of a column; `None` where there is no number.
fn numbers(answer: &Answer, at: usize) -> Vec<Option<(f64, f64, f64, Trust)>> {
    let floats = |array: &arrow::array::ArrayRef| -> Vec<f64> {
        let Ok(array) = cast(array, &DataType::Float64) else { return vec![f64::NAN; array.len()] };
        let array = array.as_primitive::<arrow::datatypes::Float64Type>();
        (0..array.len()).map(|row| if array.is_valid(row) { array.value(row) } else { f64::NAN }).collect()
    };
    let values = floats(answer.batch().column(at));
    let bounds = answer.columns()[at].bounds.as_ref();
    let ends = bounds.map(|bounds| (floats(&bounds.lower), floats(&bounds.upper)));
    let row = |(row, value): (usize, f64)| {
        let end = |ends: &[f64]| Some(ends[row]).filter(|end| end.is_finite()).unwrap_or(value);
        let (lower, upper) = ends.as_ref().map_or((value, value), |(lower, upper)| (end(lower), end(upper)));
        let trust = bounds.map_or(Trust::Exact, |bounds| bounds.trust[row]);
        value.is_finite().then_some((value, lower, upper, trust))
    };
    values.into_iter().enumerate().map(row).collect()
}

/// The times of a column of dates or timestamps.
fn times(answer: &Answer, at: usize) -> Option<Vec<Option<i64>>> {
    let column = answer.batch().column(at);
    if !matches!(column.data_type(), DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)) {
        return None;
    }
    let times = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
    let times = cast(&times, &DataType::Int64).ok()?;
    Some(times.as_primitive::<Int64Type>().iter().collect())
}
