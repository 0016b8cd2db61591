//! Merges answers of one query for several values of its subqueries into one whose intervals contain all of theirs.

use crate::answer::{Answer, Bounds, Column, Mode, Result};
use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::kernels::cmp::{distinct, gt, lt};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{is_null, nullif, take};
use arrow::datatypes::DataType;
use arrow::row::{OwnedRow, RowConverter, SortField};
use plusminus_plan::Role;
use plusminus_statistics::{Doubt, Trust};
use std::collections::HashMap;

/// The first of `answers` with intervals that contain those of all, and `doubt` where the values matter; `None` where keys do not
/// identify rows, or columns without an interval differ. Columns flagged in `dependent` depend on inexact values and are not exact.
pub(crate) fn of(answers: &[Answer], doubt: Option<Doubt>, dependent: &[bool]) -> Result<Option<Answer>> {
    let Some((first, others)) = answers.split_first() else { return Ok(None) };
    let mut answer = first.clone();
    for (at, _) in dependent.iter().enumerate().filter(|(_, depends)| **depends) {
        let (column, values) = (&mut answer.columns[at], first.batch.column(at));
        if column.bounds.is_none() && column.role == Role::Value && is_number(values.data_type()) {
            column.role = Role::Estimate;
            column.bounds = Some(Bounds::exact(values));
        }
        for trust in column.bounds.iter_mut().flat_map(|bounds| &mut bounds.trust) {
            // A value that is not to be trusted may be wrong even where its interval has no width.
            *trust = match (*trust, doubt) {
                (Trust::Untrusted(own), _) => Trust::Untrusted(own),
                (_, Some(doubt)) => Trust::Untrusted(doubt),
                (_, None) => Trust::Trusted,
            };
        }
    }
    for other in others {
        let Some(places) = places(first, other)? else { return Ok(None) };
        if !widen(&mut answer, first, other, &places, doubt)? {
            return Ok(None);
        }
    }
    let report = &mut answer.report;
    for other in others {
        report.met = report.met.and_then(|met| Some(met && other.report.met?));
        // All answers read the same rows, with other values of subqueries.
        report.rows_read = report.rows_read.max(other.report.rows_read);
        report.missing_groups_below =
            report.missing_groups_below.and_then(|missing| Some(missing.max(other.report.missing_groups_below?)));
    }
    report.unsettled_members.sort_unstable();
    report.unsettled_members.dedup();
    if report.unsettled_absent > 0 {
        report.missing_groups_below = None;
    }
    let is_estimate = |column: &Column| column.bounds.as_ref().is_some_and(|b| !b.trust.iter().all(|t| t.is_exact()));
    if answer.columns.iter().any(is_estimate) {
        report.mode = Mode::Approximate;
    }
    Ok(Some(answer))
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_temporal()
}

