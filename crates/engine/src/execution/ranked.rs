//! Answers queries that rank groups by an estimate.

use super::blocks::Block;
use super::rows::{Combined, combined};
use super::{QueryExecution, ms};
use crate::answer::{Answer, Bounds, Column, Mode, Result};
use crate::bounds::{Best, Goal};
use crate::planning::{Rank, RankKind, Ranked, Source};
use crate::refine::{TableReason, ends_in_order};
use arrow::array::{Array, ArrayRef, UInt32Array, UInt64Array};
use arrow::compute::{SortColumn, cast, lexsort_to_indices, take};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use plusminus_dialect::OnMiss;
use plusminus_plan::Role;
use plusminus_statistics::{Doubt, Target, Trust};
use std::collections::HashMap;
use std::sync::Arc;

impl QueryExecution {
    /// Answers a query with ranks, from estimates that hold for all groups at once and the ranks that follow from their intervals.
    pub(crate) async fn from_ranks(self: &Arc<Self>, ranked: &Arc<Ranked>) -> Result<Option<Answer>> {
        let table_time = self.table_after_parts().await?;
        let on_miss = match self.goal.on_miss {
            // Errors of rows that are not shown do not matter, and with little time an estimate comes first.
            OnMiss::Repair | OnMiss::Exact
                if self.goal.error.is_some() && self.goal.within.is_none() && !ranked.cuts_rows() =>
            {
                OnMiss::Exact
            }
            _ => OnMiss::Report,
        };
        let mut error = self.goal.error;
        let (part, combined) = loop {
            let goal = Goal { error, within: self.left(), on_miss, all_groups: true, ..self.goal };
            let answer = match self.part(Arc::clone(&ranked.block), goal).block_answer().await? {
                Block::Answer(answer) => *answer,
                Block::Table(reason) => return self.on_table(reason).await.map(Some),
            };
            let Some(combined) = ranked.combined(&answer, self.goal.error)? else { return Ok(None) };
            let is_top =
                answer.report.level.zip(answer.report.levels).is_none_or(|(level, levels)| level + 1 >= levels);
            // Estimates within the error may leave ranks open that a higher level settles.
            match error {
                Some(target) if !combined.is_met && !is_top && self.in_time() => error = Some(tighter(target)),
                _ => break (answer, combined),
            }
        };
        self.timings.lap("estimates");
        let answer = self.with_rows(&part, combined);
        let is_met = answer.report.met == Some(true);
        if let Some(time) = table_time.filter(|_| answer.report.mode == Mode::Approximate) {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Fits(time)).await.map(Some);
        }
        if !is_met && self.goal.reads_table_on_miss() && self.table_may_end().await? {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Missed(None)).await.map(Some);
        }
        self.apply_miss_policy(answer, None).map(Some)
    }

    /// The answer of this query with rows that were computed from those of a part of it.
    pub(crate) fn with_rows(&self, part: &Answer, combined: Combined) -> Answer {
        let mut report = self.report(part.report.mode, &part.report.reason);
        report.sample.clone_from(&part.report.sample);
        (report.level, report.levels) = (part.report.level, part.report.levels);
        (report.rows_read, report.rows_total) = (part.report.rows_read, part.report.rows_total);
        report.met = Some(combined.is_met && self.in_time());
        report.missing_groups_below = part.report.missing_groups_below.filter(|_| combined.unsettled.absent == 0);
        report.warnings = super::blocks::notes(&[&part.report]);
        report.warnings.extend(combined.unsettled.sentences());
        report.unsettled_ranks.clone_from(&combined.unsettled.ranks);
        report.unsettled_members.clone_from(&combined.unsettled.members);
        report.unsettled_absent = combined.unsettled.absent;
        (report.parts, report.elapsed_ms) = (self.timings.taken(), ms(self.elapsed()));
        Answer { is_query: true, batch: combined.batch, columns: combined.columns, report }
    }
}

/// A third of an error, which takes nine times the rows.
fn tighter(target: Target) -> Target {
    match target {
        Target::Relative(error) => Target::Relative(error / 3.0),
        Target::Absolute(error) => Target::Absolute(error / 3.0),
    }
}

