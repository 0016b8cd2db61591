//! A query under way: which way it is answered, and how its answer is dressed.

use crate::answer::{Answer, Mode, Report, bounds, exact_columns};
use crate::choose;
use crate::control::{Best, Watch};
use crate::error::{Error, Result};
use crate::exact;
use crate::goal::Goal;
use crate::listing::plain_report;
use crate::parts::Parts;
use crate::prepared::{Fitted, Prepared};
use crate::run::{Context, Estimated, Outcome, approximate, meets_or_null};
use crate::session::Session;
use crate::shape::{Reason, Role, Shape, roles};
use arrow::array::ArrayRef;
use datafusion::datasource::source_as_provider;
use plusminus_catalog::Manifest;
use plusminus_dialect::OnMiss;
use plusminus_statistics::{Estimate, Target, Trust};
use std::sync::Arc;
use std::time::Duration;

/// Rows of an answer from which its columns are dressed by two threads.
const HALVED_ROWS: usize = 8_192;

/// A query under way.
pub(crate) struct Running {
    pub(crate) session: Session,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) goal: Goal,
    pub(crate) start: Duration,
    pub(crate) watch: Arc<Watch>,
    pub(crate) parts: Parts,
}

/// A query with samples that may answer it, the likeliest first, or the reason to run exactly.
pub(crate) enum Way {
    Sample(Arc<Shape>, Vec<Arc<Fitted>>),
    Exact(Reason),
}

impl Running {
    pub(crate) async fn answer(self: &Arc<Self>) -> Result<Answer> {
        match self.way().await? {
            Way::Exact(reason) => self.exact(reason).await,
            Way::Sample(shape, candidates) => self.sample(&shape, &candidates).await,
        }
    }

    /// The same query, begun now: what was done to explain it does not count.
    pub(crate) fn again(&self) -> Arc<Self> {
        let clock = &self.session.inner.clock;
        let start = clock.elapsed();
        Arc::new(Self {
            session: self.session.clone(),
            prepared: Arc::clone(&self.prepared),
            goal: self.goal,
            start,
            watch: Arc::clone(&self.watch),
            parts: Parts::new(Arc::clone(clock), start),
        })
    }

    /// How the query will be answered.
    pub(crate) async fn way(&self) -> Result<Way> {
        if !self.goal.is_bounded() {
            return Ok(Way::Exact(Reason::new("no bound was stated")));
        }
        let shape = match &self.prepared.shape {
            Ok(shape) => shape,
            Err(reason) => return Ok(Way::Exact(reason.clone())),
        };
        let key = self.session.table_key(&shape.scan.table_name);
        let provider = source_as_provider(&shape.scan.source)?;
        let mut families = match self.session.usable_families(&key, &provider, self.prepared.state()).await? {
            Ok(families) => families,
            Err(reason) => return Ok(Way::Exact(reason)),
        };
        if let Some(pinned) = self.session.defaults().sample {
            families.retain(|m| m.name == pinned);
            if families.is_empty() {
                return Ok(Way::Exact(Reason::new(format!(
                    "plusminus.sample names '{pinned}', which is no usable sample of '{key}'"
                ))));
            }
        }
        families.retain(|m| choose::may_answer(shape, m));
        let candidates = choose::candidates(shape, &families);
        if candidates.is_empty() {
            return Ok(Way::Exact(Reason::new(
                "no sample can tell: COUNT(DISTINCT …) asks for one stratified by the column or drawn UNIVERSE ON it, and \
                 everything but counts, sums and averages for one drawn by rows",
            )));
        }
        self.parts.lap("which samples");
        let inner = &self.session.inner;
        let mut fitted = Vec::with_capacity(candidates.len());
        for manifest in &candidates {
            fitted.push(self.prepared.fitted(shape, manifest, inner.images.strata(&inner.store, manifest)?)?);
        }
        self.parts.lap("strata");
        Ok(Way::Sample(Arc::clone(shape), fitted))
    }

    fn elapsed(&self) -> Duration {
        self.session.inner.clock.elapsed().saturating_sub(self.start)
    }

    /// The exact answer; who waits minds the time.
    pub(crate) async fn exact(&self, reason: Reason) -> Result<Answer> {
        self.watch.runs_exactly();
        let found = exact::run(&self.prepared.plan, self.prepared.state(), &self.session.inner.executor).await?;
        self.parts.lap("exact");
        let columns = exact_columns(&found.batch, &roles(&self.prepared.plan));
        let mut report = self.report(Mode::Exact, &reason.0);
        report.rows_read = found.rows_read;
        report.missing_groups_below = Some(0);
        report.met = self.goal.is_bounded().then(|| self.in_time());
        Ok(Answer { is_query: true, batch: found.batch, columns, report })
    }

