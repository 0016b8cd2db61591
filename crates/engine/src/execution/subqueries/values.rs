//! Values of subqueries: computed exactly where that is cheap, otherwise estimated.

use super::super::blocks::Block;
use crate::answer::{Answer, Error, Mode, Result};
use crate::bounds::Goal;
use crate::execution::QueryExecution;
use crate::planning::{Kind, PlannedQuery, PreparedSubquery, SubqueryKey, SubqueryValue, SubqueryValues};
use crate::runtime::exact;
use crate::samples::NO_COMPARISON_BELOW_NS;
use datafusion::common::ScalarValue;
use plusminus_dialect::OnMiss;
use plusminus_plan::{Monotone, literal_number};
use plusminus_statistics::{Doubt, Target, Trust};
use std::sync::Arc;

/// Share of a relative error that the value of a subquery may take.
const SHARE_OF_ERROR: f64 = 0.25;

/// Relative error for a subquery where the query's own error bound is absolute.
const ERROR_BESIDE_ABSOLUTE: f64 = 0.01;

/// Scalars that are estimated at once, at most: the query is answered for every combination of their ends.
const ESTIMATED_MAX: usize = 2;
/// Scalars that are estimated at once where nothing else is asked for, so that a combination of ends costs next to nothing.
const ESTIMATED_ALONE_MAX: usize = 4;
/// Share of a relative error that all scalars together may take where nothing else is asked for.
const SHARE_ALONE: f64 = 0.9;

/// Members of a list above which it stays a subquery.
const MEMBERS_MAX: usize = 1_000;

/// Error bound for the numbers that choose members; none of them is shown, and only the settled choice counts.
const ERROR_OF_MEMBERS: Target = Target::Relative(0.05);

/// The value of a subquery.
pub(crate) struct EvaluatedSubquery {
    key: SubqueryKey,
    value: SubqueryValue,
    /// The ends of its interval, for an estimated scalar.
    ends: Option<(SubqueryValue, SubqueryValue)>,
    trust: Trust,
    /// How the query depends on it, for an estimated scalar.
    monotone: Option<Monotone>,
    /// The sample or table that answered it, for an estimated scalar.
    answered_by: Option<String>,
    rows_read: u64,
}

/// Whether values of subqueries may be estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Estimated,
    Exact,
}

/// The values of all subqueries that have one.
pub(crate) struct Values(pub(crate) Vec<EvaluatedSubquery>);

impl QueryExecution {
    /// Whether subqueries may be estimated: many scalars would have too many combinations of ends.
    pub(crate) async fn precision(&self) -> Result<Precision> {
        let mut estimated = 0;
        for subquery in self.prepared.subqueries().iter().filter(|subquery| subquery.kind == Kind::Scalar) {
            estimated += usize::from(self.is_worth_estimating(subquery).await?);
        }
        let most = if self.prepared.is_of_scalars() { ESTIMATED_ALONE_MAX } else { ESTIMATED_MAX };
        Ok(if estimated <= most { Precision::Estimated } else { Precision::Exact })
    }

    async fn is_worth_estimating(&self, subquery: &PreparedSubquery) -> Result<bool> {
        if subquery.kind == Kind::Scalar && subquery.monotone.is_none() {
            return Ok(false);
        }
        let prepared = subquery.prepared(&self.prepared)?;
        Ok(prepared.query.is_ok() && prepared.table_work(&self.env).await?.ns > NO_COMPARISON_BELOW_NS)
    }

    /// Computes or estimates the values of subqueries; subqueries without a value stay in place.
    pub(crate) async fn values_of_subqueries(self: &Arc<Self>, precision: Precision) -> Result<Values> {
        let mut found = Vec::new();
        for subquery in self.prepared.subqueries() {
            let prepared = subquery.prepared(&self.prepared)?;
            let is_estimated = precision == Precision::Estimated && self.is_worth_estimating(subquery).await?;
            found.extend(match (subquery.kind, is_estimated) {
                (Kind::Scalar, true) => self.estimated_scalar(subquery, prepared).await?,
                (Kind::Scalar, false) => self.exact_scalar(subquery, prepared).await?,
                (_, true) => self.estimated_members(subquery, prepared).await?,
                (_, false) => None,
            });
        }
        Ok(Values(found))
    }

