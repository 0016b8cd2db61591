//! One JSON document per statement, on one line.

use super::cells::{json, tokens};
use plusminus::{Answer, Column, Report, Role, Trust};
use serde::Serialize;
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let document =
        |c: &Column| json(&ColumnDocument { name: &c.name, r#type: c.data_type.to_string(), role: c.role.to_string() });
    let columns: Vec<String> = answer.columns().iter().map(document).collect();
    let rendered: Vec<Vec<String>> =
        answer.columns().iter().zip(answer.batch().columns()).map(|(c, values)| column(c, tokens(values))).collect();
    write!(sink, "{{\"columns\":[{}],\"rows\":[", columns.join(","))?;
    for row in 0..answer.batch().num_rows() {
        let cells: Vec<&str> = rendered.iter().map(|c| c[row].as_str()).collect();
        write!(sink, "{}[{}]", if row == 0 { "" } else { "," }, cells.join(","))?;
    }
    writeln!(sink, "],\"report\":{}}}", json(&report(answer.report())))
}

/// Cells of one column; an estimate is always an object.
fn column(column: &Column, values: Vec<String>) -> Vec<String> {
    let Some(bounds) = column.bounds.as_ref().filter(|_| column.role == Role::Estimate) else { return values };
    let (lower, upper) = (tokens(&bounds.lower), tokens(&bounds.upper));
    let cells = values.into_iter().zip(lower).zip(upper).zip(&bounds.trust);
    cells
        .map(|(((est, lo), hi), trust)| {
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

fn report(report: &Report) -> ReportDocument<'_> {
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
        warnings: &report.warnings,
        unsettled_ranks: &report.unsettled_ranks,
        unsettled_members: &report.unsettled_members,
    }
}