    async fn sample(self: &Arc<Self>, shape: &Arc<Shape>, candidates: &[Arc<Fitted>]) -> Result<Answer> {
        let elapsed = || self.elapsed();
        let level_done = |estimated| self.watch.level_done(self.later(shape, estimated));
        let found = approximate(shape, &self.context(&elapsed), candidates, &level_done).await?;
        match found {
            Outcome::Estimated(estimated) => self.dress(shape, *estimated).await,
            Outcome::Refused(reason) => self.exact(reason).await,
        }
    }

    /// What a run on samples needs.
    pub(crate) fn context<'a>(&'a self, elapsed: &'a (dyn Fn() -> Duration + Sync)) -> Context<'a> {
        let inner = &self.session.inner;
        Context {
            prepared: &self.prepared,
            state: self.prepared.state(),
            store: &inner.store,
            images: &inner.images,
            knowledge: &inner.knowledge,
            quantiles: &inner.quantiles,
            workers: &inner.workers,
            executor: &inner.executor,
            goal: &self.goal,
            elapsed,
            pinned_level: self.session.defaults().level.map(|l| l as usize),
            costs: &inner.costs,
            watch: &self.watch,
            parts: &self.parts,
        }
    }

    /// Makes the answer of a level only if somebody asks for it.
    fn later(self: &Arc<Self>, shape: &Arc<Shape>, estimated: Estimated) -> Best {
        let (running, shape) = (Arc::clone(self), Arc::clone(shape));
        Box::new(move || running.settled(&shape, &estimated))
    }

    async fn dress(self: &Arc<Self>, shape: &Arc<Shape>, estimated: Estimated) -> Result<Answer> {
        let met = self.met(shape, &estimated);
        // Where there is an aggregate of aggregates, its groups cannot be repaired one by one.
        let whole = self.goal.on_miss == OnMiss::Repair && shape.is_beyond;
        if !met && (self.goal.on_miss == OnMiss::Exact || whole) && self.in_time() {
            let reason = Reason::new(format!(
                "the sample missed the bound, and ON MISS {} ran the query on the table",
                if whole { "REPAIR" } else { "EXACT" }
            ));
            // Out of time there is still the estimate to report.
            self.watch.level_done(self.later(shape, estimated))?;
            return self.exact(reason).await;
        }
        self.settled(shape, &estimated)
    }

    /// The answer of a finished level, and what is to be done when it misses.
    fn settled(&self, shape: &Shape, estimated: &Estimated) -> Result<Answer> {
        let met = self.met(shape, estimated);
        let mut answer = self.columns(shape, estimated)?;
        answer.report = self.sample_report(shape, &estimated.sample, estimated, met);
        self.parts.lap("answer");
        answer.report.parts = self.parts.taken();
        match self.goal.on_miss {
            OnMiss::Fail if !met => Err(self.failure(answer)),
            OnMiss::Omit if !met => self.omit(answer, estimated),
            _ => Ok(answer),
        }
    }

    fn columns(&self, shape: &Shape, estimated: &Estimated) -> Result<Answer> {
        let all: Vec<Role> = shape.outputs.iter().map(|o| o.role).collect();
        let mut columns = exact_columns(&estimated.batch, &all);
        let own = estimated.batch.columns().iter().zip(&estimated.intervals).enumerate();
        let own: Vec<_> = own.filter_map(|(at, (values, own))| Some((at, values, own.as_deref()?))).collect();
        let rounded = |own: &[(usize, &ArrayRef, &[Estimate])]| {
            own.iter().map(|(at, values, intervals)| Ok((*at, bounds(values, intervals)?))).collect::<Result<Vec<_>>>()
        };
        let middle = if estimated.batch.num_rows() < HALVED_ROWS { own.len() } else { own.len().div_ceil(2) };
        let (first, second) = match own.split_at(middle) {
            (all, []) => (rounded(all), Ok(Vec::new())),
            (first, second) => self.session.inner.workers.join(|| rounded(first), || rounded(second))?,
        };
        for (at, own) in first?.into_iter().chain(second?) {
            columns[at].bounds = Some(own);
        }
        let report = self.report(Mode::Approximate, "");
        Ok(Answer { is_query: true, batch: estimated.batch.clone(), columns, report })
    }

