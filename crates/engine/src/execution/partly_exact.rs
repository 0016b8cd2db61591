//! Answers queries of which some aggregates are estimated and the others computed on the table.

use super::QueryExecution;
use super::blocks::Block;
use super::rows::{Combined, combined};
use crate::answer::{Answer, Column, Mode, Result};
use crate::bounds::Goal;
use crate::planning::{ExactAggregates, PartlyExact, Side};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use plusminus_dialect::OnMiss;
use plusminus_plan::Reason;
use plusminus_statistics::Target;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest share of the whole exact answer's work for which computing some aggregates alone is worth while.
const WORTH_SHARE: f64 = 0.7;

impl QueryExecution {
    /// Answers a query with aggregates of both kinds, where computing some of them exactly is less work than all; `reason` says why not
    /// all were estimated.
    pub(crate) async fn from_both(
        self: &Arc<Self>,
        exact_aggregates: ExactAggregates,
        reason: &Reason,
    ) -> Result<Option<Answer>> {
        let Some(partly_exact) = self.prepared.partly_exact(exact_aggregates).filter(|_| self.goal.is_bounded()) else {
            return Ok(None);
        };
        let partly_exact = Arc::clone(partly_exact);
        let part = partly_exact.exact.table_work(&self.env).await?.ns;
        let whole = self.prepared.table_work(&self.env).await?.ns;
        if part > WORTH_SHARE * whole || self.table_after_parts().await?.is_some() {
            return Ok(None);
        }
        let estimated = self.part(Arc::clone(&partly_exact.estimated), self.goal_beside_table(&partly_exact));
        let Block::Answer(estimated) = estimated.block_answer().await? else { return Ok(None) };
        let exact = self.part(Arc::clone(&partly_exact.exact), Goal { error: None, within: self.left(), ..self.goal });
        let exact = exact.exact(reason.clone()).await?;
        let Some(combined) = partly_exact.combined(&estimated, &exact, self.goal.error)? else { return Ok(None) };
        self.timings.lap("estimates and exact aggregates");
        let mut answer = self.with_rows(&estimated, combined);
        let report = &mut answer.report;
        report.rows_read += exact.report.rows_read;
        // The table has every group.
        report.missing_groups_below = Some(0).filter(|_| report.unsettled_absent == 0);
        let (why, how) = (&reason.0, &estimated.report.reason);
        report.reason = match report.mode {
            Mode::Exact => format!("{why}; the others: {how}"),
            Mode::Approximate => format!("{how}; beside it the table, since {why}"),
        };
        self.apply_miss_policy(answer, None).map(Some)
    }

    /// The goal of the block whose aggregates are estimated.
    fn goal_beside_table(&self, partly_exact: &PartlyExact) -> Goal {
        let on_miss = match self.goal.on_miss {
            OnMiss::Repair | OnMiss::Exact if self.goal.error.is_some() => OnMiss::Exact,
            _ => OnMiss::Report,
        };
        let within = self.left().map(|left| left / 4);
        Goal { within, on_miss, all_groups: self.goal.all_groups || partly_exact.cuts_rows(), ..self.goal }
    }
}

impl PartlyExact {
    /// The query's rows: those of the exact block with the estimates of the other; `None` where one row has no estimate.
    pub(crate) fn combined(
        &self,
        estimated: &Answer,
        exact: &Answer,
        target: Option<Target>,
    ) -> Result<Option<Combined>> {
        let Some(places) = places(&self.keys_of(estimated), &self.keys_of(exact), exact.batch.num_rows())? else {
            return Ok(None);
        };
        let (mut arrays, mut fields, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (side, at)) in self.columns.iter().enumerate() {
            let (values, column) = match side {
                Side::Exact => (Arc::clone(exact.batch.column(*at)), exact.columns[*at].clone()),
                Side::Estimated => {
                    let column = &estimated.columns[*at];
                    let bounds = column.bounds.as_ref().map(|bounds| bounds.taken(&places)).transpose()?;
                    (take(estimated.batch.column(*at), &places, None)?, Column { bounds, ..column.clone() })
                }
            };
            fields.push(Field::new(format!("c{number}"), values.data_type().clone(), true));
            arrays.push(values);
            columns.push(column);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        let both = Answer { is_query: true, batch, columns, report: estimated.report.clone() };
        combined(&[both], &self.steps, &self.schema, target, &[])
    }

    fn keys_of(&self, answer: &Answer) -> Vec<ArrayRef> {
        let columns = answer.batch.columns();
        columns[columns.len() - self.keys..].to_vec()
    }
}

/// For each row of the exact block, the row of the estimated block with the same keys; `None` where one row has none.
fn places(estimated: &[ArrayRef], exact: &[ArrayRef], rows: usize) -> Result<Option<UInt32Array>> {
    if exact.is_empty() {
        return Ok((rows == 1).then(|| UInt32Array::from(vec![0])));
    }
    let fields = exact.iter().map(|values| SortField::new(values.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let (estimated, exact) = (converter.convert_columns(estimated)?, converter.convert_columns(exact)?);
    let known: HashMap<_, u32> = estimated.iter().zip(0..).collect();
    Ok(exact.iter().map(|row| known.get(&row).copied()).collect::<Option<Vec<u32>>>().map(UInt32Array::from))
}
