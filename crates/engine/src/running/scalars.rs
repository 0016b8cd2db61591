//! Queries with scalar subqueries: their values first, estimated where that is cheaper, then the query with these values.
//!
//! An estimated value has an interval. The query is answered with its value and with both ends, each at a confidence that leaves room for
//! the others, and every number gets the interval that holds all three ([`super::envelope`]).

use super::blocks::Block;
use super::{Running, envelope};
use crate::answer::{Answer, Bounds, Report};
use crate::control::{Best, Watch};
use crate::error::Result;
use crate::exact;
use crate::goal::Goal;
use crate::parts::Parts;
use crate::prepared::{Prepared, ScalarSubquery, ScalarValues};
use crate::run::{Subqueries, SubqueryKey, TableReason, meets_or_null};
use crate::shape::{Role, roles};
use datafusion::common::ScalarValue;
use plusminus_dialect::OnMiss;
use plusminus_statistics::{Target, Trust};
use std::sync::Arc;

/// Work, in nanoseconds of the reference machine, up to which a subquery is computed exactly without a thought.
const UNQUESTIONED_NS: f64 = 2e6;

/// The share of a relative error that the value of a subquery may take.
const SHARE_OF_ERROR: f64 = 1.0 / 8.0;

/// The share of the error that is left for the query itself.
const OWN_SHARE_OF_ERROR: f64 = 0.8;

/// The relative error asked of a subquery where the query's own error is absolute.
const ERROR_BESIDE_ABSOLUTE: f64 = 0.01;

/// Subqueries that are estimated at once: the query is answered for every choice of their ends.
const ESTIMATED_MAX: usize = 2;

/// The value of a scalar subquery.
struct Scalar {
    key: SubqueryKey,
    value: ScalarValue,
    /// The ends of its interval, where it is an estimate.
    ends: Option<(ScalarValue, ScalarValue)>,
    trust: Trust,
    rows_read: u64,
}

impl Running {
    /// The answer of a query with scalar subqueries; `None` where there is none, or one of them has no single value.
    pub(super) async fn with_scalars(self: &Arc<Self>) -> Result<Option<Answer>> {
        if !self.goal.is_bounded() || self.prepared.scalars().is_empty() {
            return Ok(None);
        }
        let precision = self.precision().await?;
        let Some(scalars) = self.scalars(precision).await? else { return Ok(None) };
        if scalars.iter().all(|scalar| scalar.ends.is_none()) {
            return self.with_values(&scalars).await.map(Some);
        }
        if let Some(answer) = self.enveloped(&scalars).await? {
            return Ok(Some(answer));
        }
        // Within the values' intervals the answer is too uncertain: the values themselves are computed.
        match self.scalars(Precision::Exact).await? {
            Some(exact) => self.with_values(&exact).await.map(Some),
            None => Ok(None),
        }
    }

    /// The query with the values of its subqueries, to be explained, and what is to be said of these.
    pub(crate) async fn explained_with_scalars(self: &Arc<Self>) -> Result<Option<(Arc<Self>, Vec<String>)>> {
        if !self.goal.is_bounded() || self.prepared.scalars().is_empty() {
            return Ok(None);
        }
        let precision = self.precision().await?;
        let Some(scalars) = self.scalars(precision).await? else { return Ok(None) };
        let sentences = scalars.iter().map(Scalar::sentence).collect();
        Ok(Some((self.filled(&scalars)?, sentences)))
    }

    /// The query with values in the place of its subqueries.
    fn filled(&self, scalars: &[Scalar]) -> Result<Arc<Self>> {
        let clock = &self.session.inner.clock;
        Ok(Arc::new(Self {
            session: self.session.clone(),
            prepared: self.prepared.with_scalars(&values(scalars, |scalar| &scalar.value))?,
            goal: self.goal,
            start: self.start,
            watch: Arc::clone(&self.watch),
            parts: Parts::new(Arc::clone(clock), clock.elapsed()),
            subqueries: Subqueries::default(),
        }))
    }

    /// The query with values that are known.
    async fn with_values(self: &Arc<Self>, scalars: &[Scalar]) -> Result<Answer> {
        self.parts.lap("subqueries");
        let running = self.filled(scalars)?;
        let mut answer = Box::pin(running.answer()).await?;
        self.mark_estimates(&mut answer);
        answer.report.rows_read += rows_read(scalars);
        let own = answer.report.parts;
        answer.report.parts = self.parts.taken();
        answer.report.parts.extend(own);
        Ok(answer)
    }

    /// Whether subqueries are estimated: of many, all choices of their ends would be too many answers.
    async fn precision(&self) -> Result<Precision> {
        let mut estimated = 0;
        for subquery in self.prepared.scalars() {
            estimated += usize::from(self.is_worth_estimating(subquery.prepared(&self.prepared)?).await?);
        }
        Ok(if estimated <= ESTIMATED_MAX { Precision::Estimated } else { Precision::Exact })
    }