    fn sample_report(&self, shape: &Shape, manifest: &Manifest, estimated: &Estimated, met: bool) -> Report {
        let mut intervals = estimated.intervals.iter().flatten().flatten().chain(estimated.spoken_of.iter().flatten());
        let chosen = shape.selects_by_estimate && !estimated.is_whole;
        let approximate = chosen || intervals.any(|i| i.trust != Trust::Exact);
        let mut report = self.report(if approximate { Mode::Approximate } else { Mode::Exact }, "");
        report.met = Some(met);
        report.rows_total = Some(manifest.base.rows);
        report.rows_read = estimated.rows_read;
        report.missing_groups_below = estimated.missing_groups_below;
        report.reason = match estimated.level {
            None => "answered from the catalog's counts".to_owned(),
            Some(level) if estimated.batch.num_rows() == 0 && !estimated.is_whole => {
                format!("no row was seen in sample '{}', level {level} of {}", manifest.name, manifest.levels.len())
            }
            Some(_) if !approximate => format!("sample '{}' holds every row that matters", manifest.name),
            Some(level) => format!("sample '{}', level {level} of {}", manifest.name, manifest.levels.len()),
        };
        if approximate || (estimated.batch.num_rows() == 0 && !estimated.is_whole) {
            report.mode = Mode::Approximate;
            report.sample = Some(manifest.name.clone());
            report.level = estimated.level;
            report.levels = Some(manifest.levels.len());
        }
        if approximate && shape.selects_by_estimate {
            let what = "rows were chosen by an estimate (HAVING, or ORDER BY with LIMIT): intervals hold for all groups at once";
            report.warnings.push(what.to_owned());
        }
        if let (Some(_), Some(_), Some(_)) = (self.goal.error, self.goal.within, estimated.level) {
            report.reason.push_str(self.which_came_first(manifest, estimated, met));
        }
        report.warnings.extend(estimated.notes());
        report.unsettled_ranks.clone_from(&estimated.unsettled.ranks);
        report.unsettled_members.clone_from(&estimated.unsettled.members);
        report
    }

    /// Of an error and a time, what ended the query.
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
        self.goal.within.is_none_or(|within| self.elapsed() <= within)
    }

    /// Whether every bound holds for every returned estimate.
    fn met(&self, shape: &Shape, estimated: &Estimated) -> bool {
        let good = |estimate: &Estimate| self.goal.error.is_none_or(|target| meets_or_null(estimate, target));
        let mut shown = estimated.intervals.iter().flatten().flatten().chain(estimated.spoken_of.iter().flatten());
        // Rows known exactly may be the wrong ones when an estimate chose them, unless the intervals settle the choice.
        let chosen = shape.selects_by_estimate && !estimated.is_whole && shown.clone().all(|e| e.trust == Trust::Exact);
        let settled = estimated.unsettled.is_settled() && estimated.missing_groups_below == Some(0);
        let blind = chosen && !(settled && estimated.batch.num_rows() > 0);
        self.in_time() && !(blind && self.goal.error.is_some()) && shown.all(good)
    }

    fn failure(&self, answer: Answer) -> Error {
        Error::BoundMissed {
            what: match self.in_time() {
                true => "the error bound was missed with all the rows the sample holds".to_owned(),
                false => format!("the time bound was missed: {:.1} ms", answer.report.elapsed_ms),
            },
            next: "a larger error, a larger sample, or ON MISS EXACT".to_owned(),
            answer: Some(Box::new(answer)),
        }
    }

    /// ON MISS OMIT: cells that missed become NULL.
    fn omit(&self, mut answer: Answer, estimated: &Estimated) -> Result<Answer> {
        let Some(target) = self.goal.error else { return Ok(answer) };
        let mut arrays = answer.batch.columns().to_vec();
        for (index, intervals) in estimated.intervals.iter().enumerate() {
            let (Some(intervals), Some(bounds)) = (intervals, &mut answer.columns[index].bounds) else { continue };
            let missed: arrow::array::BooleanArray =
                intervals.iter().map(|i| Some(!meets_or_null(i, target))).collect();
            for array in [&mut arrays[index], &mut bounds.lower, &mut bounds.upper] {
                *array = arrow::compute::nullif(array, &missed)?;
            }
        }
        let fields =
            answer.batch.schema().fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(fields));
        answer.batch = arrow::record_batch::RecordBatch::try_new(schema, arrays)?;
        Ok(answer)
    }
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