impl Ranked {
    /// The query's rows; `None` where NULLs, or estimates other than the first sort key, decide the ranks or rows.
    pub(crate) fn combined(&self, answer: &Answer, target: Option<Target>) -> Result<Option<Combined>> {
        let is_complete = answer.report.missing_groups_below == Some(0);
        let mut ranks = Vec::with_capacity(self.ranks.len());
        for rank in &self.ranks {
            match rank.column(answer, is_complete)? {
                Some(column) => ranks.push(column),
                None => return Ok(None),
            }
        }
        let is_chosen = |row: usize, is_in: &dyn Fn(&Places, usize) -> u64| {
            self.chosen.iter().all(|(rank, last)| is_in(&ranks[*rank], row) <= *last)
        };
        let rows = 0..answer.batch.num_rows();
        let kept: Vec<usize> = rows.clone().filter(|row| is_chosen(*row, &|rank, row| rank.value[row])).collect();
        let mut unsettled = answer.clone();
        let is_open = |row: &usize| !is_chosen(*row, &|rank, row| rank.upper[row]);
        unsettled.report.unsettled_members = (0..kept.len()).filter(|at| is_open(&kept[*at])).collect();
        let may_belong =
            |row: usize| !is_chosen(row, &|rank, row| rank.value[row]) && is_chosen(row, &|rank, row| rank.lower[row]);
        unsettled.report.unsettled_absent += rows.filter(|row| may_belong(*row)).count() as u64;
        let both = self.stacked(unsettled, &ranks, &kept)?;
        let settled: Vec<usize> =
            (0..self.columns.len()).filter(|at| matches!(self.columns[*at], Source::Rank(_))).collect();
        combined(&[both], &self.steps, &self.schema, target, &settled)
    }