    async fn is_worth_estimating(&self, prepared: &Prepared) -> Result<bool> {
        Ok(prepared.shape.is_ok() && prepared.table_work(&self.session).await?.ns > UNQUESTIONED_NS)
    }

    /// A column that is the known value of a subquery over an aggregate is an estimate, which happens to be exact.
    fn mark_estimates(&self, answer: &mut Answer) {
        let roles = roles(&self.prepared.plan);
        for ((column, values), role) in answer.columns.iter_mut().zip(answer.batch.columns()).zip(roles) {
            if role == Role::Estimate && column.bounds.is_none() {
                column.role = role;
                column.bounds = Some(Bounds::exact(values));
            }
        }
    }

    /// The values of all scalar subqueries; `None` where one is not a single value.
    async fn scalars(self: &Arc<Self>, precision: Precision) -> Result<Option<Vec<Scalar>>> {
        let subqueries = self.prepared.scalars();
        let mut found = Vec::with_capacity(subqueries.len());
        for subquery in subqueries {
            match self.scalar(subquery, precision).await? {
                Some(scalar) => found.push(scalar),
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    async fn scalar(self: &Arc<Self>, subquery: &ScalarSubquery, precision: Precision) -> Result<Option<Scalar>> {
        let (key, prepared) = (subquery.key.clone(), subquery.prepared(&self.prepared)?);
        if precision == Precision::Exact || !self.is_worth_estimating(prepared).await? {
            return self.exact_scalar(key, prepared).await;
        }
        let answer = Box::pin(self.part(Arc::clone(prepared), self.goal_of_scalar()).answer()).await?;
        let estimate = answer.columns.first().and_then(|column| column.bounds.as_ref());
        let (Some(bounds), 1) = (estimate, answer.batch.num_rows()) else { return Ok(None) };
        let value = ScalarValue::try_from_array(answer.batch.column(0), 0)?;
        let trust = bounds.trust[0];
        let ends = match trust.is_exact() {
            true => None,
            false => {
                let end = |array| ScalarValue::try_from_array(array, 0);
                let (lower, upper) = (end(&bounds.lower)?, end(&bounds.upper)?);
                // Without both ends nothing bounds the query.
                if lower.is_null() || upper.is_null() {
                    return self.exact_scalar(key, prepared).await;
                }
                Some((lower, upper))
            }
        };
        Ok(Some(Scalar { key, value, ends, trust, rows_read: answer.report.rows_read }))
    }

    async fn exact_scalar(self: &Arc<Self>, key: SubqueryKey, prepared: &Arc<Prepared>) -> Result<Option<Scalar>> {
        let goal = Goal { error: None, within: self.left(), ..self.goal };
        let part = self.part(Arc::clone(prepared), goal);
        part.refuse_what_takes_too_long("a subquery has to be computed exactly").await?;
        let (state, executor) = (prepared.state(), &self.session.inner.executor);
        let rows = prepared.table_work(&self.session).await?.rows;
        let _scan = self.watch.scan_guard();
        let found = exact::run(&prepared.plan, state, executor, |scan| self.watch.scans(scan, rows)).await?;
        let value = match found.batch.num_rows() {
            0 => ScalarValue::try_from(found.batch.schema().field(0).data_type())?,
            1 => ScalarValue::try_from_array(found.batch.column(0), 0)?,
            _ => return Ok(None),
        };
        Ok(Some(Scalar { key, value, ends: None, trust: Trust::Exact, rows_read: found.rows_read }))
    }

    /// What is asked of a subquery's value.
    fn goal_of_scalar(&self) -> Goal {
        let count = self.prepared.scalars().len() + 1;
        let error = self.goal.error.map(|target| match target {
            Target::Relative(error) => Target::Relative(error * SHARE_OF_ERROR),
            Target::Absolute(_) => Target::Relative(ERROR_BESIDE_ABSOLUTE),
        });
        Goal {
            error,
            within: self.left().map(|left| left / u32::try_from(count + 1).unwrap_or(u32::MAX)),
            confidence: self.goal.confidence.for_each_of(count),
            all_groups: false,
            on_miss: if self.goal.on_miss == OnMiss::Report { OnMiss::Report } else { OnMiss::Repair },
        }
    }

    /// A part of this query as a query of its own.
    fn part(self: &Arc<Self>, prepared: Arc<Prepared>, goal: Goal) -> Arc<Self> {
        let clock = &self.session.inner.clock;
        let start = clock.elapsed();
        Arc::new(Self {
            session: self.session.clone(),
            prepared,
            goal,
            start,
            watch: Arc::new(Watch::of_block(&self.watch, Box::new(|_| Ok(())))),
            parts: Parts::new(Arc::clone(clock), start),
            subqueries: Subqueries::default(),
        })
    }

    /// The answer whose intervals hold whatever the values are within theirs; `None` where it misses a bound that the table can keep.
    async fn enveloped(self: &Arc<Self>, scalars: &[Scalar]) -> Result<Option<Answer>> {
        let table_time = self.table_after_parts().await?;
        let corners = corners(scalars);
        let mut answers = Vec::with_capacity(corners.len());
        for values in &corners {
            let ahead = u32::try_from(corners.len() - answers.len()).unwrap_or(u32::MAX);
            let part = self.part(self.prepared.with_scalars(values)?, self.goal_beside_scalars(ahead));
            match part.block_answer().await? {
                Block::Answer(answer) => answers.push(answer),
                Block::Table(reason) => return self.on_table(reason).await.map(Some),
            }
        }
        let doubt = scalars.iter().find_map(|scalar| match scalar.trust {
            Trust::Untrusted(doubt) => Some(doubt),
            _ => None,
        });
        let Some(mut answer) = envelope::of(&answers, doubt)? else { return Ok(None) };
        self.mark_estimates(&mut answer);
        let is_met = answer.report.met == Some(true)
            && self.goal.error.is_none_or(|target| {
                let all = answer.all_estimates();
                all.is_ok_and(|all| all.iter().all(|e| meets_or_null(e, target)))
            });
        answer.report = self.report_of_envelope(&answer, scalars, is_met);
        if let Some(time) = table_time {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Fits(time)).await.map(Some);
        }
        if !is_met && self.goal.reads_table_on_miss() {
            let running = Arc::clone(self);
            let finish = Box::new(move |answer| running.apply_miss_policy(answer, None));
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish })?;
            return Ok(None);
        }
        self.apply_miss_policy(answer, None).map(Some)
    }

