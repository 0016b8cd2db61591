//! Aggregates and windows above the aggregate: the whole plan above is run on replicates of the estimates.

use super::columns::typed;
use super::levels::{Levels, Look, too_large};
use crate::above::{self, Choice};
use crate::error::{Error, Result};
use crate::kernel::{Replicates, replicates};
use crate::numbers::floats;
use crate::shape::Role;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use plusminus_statistics::jackknife::{REPLICATES_NESTED, jackknife_interval};
use plusminus_statistics::{Doubt, Estimate, Population};
use std::collections::HashMap;
use std::sync::Arc;

/// Sampled rows of every group from which replicates of its totals can be relied upon.
const GROUP_ROWS_MIN: u64 = 30;
/// Sampled rows in all from which the jackknife was found to cover what it says.
const ROWS_MIN: u64 = 100;
/// The largest `|γ|/√n` of a trusted jackknife: lognormal values (σ = 1.5) of fewer rows cover 88–93 %.
const SKEWNESS_MAX: f64 = 0.5;

/// The query's rows with the intervals of its estimates.
#[derive(Clone)]
pub(super) struct Nested {
    pub(super) batch: RecordBatch,
    pub(super) columns: Vec<Option<Vec<Estimate>>>,
}

impl Nested {
    pub(super) fn estimates(&self) -> impl Iterator<Item = &Estimate> {
        self.columns.iter().flatten().flatten()
    }
}

impl Levels<'_> {
    /// Runs what stands above the aggregate on the estimates, and once more on all replicates of them.
    pub(super) async fn nested(&mut self, look: &Look) -> Result<Nested> {
        let groups = look.populations.len();
        let (shape, state) = (self.shape, self.context.state);
        let columns = self.columns_of(look)?;
        let none = UInt32Array::from(vec![0; groups]);
        let upper = above::beyond(shape, state, columns, none, Choice::Applied).await?;
        let batch = upper.batch;
        // A group that no sampled row showed would be missing above, however well the others are known.
        let is_exact = look.strata.by_part.iter().all(Population::is_exact);
        let mut intervals: Vec<Option<Vec<Estimate>>> = shape
            .outputs
            .iter()
            .map(|o| (o.role == Role::Estimate).then(|| vec![Estimate::exact(0.0); batch.num_rows()]))
            .collect();
        if is_exact && groups > 0 {
            return Ok(Nested { batch, columns: intervals });
        }
        // Totals of every replicate, and as much again while they are added up and shown above the aggregate.
        let room = self.memory.new_empty();
        let bytes = 2 * size_of::<f64>() * (REPLICATES_NESTED as usize + 1) * groups * shape.variables.len().max(1);
        room.try_grow(bytes).map_err(|_| too_large(self.pieces.len().saturating_sub(1)))?;
        let walked = replicates(&self.rows, &look.strata.sizes, &shape.variables, groups, REPLICATES_NESTED);
        let (columns, numbers) = self.replicated_columns(look, &walked)?;
        let all = above::beyond(shape, state, columns, numbers, Choice::Left).await?;
        let doubt = self.doubt(look, &walked);
        let keys: Vec<usize> = (0..shape.outputs.len()).filter(|i| shape.outputs[*i].role != Role::Estimate).collect();
        let places = Places::new(&batch, &all.batch, &all.groups, &keys)?;
        for (number, intervals) in intervals.iter_mut().enumerate() {
            let Some(intervals) = intervals else { continue };
            let values = float64(batch.column(number))?;
            let others = float64(all.batch.column(number))?;
            for (row, interval) in intervals.iter_mut().enumerate() {
                let replicates: Vec<Option<f64>> = places.of(row).map(|at| at.and_then(|at| others[at])).collect();
                *interval = interval_of(values[row], &replicates, &look.quantiles, doubt);
            }
        }
        Ok(Nested { batch, columns: intervals })
    }

    /// The aggregate's rows once per replicate, and the replicate of each.
    fn replicated_columns(&mut self, look: &Look, walked: &Replicates) -> Result<(Vec<ArrayRef>, UInt32Array)> {
        let groups = look.populations.len();
        let count = walked.count as usize;
        let size = u32::try_from(groups).map_err(Error::data)?;
        let repeated = UInt32Array::from_iter_values((0..count).flat_map(|_| 0..size));
        let mut columns = Vec::new();
        for key in self.keys_of(look)? {
            columns.push(take(&key, &repeated, None)?);
        }
        for (call, estimates) in self.shape.calls.iter().zip(&look.calls) {
            let value = |(replicate, group): (usize, usize)| {
                let input = |variable: usize| walked.total(replicate, group, variable);
                // What is NULL as an estimate is so in every replicate.
                estimates[group].and_then(|_| call.kind.value(input, |_| true))
            };
            let all = (0..count).flat_map(|r| (0..groups).map(move |g| (r, g)));
            columns.push(typed(&all.map(value).collect::<Vec<_>>(), &call.data_type)?);
        }
        let numbers = (0..walked.count).flat_map(|r| std::iter::repeat_n(r, groups));
        Ok((columns, UInt32Array::from_iter_values(numbers)))
    }

    /// Why no interval above thin or unseen groups can be relied upon.
    fn doubt(&self, look: &Look, walked: &Replicates) -> Option<Doubt> {
        let mut seen = vec![0; look.populations.len()];
        for level in &self.rows {
            level.groups.iter().for_each(|g| seen[*g as usize] += 1);
        }
        let thin = |(rows, population): (&u64, &Population)| *rows < GROUP_ROWS_MIN && !population.is_exact();
        let is_thin = seen.iter().zip(&look.populations).any(thin) || seen.len() < self.view.living_parts();
        let rows: u64 = seen.iter().zip(&look.populations).filter(|(_, p)| !p.is_exact()).map(|(rows, _)| rows).sum();
        if is_thin || rows < ROWS_MIN {
            Some(Doubt::FewRows)
        } else if self.is_skewed(rows) {
            Some(Doubt::HeavyTail)
        } else if walked.varies {
            None
        } else {
            Some(Doubt::LoneStratumRow)
        }
    }
}

