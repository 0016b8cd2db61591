//! Combines the rows of all blocks into those of one answer.

use crate::answer::{Answer, Bounds, Column, Result};
use crate::bounds::meets_or_null;
use crate::refine::{RankStability, unsettled_by_order};
use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{SortColumn, SortOptions, cast, concat, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::row::{RowConverter, SortField};
use datafusion::common::DFSchemaRef;
use plusminus_plan::{Role, Step};
use plusminus_statistics::{Estimate, Target};
use std::collections::HashSet;
use std::sync::Arc;

/// The query's rows, combined from those of its blocks.
pub(crate) struct Combined {
    pub(crate) batch: RecordBatch,
    pub(crate) columns: Vec<Column>,
    /// Rows that another sample might move or leave out.
    pub(crate) unsettled: RankStability,
    /// Whether every estimate is within the error, and no block lacks anything else.
    pub(crate) is_met: bool,
}

/// One column of the rows of all blocks.
struct Stacked {
    values: ArrayRef,
    role: Role,
    bounds: Option<Bounds>,
}

/// Concatenates the rows of `answers` and applies `steps`; `None` where estimates would decide which rows are duplicates. Columns in
/// `ranks` meet an error only when each of their numbers is settled.
pub(crate) fn combined(
    answers: &[Answer],
    steps: &[Step],
    schema: &DFSchemaRef,
    target: Option<Target>,
    ranks: &[usize],
) -> Result<Option<Combined>> {
    let count = answers.first().map_or(0, |answer| answer.columns.len());
    let stacked = (0..count).map(|at| stacked(answers, at)).collect::<Result<Vec<_>>>()?;
    let rows: usize = answers.iter().map(|answer| answer.batch.num_rows()).sum();
    let mut order: Vec<u32> = (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
    let mut cut = None;
    let mut sorted_by: &[(usize, SortOptions)] = &[];
    for step in steps {
        let before = order.len();
        match step {
            Step::Sort { keys, fetch } => {
                let own = sorted(&order, &stacked, keys)?;
                order = own.into_iter().take(fetch.unwrap_or(usize::MAX)).collect();
                sorted_by = keys;
            }
            Step::Limit { skip, fetch } => {
                order = order.into_iter().skip(*skip).take(fetch.unwrap_or(usize::MAX)).collect();
            }
            Step::Distinct { columns } => match distinct(&order, &stacked, columns)? {
                Some(own) => order = own,
                None => return Ok(None),
            },
        }
        if order.len() < before && !matches!(step, Step::Distinct { .. }) {
            cut = Some(sorted_by);
        }
    }
    let places = inverse(&order, rows);
    let mut unsettled = of_blocks(answers, &places);
    if let Some(keys) = cut {
        let own = by_cut(&stacked, keys, &order)?;
        unsettled = both(unsettled, own);
    }
    // Where LIMIT and OFFSET left nothing, groups that were not seen might have been there.
    let is_blind = order.is_empty() && cut.is_some() && target.is_some() && !are_complete(answers);
    let is_met = !is_blind && is_met(answers, &stacked, &order, target, ranks)?;
    let (batch, columns) = shown(&stacked, schema, &order)?;
    Ok(Some(Combined { batch, columns, unsettled, is_met }))
}

/// Concatenates column `at` of all answers.
fn stacked(answers: &[Answer], at: usize) -> Result<Stacked> {
    let own = |answer: &Answer| Arc::clone(answer.batch.column(at));
    let data_type = answers.iter().map(|a| own(a).data_type().clone()).find(|t| *t != DataType::Null);
    let data_type = data_type.unwrap_or(DataType::Null);
    let joined = |parts: Vec<ArrayRef>| -> Result<ArrayRef> {
        let typed = parts.iter().map(|part| Ok(cast(part, &data_type)?)).collect::<Result<Vec<_>>>()?;
        Ok(concat(&typed.iter().map(AsRef::as_ref).collect::<Vec<_>>())?)
    };
    let values = joined(answers.iter().map(own).collect())?;
    let roles: Vec<Role> = answers.iter().map(|answer| answer.columns[at].role).collect();
    let role = [Role::Estimate, Role::Key].into_iter().find(|role| roles.contains(role)).unwrap_or(Role::Value);
    if role != Role::Estimate {
        return Ok(Stacked { values, role, bounds: None });
    }
    // A number that is no estimate in its block is exact.
    let bounds = |answer: &Answer| match &answer.columns[at].bounds {
        Some(bounds) => bounds.clone(),
        None => Bounds::exact(&own(answer)),
    };
    let all: Vec<Bounds> = answers.iter().map(bounds).collect();
    let bounds = Bounds {
        lower: joined(all.iter().map(|b| Arc::clone(&b.lower)).collect())?,
        upper: joined(all.iter().map(|b| Arc::clone(&b.upper)).collect())?,
        trust: all.into_iter().flat_map(|b| b.trust).collect(),
    };
    Ok(Stacked { values, role, bounds: Some(bounds) })
}

fn sorted(order: &[u32], stacked: &[Stacked], keys: &[(usize, SortOptions)]) -> Result<Vec<u32>> {
    let rows = UInt32Array::from(order.to_vec());
    let column = |(at, options): &(usize, SortOptions)| {
        Ok(SortColumn { values: take(&stacked[*at].values, &rows, None)?, options: Some(*options) })
    };
    let columns = keys.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(lexsort_to_indices(&columns, None)?.values().iter().map(|row| order[*row as usize]).collect())
}

/// The first of each set of equal rows; `None` where rows differ in estimates alone, since they might be equal.
fn distinct(order: &[u32], stacked: &[Stacked], columns: &[usize]) -> Result<Option<Vec<u32>>> {
    let (estimates, known): (Vec<usize>, Vec<usize>) =
        columns.iter().copied().partition(|at| stacked[*at].bounds.as_ref().is_some_and(|b| !is_exact(b)));
    let firsts = firsts(order, stacked, &known)?;
    // Rows that differ in exact columns are certainly different.
    Ok((estimates.is_empty() || firsts.len() == order.len()).then_some(firsts))
}

fn firsts(order: &[u32], stacked: &[Stacked], columns: &[usize]) -> Result<Vec<u32>> {
    if columns.is_empty() {
        return Ok(order.iter().copied().take(1).collect());
    }
    let fields = columns.iter().map(|at| SortField::new(stacked[*at].values.data_type().clone())).collect();
    let arrays: Vec<ArrayRef> = columns.iter().map(|at| Arc::clone(&stacked[*at].values)).collect();
    let rows = RowConverter::new(fields)?.convert_columns(&arrays)?;
    let mut seen = HashSet::new();
    Ok(order.iter().copied().filter(|row| seen.insert(rows.row(*row as usize))).collect())
}

/// Whether no group can be missing.
fn are_complete(answers: &[Answer]) -> bool {
    answers.iter().all(|answer| answer.report.missing_groups_below == Some(0))
}

fn is_exact(bounds: &Bounds) -> bool {
    bounds.trust.iter().all(|trust| trust.is_exact())
}

/// The position of each row after the steps; `None` for rows that were left out.
fn inverse(order: &[u32], rows: usize) -> Vec<Option<usize>> {
    let mut places = vec![None; rows];
    order.iter().enumerate().for_each(|(place, row)| places[*row as usize] = Some(place));
    places
}

/// Rows and groups that the blocks themselves have not settled, by position among all rows.
fn of_blocks(answers: &[Answer], places: &[Option<usize>]) -> RankStability {
    let mut found = RankStability::default();
    let mut first = 0;
    for answer in answers {
        let report = &answer.report;
        let at = |row: &usize| places.get(first + row).copied().flatten();
        found.ranks.extend(report.unsettled_ranks.iter().filter_map(at));
        found.members.extend(report.unsettled_members.iter().filter_map(at));
        found.absent += report.unsettled_absent;
        first += answer.batch.num_rows();
    }
    both(found, RankStability::default())
}

fn both(mut one: RankStability, other: RankStability) -> RankStability {
    one.ranks.extend(other.ranks);
    one.members.extend(other.members);
    for rows in [&mut one.ranks, &mut one.members] {
        rows.sort_unstable();
        rows.dedup();
    }
    one.absent += other.absent;
    one
}

/// Rows that LIMIT might choose otherwise.
fn by_cut(stacked: &[Stacked], keys: &[(usize, SortOptions)], order: &[u32]) -> Result<RankStability> {
    let is_open = |(at, _): &(usize, SortOptions)| stacked[*at].bounds.as_ref().is_some_and(|bounds| !is_exact(bounds));
    match keys.first() {
        Some(first) if is_open(first) => {
            let estimates = stacked[first.0].estimates()?;
            Ok(unsettled_by_order(&estimates, !first.1.descending, order))
        }
        // Estimates decide between rows with equal first keys.
        _ if keys.iter().any(is_open) => {
            let all: Vec<usize> = (0..order.len()).collect();
            Ok(RankStability { ranks: all.clone(), members: all, absent: 0 })
        }
        _ => Ok(RankStability::default()),
    }
}

/// Whether every block met the bounds, or rows that missed them are not shown.
fn is_met(
    answers: &[Answer],
    stacked: &[Stacked],
    order: &[u32],
    target: Option<Target>,
    ranks: &[usize],
) -> Result<bool> {
    let is_settled = |e: &Estimate| target.is_none() || e.trust.is_reliable() && e.lower == e.upper;
    for at in ranks {
        let estimates = stacked[*at].estimates()?;
        if !order.iter().all(|row| is_settled(&estimates[*row as usize])) {
            return Ok(false);
        }
    }
    if answers.iter().all(|answer| answer.report.met == Some(true)) {
        return Ok(true);
    }
    let meets = |estimate: &Estimate| target.is_none_or(|target| meets_or_null(estimate, target));
    for answer in answers {
        // A block that missed its bounds although all of its numbers are within the error lacks something that no row shows.
        if answer.report.met == Some(false) && ranks.is_empty() && answer.all_estimates()?.iter().all(meets) {
            return Ok(false);
        }
    }
    for (_, column) in stacked.iter().enumerate().filter(|(at, column)| column.bounds.is_some() && !ranks.contains(at))
    {
        let estimates = column.estimates()?;
        if !order.iter().all(|row| meets(&estimates[*row as usize])) {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Stacked {
    fn estimates(&self) -> Result<Vec<Estimate>> {
        match &self.bounds {
            Some(bounds) => bounds.estimates(&self.values),
            None => Ok(Vec::new()),
        }
    }
}

/// The rows in `order` as the query's columns.
fn shown(stacked: &[Stacked], schema: &DFSchemaRef, order: &[u32]) -> Result<(RecordBatch, Vec<Column>)> {
    let rows = UInt32Array::from(order.to_vec());
    let (mut fields, mut arrays, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for (field, own) in schema.fields().iter().zip(stacked) {
        let values = match own.values.data_type() {
            DataType::Null => new_null_array(field.data_type(), rows.len()),
            _ => take(&own.values, &rows, None)?,
        };
        let bounds = own.bounds.as_ref().map(|bounds| bounds.taken(&rows)).transpose()?;
        let data_type = values.data_type().clone();
        fields.push(Field::new(field.name(), data_type.clone(), true));
        arrays.push(values);
        columns.push(Column { name: field.name().clone(), data_type, role: own.role, bounds });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok((RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?, columns))
}
