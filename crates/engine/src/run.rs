//! Level after level until the error is met, the time is up, or the sample ends.

use crate::above;
use crate::choose;
use crate::error::{Error, Result};
use crate::estimate::Look;
use crate::goal::Goal;
use crate::image::ImageCache;
use crate::kernel::{Program, Rows, StrataView, exact_calls, filtered, totals, with_strata};
use crate::knowledge::{KnowledgeCache, Opened};
use crate::shape::{CallKind, Shape};
use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use plusminus_catalog::{Manifest, Store, Strata};
use plusminus_statistics::expression::Smooth;
use plusminus_statistics::{
    Estimate, Knowledge, Population, Quantiles, StratumSize, Target, Trust, meets, missing, predicted_rows,
};
use std::sync::Arc;
use std::time::Duration;

/// What an approximate run needs besides the query.
pub(crate) struct Context<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) store: &'a Store,
    pub(crate) images: &'a ImageCache,
    pub(crate) knowledge: &'a KnowledgeCache,
    pub(crate) manifest: &'a Manifest,
    pub(crate) strata: Arc<Strata>,
    pub(crate) goal: &'a Goal,
    /// Time since the statement began.
    pub(crate) elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// A level to replay, set by `plusminus.level`.
    pub(crate) pinned_level: Option<usize>,
}

/// An approximate answer before it is dressed.
#[derive(Debug)]
pub(crate) struct Estimated {
    pub(crate) batch: RecordBatch,
    /// For every output that is an estimate, the interval of each row.
    pub(crate) intervals: Vec<Option<Vec<Estimate>>>,
    /// `None` when the catalog alone answered.
    pub(crate) level: Option<usize>,
    pub(crate) rows_read: u64,
    pub(crate) missing_groups_below: Option<u64>,
    /// Whether every stratum that matters was read whole, or only counts of the catalog were needed.
    pub(crate) is_whole: bool,
}

/// One level after another.
struct Levels<'a> {
    context: &'a Context<'a>,
    shape: &'a Shape,
    columns: Vec<String>,
    view: StrataView,
    program: Option<Program>,
    batches: Vec<RecordBatch>,
    rows: Vec<Rows>,
    rows_read: u64,
    /// The part that each group belongs to.
    part_of_group: Vec<u32>,
    shifts: Vec<f64>,
    knowledge: Vec<Knowledge>,
}

/// What a look at the levels read so far found.
struct Seen {
    sizes: Vec<StratumSize>,
    populations: Vec<Population>,
    /// Estimates by output (those that are estimates) and group.
    estimates: Vec<Vec<Estimate>>,
    /// Aggregate calls by call and group.
    calls: Vec<Vec<Option<f64>>>,
}

/// Answers `shape` from a family.
pub(crate) async fn approximate(shape: &Shape, context: &Context<'_>) -> Result<Estimated> {
    let view = StrataView::new(shape, context.state, context.manifest, Arc::clone(&context.strata))?;
    if let Some(known) = known_calls(shape, &view) {
        return from_catalog(shape, context, &view, &known).await;
    }
    let mut levels = Levels::new(shape, context, view)?;
    let cumulative = choose::cumulative_rows(context.manifest);
    let top = cumulative.len().saturating_sub(1);
    let mut level = context.pinned_level.unwrap_or_else(|| choose::first_level(&cumulative)).min(top);
    let mut reached = None;
    let mut seen = None;
    loop {
        let before = (context.elapsed)();
        if !levels.read_to(level, reached.is_some()).await? {
            break;
        }
        let quantiles = levels.quantiles();
        let look = levels.look(level, &quantiles)?;
        let met = levels.met(&look).await?;
        let next = levels.next_level(level, &look, &cumulative, &quantiles);
        seen = Some(look);
        let took = (context.elapsed)().saturating_sub(before);
        let rows = cumulative[level];
        reached = Some(level);
        if met
            || level == top
            || context.pinned_level.is_some()
            || !context.goal.has_time(next_cost(took, rows, cumulative[next]), (context.elapsed)())
        {
            break;
        }
        level = next;
    }
    let (Some(level), Some(seen)) = (reached, seen) else {
        return Err(Error::data("no level could be read"));
    };
    levels.answer(level, &seen).await
}

/// Time for the next look, from the rows it adds to those of the last.
#[expect(clippy::cast_precision_loss, reason = "a forecast")]
fn next_cost(took: Duration, rows: u64, next: u64) -> Duration {
    took.mul_f64((next as f64 / rows.max(1) as f64).clamp(1.0, 1e6))
}

/// Counts by call and group, when the catalog alone can tell all of them.
fn known_calls(shape: &Shape, view: &StrataView) -> Option<Vec<Vec<u64>>> {
    let known = |kind: &CallKind| match kind {
        CallKind::Count { rows } => known_variable(shape, view, *rows),
        _ => None,
    };
    shape.calls.iter().map(|call| known(&call.kind)).collect()
}