    /// The query's columns, then those that rows are sorted by, for the rows that are kept.
    fn stacked(&self, answer: Answer, ranks: &[Places], kept: &[usize]) -> Result<Answer> {
        let rows: UInt32Array = kept.iter().map(|row| u32::try_from(*row).ok()).collect();
        let (mut arrays, mut fields, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (number, source) in self.columns.iter().enumerate() {
            let (values, column) = match source {
                Source::Block(at) => {
                    let column = &answer.columns[*at];
                    let bounds = column.bounds.as_ref().map(|bounds| bounds.taken(&rows)).transpose()?;
                    (take(answer.batch.column(*at), &rows, None)?, Column { bounds, ..column.clone() })
                }
                Source::Rank(at) => {
                    let (places, data_type) = (&ranks[*at], &self.ranks[*at].data_type);
                    let array = |ranks: &[u64]| -> Result<ArrayRef> {
                        let all: ArrayRef = Arc::new(UInt64Array::from_iter_values(kept.iter().map(|row| ranks[*row])));
                        Ok(cast(&all, data_type)?)
                    };
                    let values = array(&places.value)?;
                    let trust = kept.iter().map(|row| places.trust[*row]).collect();
                    let bounds = Bounds { lower: array(&places.lower)?, upper: array(&places.upper)?, trust };
                    let name = format!("rank {at}");
                    (values, Column { name, data_type: data_type.clone(), role: Role::Estimate, bounds: Some(bounds) })
                }
            };
            fields.push(Field::new(format!("c{number}"), values.data_type().clone(), true));
            arrays.push(values);
            columns.push(column);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        Ok(Answer { is_query: true, batch, columns, report: answer.report })
    }
}

/// The rank of every row of the block, with the ends of its interval.
struct Places {
    value: Vec<u64>,
    lower: Vec<u64>,
    upper: Vec<u64>,
    trust: Vec<Trust>,
}

impl Rank {
    /// The ranks of the rows of `answer`; `None` where a partition or a further sort key is an estimate, or the first sort key is NULL.
    fn column(&self, answer: &Answer, is_complete: bool) -> Result<Option<Places>> {
        let is_open =
            |at: &usize| answer.columns[*at].bounds.as_ref().is_some_and(|b| !b.trust.iter().all(|t| t.is_exact()));
        let first = self.order[0].0;
        if self.partition.iter().any(is_open)
            || self.order.iter().skip(1).any(|(at, _)| is_open(at))
            || answer.batch.column(first).null_count() > 0
        {
            return Ok(None);
        }
        let rows = answer.batch.num_rows();
        let Some(bounds) = &answer.columns[first].bounds else { return Ok(None) };
        let ascends = !self.order[0].1.descending;
        let intervals: Vec<(f64, f64)> =
            bounds.estimates(answer.batch.column(first))?.iter().map(|e| ends_in_order(e, ascends)).collect();
        let mut places = Places {
            value: vec![1; rows],
            lower: vec![1; rows],
            upper: vec![1; rows],
            trust: vec![Trust::Exact; rows],
        };
        for members in self.partitions(answer)? {
            let doubt = members.iter().find_map(|row| match bounds.trust[*row] {
                Trust::Untrusted(doubt) => Some(doubt),
                _ => None,
            });
            let is_exact = members.iter().all(|row| bounds.trust[*row].is_exact());
            self.value(answer, &members, &mut places.value)?;
            if !is_exact {
                self.ends(&members, &intervals, &mut places);
            }
            for row in &members {
                if is_exact {
                    (places.lower[*row], places.upper[*row]) = (places.value[*row], places.value[*row]);
                }
                places.trust[*row] = match (doubt, is_complete, is_exact) {
                    (_, false, _) => Trust::Untrusted(Doubt::NoRows),
                    (Some(doubt), true, _) => Trust::Untrusted(doubt),
                    (None, true, true) => Trust::Exact,
                    (None, true, false) => Trust::Trusted,
                };
            }
        }
        Ok(Some(places))
    }

    /// The rows of each partition.
    fn partitions(&self, answer: &Answer) -> Result<Vec<Vec<usize>>> {
        let rows = answer.batch.num_rows();
        if self.partition.is_empty() {
            return Ok(vec![(0..rows).collect()]);
        }
        let arrays: Vec<ArrayRef> = self.partition.iter().map(|at| Arc::clone(answer.batch.column(*at))).collect();
        let fields = arrays.iter().map(|values| SortField::new(values.data_type().clone())).collect();
        let keys = RowConverter::new(fields)?.convert_columns(&arrays)?;
        let mut found: HashMap<OwnedRow, Vec<usize>> = HashMap::new();
        for (row, key) in keys.iter().enumerate() {
            found.entry(key.owned()).or_default().push(row);
        }
        Ok(found.into_values().collect())
    }

    /// Computes ranks from the estimates themselves.
    fn value(&self, answer: &Answer, members: &[usize], ranks: &mut [u64]) -> Result<()> {
        let rows: UInt32Array = members.iter().map(|row| u32::try_from(*row).ok()).collect();
        let mut columns = Vec::with_capacity(self.order.len());
        for (at, options) in &self.order {
            columns.push(SortColumn { values: take(answer.batch.column(*at), &rows, None)?, options: Some(*options) });
        }
        let sorted = lexsort_to_indices(&columns, None)?;
        let fields = columns.iter().map(|c| SortField::new(c.values.data_type().clone())).collect();
        let arrays: Vec<ArrayRef> = columns.iter().map(|c| Arc::clone(&c.values)).collect();
        let keys = RowConverter::new(fields)?.convert_columns(&arrays)?;
        let (mut rank, mut dense, mut before) = (0, 0, None);
        for (place, at) in (1_u64..).zip(sorted.values()) {
            let key = keys.row(*at as usize);
            if before != Some(key) {
                (rank, dense) = (place, dense + 1);
            }
            before = Some(key);
            ranks[members[*at as usize]] = match self.kind {
                RankKind::Rank => rank,
                RankKind::Dense => dense,
                RankKind::Row => place,
            };
        }
        Ok(())
    }

    /// Computes the lowest and highest rank that the intervals allow; larger values come first in `intervals`.
    fn ends(&self, members: &[usize], intervals: &[(f64, f64)], places: &mut Places) {
        let mut lows: Vec<f64> = members.iter().map(|row| intervals[*row].0).collect();
        let mut highs: Vec<f64> = members.iter().map(|row| intervals[*row].1).collect();
        lows.sort_unstable_by(f64::total_cmp);
        highs.sort_unstable_by(f64::total_cmp);
        let count = members.len();
        for row in members {
            let (low, high) = intervals[*row];
            let above = (count - lows.partition_point(|other| *other <= high)) as u64;
            // The row itself is among those that reach its lower end.
            let reach = (count - highs.partition_point(|other| *other < low)) as u64;
            let lower = match self.kind {
                RankKind::Dense => 1 + above.min(1),
                RankKind::Rank | RankKind::Row => 1 + above,
            };
            let own = places.value[*row];
            (places.lower[*row], places.upper[*row]) = (lower.min(own), reach.max(own));
        }
    }
}