/// For each row of `first`, the row of `other` with the same keys; `None` where keys do not identify rows.
fn places(first: &Answer, other: &Answer) -> Result<Option<Vec<Option<u32>>>> {
    let keys = |answer: &Answer| -> Vec<ArrayRef> {
        let columns = answer.columns.iter().zip(answer.batch.columns());
        columns.filter(|(column, _)| column.role == Role::Key).map(|(_, values)| values.clone()).collect()
    };
    let (own, others) = (keys(first), keys(other));
    if own.is_empty() || others.is_empty() {
        let is_one = first.batch.num_rows() == 1 && other.batch.num_rows() == 1;
        return Ok(is_one.then(|| vec![Some(0)]));
    }
    let fields = own.iter().map(|values| SortField::new(values.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let (own, others) = (converter.convert_columns(&own)?, converter.convert_columns(&others)?);
    let mut rows: HashMap<OwnedRow, u32> = HashMap::with_capacity(others.num_rows());
    for (number, row) in (0..).zip(others.iter()) {
        if rows.insert(row.owned(), number).is_some() {
            return Ok(None);
        }
    }
    let mut seen = std::collections::HashSet::with_capacity(own.num_rows());
    let found = own.iter().map(|row| rows.get(&row.owned()).copied()).collect();
    Ok(own.iter().all(|row| seen.insert(row)).then_some(found))
}

/// Widens the intervals of `answer` to contain those of `other`, whose rows are at `places`; false where a column without one differs.
fn widen(
    answer: &mut Answer,
    first: &Answer,
    other: &Answer,
    places: &[Option<u32>],
    doubt: Option<Doubt>,
) -> Result<bool> {
    let rows = UInt32Array::from(places.to_vec());
    let aligned = |values: &ArrayRef| -> Result<ArrayRef> { Ok(take(values, &rows, None)?) };
    for (at, column) in answer.columns.iter_mut().enumerate() {
        let (values, others) = (first.batch.column(at), aligned(other.batch.column(at))?);
        let differ = among_known(&distinct(values, &others)?, places);
        let theirs = match &other.columns[at].bounds {
            Some(bounds) => {
                let trust = |place: &Option<u32>| place.map_or(Trust::Exact, |row| bounds.trust[row as usize]);
                Bounds {
                    lower: aligned(&bounds.lower)?,
                    upper: aligned(&bounds.upper)?,
                    trust: places.iter().map(trust).collect(),
                }
            }
            None if column.role == Role::Key || differ.true_count() == 0 && column.bounds.is_none() => continue,
            // A column that follows from a subquery alone is as uncertain as the subquery.
            None if values.data_type().is_numeric() || values.data_type().is_temporal() => Bounds::exact(&others),
            None => return Ok(false),
        };
        column.role = Role::Estimate;
        let own = column.bounds.get_or_insert_with(|| Bounds::exact(values));
        join(own, &theirs, &differ, places, doubt)?;
    }
    let is_missing = |(row, place): (usize, &Option<u32>)| place.is_none().then_some(row);
    let missing = places.iter().enumerate().filter_map(is_missing);
    let report = &mut answer.report;
    report.unsettled_members.extend(missing);
    let known = places.iter().flatten().count();
    report.unsettled_absent = report.unsettled_absent.max((other.batch.num_rows() - known) as u64);
    Ok(true)
}

/// `mask` without the rows that have no place.
fn among_known(mask: &BooleanArray, places: &[Option<u32>]) -> BooleanArray {
    mask.iter().zip(places).map(|(differs, place)| Some(differs == Some(true) && place.is_some())).collect()
}

/// Joins intervals so that they contain both; a row without a place in the other answer keeps its interval and becomes untrusted.
fn join(
    own: &mut Bounds,
    theirs: &Bounds,
    differ: &BooleanArray,
    places: &[Option<u32>],
    doubt: Option<Doubt>,
) -> Result<()> {
    let moves =
        |one: &ArrayRef, other: &ArrayRef| -> Result<BooleanArray> { Ok(among_known(&distinct(one, other)?, places)) };
    let (lower_moves, upper_moves) = (moves(&own.lower, &theirs.lower)?, moves(&own.upper, &theirs.upper)?);
    let farther = |one: &ArrayRef, other: &ArrayRef, is_farther: BooleanArray| -> Result<ArrayRef> {
        let joined = zip(&is_farther, other, one)?;
        // An end that is unknown in one of them is unknown.
        let unknown: BooleanArray = is_null(other)?
            .iter()
            .zip(places)
            .map(|(null, place)| Some(null == Some(true) && place.is_some()))
            .collect();
        Ok(nullif(&joined, &unknown)?)
    };
    own.lower = farther(&own.lower, &theirs.lower, lt(&theirs.lower, &own.lower)?)?;
    own.upper = farther(&own.upper, &theirs.upper, gt(&theirs.upper, &own.upper)?)?;
    for (row, trust) in own.trust.iter_mut().enumerate() {
        let is_moved = differ.value(row) || lower_moves.value(row) || upper_moves.value(row);
        *trust = match (*trust, theirs.trust[row], places[row]) {
            (Trust::Untrusted(own), _, _) | (_, Trust::Untrusted(own), _) => Trust::Untrusted(own),
            // The row is present for some values of the subquery only.
            (_, _, None) => Trust::Untrusted(Doubt::Kink),
            (Trust::Exact, Trust::Exact, _) if !is_moved => Trust::Exact,
            _ => match doubt.filter(|_| is_moved) {
                Some(doubt) => Trust::Untrusted(doubt),
                None => Trust::Trusted,
            },
        };
    }
    Ok(())
}
