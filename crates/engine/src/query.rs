//! A query: bounds, choice, run, and what happens on a miss.

use crate::answer::{Answer, Mode, Report, bounds, exact_columns};
use crate::choose;
use crate::error::{Error, Result};
use crate::exact;
use crate::explain;
use crate::goal::Goal;
use crate::run::{Context, Estimated, Outcome, approximate, meets_or_null};
use crate::session::Session;
use crate::shape::errors::check as check_error_functions;
use crate::shape::{Reason, Role, Shape, recognise, roles};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use plusminus_catalog::Manifest;
use plusminus_dialect::{
    Amount, BoundedSql, ErrorBound, OnMiss, SqlClass, StatementKind, TimeBound, TimeUnit, parse_statement,
};
use plusminus_statistics::{Estimate, Target, Trust};
use std::time::Duration;

/// A query under construction; see [`Session::query`].
#[derive(Debug, Clone)]
pub struct Query {
    session: Session,
    sql: String,
    within: Option<Duration>,
    error: Option<ErrorBound>,
    confidence_percent: Option<f64>,
    all_groups: bool,
    on_miss: Option<OnMiss>,
    parameters: Vec<f64>,
}

impl Query {
    pub(crate) fn new(session: Session, sql: String) -> Self {
        Self {
            session,
            sql,
            within: None,
            error: None,
            confidence_percent: None,
            all_groups: false,
            on_miss: None,
            parameters: Vec::new(),
        }
    }

    /// Answer within this time.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Every estimate within so many percent.
    #[must_use]
    pub fn error_percent(mut self, percent: f64) -> Self {
        self.error = Some(ErrorBound { amount: Amount::Number(percent), relative: true });
        self
    }

    /// Every estimate within this distance.
    #[must_use]
    pub fn error_absolute(mut self, distance: f64) -> Self {
        self.error = Some(ErrorBound { amount: Amount::Number(distance), relative: false });
        self
    }

    /// The confidence of the intervals, 50 to 99.9 percent.
    #[must_use]
    pub fn confidence_percent(mut self, percent: f64) -> Self {
        self.confidence_percent = Some(percent);
        self
    }

    /// Intervals that hold for all groups at once.
    #[must_use]
    pub fn for_all_groups(mut self) -> Self {
        self.all_groups = true;
        self
    }

    /// What to do when a bound is missed.
    #[must_use]
    pub fn on_miss(mut self, choice: OnMiss) -> Self {
        self.on_miss = Some(choice);
        self
    }

    /// Numbers for `$1`, `$2`, … in the bounds.
    #[must_use]
    pub fn parameters(mut self, numbers: impl IntoIterator<Item = f64>) -> Self {
        self.parameters = numbers.into_iter().collect();
        self
    }

    /// Runs the query; bounds set here take the place of those in the text.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(self) -> Result<Answer> {
        let mut statement = parse_statement(&self.sql)?;
        if let StatementKind::Sql(sql) = &mut statement.kind {
            sql.bounds.bind(&self.parameters)?;
            let stated = &mut sql.bounds;
            stated.error = self.error.or(stated.error.take());
            let time =
                |t: Duration| TimeBound { amount: Amount::Number(t.as_secs_f64() * 1e3), unit: TimeUnit::Millisecond };
            stated.within = self.within.map(time).or(stated.within.take());
            stated.confidence = self.confidence_percent.map(Amount::Number).or(stated.confidence.take());
            stated.all_groups |= self.all_groups;
            stated.on_miss = self.on_miss.or(stated.on_miss);
        }
        check_numbers(&statement.kind)?;
        self.session.run(&statement).await
    }
}

/// Numbers that came from code never met the parser.
fn check_numbers(kind: &StatementKind) -> Result<()> {
    let StatementKind::Sql(BoundedSql { bounds, class: SqlClass::Query, .. }) = kind else { return Ok(()) };
    let error = bounds.error.as_ref().and_then(|e| e.amount.number());
    if error.is_some_and(|e| !(e > 0.0 && e.is_finite())) || bounds.within().is_some_and(|w| w.is_zero()) {
        return Err(Error::invalid(
            "an error or time bound must be above 0",
            "error_percent(5.0), within(Duration::from_millis(300))",
        ));
    }
    Ok(())
}

