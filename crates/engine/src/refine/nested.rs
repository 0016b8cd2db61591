//! Estimates aggregates and windows above the aggregate by running the plan above it on replicates of the estimates.

use super::level_rows::{LevelEstimate, ProgressiveScan, too_large};
use crate::answer::{Error, Result};
use crate::estimate::rounded;
use crate::post as above;
use crate::post::RowSelection;
use crate::strata::known_variable;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use plusminus_functions::numbers::{estimates_typed, floats};
use plusminus_kernel::{Replicates, replicates};
use plusminus_plan::{Call, CallKind, Role, SourceCalls};
use plusminus_statistics::jackknife::{REPLICATES_NESTED, jackknife_interval};
use plusminus_statistics::{Doubt, Estimate, Population, Quantiles};
use std::collections::HashMap;
use std::sync::Arc;

/// Sampled rows per group from which replicates of its totals are reliable.
const GROUP_ROWS_MIN: u64 = 30;
/// Sampled rows in all from which the jackknife was found to have its nominal coverage.
const ROWS_MIN: u64 = 100;

/// The query's rows with the intervals of its estimates, one entry in `columns` per output.
#[derive(Clone)]
pub(crate) struct ReplicatedAnswer {
    pub(crate) batch: RecordBatch,
    pub(crate) columns: Vec<Option<Vec<Estimate>>>,
}

impl ReplicatedAnswer {
    pub(crate) fn estimates(&self) -> impl Iterator<Item = &Estimate> {
        self.columns.iter().flatten().flatten()
    }
}

