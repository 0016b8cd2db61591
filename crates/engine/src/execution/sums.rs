//! Adds up the rows of several blocks group by group.
//!
//! Intervals add up end by end, which holds whatever the blocks have in common, once each of them holds with the error probability of the whole
//! divided by their number (Bonferroni).

use crate::answer::{Answer, Bounds, Column, Mode, Result};
use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::kernels::numeric::add;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{CastOptions, and, cast, cast_with_options, concat, is_null, nullif, take};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::ScalarValue;
use plusminus_plan::Role;
use plusminus_statistics::{Doubt, Trust};
use std::collections::HashMap;
use std::sync::Arc;

/// One answer with a row for every group of any block: its keys, and the sums of all other columns.
pub(crate) fn summed(answers: &[Answer], keys: &[bool]) -> Result<Option<Answer>> {
    let Some(first) = answers.first() else { return Ok(None) };
    let groups = Groups::of(answers, keys)?;
    let mut columns = Vec::with_capacity(keys.len());
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (at, is_key) in keys.iter().enumerate() {
        let own = &first.columns[at];
        let (values, bounds, role) = match is_key {
            true => (groups.keys(answers, at)?, None, Role::Key),
            false => {
                let (values, bounds) = groups.sum(answers, at)?;
                (values, Some(bounds), Role::Estimate)
            }
        };
        fields.push(Field::new(&own.name, values.data_type().clone(), true));
        columns.push(Column { name: own.name.clone(), data_type: values.data_type().clone(), role, bounds });
        arrays.push(values);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(groups.count));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?;
    let mut report = first.report.clone();
    // Whether the sums meet the bound is seen from the sums.
    report.met = None;
    report.missing_groups_below = missing(answers);
    Ok(Some(Answer { is_query: true, batch, columns, report }))
}

/// Rows that a group which no block shows may have; `None` where a block does not know.
pub(crate) fn missing(answers: &[Answer]) -> Option<u64> {
    answers.iter().map(missing_in).sum()
}

fn missing_in(answer: &Answer) -> Option<u64> {
    match answer.report.mode {
        Mode::Exact => Some(0),
        Mode::Approximate => answer.report.missing_groups_below,
    }
}

/// The groups of all blocks.
struct Groups {
    count: usize,
    /// For each block and group the block's row; `None` where it shows none.
    rows: Vec<Vec<Option<u32>>>,
    /// For each group a block that shows it.
    shown_by: Vec<usize>,
}

