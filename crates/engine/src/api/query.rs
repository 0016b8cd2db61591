//! The query builder: bounds, and running with a deadline or an interrupt.

use super::hidden_table::HiddenTable;
use super::parameters::{Parameter, bound};
use super::plain::plain;
use super::session::Session;
use crate::answer::{Answer, Error, ErrorColumns, Result};
use crate::bounds::{Goal, Interrupt, Listeners, Watch, deadline};
use crate::execution::QueryExecution;
use crate::explain;
use crate::planning::locate::located;
use crate::refine::Subqueries;
use crate::runtime::Timings;
use datafusion::datasource::MemTable;
use futures::Stream;
use plusminus_dialect::{
    Amount, BoundedSql, ErrorBound, OnMiss, SqlClass, Statement, StatementKind, TimeBound, TimeUnit, parse_statement,
};
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

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
    parameters: Vec<Parameter>,
    interrupt: Option<Interrupt>,
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
            interrupt: None,
        }
    }

    /// Sets the time within which the query must answer.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Sets the largest error of every estimate, in percent of the estimate.
    #[must_use]
    pub fn error_percent(mut self, percent: f64) -> Self {
        self.error = Some(ErrorBound { amount: Amount::Number(percent), relative: true });
        self
    }

    /// Sets the largest error of every estimate, in the estimate's unit.
    #[must_use]
    pub fn error_absolute(mut self, distance: f64) -> Self {
        self.error = Some(ErrorBound { amount: Amount::Number(distance), relative: false });
        self
    }

    /// Sets the confidence of the intervals, 50 to 99.9 percent.
    #[must_use]
    pub fn confidence_percent(mut self, percent: f64) -> Self {
        self.confidence_percent = Some(percent);
        self
    }

    /// Asks for intervals that hold for all groups at once.
    #[must_use]
    pub fn for_all_groups(mut self) -> Self {
        self.all_groups = true;
        self
    }

    /// Sets how to handle a missed bound.
    #[must_use]
    pub fn on_miss(mut self, choice: OnMiss) -> Self {
        self.on_miss = Some(choice);
        self
    }

    /// Sets values for `$1`, `$2`, … and `$name`, which may stand wherever a literal may, in bounds too.
    #[must_use]
    pub fn parameters<P: Into<Parameter>>(mut self, values: impl IntoIterator<Item = P>) -> Self {
        self.parameters = values.into_iter().map(Into::into).collect();
        self
    }

    /// Lets `interrupt` end the query: the best answer so far is returned at once, or [`Error::Interrupted`] if there is none.
    #[must_use]
    pub fn interruptible(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = Some(interrupt.clone());
        self
    }

    /// Runs the query; bounds set here replace those in the text.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(self) -> Result<Answer> {
        let statement = self.statement()?;
        let listeners = Listeners { interrupt: self.interrupt.clone(), levels: None };
        self.session.run_with_listeners(&statement, listeners).await
    }

    /// Runs the query and streams the answer of every level as it is finished; the last one is what [`run`](Self::run) would return.
    /// An error ends the stream. Dropping the stream stops the query.
    ///
    /// # Errors
    /// [`Error::Syntax`] and [`Error::Invalid`] for the text and the bounds; the stream itself brings the others.
    pub async fn stream(self) -> Result<impl Stream<Item = Result<Answer>> + Send + Unpin> {
        let statement = self.statement()?;
        Ok(self.session.stream_with_listeners(statement, self.interrupt))
    }

    fn statement(&self) -> Result<Statement> {
        let mut statement = parse_statement(&bound(&self.sql, &self.parameters)?)?;
        if let StatementKind::Sql(sql) = &mut statement.kind {
            // A placeholder without a value is an error.
            sql.bounds.bind(&[])?;
            let stated = &mut sql.bounds;
            stated.error = self.error.clone().or(stated.error.take());
            let time =
                |t: Duration| TimeBound { amount: Amount::Number(t.as_secs_f64() * 1e3), unit: TimeUnit::Millisecond };
            stated.within = self.within.map(time).or(stated.within.take());
            stated.confidence = self.confidence_percent.map(Amount::Number).or(stated.confidence.take());
            stated.all_groups |= self.all_groups;
            stated.on_miss = self.on_miss.or(stated.on_miss);
        }
        check_numbers(&statement.kind)?;
        Ok(statement)
    }
}

