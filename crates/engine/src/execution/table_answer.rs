//! Answers from the table itself: exact, timed for later predictions, and refused where they cannot end in time.

use super::{QueryExecution, ms};
use crate::answer::{Answer, Error, Mode, Result, exact_columns, thousands};
use crate::refine::{SampleAdvice, TableReason};
use crate::runtime::exact;
use plusminus_plan::{Reason, roles, sketched};
use std::time::Duration;
use tracing::Instrument;

/// A running exact answer, from whose time costs are learnt, even when it is stopped.
struct TimedScan<'a> {
    execution: &'a QueryExecution,
    begun: Duration,
    is_done: bool,
}

impl Drop for TimedScan<'_> {
    fn drop(&mut self) {
        let execution = self.execution;
        // A query whose subqueries were computed before has another cost.
        if !execution.goal.is_bounded() || !execution.subqueries.is_empty() {
            return;
        }
        let took = execution.elapsed().saturating_sub(self.begun);
        let table = execution.table();
        match self.is_done {
            true => table.learn(took),
            // It takes longer than that; a stop before the predicted time teaches nothing.
            false if table.known_time().is_some_and(|predicted| predicted < took) => table.learn(took.mul_f64(1.5)),
            false => {}
        }
    }
}

impl QueryExecution {
    /// Runs the exact answer after samples were considered.
    pub(crate) async fn on_table(&self, reason: TableReason) -> Result<Answer> {
        let begun = self.elapsed();
        let missed = match &reason {
            TableReason::Missed(advice) => Some(advice.clone()),
            _ => None,
        };
        let mut answer = match self.exact(reason.into()).await {
            Ok(answer) => answer,
            // An available estimate needs less memory than the exact answer.
            Err(error) if is_about_memory(&error) => {
                let mut best = self.watch.take_best().ok_or(error)??;
                let what = "the exact answer does not fit into memory (--memory): this is the estimate";
                best.report.warnings.push(what.to_owned());
                return Ok(best);
            }
            Err(error) => return Err(error),
        };
        if let Some(advice) = missed {
            let ms = ms(self.elapsed().saturating_sub(begun));
            let rows = thousands(answer.report.rows_read);
            let cost = format!("no sample met the bound, so the table was read ({rows} rows, {ms:.0} ms)");
            answer.report.warnings.push(match advice {
                Some(SampleAdvice(statement)) => format!("{cost}; a sample would answer after: {statement}"),
                None => cost,
            });
        }
        Ok(answer)
    }

    /// Returns an error at once if the exact answer is predicted to miss the time and no other answer is available.
    pub(crate) async fn refuse_what_takes_too_long(&self, reason: &str) -> Result<()> {
        let Some(within) = self.goal.within.filter(|_| !self.watch.has_best()) else { return Ok(()) };
        let Some(cost) = self.table().cost().await? else { return Ok(()) };
        let left = within.saturating_sub(self.elapsed());
        if !cost.exceeds(left) {
            return Ok(());
        }
        Err(Error::BoundMissed {
            what: format!(
                "no answer within {} ms: {}, and the exact answer takes about {}",
                ms(self.goal.stated_within.unwrap_or(within)),
                reason,
                in_words(cost.time)
            ),
            next: format!(
                "WITHIN {} SECONDS, or EXPLAIN, which says what a sample could answer",
                seconds_above(cost.time)
            ),
            answer: None,
        })
    }

    /// Runs the exact answer; the caller watches the time.
    pub(crate) async fn exact(&self, reason: Reason) -> Result<Answer> {
        self.refuse_what_takes_too_long(&reason.0).await?;
        let begun = self.elapsed();
        let rows = match self.goal.is_bounded() {
            true => self.prepared.table_work(&self.env).await?.rows,
            false => 0,
        };
        let (state, executor) = (self.prepared.state(), &self.env.executor);
        let plan = self.subqueries.applied(&self.prepared.plan)?;
        let mut timed = TimedScan { execution: self, begun, is_done: false };
        let _scan = self.watch.scan_guard();
        let span = tracing::info_span!("table", reason = reason.0.as_str(), rows = tracing::field::Empty);
        let scan = exact::run(&plan, state, executor, |scan| self.watch.scans(scan, rows));
        let found = scan.instrument(span.clone()).await?;
        span.record("rows", found.rows_read);
        self.table().learn_rows(found.rows_read + self.subqueries.rows_read());
        timed.is_done = true;
        drop(timed);
        self.timings.lap("exact");
        let sketched = sketched(&self.prepared.plan);
        let columns = exact_columns(&found.batch, &roles(&self.prepared.plan), &sketched);
        let is_exact = !sketched.contains(&true);
        let mut report = self.report(if is_exact { Mode::Exact } else { Mode::Approximate }, &reason.0);
        report.rows_read = found.rows_read + self.subqueries.rows_read();
        report.missing_groups_below = Some(0);
        report.met = self.goal.is_bounded().then(|| self.in_time() && (is_exact || self.goal.error.is_none()));
        if !is_exact {
            report.warnings.push(
                "APPROX functions over the whole table are estimates without an interval: MEDIAN, PERCENTILE_CONT and \
                 COUNT(DISTINCT …) are exact"
                    .to_owned(),
            );
        }
        report.warnings.extend(self.fetch_behind());
        Ok(Answer { is_query: true, batch: found.batch, columns, report })
    }
}

fn is_about_memory(error: &Error) -> bool {
    matches!(error, Error::Data { what, .. } if what.starts_with("out of memory"))
}

impl From<TableReason> for Reason {
    fn from(reason: TableReason) -> Self {
        match reason {
            TableReason::Refused(reason) => reason,
            TableReason::Fits(time) => {
                Self::new(format!("the time is enough for the exact answer, which takes about {}", in_words(time)))
            }
            TableReason::Cheaper => Self::new("the exact answer costs no more than an estimate"),
            TableReason::Missed(_) => Self::new("no sample is within the error, so the table answered"),
        }
    }
}

/// A time in words, with a suitable unit.
pub(crate) fn in_words(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 9.95e-3 => format!("{:.1} ms", seconds * 1e3),
        seconds if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 600.0 => format!("{seconds:.1} s"),
        seconds if seconds < 36_000.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => "many hours".to_owned(),
    }
}

/// A rounded number of seconds, half as long again as `time`.
fn seconds_above(time: Duration) -> f64 {
    let wanted = (time.as_secs_f64() * 1.5).max(0.1);
    let unit = 10f64.powf(wanted.log10().floor());
    ((wanted / unit).ceil() * unit * 10.0).round() / 10.0
}