    async fn estimated_scalar(
        self: &Arc<Self>,
        subquery: &PreparedSubquery,
        prepared: &Arc<PlannedQuery>,
    ) -> Result<Option<EvaluatedSubquery>> {
        #[expect(clippy::cast_precision_loss, reason = "a number of subqueries")]
        let share = match self.prepared.is_of_scalars() {
            true => SHARE_ALONE / self.prepared.subqueries().len() as f64,
            false => SHARE_OF_ERROR,
        };
        let error = self.goal.error.map(|target| match target {
            Target::Relative(error) => Target::Relative(error * share),
            Target::Absolute(_) => Target::Relative(ERROR_BESIDE_ABSOLUTE),
        });
        // With little time an answer comes first, however uncertain the value.
        let is_estimate = self.goal.on_miss == OnMiss::Report || self.goal.within.is_some();
        let on_miss = if is_estimate { OnMiss::Report } else { OnMiss::Repair };
        let part = self.part(Arc::clone(prepared), Goal { error, on_miss, ..self.goal_of_subquery() });
        let answer = match Box::pin(part.answer()).await {
            // It does not end in its share of the time, but an exact run may end in all of it.
            Err(Error::BoundMissed { answer: None, .. }) => return self.exact_scalar(subquery, prepared).await,
            done => done?,
        };
        let bounds = answer.columns.first().and_then(|column| column.bounds.as_ref());
        let (Some(bounds), 1) = (bounds, answer.batch.num_rows()) else {
            return self.exact_scalar(subquery, prepared).await;
        };
        let first = |array| ScalarValue::try_from_array(array, 0);
        let (value, trust) = (first(answer.batch.column(0))?, bounds.trust[0]);
        let (lower, upper) = (first(&bounds.lower)?, first(&bounds.upper)?);
        let ends = match trust.is_exact() {
            true => None,
            // Without both ends nothing bounds the query.
            false if lower.is_null() || upper.is_null() => return self.exact_scalar(subquery, prepared).await,
            // Nor does an interval that contains 0 where the query divides by the value.
            false if subquery.monotone.as_ref().is_some_and(|m| m.divides) && !have_one_sign(&lower, &upper) => {
                return self.exact_scalar(subquery, prepared).await;
            }
            false => Some((SubqueryValue::Scalar(lower), SubqueryValue::Scalar(upper))),
        };
        let value = SubqueryValue::Scalar(value);
        let (key, monotone) = (subquery.key.clone(), subquery.monotone.clone());
        let (answered_by, rows_read) = (Some(answer.report.reason), answer.report.rows_read);
        Ok(Some(EvaluatedSubquery { key, value, ends, trust, monotone, answered_by, rows_read }))
    }

    async fn exact_scalar(
        self: &Arc<Self>,
        subquery: &PreparedSubquery,
        prepared: &Arc<PlannedQuery>,
    ) -> Result<Option<EvaluatedSubquery>> {
        let part = self.part(Arc::clone(prepared), Goal { error: None, within: self.left(), ..self.goal });
        part.refuse_what_takes_too_long("a subquery has to be computed exactly").await?;
        let (state, executor) = (prepared.state(), &self.env.executor);
        let rows = prepared.table_work(&self.env).await?.rows;
        let _scan = self.watch.scan_guard();
        let found = exact::run(&prepared.plan, state, executor, |scan| self.watch.scans(scan, rows)).await?;
        let value = SubqueryValue::Scalar(match found.batch.num_rows() {
            0 => ScalarValue::try_from(found.batch.schema().field(0).data_type())?,
            1 => ScalarValue::try_from_array(found.batch.column(0), 0)?,
            _ => return Ok(None),
        });
        let (trust, rows_read) = (Trust::Exact, found.rows_read);
        let key = subquery.key.clone();
        Ok(Some(EvaluatedSubquery { key, value, ends: None, trust, monotone: None, answered_by: None, rows_read }))
    }

    /// Members of a list that an estimate chooses; `None` where the intervals do not settle the choice or a group may be missing.
    async fn estimated_members(
        self: &Arc<Self>,
        subquery: &PreparedSubquery,
        prepared: &Arc<PlannedQuery>,
    ) -> Result<Option<EvaluatedSubquery>> {
        let goal = Goal { error: Some(ERROR_OF_MEMBERS), on_miss: OnMiss::Exact, ..self.goal_of_subquery() };
        let Block::Answer(answer) = self.part(Arc::clone(prepared), goal).block_answer().await? else {
            return Ok(None);
        };
        let is_exact = answer.report.mode == Mode::Exact;
        let is_settled = answer.report.met == Some(true) && answer.report.missing_groups_below == Some(0);
        if !(is_exact || is_settled) || answer.batch.num_rows() > MEMBERS_MAX {
            return Ok(None);
        }
        let value = SubqueryValue::Members(members(&answer)?);
        let trust = if is_exact { Trust::Exact } else { Trust::Trusted };
        let (key, rows_read) = (subquery.key.clone(), answer.report.rows_read);
        Ok(Some(EvaluatedSubquery { key, value, ends: None, trust, monotone: None, answered_by: None, rows_read }))
    }

