//! Runs a query: chooses how it is answered, and builds its answer.

mod blocks;
mod fetch_costs;
mod fetching;
mod joined_columns;
mod miss_policy;
mod partly_exact;
mod ranked;
mod reasons;
mod rows;
mod subqueries;
mod sums;
mod table_answer;

pub(crate) use fetching::Fetching;
pub(crate) use table_answer::in_words;

use crate::answer::{Answer, Error, Mode, Report, Result, bounds, exact_columns, plain_report};
use crate::bounds::{Best, Goal, Watch, meets_or_null};
use crate::environment::Environment;
use crate::planning::{ExactAggregates, PlannedQuery, TableCandidate, Unsampled};
use crate::refine::{ColumnsWanted, Context, Estimated, Outcome, Subqueries, TableReason, approximate};
use crate::runtime::{Timings, caught};
use crate::samples::{SampleBinding, choose};
use arrow::array::ArrayRef;
use datafusion::datasource::source_as_provider;
use plusminus_catalog::{CatalogError, Manifest, Store};
use plusminus_plan::{AggregateQuery, Reason, Role};
use plusminus_statistics::{Estimate, Target, Trust};
use reasons::{in_quotes, no_sample_can_tell};
use std::sync::Arc;
use std::time::Duration;

/// Rows of an answer from which the bounds of its columns are built by two threads.
const HALVED_ROWS: usize = 8_192;

/// Times that a query's samples may be dropped or replaced, or columns be fetched for more levels, while it runs; after that the table
/// answers.
const ATTEMPTS_MAX: usize = 6;

/// A running query.
pub(crate) struct QueryExecution {
    pub(crate) env: Arc<Environment>,
    pub(crate) prepared: Arc<PlannedQuery>,
    pub(crate) goal: Goal,
    pub(crate) start: Duration,
    pub(crate) watch: Arc<Watch>,
    pub(crate) timings: Timings,
    /// Results of subqueries that were computed so far.
    pub(crate) subqueries: Subqueries,
    /// Whether this is a part of another query, which keeps the time of the whole.
    pub(crate) is_part: bool,
    /// Columns of joined tables that were fetched for it, or will be.
    pub(crate) fetching: Fetching,
}

/// Whether an error is of columns of a joined table that are stored beside a sample, which can be fetched again.
fn are_damaged_columns(error: &Error) -> bool {
    let Error::DamagedStore(CatalogError::Damaged { file, .. }) = error else { return false };
    file.file_name().is_some_and(|name| Store::is_joined_file(&name.to_string_lossy()))
}

/// The join of samples that an error is about, which can be made again.
fn damaged_join(error: &Error) -> Option<String> {
    match error {
        Error::DamagedStore(CatalogError::Damaged { file, .. }) => Store::join_of(file),
        _ => None,
    }
}

/// Outcome of asking samples.
enum Sampled {
    Answer(Box<Answer>),
    /// The table must answer: samples cannot, miss the bound, or cost more.
    Table(TableReason),
    /// The first levels lack columns of joined tables.
    Columns(ColumnsWanted),
}

/// How a query runs: on samples that may answer it, the likeliest first, or exactly for a reason.
pub(crate) enum ExecutionMode {
    Sample(Arc<AggregateQuery>, Vec<Arc<SampleBinding>>),
    Exact(Reason),
}