impl Groups {
    fn of(answers: &[Answer], keys: &[bool]) -> Result<Self> {
        let places: Vec<usize> = (0..keys.len()).filter(|at| keys[*at]).collect();
        let mut found = Self { count: 0, rows: vec![Vec::new(); answers.len()], shown_by: Vec::new() };
        if places.is_empty() {
            // Without keys there is one row everywhere.
            found.count = 1;
            found.shown_by = vec![0];
            found.rows.iter_mut().for_each(|rows| rows.push(Some(0)));
            return Ok(found);
        }
        let fields = places.iter().map(|at| SortField::new(answers[0].batch.column(*at).data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let mut known: HashMap<OwnedRow, usize> = HashMap::new();
        for (number, answer) in answers.iter().enumerate() {
            let like = |at: &usize| Ok(cast(answer.batch.column(*at), answers[0].batch.column(*at).data_type())?);
            let own = places.iter().map(like).collect::<Result<Vec<ArrayRef>>>()?;
            for (row, key) in (0_u32..).zip(converter.convert_columns(&own)?.iter()) {
                let group = *known.entry(key.owned()).or_insert_with(|| {
                    found.shown_by.push(number);
                    found.rows.iter_mut().for_each(|rows| rows.push(None));
                    found.shown_by.len() - 1
                });
                found.rows[number][group] = Some(row);
            }
        }
        found.count = found.shown_by.len();
        Ok(found)
    }

    /// A key of every group, from a block that shows the group.
    fn keys(&self, answers: &[Answer], at: usize) -> Result<ArrayRef> {
        let data_type = answers[0].batch.column(at).data_type();
        let typed = answers.iter().map(|answer| Ok(cast(answer.batch.column(at), data_type)?));
        let typed = typed.collect::<Result<Vec<ArrayRef>>>()?;
        let starts: Vec<u32> = answers
            .iter()
            .scan(0_u32, |next, answer| {
                let own = *next;
                *next += u32::try_from(answer.batch.num_rows()).unwrap_or(u32::MAX);
                Some(own)
            })
            .collect();
        let row = |group: usize| self.rows[self.shown_by[group]][group].map(|row| starts[self.shown_by[group]] + row);
        let rows: UInt32Array = (0..self.count).map(row).collect();
        let parts: Vec<&dyn Array> = typed.iter().map(AsRef::as_ref).collect();
        Ok(take(&concat(&parts)?, &rows, None)?)
    }

    /// The sums of a column and their intervals.
    fn sum(&self, answers: &[Answer], at: usize) -> Result<(ArrayRef, Bounds)> {
        let data_type = answers[0].batch.column(at).data_type().clone();
        let zero = ScalarValue::new_zero(&data_type)?.to_array_of_size(self.count)?;
        let [mut sum, mut lower, mut upper] = [&zero, &zero, &zero].map(Arc::clone);
        let mut are_null = BooleanArray::from(vec![true; self.count]);
        let mut trusts = vec![Trust::Exact; self.count];
        for (answer, rows) in answers.iter().zip(&self.rows) {
            let values = answer.batch.column(at);
            let bounds = answer.columns[at].bounds.clone().unwrap_or_else(|| Bounds::exact(values));
            let places = UInt32Array::from(rows.clone());
            let typed = |array: &ArrayRef| -> Result<ArrayRef> { Ok(cast(&take(array, &places, None)?, &data_type)?) };
            // A block without the group, or without a value of it, adds nothing; an interval without an end takes the sum's end away.
            let own = typed(values)?;
            let is_nothing = is_null(&own)?;
            let or_zero = |array: &ArrayRef| -> Result<ArrayRef> { Ok(zip(&is_nothing, &zero, array)?) };
            // A sum beyond its type is an error, as it is on the table.
            let strictly = CastOptions { safe: false, ..CastOptions::default() };
            let plus = |sum: &ArrayRef, own: &ArrayRef| -> Result<ArrayRef> {
                Ok(cast_with_options(&add(sum, own)?, &data_type, &strictly)?)
            };
            sum = plus(&sum, &or_zero(&own)?)?;
            lower = plus(&lower, &or_zero(&typed(&bounds.lower)?)?)?;
            upper = plus(&upper, &or_zero(&typed(&bounds.upper)?)?)?;
            are_null = and(&are_null, &is_nothing)?;
            let is_complete = missing_in(answer) == Some(0);
            for (trust, row) in trusts.iter_mut().zip(rows) {
                let own = match row {
                    Some(row) => bounds.trust[*row as usize],
                    None if is_complete => Trust::Exact,
                    // The block's table may have rows of the group though the sample shows none.
                    None => Trust::Untrusted(Doubt::NoRows),
                };
                *trust = weaker(*trust, own);
            }
        }
        let or_null = |array: &ArrayRef| -> Result<ArrayRef> { Ok(nullif(array, &are_null)?) };
        Ok((or_null(&sum)?, Bounds { lower: or_null(&lower)?, upper: or_null(&upper)?, trust: trusts }))
    }
}

fn weaker(one: Trust, other: Trust) -> Trust {
    match (one, other) {
        (Trust::Untrusted(doubt), _) | (_, Trust::Untrusted(doubt)) => Trust::Untrusted(doubt),
        (Trust::Exact, Trust::Exact) => Trust::Exact,
        _ => Trust::Trusted,
    }
}
