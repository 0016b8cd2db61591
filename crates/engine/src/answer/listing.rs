//! Answers that are listings of samples or one-line messages.

use super::error::Result;
use super::{Answer, Mode, Report, exact_columns};
use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use plusminus_catalog::{Design, Manifest};
use plusminus_plan::{Role, is_matched_column, shown_column};
use std::sync::Arc;

/// A report for a statement that is no query.
pub(crate) fn plain_report(reason: &str) -> Report {
    Report {
        mode: Mode::Exact,
        confidence: 0.95,
        error_bound: None,
        error_is_relative: true,
        within_ms: None,
        met: None,
        sample: None,
        level: None,
        levels: None,
        rows_read: 0,
        rows_total: None,
        missing_groups_below: Some(0),
        elapsed_ms: 0.0,
        parts: Vec::new(),
        reason: reason.to_owned(),
        warnings: Vec::new(),
        unsettled_ranks: Vec::new(),
        unsettled_members: Vec::new(),
        unsettled_absent: 0,
    }
}

/// An answer made of exact values.
pub(crate) fn values(columns: Vec<(&str, ArrayRef)>, reason: &str) -> Result<Answer> {
    let fields: Vec<Field> = columns.iter().map(|(name, a)| Field::new(*name, a.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
    let roles = vec![Role::Value; batch.num_columns()];
    Ok(Answer {
        is_query: false,
        columns: exact_columns(&batch, &roles, &vec![false; batch.num_columns()]),
        batch,
        report: plain_report(reason),
    })
}

/// An answer with one line of text.
pub(crate) fn message(text: &str) -> Answer {
    let schema = Arc::new(Schema::new(vec![Field::new("status", DataType::Utf8, false)]));
    let column: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let batch =
        RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap_or_else(|_| RecordBatch::new_empty(schema));
    Answer {
        is_query: false,
        columns: exact_columns(&batch, &[Role::Value], &[false]),
        batch,
        report: plain_report(text),
    }
}

/// The answer to SHOW SAMPLES, one row per sample; `states` say whether each is fresh or stale.
pub(crate) fn samples<M: AsRef<Manifest>>(families: &[M], states: &[String]) -> Result<Answer> {
    let text = |f: &dyn Fn(&Manifest) -> String| -> ArrayRef {
        Arc::new(families.iter().map(|m| Some(f(m.as_ref()))).collect::<StringArray>())
    };
    let number = |f: &dyn Fn(&Manifest) -> u64| -> ArrayRef {
        Arc::new(families.iter().map(|m| Some(f(m.as_ref()))).collect::<UInt64Array>())
    };
    values(
        vec![
            ("sample", text(&|m| m.name.clone())),
            ("table", text(&|m| m.design.table.clone())),
            ("stratified_by", text(&|m| shown_columns(&m.design.stratified_by).join(", "))),
            ("universe_on", text(&|m| m.design.universe.clone().unwrap_or_default())),
            ("tail", text(&|m| m.design.tail.join(", "))),
            ("strata", number(&|m| m.strata_count)),
            ("rows", number(&Manifest::sampled_rows)),
            ("of_rows", number(&|m| m.base.rows)),
            ("levels", number(&|m| m.levels.len() as u64)),
            ("bytes", number(&Manifest::bytes)),
            ("generation", number(&|m| m.generation)),
            ("state", Arc::new(states.iter().map(Some).collect::<StringArray>())),
        ],
        "samples in the store",
    )
}

/// The answer to DESCRIBE SAMPLE, one row per level.
pub(crate) fn family(manifest: &Manifest) -> Result<Answer> {
    let levels = manifest.levels.len();
    let cumulative = manifest.rows_by_level();
    let number =
        |f: &dyn Fn(usize) -> u64| -> ArrayRef { Arc::new((0..levels).map(|l| Some(f(l))).collect::<UInt64Array>()) };
    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
    let share = cumulative.iter().map(|rows| Some(100.0 * *rows as f64 / manifest.base.rows.max(1) as f64));
    let mut answer = values(
        vec![
            ("level", number(&|l| l as u64)),
            ("rows", number(&|l| cumulative[l])),
            ("percent", Arc::new(share.collect::<Float64Array>())),
            ("blocks", number(&|l| manifest.levels[l].blocks.len() as u64)),
            ("bytes", number(&|l| manifest.levels[l].blocks.iter().map(|b| b.bytes).sum())),
        ],
        "levels of one sample, each including those before",
    )?;
    let design = &shown_design(manifest);
    let unit = if design.universe.is_some() { "keys" } else { "rows" };
    answer.report.reason = format!(
        "{} of {}: {design}; {} strata, at most {} {unit} each, generation {}",
        manifest.name, design.table, manifest.strata_count, design.cap, manifest.generation
    );
    Ok(answer)
}

/// A sample's design with its columns by their names for people.
pub(crate) fn shown_design(manifest: &Manifest) -> Design {
    Design { stratified_by: shown_columns(&manifest.design.stratified_by), ..manifest.design.clone() }
}

/// Columns by their names for people, without those that only say whether a row has a partner.
fn shown_columns(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| !is_matched_column(name)).map(|name| shown_column(name).to_owned()).collect()
}

/// A number with its digits in groups of three.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