/// A count that strata alone decide.
fn known_variable(shape: &Shape, view: &StrataView, variable: usize) -> Option<Vec<u64>> {
    let variable = &shape.variables[variable];
    let domain = &shape.domains[variable.domain];
    if variable.argument.is_some() || domain.filter.is_some() || !view.decides_all() {
        return None;
    }
    match domain.not_null.map(|argument| &shape.arguments[argument]) {
        None => Some(view.known_counts(None)),
        Some(datafusion::logical_expr::Expr::Column(column)) => Some(view.known_counts(Some(&column.name))),
        Some(_) => None,
    }
}

async fn from_catalog(
    shape: &Shape,
    context: &Context<'_>,
    view: &StrataView,
    known: &[Vec<u64>],
) -> Result<Estimated> {
    let groups = if shape.keys.is_empty() { 1 } else { view.keys.first().map_or(0, |k| k.len()) };
    let mut columns = view.keys.clone();
    for counts in known {
        let counts = counts.iter().take(groups).map(|c| i64::try_from(*c).unwrap_or(i64::MAX));
        columns.push(Arc::new(arrow::array::Int64Array::from_iter_values(counts)));
    }
    let upper = above::run(shape, context.state, columns, groups).await?;
    let mut intervals = Vec::with_capacity(shape.outputs.len());
    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
    for output in &shape.outputs {
        let exact = output.smooth.as_ref().map(|smooth| {
            let value = |group: &u32| {
                let mut inputs = vec![f64::NAN; shape.variables.len() + shape.keys.len()];
                for (call, counts) in shape.calls.iter().zip(known) {
                    if let CallKind::Count { rows } = call.kind {
                        inputs[rows] = counts[*group as usize] as f64;
                    }
                }
                Estimate::exact(smooth.evaluate(&inputs))
            };
            upper.groups.iter().map(value).collect()
        });
        intervals.push(exact);
    }
    Ok(Estimated {
        batch: upper.batch,
        intervals,
        level: None,
        rows_read: 0,
        missing_groups_below: Some(0),
        is_whole: true,
    })
}

impl<'a> Levels<'a> {
    fn new(shape: &'a Shape, context: &'a Context<'a>, view: StrataView) -> Result<Self> {
        let opened = Opened {
            store: context.store,
            images: context.images,
            manifest: context.manifest,
            strata: &context.strata,
        };
        let knowledge = context.knowledge.of(shape, context.state, &opened)?;
        Ok(Self {
            context,
            shape,
            columns: shape.columns(),
            view,
            program: None,
            batches: Vec::new(),
            rows: Vec::new(),
            rows_read: 0,
            part_of_group: Vec::new(),
            shifts: Vec::new(),
            knowledge,
        })
    }

    /// Evaluates the levels up to `level` that were not yet. With `may_stop`, false when the time ran out on the way;
    /// what was read then does not count.
    async fn read_to(&mut self, level: usize, may_stop: bool) -> Result<bool> {
        let context = self.context;
        for next in self.rows.len()..=level {
            let image = context.images.level(context.store, context.manifest, next, &self.columns)?;
            let mut batch = with_strata(&image, &self.columns)?;
            let read = batch.num_rows() as u64;
            if self.shape.has_subquery {
                batch = filtered(self.shape, context.state, &batch).await?;
            }
            let program = match &mut self.program {
                Some(program) => program,
                none => none.insert(Program::new(self.shape, context.state, &batch.schema(), self.shape.has_subquery)?),
            };
            let deadline = context.goal.within;
            let in_time = || !may_stop || deadline.is_none_or(|d| (context.elapsed)() < d);
            let Some(rows) = program.evaluate(&batch, &in_time)? else {
                return Ok(false);
            };
            self.rows_read += read;
            self.note_groups(&rows);
            self.rows.push(rows);
            self.batches.push(batch);
        }
        Ok(true)
    }

    fn note_groups(&mut self, rows: &Rows) {
        let groups = self.program.as_ref().map_or(0, Program::group_count);
        let mut unknown = groups.saturating_sub(self.part_of_group.iter().filter(|p| **p != u32::MAX).count());
        self.part_of_group.resize(groups, u32::MAX);
        for (group, stratum) in rows.groups.iter().zip(&rows.strata) {
            if unknown == 0 {
                break;
            }
            let part = &mut self.part_of_group[*group as usize];
            if *part == u32::MAX {
                *part = self.view.part_of[*stratum as usize];
                unknown -= 1;
            }
        }
        if self.shifts.is_empty() && rows.len() > 0 {
            self.shifts = rows.arguments.iter().map(|values| mean(values)).collect();
        }
    }

