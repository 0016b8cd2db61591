//! One JSON document per statement, on one line.

use super::cells::tokens;
use plusminus::{Answer, Column, Report, Role, Trust};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let columns: Vec<Value> = answer
        .columns()
        .iter()
        .map(|c| json!({"name": c.name, "type": c.data_type.to_string(), "role": c.role.to_string()}))
        .collect();
    let rendered: Vec<Vec<String>> =
        answer.columns().iter().zip(answer.batch().columns()).map(|(c, values)| column(c, tokens(values))).collect();
    write!(sink, "{{\"columns\":{},\"rows\":[", Value::from(columns))?;
    for row in 0..answer.batch().num_rows() {
        let cells: Vec<&str> = rendered.iter().map(|c| c[row].as_str()).collect();
        write!(sink, "{}[{}]", if row == 0 { "" } else { "," }, cells.join(","))?;
    }
    writeln!(sink, "],\"report\":{}}}", report(answer.report()))
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

fn report(report: &Report) -> Value {
    json!({
        "mode": report.mode.to_string(),
        "confidence": report.confidence,
        "error_bound": report.error_bound,
        "within_ms": report.within_ms,
        "met": report.met,
        "sample": report.sample,
        "level": report.level,
        "levels": report.levels,
        "rows_read": report.rows_read,
        "rows_total": report.rows_total,
        "missing_groups_below": report.missing_groups_below,
        "elapsed_ms": report.elapsed_ms,
        "reason": report.reason,
        "warnings": report.warnings,
    })
}