impl ProgressiveScan<'_> {
    /// Runs the plan above the aggregate on the estimates, and once more on all replicates of them.
    pub(crate) async fn nested(&mut self, evaluated: &LevelEstimate) -> Result<ReplicatedAnswer> {
        let groups = evaluated.populations.len();
        let (query, state) = (self.query, self.context.state);
        let columns = self.columns_of(evaluated)?;
        let none = UInt32Array::from(vec![0; groups]);
        let upper = above::beyond(query, state, columns, none, RowSelection::Applied).await?;
        let batch = upper.batch;
        // A group without a sampled row would be missing from the answer, however well the others are known.
        let is_exact = evaluated.strata.by_part.iter().all(Population::is_exact);
        let mut intervals: Vec<Option<Vec<Estimate>>> = query
            .outputs
            .iter()
            .map(|o| (o.role == Role::Estimate).then(|| vec![Estimate::exact(0.0); batch.num_rows()]))
            .collect();
        if is_exact && groups > 0 {
            return Ok(ReplicatedAnswer { batch, columns: intervals });
        }
        // Memory for the totals of every replicate, and as much again while they pass through the plan above.
        let room = self.memory.new_empty();
        let bytes = 2 * size_of::<f64>() * (REPLICATES_NESTED as usize + 2) * groups * query.variables.len().max(1);
        room.try_grow(bytes).map_err(|_| too_large(self.pieces.len().saturating_sub(1)))?;
        let walked = replicates(&self.rows, &evaluated.strata.sizes, &query.variables, groups, REPLICATES_NESTED);
        let (columns, numbers) = self.replicated_columns(evaluated, &walked)?;
        let all = above::beyond(query, state, columns, numbers, RowSelection::Skipped).await?;
        let doubts = self.doubts(evaluated, &walked);
        let are_all_seen = groups >= self.view.matching_key_groups();
        let keys: Vec<usize> = (0..query.outputs.len()).filter(|i| query.outputs[*i].role != Role::Estimate).collect();
        let places = Places::new(&batch, &all.batch, &all.groups, &keys)?;
        for (output, (number, intervals)) in query.outputs.iter().zip(intervals.iter_mut().enumerate()) {
            let Some(intervals) = intervals else { continue };
            // A column that depends on no estimate is exact, as long as no group is missing.
            if output
                .source_calls
                .as_ref()
                .is_some_and(|source_calls| are_all_seen && self.is_certain(source_calls, evaluated))
            {
                continue;
            }
            let others = float64(all.batch.column(number))?;
            for (row, interval) in intervals.iter_mut().enumerate() {
                let cell = Cell::new(places.of(row).map(|at| at.and_then(|at| others[at])));
                let estimate = cell.interval(&evaluated.quantiles);
                let estimate = doubts.of(&cell).map_or(estimate, |doubt| estimate.untrusted(doubt));
                *interval = output.round.map_or(estimate, |digits| rounded(estimate, digits));
            }
        }
        Ok(ReplicatedAnswer { batch, columns: intervals })
    }

    /// Whether a column depends on no estimate; `behind` are the calls that it depends on.
    fn is_certain(&self, behind: &SourceCalls, evaluated: &LevelEstimate) -> bool {
        let is_known = |call: &usize| match self.query.calls[*call].kind {
            CallKind::Count { rows } => known_variable(self.query, self.view, rows).is_some(),
            _ => false,
        };
        let are_exact = evaluated.populations.iter().all(Population::is_exact);
        // A call with a value in every group cannot turn out to be NULL.
        let is_value = |call: &usize| evaluated.calls[*call].iter().all(Option::is_some);
        are_exact
            || behind.values.iter().all(is_known) && behind.nulls.iter().all(|call| is_known(call) || is_value(call))
    }

    /// The aggregate's rows once per replicate, then as estimated; the second result is the replicate number of each row.
    fn replicated_columns(
        &mut self,
        evaluated: &LevelEstimate,
        walked: &Replicates,
    ) -> Result<(Vec<ArrayRef>, UInt32Array)> {
        let groups = evaluated.populations.len();
        let count = walked.count as usize;
        let size = u32::try_from(groups).map_err(Error::data)?;
        let repeated = UInt32Array::from_iter_values((0..=count).flat_map(|_| 0..size));
        let mut columns = Vec::new();
        for key in self.keys_of(evaluated)? {
            columns.push(take(&key, &repeated, None)?);
        }
        for (call, estimates) in self.query.calls.iter().zip(&evaluated.calls) {
            let value = |(replicate, group): (usize, usize)| {
                let input = |variable: usize| walked.total(replicate, group, variable);
                // A call that is NULL as an estimate is NULL in every replicate.
                estimates[group].and_then(|_| call.kind.value(input, |_| true))
            };
            let replicated = (0..count).flat_map(|r| (0..groups).map(move |g| (r, g))).map(value);
            let all: Vec<_> = replicated.chain(estimates.iter().copied()).collect();
            columns.push(estimates_typed(&all, &call.data_type)?);
        }
        let numbers = (0..=walked.count).flat_map(|r| std::iter::repeat_n(r, groups));
        Ok((columns, UInt32Array::from_iter_values(numbers)))
    }

    /// Reasons to doubt intervals that rest on groups with few or no sampled rows.
    ///
    /// Sums of totals are reliable although some groups have few rows or were not seen; there only numbers as uncertain as those of a
    /// small group are doubted.
    fn doubts(&self, evaluated: &LevelEstimate, walked: &Replicates) -> Doubts {
        let mut seen = vec![0; evaluated.populations.len()];
        for level in &self.rows {
            level.groups.iter().for_each(|g| seen[*g as usize] += 1);
        }
        let thin: Vec<bool> =
            seen.iter().zip(&evaluated.populations).map(|(rows, p)| *rows < GROUP_ROWS_MIN && !p.is_exact()).collect();
        let rows: u64 =
            seen.iter().zip(&evaluated.populations).filter(|(_, p)| !p.is_exact()).map(|(rows, _)| rows).sum();
        let (is_thin, is_total) = (thin.contains(&true), !self.query.needs_all_groups);
        let is_too_thin =
            if is_total { !thin.contains(&false) } else { is_thin || seen.len() < self.view.matching_key_groups() };
        let all = if is_too_thin || rows < ROWS_MIN {
            Some(Doubt::FewRows)
        } else if self.may_hide(evaluated, walked, &thin) {
            Some(Doubt::HeavyTail)
        } else if walked.varies {
            None
        } else {
            Some(Doubt::LoneStratumRow)
        };
        Doubts { all, has_thin: is_thin && is_total }
    }
}

/// Reasons to doubt numbers above the aggregate.
struct Doubts {
    all: Option<Doubt>,
    /// Whether some numbers may rest on groups with few rows alone.
    has_thin: bool,
}

impl Doubts {
    fn of(&self, cell: &Cell) -> Option<Doubt> {
        self.all.or_else(|| (self.has_thin && cell.is_as_of_few_rows()).then_some(Doubt::FewRows))
    }
}