impl Levels<'_> {
    /// Whether an argument is too skewed for so many rows, or nothing is known of it.
    fn is_skewed(&self, rows: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        let root = (rows as f64).sqrt();
        let summed = self.shape.variables.iter().filter_map(|v| v.argument);
        let mut skewness = summed.map(|a| self.known.arguments[a].whole.skewness);
        skewness.any(|gamma| gamma.is_none_or(|gamma| gamma.abs() / root > SKEWNESS_MAX))
    }
}

fn interval_of(
    value: Option<f64>,
    replicates: &[Option<f64>],
    quantiles: &plusminus_statistics::Quantiles,
    doubt: Option<Doubt>,
) -> Estimate {
    let Some(value) = value else { return Estimate::exact_null().untrusted(Doubt::NoRows) };
    // What no replicate changes does not depend on any estimate, such as the number of groups.
    let estimate = if replicates.iter().all(|r| r.is_some_and(|r| r.to_bits() == value.to_bits())) {
        Estimate::exact(value)
    } else {
        let replicates: Vec<f64> = replicates.iter().map(|r| r.unwrap_or(f64::NAN)).collect();
        jackknife_interval(value, &replicates, quantiles)
    };
    match doubt {
        Some(doubt) => estimate.untrusted(doubt),
        None => estimate,
    }
}

fn float64(column: &ArrayRef) -> Result<Vec<Option<f64>>> {
    Ok(floats(column)?.iter().collect())
}

/// Where each row of the answer stands in every replicate, found by its keys.
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
            // Keys that do not tell rows apart tell nothing.
            found.entry((*replicate, key(&theirs, row))).and_modify(|at| *at = None).or_insert(Some(row));
        }
        let of_row = |row: usize| {
            let own = key(&own, row);
            (0..REPLICATES_NESTED).map(|r| found.get(&(r, own.clone())).copied().flatten()).collect()
        };
        Ok(Self { rows: (0..batch.num_rows()).map(of_row).collect() })
    }

    fn of(&self, row: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        self.rows[row].iter().copied()
    }
}
