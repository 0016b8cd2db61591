//! Answers as flat Arrow batches: intervals as columns of their own, the report as metadata.

use super::{Answer, Column, Mode, Report, Result};
use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use plusminus_plan::Role;
use plusminus_statistics::{Estimate, Trust, absolute_error, relative_error};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// Schema metadata: the report as JSON.
const REPORT: &str = "plusminus.report";
/// Field metadata: `key`, `estimate`, `value`, `lower`, `upper` or `trust`.
const ROLE: &str = "plusminus.role";
/// Field metadata of a bound or a trust: the name of the estimate's column.
const OF: &str = "plusminus.of";
/// Field metadata of estimates and bounds: the confidence, 0 to 1.
const CONFIDENCE: &str = "plusminus.confidence";

/// Which answers have columns for their intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorColumns {
    /// Answers with a number that is not exact.
    #[default]
    WhereEstimated,
    /// Answers with a column that is computed from an aggregate.
    Always,
    /// No answer.
    Never,
}

impl Answer {
    /// The query's rows as one batch: its own columns first, unrounded, then for each estimate `x` the columns `x_lo` and `x_hi` in its
    /// type and `x_trust` (`exact`, `trusted` or `untrusted`). A name that is taken gets `_2`.
    ///
    /// Schema metadata `plusminus.report` has the report as JSON, field metadata `plusminus.role`, `plusminus.of` and
    /// `plusminus.confidence` say what a column is.
    ///
    /// # Errors
    /// [`super::Error::Data`] when Arrow refuses the columns.
    pub fn flat(&self, errors: ErrorColumns) -> Result<RecordBatch> {
        let has_columns = match errors {
            ErrorColumns::WhereEstimated => self.columns.iter().any(is_estimated),
            ErrorColumns::Always => true,
            ErrorColumns::Never => false,
        };
        let confidence = self.report.confidence.to_string();
        let mut flat = Flat { fields: Vec::new(), arrays: Vec::new() };
        for (column, values) in self.columns.iter().zip(self.batch.columns()) {
            let mut metadata = vec![(ROLE, column.role.to_string())];
            if column.role == Role::Estimate {
                metadata.push((CONFIDENCE, confidence.clone()));
            }
            flat.push(column.name.clone(), values, metadata);
        }
        for column in self.columns.iter().filter(|column| has_columns && column.role == Role::Estimate) {
            let Some(bounds) = &column.bounds else { continue };
            for (suffix, role, values) in [("lo", "lower", &bounds.lower), ("hi", "upper", &bounds.upper)] {
                let metadata =
                    vec![(ROLE, role.to_owned()), (OF, column.name.clone()), (CONFIDENCE, confidence.clone())];
                flat.push(flat.free_name(&format!("{}_{suffix}", column.name)), values, metadata);
            }
            let trust: ArrayRef = Arc::new(bounds.trust.iter().map(|t| Some(trust_word(*t))).collect::<StringArray>());
            let metadata = vec![(ROLE, "trust".to_owned()), (OF, column.name.clone())];
            flat.push(flat.free_name(&format!("{}_trust", column.name)), &trust, metadata);
        }
        let metadata = HashMap::from([(REPORT.to_owned(), self.report.to_json())]);
        let schema = Arc::new(Schema::new(flat.fields).with_metadata(metadata));
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema, flat.arrays, &options)?)
    }

    /// The largest error of any estimate if the truth is anywhere in its interval, as a fraction, or in the column's unit where the stated
    /// bound is absolute. It never exceeds a stated bound that is met.
    ///
    /// `None` without an estimate, or where an estimate has no such error: without both ends, or relative to an interval that holds 0.
    #[must_use]
    pub fn error_reached(&self) -> Option<f64> {
        let is_relative = self.report.error_bound.is_none() || self.report.error_is_relative;
        let mut largest: Option<f64> = None;
        for column in self.columns.iter().filter(|column| column.role == Role::Estimate) {
            for cell in self.cells(&column.name).ok()?.into_iter().filter(|cell| !cell.estimate.is_nan()) {
                let end = |end: f64| Some(end).filter(|end| !end.is_nan());
                let estimate = Estimate {
                    value: Some(cell.estimate),
                    lower: end(cell.lower),
                    upper: end(cell.upper),
                    trust: cell.trust,
                };
                // Ends that rounding has brought together have no width.
                let has_width = cell.lower < cell.upper || cell.lower.is_nan() || cell.upper.is_nan();
                let error = match has_width {
                    false => Some(0.0),
                    true if is_relative => relative_error(&estimate),
                    true => absolute_error(&estimate),
                };
                largest = Some(largest.unwrap_or(0.0).max(error?));
            }
        }
        let limit = self.report.error_bound.filter(|_| self.report.met == Some(true));
        largest.map(|largest| limit.map_or(largest, |limit| largest.min(limit)))
    }

    /// The answer with other names for some of its columns; `None` leaves a name as it is.
    pub(crate) fn renamed(mut self, names: &[Option<String>]) -> Self {
        if names.len() != self.columns.len() || names.iter().all(Option::is_none) {
            return self;
        }
        let schema = self.batch.schema();
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        for ((field, column), name) in fields.iter_mut().zip(&mut self.columns).zip(names) {
            let Some(name) = name else { continue };
            field.set_name(name);
            column.name.clone_from(name);
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        // Only names differ, so that the columns fit.
        if let Ok(batch) = self.batch.clone().with_schema(schema) {
            self.batch = batch;
        }
        self
    }
}