    /// What is asked of the query with values of its subqueries, when so many answers are still to come.
    fn goal_beside_scalars(&self, ahead: u32) -> Goal {
        let count = self.prepared.scalars().len() + 1;
        let error = self.goal.error.map(|target| match target {
            Target::Relative(error) => Target::Relative(error * OWN_SHARE_OF_ERROR),
            Target::Absolute(error) => Target::Absolute(error * OWN_SHARE_OF_ERROR),
        });
        let on_miss = match self.goal.on_miss {
            // What misses is computed with the values themselves.
            OnMiss::Repair | OnMiss::Exact if error.is_some() => OnMiss::Exact,
            _ => OnMiss::Report,
        };
        Goal {
            error,
            within: self.left().map(|left| left / ahead.max(1)),
            confidence: self.goal.confidence.for_each_of(count),
            all_groups: self.goal.all_groups,
            on_miss,
        }
    }

    fn report_of_envelope(&self, answer: &Answer, scalars: &[Scalar], is_met: bool) -> Report {
        let of = &answer.report;
        let mut report = self.report(of.mode, &of.reason);
        report.met = Some(is_met && self.in_time());
        report.sample.clone_from(&of.sample);
        (report.level, report.levels, report.rows_total) = (of.level, of.levels, of.rows_total);
        report.rows_read = of.rows_read + rows_read(scalars);
        report.missing_groups_below = of.missing_groups_below;
        report.warnings.clone_from(&of.warnings);
        let estimated = scalars.iter().filter(|scalar| scalar.ends.is_some()).count();
        report.reason.push_str(match estimated {
            1 => "; a subquery was estimated, too, and the intervals hold with it",
            _ => "; subqueries were estimated, too, and the intervals hold with them",
        });
        report.unsettled_ranks.clone_from(&of.unsettled_ranks);
        report.unsettled_members.clone_from(&of.unsettled_members);
        report.unsettled_absent = of.unsettled_absent;
        report.parts = self.parts.taken();
        report
    }
}

/// Whether values of subqueries may be estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Estimated,
    Exact,
}

impl Scalar {
    fn sentence(&self) -> String {
        match &self.ends {
            Some((lower, upper)) => format!("estimated: {} [{lower}, {upper}], {}", self.value, self.trust),
            None => format!("exact: {}", self.value),
        }
    }
}

/// The values of all subqueries as they are, then every choice of ends of those that were estimated.
fn corners(scalars: &[Scalar]) -> Vec<ScalarValues> {
    let estimated = scalars.iter().filter(|scalar| scalar.ends.is_some()).count();
    let corner = |choice: usize| {
        let mut ends = scalars.iter().filter(|scalar| scalar.ends.is_some()).enumerate().map(|(at, scalar)| {
            let upper = choice & (1 << at) != 0;
            scalar.ends.as_ref().map_or(&scalar.value, |ends| if upper { &ends.1 } else { &ends.0 })
        });
        values(scalars, |scalar| match scalar.ends {
            Some(_) => ends.next().unwrap_or(&scalar.value),
            None => &scalar.value,
        })
    };
    std::iter::once(values(scalars, |scalar| &scalar.value)).chain((0..1 << estimated).map(corner)).collect()
}

fn values<'a>(scalars: &'a [Scalar], mut of: impl FnMut(&'a Scalar) -> &'a ScalarValue) -> ScalarValues {
    scalars.iter().map(|scalar| (scalar.key.clone(), of(scalar).clone())).collect()
}

fn rows_read(scalars: &[Scalar]) -> u64 {
    scalars.iter().map(|scalar| scalar.rows_read).sum()
}