/// A statement that is no query, as DataFusion has it.
pub(crate) async fn plain(session: &Session, sql: &str) -> Result<Answer> {
    let start = session.inner.clock.elapsed();
    let context = session.context();
    let plan = context.state().create_logical_plan(sql).await?;
    let batches = context.execute_logical_plan(plan).await?.collect().await?;
    let schema = batches.first().map_or_else(|| std::sync::Arc::new(arrow::datatypes::Schema::empty()), |b| b.schema());
    let batch = arrow::compute::concat_batches(&schema, &batches)?;
    let roles = vec![Role::Value; batch.num_columns()];
    let mut report = crate::listing::plain_report("done");
    report.elapsed_ms = ms(session.inner.clock.elapsed().saturating_sub(start));
    Ok(Answer { is_query: false, columns: exact_columns(&batch, &roles), batch, report })
}

/// A query under way.
pub(crate) struct Running<'a> {
    pub(crate) session: &'a Session,
    pub(crate) state: SessionState,
    pub(crate) goal: Goal,
    pub(crate) start: Duration,
    pub(crate) plan: LogicalPlan,
}

/// A query with a family to answer it, or the reason to run exactly.
pub(crate) enum Way {
    Sample(Box<Shape>, Box<Manifest>),
    Exact(Reason),
}

/// Runs a query with its bounds.
pub(crate) async fn run(session: &Session, sql: &BoundedSql) -> Result<Answer> {
    let start = session.inner.clock.elapsed();
    let goal = Goal::new(&sql.bounds, &session.defaults())?;
    if !goal.is_bounded() && sql.explain.is_some() {
        return plain(session, &sql.head).await;
    }
    let state = session.context().state();
    let plan = state.create_logical_plan(sql.query()).await?;
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
    check_error_functions(&plan)?;
    let running = Running { session, state, goal, start, plan };
    match &sql.explain {
        Some(explain) => explain::run(&running, *explain).await,
        None => running.answer().await,
    }
}