    /// One confidence for each group, or for all at once where rows are chosen by an estimate or FOR ALL GROUPS.
    fn quantiles(&self) -> Quantiles {
        let confidence = self.context.goal.confidence;
        if self.context.goal.all_groups || self.shape.selects_by_estimate {
            Quantiles::simultaneous(confidence, self.part_of_group.len().max(1))
        } else {
            Quantiles::new(confidence)
        }
    }

    fn look(&mut self, level: usize, quantiles: &Quantiles) -> Result<Seen> {
        let groups = self.program.as_ref().map_or(0, Program::group_count);
        let sizes = self.view.sizes(level);
        let shifts = if self.shifts.is_empty() { vec![0.0; self.shape.arguments.len()] } else { self.shifts.clone() };
        let totals = totals(&self.rows, &sizes, &self.shape.variables, &shifts, groups);
        let by_part = self.view.populations(&sizes);
        let part = |group: usize| self.part_of_group.get(group).copied().filter(|p| *p != u32::MAX).unwrap_or(0);
        let populations: Vec<Population> = (0..groups).map(|g| by_part[part(g) as usize]).collect();
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        let known: Vec<Option<Vec<f64>>> = (0..self.shape.variables.len())
            .map(|v| {
                let counts = known_variable(self.shape, &self.view, v)?;
                Some((0..groups).map(|g| counts[part(g) as usize] as f64).collect())
            })
            .collect();
        let look = Look {
            shape: self.shape,
            levels: &self.rows,
            sizes: &sizes,
            totals: &totals,
            populations: &populations,
            known: &known,
            knowledge: &self.knowledge,
            whole_strata: self.view.decides_all(),
            quantiles,
            key_values: self.program.as_ref().map_or(&[], Program::key_numbers),
        };
        let smooths: Vec<&Smooth> = self.shape.outputs.iter().filter_map(|o| o.smooth.as_ref()).collect();
        let mut estimates = look.estimates(&smooths);
        let rounds = self.shape.outputs.iter().filter(|o| o.smooth.is_some()).map(|o| o.round);
        for (column, digits) in estimates.iter_mut().zip(rounds) {
            if let Some(digits) = digits {
                column.iter_mut().for_each(|e| *e = rounded(*e, digits));
            }
        }
        let calls = self.shape.calls.iter().map(|c| (0..groups).map(|g| look.call_value(c, g)).collect()).collect();
        Ok(Seen { sizes, populations, estimates, calls })
    }

    /// Whether every required cell is trusted and within the error.
    async fn met(&mut self, seen: &Seen) -> Result<bool> {
        let Some(target) = self.context.goal.error else { return Ok(false) };
        let good = |estimate: &Estimate| meets_or_null(estimate, target);
        // Exact cells can still be of the wrong rows, when an estimate that is not shown chose them.
        let chosen = self.shape.selects_by_estimate && seen.estimates.iter().flatten().all(|e| e.trust.is_exact());
        if chosen && !seen.populations.iter().all(Population::is_exact) {
            return Ok(false);
        }
        // Where no group was seen yet there is nothing to be sure of.
        if seen.populations.is_empty() {
            return Ok(false);
        }
        if seen.estimates.iter().flatten().all(good) {
            return Ok(true);
        }
        if !self.shape.chooses_rows {
            return Ok(false);
        }
        // Only the rows that HAVING and LIMIT leave have to be within.
        let within: Vec<bool> =
            (0..seen.populations.len()).map(|g| seen.estimates.iter().all(|e| good(&e[g]))).collect();
        let columns = self.columns_of(seen)?;
        let upper = above::run(self.shape, self.context.state, columns, within.len()).await?;
        Ok(upper.groups.iter().all(|g| within[*g as usize]))
    }