    /// The goal of one subquery beside the others and the query itself.
    fn goal_of_subquery(&self) -> Goal {
        let parts = self.prepared.subqueries().len() + 1;
        Goal {
            within: self.left().map(|left| left / u32::try_from(parts + 1).unwrap_or(u32::MAX)),
            confidence: self.goal.confidence.for_each_of(parts),
            all_groups: false,
            ..self.goal
        }
    }
}

fn have_one_sign(lower: &ScalarValue, upper: &ScalarValue) -> bool {
    let number = |value: &ScalarValue| literal_number(value).unwrap_or(0.0);
    number(lower) > 0.0 || number(upper) < 0.0
}

fn members(answer: &Answer) -> Result<Vec<ScalarValue>> {
    let column = answer.batch.column(0);
    Ok((0..column.len()).map(|row| ScalarValue::try_from_array(column, row)).collect::<Result<_, _>>()?)
}

impl Values {
    pub(crate) fn are_exact(&self) -> bool {
        self.0.iter().all(|found| found.trust.is_exact())
    }

    /// Whether no value has an interval, so that every inexact value is a list and there is a single answer.
    pub(crate) fn have_no_ends(&self) -> bool {
        self.0.iter().all(|found| found.ends.is_none())
    }

    /// For each of `count` columns, whether it depends on a value that is not known exactly.
    pub(crate) fn dependent(&self, count: usize) -> Vec<bool> {
        let depends = |at: usize| {
            self.0.iter().any(|found| match &found.monotone {
                _ if found.trust.is_exact() => false,
                Some(monotone) => monotone.rows || monotone.columns.get(at).copied().unwrap_or(true),
                None => true,
            })
        };
        (0..count).map(depends).collect()
    }

    pub(crate) fn rows_read(&self) -> u64 {
        self.0.iter().map(|found| found.rows_read).sum()
    }

    /// Number of values that are not exact.
    pub(crate) fn estimated(&self) -> usize {
        self.0.iter().filter(|found| !found.trust.is_exact()).count()
    }

    pub(crate) fn doubt(&self) -> Option<Doubt> {
        self.0.iter().find_map(|found| match found.trust {
            Trust::Untrusted(doubt) => Some(doubt),
            _ => None,
        })
    }

    /// The values themselves, without their intervals.
    pub(crate) fn central(&self) -> SubqueryValues {
        self.0.iter().map(|found| (found.key.clone(), found.value.clone())).collect()
    }

    /// The values themselves, then every combination of ends of those that have an interval.
    pub(crate) fn corners(&self) -> Vec<SubqueryValues> {
        let mut corners = vec![self.central()];
        let with_ends: Vec<_> = self.0.iter().filter_map(|found| Some((&found.key, found.ends.as_ref()?))).collect();
        if with_ends.is_empty() {
            return corners;
        }
        for choice in 0..1_usize << with_ends.len() {
            let mut corner = self.central();
            for (at, (key, (lower, upper))) in with_ends.iter().enumerate() {
                let end = if choice & (1 << at) != 0 { upper } else { lower };
                corner.insert((*key).clone(), end.clone());
            }
            corners.push(corner);
        }
        corners
    }

    /// The samples and tables that answered the subqueries, each sentence once.
    pub(crate) fn answered_by(&self) -> String {
        let mut all: Vec<&str> = Vec::new();
        for own in self.0.iter().map(|found| found.answered_by.as_deref().unwrap_or("exact")) {
            if !all.contains(&own) {
                all.push(own);
            }
        }
        format!("{} subqueries: {}", self.0.len(), all.join("; "))
    }

    /// A sentence for EXPLAIN on each value.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let sentence = |found: &EvaluatedSubquery| match (&found.ends, found.trust) {
            (Some((lower, upper)), trust) => format!("estimated: {} [{lower}, {upper}], {trust}", found.value),
            (None, Trust::Exact) => format!("exact: {}", found.value),
            (None, _) => format!("settled by intervals: {}", found.value),
        };
        self.0.iter().map(sentence).collect()
    }
}
