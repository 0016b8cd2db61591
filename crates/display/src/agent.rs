//! Answers for language models: compact Markdown with types, intervals, the verdict and the next step.

use crate::render::{self, Paint, View};
use plusminus::{Answer, Mode, Report, Role, sql_type};

/// Rows that are shown; the rest is counted.
const ROWS_MAX: usize = 200;
/// Milliseconds from which an exact answer is slow.
const SLOW_MS: f64 = 500.0;

/// An answer as compact Markdown: columns with their SQL types, every estimate with its interval or as `(untrusted)`, the verdict, the
/// notes, and what to do next.
#[must_use]
pub fn agent(answer: &Answer) -> String {
    let columns = render::text_columns(answer, &View::default());
    let rows = answer.batch().num_rows();
    let mut text = String::new();
    if let Some(message) = render::message(answer) {
        text.push_str(&format!("{message}\n"));
    } else if !columns.is_empty() {
        let types = answer.columns().iter().map(|column| sql_type(&column.data_type));
        let heads = columns.iter().zip(types).map(|(column, kind)| format!("{} {kind}", escaped(&column.name)));
        text.push_str(&format!("|{}|\n|{}\n", heads.collect::<Vec<_>>().join("|"), "-|".repeat(columns.len())));
        for at in 0..rows.min(ROWS_MAX) {
            let cell = |column: &render::TextColumn| {
                let line = &column.lines[at];
                let is_doubtful = line.text.trim_start().starts_with('~');
                let doubt = if is_doubtful { " (untrusted)" } else { "" };
                escaped(&format!("{}{}{doubt}", line.text.trim(), line.aside.trim_end()))
            };
            text.push_str(&format!("|{}|\n", columns.iter().map(cell).collect::<Vec<_>>().join("|")));
        }
    }
    if rows > ROWS_MAX {
        let more = render::grouped((rows - ROWS_MAX) as u64);
        text.push_str(&format!("… {more} more rows: LIMIT, or -o FILE.csv for all\n"));
    }
    if answer.is_query() {
        text.push_str(&format!("{}\n", render::footer(answer, None, Paint::OFF)));
    }
    for warning in &answer.report().warnings {
        text.push_str(&format!("note: {warning}\n"));
    }
    if let Some(next) = next(answer) {
        text.push_str(&format!("next: {next}\n"));
    }
    text
}

/// The next step where an answer is less than it could be.
fn next(answer: &Answer) -> Option<String> {
    let report = answer.report();
    let has_estimates = answer.columns().iter().any(|column| column.role == Role::Estimate);
    match (report.mode, report.met) {
        (Mode::Approximate, Some(false)) => Some(match report.error_bound {
            Some(_) => "a larger ERROR WITHIN, a larger sample, or ON MISS REPAIR for what missed".to_owned(),
            None => "a longer WITHIN, or a smaller sample".to_owned(),
        }),
        (Mode::Exact, None) if has_estimates && report.elapsed_ms > SLOW_MS => Some(faster(report)),
        _ => None,
    }
}

fn faster(report: &Report) -> String {
    let seconds = report.elapsed_ms / 1e3;
    format!("this took {seconds:.1} s; end the query with ERROR WITHIN 5% for an estimate from a sample (SHOW SAMPLES)")
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