impl QueryExecution {
    /// Answers the query from a sample where one can, otherwise on the table.
    ///
    /// An error while samples are used is not reported as long as the table can answer: it is logged, and the query runs exactly. If a
    /// sample was dropped or replaced in the meantime, the query starts again with the current samples.
    pub(crate) async fn answer(self: &Arc<Self>) -> Result<Answer> {
        match caught(self.with_subqueries()).await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(error) => return self.exact(fallback(error)?).await,
        }
        for _ in 0..ATTEMPTS_MAX {
            let (query, candidates) = match caught(self.execution_mode()).await {
                Ok(ExecutionMode::Exact(reason)) => return self.in_parts_or_exact(reason).await,
                Ok(ExecutionMode::Sample(query, candidates)) => (query, candidates),
                Err(error) => match damaged_join(&error) {
                    Some(join) => {
                        self.env.remove_join(&join)?;
                        continue;
                    }
                    None => return self.exact(fallback(error)?).await,
                },
            };
            match caught(self.sampled(&query, &candidates)).await {
                Ok(Sampled::Answer(answer)) => return Ok(*answer),
                Ok(Sampled::Table(TableReason::Refused(reason))) => {
                    return self.in_parts_or_exact(reason).await;
                }
                Ok(Sampled::Table(reason)) => return self.on_table(reason).await,
                Ok(Sampled::Columns(wanted)) => self.fetching.ask_for(wanted),
                Err(error) if is_about_samples(&error) && self.is_superseded(&candidates) => {
                    tracing::info!(%error, "a sample was dropped or replaced under the query");
                }
                Err(error) if damaged_join(&error).is_some() => {
                    tracing::warn!(%error, "samples are joined again");
                    self.env.remove_join(&damaged_join(&error).unwrap_or_default())?;
                }
                Err(error) if are_damaged_columns(&error) => {
                    tracing::warn!(%error, "columns of a joined table are fetched again");
                    self.env.forget_joined();
                }
                Err(error) => return self.exact(fallback(error)?).await,
            }
        }
        self.exact(Reason::new("its samples were replaced again and again while it ran")).await
    }

    /// Answers a query that samples cannot answer as a whole: part by part where that helps, or exactly.
    async fn in_parts_or_exact(self: &Arc<Self>, reason: Reason) -> Result<Answer> {
        match caught(self.in_parts(&reason)).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => self.exact(reason).await,
            Err(error) => self.exact(fallback(error)?).await,
        }
    }

    /// Answers the query from parts that samples can answer; `None` where there are none.
    async fn in_parts(self: &Arc<Self>, reason: &Reason) -> Result<Option<Answer>> {
        if !self.goal.is_bounded() {
            return Ok(None);
        }
        if let Some(blocks) = self.prepared.blocks() {
            return self.from_blocks(&Arc::clone(blocks)).await.map(Some);
        }
        if self.prepared.query.is_ok() {
            return self.from_both(ExactAggregates::NonLinear, reason).await;
        }
        if let Some(ranked) = self.prepared.ranked() {
            return self.from_ranks(&Arc::clone(ranked)).await;
        }
        self.from_both(self.exact_aggregates(), reason).await
    }

    /// Which aggregates the table computes beside estimated ones.
    pub(crate) fn exact_aggregates(&self) -> ExactAggregates {
        let has_unknown =
            self.prepared.query.is_err() && self.prepared.partly_exact(ExactAggregates::Unknown).is_some();
        if has_unknown { ExactAggregates::Unknown } else { ExactAggregates::NonLinear }
    }

    /// Whether one of the samples is no longer the current generation of its name.
    fn is_superseded(&self, candidates: &[Arc<SampleBinding>]) -> bool {
        let is_current = |current: &[Arc<Manifest>], tried: &Manifest| {
            // A join of samples is none of those that are listed.
            tried.repeats_rows || current.iter().any(|m| m.name == tried.name && m.generation == tried.generation)
        };
        let current = self.env.families();
        current.is_ok_and(|current| candidates.iter().any(|tried| !is_current(&current, &tried.manifest)))
    }

    /// A fresh execution of this query that begins now, so that work done to explain it does not count.
    pub(crate) fn again(&self) -> Arc<Self> {
        let clock = &self.env.clock;
        let start = clock.elapsed();
        Arc::new(Self {
            env: Arc::clone(&self.env),
            prepared: Arc::clone(&self.prepared),
            goal: self.goal,
            start,
            watch: Arc::clone(&self.watch),
            timings: Timings::new(Arc::clone(clock), start),
            subqueries: Subqueries::default(),
            is_part: false,
            fetching: Fetching::default(),
        })
    }

    /// Chooses how the query is answered.
    pub(crate) async fn execution_mode(&self) -> Result<ExecutionMode> {
        if !self.goal.is_bounded() {
            return Ok(ExecutionMode::Exact(Reason::new("no bound was stated")));
        }
        let (query, mut families) = match self.sampled_table().await? {
            Ok(found) => found,
            Err(reason) => return Ok(ExecutionMode::Exact(reason)),
        };
        let query = &query;
        let columns = query.columns();
        let left_out = families.iter().flat_map(|m| &m.base.left_out).find(|name| columns.contains(name)).cloned();
        families.retain(|m| !m.base.left_out.iter().any(|name| columns.contains(name)));
        if let (true, Some(name)) = (families.is_empty(), left_out) {
            return Ok(ExecutionMode::Exact(Reason::new(format!("no sample can store values of column '{name}'"))));
        }
        families.retain(|m| choose::may_answer(query, m));
        let candidates = choose::candidates(query, &families);
        if candidates.is_empty() {
            return Ok(ExecutionMode::Exact(no_sample_can_tell(query)));
        }
        self.timings.lap("which samples");
        let mut found: std::result::Result<Vec<Arc<Manifest>>, Reason> = Ok(Vec::new());
        for candidates in self.attempts(query, candidates, &families).await? {
            found = self.with_joined_columns(query, candidates).await?;
            if found.is_ok() {
                break;
            }
        }
        let candidates = match found {
            Ok(candidates) => candidates,
            Err(reason) => return Ok(ExecutionMode::Exact(reason)),
        };
        let env = &self.env;
        let mut bindings = Vec::with_capacity(candidates.len());
        for manifest in &candidates {
            let strata = env.level_cache.strata(&env.store, manifest, &columns)?;
            bindings.push(self.prepared.binding(query, manifest, strata)?);
        }
        self.timings.lap("strata");
        Ok(ExecutionMode::Sample(Arc::clone(query), bindings))
    }

    /// The query over the table that has samples: over a sampled view, or over the table below it.
    async fn sampled_table(&self) -> Result<Result<(Arc<AggregateQuery>, Vec<Arc<Manifest>>), Reason>> {
        for query in &self.prepared.view_queries {
            if let Ok(found) = self.samples_of(query).await? {
                return Ok(Ok(found));
            }
        }
        match &self.prepared.query {
            Ok(query) if query.is_join => match self.prepared.over_join(&self.env, &self.key_limits().await?).await? {
                Ok(found) => Ok(Ok(found)),
                Err(Unsampled::Refused(reason)) => Ok(Err(reason)),
                Err(Unsampled::Unproven(key)) => Ok(Err(self.unproven(&key).await?)),
            },
            Ok(query) => self.samples_of(query).await,
            Err(reason) => Ok(Err(reason.clone())),
        }
    }

    async fn samples_of(
        &self,
        query: &Arc<AggregateQuery>,
    ) -> Result<Result<(Arc<AggregateQuery>, Vec<Arc<Manifest>>), Reason>> {
        let key = self.env.table_key(&query.scan.table_name);
        let provider = source_as_provider(&query.scan.source)?;
        let pinned = self.env.defaults().sample;
        let families = self.env.usable_samples(&key, &provider, self.prepared.state(), pinned.as_deref()).await?;
        Ok(families.map(|families| (Arc::clone(query), families)))
    }

    fn elapsed(&self) -> Duration {
        self.env.clock.elapsed().saturating_sub(self.start)
    }

    /// Runs the query on samples.
    async fn sampled(
        self: &Arc<Self>,
        query: &Arc<AggregateQuery>,
        candidates: &[Arc<SampleBinding>],
    ) -> Result<Sampled> {
        let elapsed = || self.elapsed();
        let level_done = |estimated| self.watch.level_done(self.deferred_answer(query, estimated));
        let table = self.table();
        match approximate(query, &self.context(&elapsed, &table), candidates, &level_done).await? {
            Outcome::Estimated(estimated) => self.final_answer(query, &estimated),
            Outcome::Table(reason) => Ok(Sampled::Table(reason)),
            Outcome::Columns(wanted) => Ok(Sampled::Columns(wanted)),
        }
    }

    /// The exact answer as a candidate; a pinned sample or level excludes it.
    pub(crate) fn table(&self) -> TableCandidate<'_> {
        let defaults = self.env.defaults();
        TableCandidate::new(&self.env, &self.prepared, defaults.sample.is_some() || defaults.level.is_some())
    }

    /// The context of an approximate run.
    pub(crate) fn context<'a>(
        &'a self,
        elapsed: &'a (dyn Fn() -> Duration + Sync),
        table: &'a TableCandidate<'a>,
    ) -> Context<'a> {
        let env = &self.env;
        Context {
            prepared: &self.prepared,
            state: self.prepared.state(),
            store: &env.store,
            level_cache: &env.level_cache,
            moments: &env.moments,
            quantiles: &env.quantiles,
            workers: &env.workers,
            executor: &env.executor,
            goal: &self.goal,
            elapsed,
            pinned_level: self.env.defaults().level.map(|l| l as usize),
            costs: &env.costs,
            table,
            subqueries: &self.subqueries,
            watch: &self.watch,
            timings: &self.timings,
        }
    }

    /// Defers building the answer of a level until a caller asks for it; the miss policy applies to the final one only.
    fn deferred_answer(self: &Arc<Self>, query: &Arc<AggregateQuery>, estimated: Estimated) -> Best {
        let estimated = Arc::new(estimated);
        let build = {
            let (execution, query, estimated) = (Arc::clone(self), Arc::clone(query), Arc::clone(&estimated));
            Box::new(move || execution.build_answer(&query, &estimated))
        };
        let execution = Arc::clone(self);
        Best { build, finish: Box::new(move |answer| execution.apply_miss_policy(answer, Some(&estimated.intervals))) }
    }

    /// Builds the final answer from the last level, with the miss policy applied.
    fn final_answer(self: &Arc<Self>, query: &Arc<AggregateQuery>, estimated: &Estimated) -> Result<Sampled> {
        let answer = self.build_answer(query, estimated)?;
        Ok(Sampled::Answer(Box::new(self.apply_miss_policy(answer, Some(&estimated.intervals))?)))
    }

    /// Builds the answer of a finished level without the miss policy.
    fn build_answer(&self, query: &AggregateQuery, estimated: &Estimated) -> Result<Answer> {
        let met = self.met(query, estimated);
        let mut answer = self.columns(query, estimated)?;
        answer.report = self.sample_report(query, &estimated.sample, estimated, met);
        self.timings.lap("answer");
        answer.report.parts = self.timings.taken();
        Ok(answer)
    }

    fn columns(&self, query: &AggregateQuery, estimated: &Estimated) -> Result<Answer> {
        let all: Vec<Role> = query.outputs.iter().map(|o| o.role).collect();
        let mut columns = exact_columns(&estimated.batch, &all, &vec![false; all.len()]);
        let own = estimated.batch.columns().iter().zip(&estimated.intervals).enumerate();
        let own: Vec<_> = own.filter_map(|(at, (values, own))| Some((at, values, own.as_deref()?))).collect();
        let rounded = |own: &[(usize, &ArrayRef, &[Estimate])]| {
            own.iter().map(|(at, values, intervals)| Ok((*at, bounds(values, intervals)?))).collect::<Result<Vec<_>>>()
        };
        let middle = if estimated.batch.num_rows() < HALVED_ROWS { own.len() } else { own.len().div_ceil(2) };
        let (first, second) = match own.split_at(middle) {
            (all, []) => (rounded(all), Ok(Vec::new())),
            (first, second) => self.env.workers.join(|| rounded(first), || rounded(second))?,
        };
        for (at, own) in first?.into_iter().chain(second?) {
            columns[at].bounds = Some(own);
        }
        let report = self.report(Mode::Approximate, "");
        Ok(Answer { is_query: true, batch: estimated.batch.clone(), columns, report })
    }

    fn sample_report(&self, query: &AggregateQuery, manifest: &Manifest, estimated: &Estimated, met: bool) -> Report {
        let mut intervals =
            estimated.intervals.iter().flatten().flatten().chain(estimated.error_function_inputs.iter().flatten());
        let chosen = query.selects_by_estimate && !estimated.is_whole;
        let some = estimated.absent_keys > 0;
        let approximate = some || chosen || intervals.any(|i| i.trust != Trust::Exact);
        let mut report = self.report(if approximate { Mode::Approximate } else { Mode::Exact }, "");
        report.met = Some(met);
        report.rows_total = Some(manifest.base.rows);
        report.rows_read = estimated.rows_read + self.subqueries.rows_read();
        // Where an unsettled choice may have left groups out, their sizes are unknown.
        report.missing_groups_below = estimated.missing_groups_below.filter(|_| estimated.unsettled.absent == 0);
        let sample = in_quotes(manifest);
        report.reason = match estimated.level {
            None => "answered from the catalog's counts".to_owned(),
            Some(level) if estimated.batch.num_rows() == 0 && !estimated.is_whole => {
                format!("no row was seen in {sample}, level {level} of {}", manifest.levels.len())
            }
            Some(level) if estimated.repair.is_some() => {
                format!("{sample}, level {level} of {}, and the table for what missed the bound", manifest.levels.len())
            }
            Some(_) if !approximate && manifest.repeats_rows => format!("{sample} hold every row that matters"),
            Some(_) if !approximate => format!("{sample} holds every row that matters"),
            Some(level) => format!("{sample}, level {level} of {}", manifest.levels.len()),
        };
        if approximate || (estimated.batch.num_rows() == 0 && !estimated.is_whole) {
            report.mode = Mode::Approximate;
            report.sample = Some(manifest.shown_name());
            report.level = estimated.level;
            report.levels = Some(manifest.levels.len());
        }
        if approximate && query.selects_by_estimate {
            let what = "rows were chosen by an estimate (HAVING, or ORDER BY with LIMIT): intervals hold for all groups at once";
            report.warnings.push(what.to_owned());
        }
        if let (Some(_), Some(_), Some(_)) = (self.goal.error, self.goal.within, estimated.level) {
            report.reason.push_str(self.which_came_first(manifest, estimated, met));
        }
        report.warnings.extend(estimated.notes());
        report.warnings.extend(self.fetching.sentence());
        report.unsettled_ranks.clone_from(&estimated.unsettled.ranks);
        report.unsettled_members.clone_from(&estimated.unsettled.members);
        report.unsettled_absent = estimated.unsettled.absent;
        report
    }

    /// A clause for the report on which of error, time and sample ended the query.
    fn which_came_first(&self, manifest: &Manifest, estimated: &Estimated, met: bool) -> &'static str {
        let is_top = estimated.level == Some(manifest.levels.len().saturating_sub(1));
        match (met, is_top) {
            (true, _) => "; the error was met before the time was up",
            (false, false) => "; the time was up before the error was met",
            (false, true) => "; the sample ended before the error was met",
        }
    }

    fn report(&self, mode: Mode, reason: &str) -> Report {
        let (error_bound, error_is_relative) = match self.goal.error {
            Some(Target::Relative(e)) => (Some(e), true),
            Some(Target::Absolute(e)) => (Some(e), false),
            None => (None, true),
        };
        Report {
            mode,
            confidence: self.goal.confidence.level(),
            error_bound,
            error_is_relative,
            within_ms: self.goal.within.map(ms),
            missing_groups_below: None,
            elapsed_ms: ms(self.elapsed()),
            ..plain_report(reason)
        }
    }

    fn in_time(&self) -> bool {
        self.is_part || self.goal.within.is_none_or(|within| self.elapsed() <= within)
    }

    /// Whether every bound holds for every estimate of the answer.
    fn met(&self, query: &AggregateQuery, estimated: &Estimated) -> bool {
        // Keys that are known to be missing are missing rows of the answer.
        if estimated.absent_keys > 0 && self.goal.error.is_some() {
            return false;
        }
        let good = |estimate: &Estimate| self.goal.error.is_none_or(|target| meets_or_null(estimate, target));
        let mut shown =
            estimated.intervals.iter().flatten().flatten().chain(estimated.error_function_inputs.iter().flatten());
        // Exactly known rows may be the wrong ones when an estimate chose them, unless the intervals settle the choice.
        let chosen = query.selects_by_estimate && !estimated.is_whole && shown.clone().all(|e| e.trust == Trust::Exact);
        let settled = estimated.unsettled.is_settled() && estimated.missing_groups_below == Some(0);
        let blind = chosen && !(settled && estimated.batch.num_rows() > 0);
        // An empty result of a choice may lack rows.
        let is_empty_by_choice = query.chooses_rows && estimated.batch.num_rows() == 0 && !estimated.is_whole;
        if is_empty_by_choice && estimated.missing_groups_below != Some(0) && self.goal.error.is_some() {
            return false;
        }
        self.in_time() && !(blind && self.goal.error.is_some()) && shown.all(good)
    }
}

/// The reason to run exactly after `error` on samples; the error itself where it must be returned.
pub(crate) fn fallback(error: Error) -> Result<Reason> {
    match error {
        Error::Interrupted | Error::BoundMissed { .. } | Error::DamagedStore(_) => Err(error),
        other => {
            tracing::warn!(error = %other, "the sampled way failed; the query runs exactly");
            let text = other.to_string();
            let what = text.lines().next().unwrap_or_default();
            Ok(Reason::new(format!("samples cannot answer it ({what}), so it was answered exactly")))
        }
    }
}

/// Whether the error may come from a sample that is gone.
fn is_about_samples(error: &Error) -> bool {
    !matches!(error, Error::Interrupted | Error::BoundMissed { .. })
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