/// Checks numbers that were set in code, which the parser did not see.
fn check_numbers(kind: &StatementKind) -> Result<()> {
    let StatementKind::Sql(BoundedSql { bounds, class: SqlClass::Query, .. }) = kind else { return Ok(()) };
    let error = bounds.error.as_ref().and_then(|e| e.amount.number());
    if error.is_some_and(|e| !(e > 0.0 && e.is_finite())) || bounds.within().is_some_and(|w| w.is_zero()) {
        return Err(Error::invalid("an error or time bound must be above 0", "ERROR WITHIN 5%, WITHIN 300 MS"));
    }
    Ok(())
}

/// Runs a query with its bounds on the session's own threads.
pub(crate) async fn run(session: &Session, sql: &BoundedSql, listeners: Listeners) -> Result<Answer> {
    if let Some(target) = &sql.copy_to {
        return copied(session, sql, target, listeners).await;
    }
    let start = session.env.clock.elapsed();
    let goal = Goal::new(&sql.bounds, &session.env.defaults())?;
    if !goal.is_bounded() && sql.explain.is_some() {
        return plain(session, &sql.head, Some(sql.head_start)).await;
    }
    // An explanation has no answers of levels, and must also describe queries that would miss their time.
    let is_explained = sql.explain.is_some();
    let within = goal.within.filter(|_| !is_explained);
    let listened = if is_explained { Listeners::default() } else { listeners.clone() };
    let watch = Arc::new(Watch::new(&listened, within.is_some()));
    let span = tracing::info_span!("query", number = session.env.next_query());
    let work = {
        let (session, sql, watch) = (session.clone(), sql.clone(), Arc::clone(&watch));
        async move { plan_and_answer(session, &sql, goal, start, watch).await }.instrument(span)
    };
    let work = session.env.executor.spawn(work)?;
    let elapsed = session.env.clock.elapsed().saturating_sub(start);
    match deadline::wait(work, &watch, listeners.interrupt, within, elapsed).await {
        Ok(answer) => Ok(watch.named(answer)),
        Err(Error::BoundMissed { what, next, answer }) => {
            Err(Error::BoundMissed { what, next, answer: answer.map(|answer| Box::new(watch.named(*answer))) })
        }
        Err(error) => Err(error),
    }
}

/// Writes the answer of a query with bounds to a file: its rows, with the columns of intervals.
async fn copied(session: &Session, sql: &BoundedSql, target: &str, listeners: Listeners) -> Result<Answer> {
    let query = BoundedSql { copy_to: None, ..sql.clone() };
    let answer = Box::pin(run(session, &query, listeners)).await?;
    let batch = answer.flat(ErrorColumns::WhereEstimated)?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    let copied = HiddenTable::new(session, table)?;
    let written = plain(session, &format!("COPY (SELECT * FROM {}) {target}", copied.name()), None).await?;
    Ok(Answer { report: answer.report, ..written })
}

async fn plan_and_answer(
    session: Session,
    sql: &BoundedSql,
    goal: Goal,
    start: Duration,
    watch: Arc<Watch>,
) -> Result<Answer> {
    tracing::info!(sql = sql.query(), "begun");
    let timings = Timings::new(Arc::clone(&session.env.clock), start);
    timings.lap("hand over");
    let env = Arc::clone(&session.env);
    let plan = session.plans.get(&env, sql.query()).instrument(tracing::debug_span!("plan"));
    let prepared = match plan.await {
        Ok(prepared) => prepared,
        Err(error) => {
            let error = session.of_broken_view(error).await;
            return Err(located(&session.env, sql.query(), sql.query_start(), error).await);
        }
    };
    timings.lap("plan");
    if sql.explain.is_none() {
        watch.set_names(prepared.written_names());
    }
    let subqueries = Subqueries::default();
    let running = Arc::new(QueryExecution {
        env: session.env,
        prepared,
        goal,
        start,
        watch,
        timings,
        subqueries,
        is_part: false,
        fetching: crate::execution::Fetching::default(),
    });
    match &sql.explain {
        Some(explain) => explain::run(&running, *explain).await,
        None => running.answer().await,
    }
}
