//! One JSON document per statement, on one line.

use super::cells::{Strange, json, tokens};
use arrow::array::{Array, ArrayRef};
use plusminus::{Answer, Column, Report, Role, Trust};
use serde::Serialize;
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let document =
        |c: &Column| json(&ColumnDocument { name: &c.name, r#type: c.data_type.to_string(), role: c.role.to_string() });
    let columns: Vec<String> = answer.columns().iter().map(document).collect();
    let rendered: Vec<Vec<String>> =
        answer.columns().iter().zip(answer.batch().columns()).map(|(c, values)| column(c, values)).collect();
    write!(sink, "{{\"columns\":[{}],\"rows\":[", columns.join(","))?;
    for row in 0..answer.batch().num_rows() {
        let cells: Vec<&str> = rendered.iter().map(|c| c[row].as_str()).collect();
        write!(sink, "{}[{}]", if row == 0 { "" } else { "," }, cells.join(","))?;
    }
    let warnings = [answer.report().warnings.clone(), strange_columns(answer)].concat();
    writeln!(sink, "],\"report\":{}}}", json(&report(answer.report(), &warnings)))
}

/// A warning for each column with estimates that are NaN or infinite.
fn strange_columns(answer: &Answer) -> Vec<String> {
    let is_strange = |(column, values): &(&Column, &ArrayRef)| {
        let found = tokens(values, Strange::Null);
        column.role == Role::Estimate && found.iter().enumerate().any(|(row, t)| t == "null" && values.is_valid(row))
    };
    let strange = answer.columns().iter().zip(answer.batch().columns()).filter(is_strange);
    strange.map(|(column, _)| format!("{} is NaN or infinite where it is null and untrusted", column.name)).collect()
}

/// Cells of one column; an estimate is always an object.
fn column(column: &Column, values: &ArrayRef) -> Vec<String> {
    let Some(bounds) = column.bounds.as_ref().filter(|_| column.role == Role::Estimate) else {
        return tokens(values, Strange::Named);
    };
    let [estimates, lower, upper] = [values, &bounds.lower, &bounds.upper].map(|values| tokens(values, Strange::Null));
    let cells = estimates.into_iter().zip(lower).zip(upper).zip(&bounds.trust).enumerate();
    cells
        .map(|(row, (((est, lo), hi), trust))| {
            // A value for which JSON has no number must not look like a NULL that is known exactly.
            if est == "null" && values.is_valid(row) {
                return "{\"est\":null,\"lo\":null,\"hi\":null,\"trust\":\"untrusted\"}".to_owned();
            }
            format!("{{\"est\":{est},\"lo\":{lo},\"hi\":{hi},\"trust\":\"{}\"}}", trust_word(*trust))
        })
        .collect()
}

pub(crate) fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Exact => "exact",
        Trust::Trusted => "trusted",
        Trust::Untrusted(_) => "untrusted",
    }
}

/// The report with its fields in the documented order.
#[derive(Serialize)]
struct ReportDocument<'a> {
    mode: String,
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

#[derive(Serialize)]
struct ColumnDocument<'a> {
    name: &'a str,
    r#type: String,
    role: String,
}

fn report<'a>(report: &'a Report, warnings: &'a [String]) -> ReportDocument<'a> {
    ReportDocument {
        mode: report.mode.to_string(),
        confidence: report.confidence,
        error_bound: report.error_bound,
        within_ms: report.within_ms,
        met: report.met,
        sample: report.sample.as_deref(),
        level: report.level,
        levels: report.levels,
        rows_read: report.rows_read,
        rows_total: report.rows_total,
        missing_groups_below: report.missing_groups_below,
        elapsed_ms: report.elapsed_ms,
        reason: &report.reason,
        warnings,
        unsettled_ranks: &report.unsettled_ranks,
        unsettled_members: &report.unsettled_members,
    }
}