fn is_estimated(column: &Column) -> bool {
    let bounds = column.bounds.as_ref().filter(|_| column.role == Role::Estimate);
    bounds.is_some_and(|bounds| bounds.trust.iter().any(|trust| *trust != Trust::Exact))
}

fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Exact => "exact",
        Trust::Trusted => "trusted",
        Trust::Untrusted(_) => "untrusted",
    }
}

/// Columns of a flat batch so far.
struct Flat {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Flat {
    fn push(&mut self, name: String, values: &ArrayRef, metadata: Vec<(&str, String)>) {
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        self.fields.push(Field::new(name, values.data_type().clone(), true).with_metadata(metadata));
        self.arrays.push(Arc::clone(values));
    }

    /// `name`, or `name_2`, `name_3`, … where it is taken.
    fn free_name(&self, name: &str) -> String {
        let is_taken = |name: &str| self.fields.iter().any(|field| field.name() == name);
        let numbered = (2..=self.fields.len() + 2).map(|number| format!("{name}_{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }
}

/// The report with its fields in the documented order.
#[derive(Serialize)]
struct ReportDocument<'a> {
    mode: &'static str,
    confidence: f64,
    error_bound: Option<f64>,
    within_ms: Option<f64>,
    met: Option<bool>,
    sample: Option<&'a str>,
    level: Option<usize>,
    levels: Option<usize>,
    rows_read: u64,
    rows_total: Option<u64>,
    missing_groups_below: Option<u64>,
    elapsed_ms: f64,
    reason: &'a str,
    warnings: &'a [String],
    unsettled_ranks: &'a [usize],
    unsettled_members: &'a [usize],
}

impl Report {
    /// The report as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = ReportDocument {
            mode: if self.mode == Mode::Exact { "exact" } else { "approximate" },
            confidence: self.confidence,
            error_bound: self.error_bound,
            within_ms: self.within_ms,
            met: self.met,
            sample: self.sample.as_deref(),
            level: self.level,
            levels: self.levels,
            rows_read: self.rows_read,
            rows_total: self.rows_total,
            missing_groups_below: self.missing_groups_below,
            elapsed_ms: self.elapsed_ms,
            reason: &self.reason,
            warnings: &self.warnings,
            unsettled_ranks: &self.unsettled_ranks,
            unsettled_members: &self.unsettled_members,
        };
        // Numbers, texts and lists of both have a form in JSON.
        serde_json::to_string(&document).unwrap_or_default()
    }
}