impl Running<'_> {
    pub(crate) async fn answer(&self) -> Result<Answer> {
        match self.way().await? {
            Way::Exact(reason) => self.exact(reason).await,
            Way::Sample(shape, manifest) => self.sample(&shape, &manifest).await,
        }
    }

    /// How the query will be answered.
    pub(crate) async fn way(&self) -> Result<Way> {
        if !self.goal.is_bounded() {
            return Ok(Way::Exact(Reason::new("no bound was stated")));
        }
        let shape = match recognise(&self.plan) {
            Ok(shape) => shape,
            Err(reason) => return Ok(Way::Exact(reason)),
        };
        let key = self.session.table_key(&shape.scan.table_name);
        let provider = source_as_provider(&shape.scan.source)?;
        let mut families = match self.session.usable_families(&key, &provider).await? {
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
        families.retain(|m| choose::may_answer(&shape, m));
        Ok(match choose::family(&shape, &families) {
            Some(manifest) => Way::Sample(Box::new(shape), Box::new(manifest.clone())),
            None => Way::Exact(Reason::new(
                "no sample can tell: COUNT(DISTINCT …) asks for one stratified by the column or drawn UNIVERSE ON it, and \
                 everything but counts, sums and averages for one drawn by rows",
            )),
        })
    }

    fn elapsed(&self) -> Duration {
        self.session.inner.clock.elapsed().saturating_sub(self.start)
    }

    /// The exact answer, within what is left of the time.
    pub(crate) async fn exact(&self, reason: Reason) -> Result<Answer> {
        let limit = self.goal.within.map(|stated| exact::Limit { left: stated.saturating_sub(self.elapsed()), stated });
        let found = exact::run(&self.plan, &self.state, limit).await?;
        let columns = exact_columns(&found.batch, &roles(&self.plan));
        let mut report = self.report(Mode::Exact, reason.0);
        report.rows_read = found.rows_read;
        report.missing_groups_below = Some(0);
        report.met = self.goal.is_bounded().then(|| self.in_time());
        Ok(Answer { is_query: true, batch: found.batch, columns, report })
    }

    async fn sample(&self, shape: &Shape, manifest: &Manifest) -> Result<Answer> {
        let elapsed = || self.elapsed();
        let inner = &self.session.inner;
        let context = Context {
            state: &self.state,
            store: &inner.store,
            images: &inner.images,
            knowledge: &inner.knowledge,
            manifest,
            strata: inner.images.strata(&inner.store, manifest)?,
            goal: &self.goal,
            elapsed: &elapsed,
            pinned_level: self.session.defaults().level.map(|l| l as usize),
        };
        match approximate(shape, &context).await? {
            Outcome::Estimated(estimated) => self.dress(shape, manifest, *estimated).await,
            Outcome::Refused(reason) => self.exact(reason).await,
        }
    }

    async fn dress(&self, shape: &Shape, manifest: &Manifest, estimated: Estimated) -> Result<Answer> {
        let met = self.met(shape, &estimated);
        // Where there is an aggregate of aggregates, its groups cannot be repaired one by one.
        let whole = self.goal.on_miss == OnMiss::Repair && shape.is_beyond;
        if !met && (self.goal.on_miss == OnMiss::Exact || whole) && self.in_time() {
            let reason = Reason::new(format!(
                "the sample missed the bound, and ON MISS {} ran the query on the table",
                if whole { "REPAIR" } else { "EXACT" }
            ));
            match self.exact(reason).await {
                // Out of time there is still the estimate to report.
                Err(Error::BoundMissed { .. }) => {}
                other => return other,
            }
        }
        let mut answer = self.columns(shape, &estimated)?;
        answer.report = self.sample_report(shape, manifest, &estimated, met);
        match self.goal.on_miss {
            OnMiss::Fail if !met => Err(self.failure(answer)),
            OnMiss::Omit if !met => self.omit(answer, &estimated),
            _ => Ok(answer),
        }
    }

    fn columns(&self, shape: &Shape, estimated: &Estimated) -> Result<Answer> {
        let all: Vec<Role> = shape.outputs.iter().map(|o| o.role).collect();
        let mut columns = exact_columns(&estimated.batch, &all);
        for ((column, values), intervals) in columns.iter_mut().zip(estimated.batch.columns()).zip(&estimated.intervals)
        {
            if let Some(intervals) = intervals {
                column.bounds = Some(bounds(values, intervals)?);
            }
        }
        let report = self.report(Mode::Approximate, String::new());
        Ok(Answer { is_query: true, batch: estimated.batch.clone(), columns, report })
    }

    fn sample_report(&self, shape: &Shape, manifest: &Manifest, estimated: &Estimated, met: bool) -> Report {
        let mut intervals = estimated.intervals.iter().flatten().flatten().chain(estimated.spoken_of.iter().flatten());
        let chosen = shape.selects_by_estimate && !estimated.is_whole;
        let approximate = chosen || intervals.any(|i| i.trust != Trust::Exact);
        let mut report = self.report(if approximate { Mode::Approximate } else { Mode::Exact }, String::new());
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
        report.warnings.extend(estimated.notes());
        report.unsettled_ranks.clone_from(&estimated.unsettled.ranks);
        report.unsettled_members.clone_from(&estimated.unsettled.members);
        report
    }

    fn report(&self, mode: Mode, reason: String) -> Report {
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
            met: None,
            sample: None,
            level: None,
            levels: None,
            rows_read: 0,
            rows_total: None,
            missing_groups_below: None,
            elapsed_ms: ms(self.elapsed()),
            reason,
            warnings: Vec::new(),
            unsettled_ranks: Vec::new(),
            unsettled_members: Vec::new(),
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

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
