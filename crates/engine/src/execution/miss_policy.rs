//! ON MISS FAIL and ON MISS OMIT, which apply to the final answer alone.

use super::QueryExecution;
use crate::answer::{Answer, Error, Result};
use crate::bounds::meets_or_null;
use arrow::array::BooleanArray;
use arrow::compute::nullif;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use plusminus_dialect::OnMiss;
use plusminus_statistics::{Doubt, Estimate, Trust};
use std::sync::Arc;

impl QueryExecution {
    /// Applies ON MISS to an answer that missed a bound. `intervals` are those of the answer's columns before they were rounded to their
    /// types, `None` where only the rounded ones are known.
    pub(crate) fn apply_miss_policy(
        &self,
        answer: Answer,
        intervals: Option<&[Option<Vec<Estimate>>]>,
    ) -> Result<Answer> {
        if answer.report.met != Some(false) {
            return Ok(answer);
        }
        match self.goal.on_miss {
            OnMiss::Fail => Err(self.failure(answer)),
            OnMiss::Omit => self.omit(answer, intervals),
            _ => Ok(answer),
        }
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

    /// Sets estimates that missed the error to NULL.
    fn omit(&self, mut answer: Answer, intervals: Option<&[Option<Vec<Estimate>>]>) -> Result<Answer> {
        let Some(target) = self.goal.error else { return Ok(answer) };
        let mut arrays = answer.batch.columns().to_vec();
        for (at, (column, array)) in answer.columns.iter_mut().zip(&mut arrays).enumerate() {
            let Some(bounds) = &mut column.bounds else { continue };
            let misses = |e: &Estimate| Some(!meets_or_null(e, target));
            let missed: BooleanArray = match intervals.map(|all| all.get(at)) {
                Some(Some(Some(own))) => own.iter().map(misses).collect(),
                Some(_) => continue,
                None => bounds.estimates(array)?.iter().map(misses).collect(),
            };
            for array in [array, &mut bounds.lower, &mut bounds.upper] {
                *array = nullif(array, &missed)?;
            }
            for (trust, missed) in bounds.trust.iter_mut().zip(&missed) {
                if missed == Some(true) {
                    *trust = Trust::Untrusted(Doubt::Omitted);
                }
            }
        }
        let schema = answer.batch.schema();
        let fields: Vec<_> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
        answer.batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        Ok(answer)
    }
}