    /// The level that the errors seen so far call for.
    fn next_level(&self, level: usize, seen: &Seen, cumulative: &[u64], quantiles: &Quantiles) -> usize {
        let top = cumulative.len() - 1;
        let Some(target) = self.context.goal.error else { return (level + 1).min(top) };
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let held = cumulative[level] as f64;
        let mut needed = held;
        for estimate in seen.estimates.iter().flatten().filter(|e| !meets_or_null(e, target)) {
            let (Some(value), Some(low), Some(high)) = (estimate.value, estimate.lower, estimate.upper) else {
                continue;
            };
            let error = (high - low) / (2.0 * quantiles.normal());
            needed = needed.max(predicted_rows(held, value, error, target, quantiles));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at the top level")]
        let needed = needed.min(1e18) as u64;
        choose::level_with(cumulative, needed).clamp((level + 1).min(top), top)
    }

    /// The aggregate's columns: keys, then calls, with exactly known groups in DataFusion's own types.
    fn columns_of(&mut self, seen: &Seen) -> Result<Vec<ArrayRef>> {
        let native = self.native(seen)?;
        let groups = seen.populations.len();
        let mut columns = self.program.as_mut().map_or_else(|| Ok(Vec::new()), Program::group_keys)?;
        if columns.is_empty() && !self.shape.keys.is_empty() {
            let fields = self.shape.aggregate.schema.fields().iter().take(self.shape.keys.len());
            columns = fields.map(|f| arrow::array::new_empty_array(f.data_type())).collect();
        }
        // Groups of a level that was read in vain come after those of the levels that count.
        let mut columns: Vec<ArrayRef> = columns.into_iter().map(|c| c.slice(0, groups)).collect();
        for (number, (call, values)) in self.shape.calls.iter().zip(&seen.calls).enumerate() {
            let estimated = typed(values, &call.data_type)?;
            columns.push(match &native {
                Some(native) => {
                    // A sum over no rows is NULL, which accumulators only know of groups they have seen.
                    let exact = seen.populations.iter().zip(values).map(|(p, v)| Some(p.is_exact() && v.is_some()));
                    zip(&exact.collect::<BooleanArray>(), &native[number].slice(0, groups), &estimated)?
                }
                None => estimated,
            });
        }
        Ok(columns)
    }

    fn native(&mut self, seen: &Seen) -> Result<Option<Vec<ArrayRef>>> {
        let is_count = |c: &crate::shape::Call| matches!(c.kind, CallKind::Count { .. });
        if !seen.populations.iter().any(Population::is_exact) || self.shape.calls.iter().all(is_count) {
            return Ok(None);
        }
        let Some(program) = &mut self.program else { return Ok(None) };
        exact_calls(self.shape, self.context.state, program, &self.batches, &seen.sizes).map(Some)
    }

    async fn answer(mut self, level: usize, seen: &Seen) -> Result<Estimated> {
        self.rows.truncate(level + 1);
        self.batches.truncate(level + 1);
        let columns = self.columns_of(seen)?;
        let upper = above::run(self.shape, self.context.state, columns, seen.populations.len()).await?;
        let mut estimates = seen.estimates.iter();
        let mut intervals = Vec::with_capacity(self.shape.outputs.len());
        for output in &self.shape.outputs {
            let own = output.smooth.as_ref().and_then(|_| estimates.next());
            intervals.push(own.map(|by_group| upper.groups.iter().map(|g| by_group[*g as usize]).collect()));
        }
        Ok(Estimated {
            batch: upper.batch,
            intervals,
            level: Some(level),
            rows_read: self.rows_read,
            missing_groups_below: self.missing(&seen.sizes),
            is_whole: self.view.populations(&seen.sizes).iter().all(Population::is_exact),
        })
    }

    /// With the answer's confidence no absent group has this many rows.
    fn missing(&self, sizes: &[StratumSize]) -> Option<u64> {
        let mut all = Population::default();
        for population in self.view.populations(sizes) {
            all.merge(&population);
        }
        if self.shape.keys.is_empty() || self.view.decides_all() || all.is_exact() {
            return Some(0);
        }
        Some(missing::any_group_below(all.rows, all.rate_min, self.context.goal.confidence))
    }
}

/// The estimate of a rounded number, its ends rounded alike: ROUND never changes the order of numbers.
fn rounded(estimate: Estimate, digits: i32) -> Estimate {
    let unit = 10_f64.powi(digits);
    let round = |x: Option<f64>| x.map(|x| (x * unit).round() / unit);
    Estimate {
        value: round(estimate.value),
        lower: round(estimate.lower),
        upper: round(estimate.upper),
        trust: estimate.trust,
    }
}

/// NULL (no row in the domain) is not a miss: there is nothing to be wrong about by a fraction.
pub(crate) fn meets_or_null(estimate: &Estimate, target: Target) -> bool {
    match (estimate.trust, estimate.value) {
        (Trust::Exact, _) => true,
        _ => meets(estimate, target),
    }
}

fn mean(values: &[f64]) -> f64 {
    let finite = || values.iter().filter(|v| v.is_finite());
    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
    let count = finite().count() as f64;
    if count > 0.0 { finite().sum::<f64>() / count } else { 0.0 }
}

/// Estimates in the aggregate's own type; whole numbers are rounded.
fn typed(values: &[Option<f64>], data_type: &DataType) -> Result<ArrayRef> {
    let round = data_type.is_integer();
    let values: Float64Array =
        values.iter().map(|v| v.filter(|v| v.is_finite()).map(|v| if round { v.round() } else { v })).collect();
    let array: ArrayRef = Arc::new(values);
    Ok(arrow::compute::cast(&array, data_type)?)
}