impl ProgressiveScan<'_> {
    /// Whether in some group a single row outside the sample could change a sum or an average by more than its standard error.
    fn may_hide(&self, evaluated: &LevelEstimate, walked: &Replicates, thin: &[bool]) -> bool {
        let level = self.pieces.len().saturating_sub(1);
        let unsampled = self.unsampled(level, &evaluated.strata);
        let is_whole = |variable: usize| {
            let domain = &self.query.domains[self.query.variables[variable].domain];
            self.view.decides_all() && domain.filter.is_none() && domain.not_null.is_empty()
        };
        let hides = |call: &Call, group: usize| {
            let (sum, rows) = match call.kind {
                CallKind::Count { .. } => return false,
                CallKind::Sum { sum } => (sum, None),
                CallKind::Avg { sum, rows } => (sum, Some(rows)),
                CallKind::Moments { .. } | CallKind::NonLinear(_) => return true,
            };
            let Some(argument) = self.query.variables[sum].argument else { return true };
            let all = |variable: usize| (0..REPLICATES_NESTED as usize).map(move |r| walked.total(r, group, variable));
            let mean_rows = rows.map_or(1.0, |rows| mean(all(rows)));
            let values: Vec<f64> = match rows {
                Some(rows) => all(sum).zip(all(rows)).map(|(sum, rows)| sum / rows).collect(),
                None => all(sum).collect(),
            };
            let centre = mean(values.iter().copied());
            let variance: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
            let part = self.part(group);
            let unsampled = match is_whole(sum) {
                true => unsampled.whole(part, argument, None),
                false => unsampled.partial(part, argument, if rows.is_some() { centre } else { 0.0 }, None),
            };
            let unsampled = unsampled.scaled(mean_rows.recip());
            let most = unsampled.up.max(unsampled.down);
            most.is_nan() || most * most > variance
        };
        // Groups with few rows are left out: their rows are taken to be no larger than those of the groups checked here.
        let inexact =
            (0..evaluated.populations.len()).filter(|group| !evaluated.populations[*group].is_exact() && !thin[*group]);
        inexact.into_iter().any(|group| self.query.calls.iter().any(|call| hides(call, group)))
    }
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are few replicates")]
    let count = values.clone().count() as f64;
    values.sum::<f64>() / count
}

/// One value of the answer: as estimated, and in all replicates.
struct Cell {
    value: Option<f64>,
    replicates: Vec<f64>,
}

impl Cell {
    /// Whether the value varies by more than a count of `GROUP_ROWS_MIN` rows would.
    fn is_as_of_few_rows(&self) -> bool {
        let Some(value) = self.value else { return false };
        let centre = mean(self.replicates.iter().copied());
        let variance: f64 = self.replicates.iter().map(|replicate| (replicate - centre).powi(2)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let most = value * value / GROUP_ROWS_MIN as f64;
        // Replicates that are NaN count as uncertain.
        variance.is_nan() || variance > most
    }

    /// Takes the replicates' values, then the estimate; `None` stands for a missing row or a NULL.
    fn new(values: impl Iterator<Item = Option<f64>>) -> Self {
        let mut values: Vec<Option<f64>> = values.collect();
        let value = values.pop().flatten();
        Self { value, replicates: values.into_iter().map(|r| r.unwrap_or(f64::NAN)).collect() }
    }

    fn interval(&self, quantiles: &Quantiles) -> Estimate {
        match self.value {
            Some(value) => jackknife_interval(value, &self.replicates, quantiles),
            None => Estimate::exact_null().untrusted(Doubt::NoRows),
        }
    }
}

fn float64(column: &ArrayRef) -> Result<Vec<Option<f64>>> {
    Ok(floats(column)?.iter().collect())
}

/// For each row of the answer, the row with the same keys in every replicate: answer rows × (replicates, then the estimate).
struct Places {
    rows: Vec<Vec<Option<usize>>>,
}

impl Places {
    fn new(batch: &RecordBatch, all: &RecordBatch, replicates: &[u32], keys: &[usize]) -> Result<Self> {
        let fields = keys.iter().map(|k| SortField::new(batch.column(*k).data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        let convert = |from: &RecordBatch| -> Result<Option<Rows>> {
            let columns: Vec<ArrayRef> = keys.iter().map(|k| Arc::clone(from.column(*k))).collect();
            Ok(if keys.is_empty() { None } else { Some(converter.convert_columns(&columns)?) })
        };
        let (own, theirs) = (convert(batch)?, convert(all)?);
        let key = |rows: &Option<Rows>, row: usize| rows.as_ref().map(|r| r.row(row).owned());
        let mut found: HashMap<(u32, Option<OwnedRow>), Option<usize>> = HashMap::new();
        for (row, replicate) in replicates.iter().enumerate() {
            // Rows with the same keys in one replicate cannot be distinguished.
            found.entry((*replicate, key(&theirs, row))).and_modify(|at| *at = None).or_insert(Some(row));
        }
        let of_row = |row: usize| {
            let own = key(&own, row);
            (0..=REPLICATES_NESTED).map(|r| found.get(&(r, own.clone())).copied().flatten()).collect()
        };
        Ok(Self { rows: (0..batch.num_rows()).map(of_row).collect() })
    }

    fn of(&self, row: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        self.rows[row].iter().copied()
    }
}
