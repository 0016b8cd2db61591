//! The demo's page.

use super::data::{Built, Generated};
use super::statements::Statement;
use crate::format::{grouped, inline_texts, plain_texts, ruled};
use comfy_table::CellAlignment;
use plusminus::{Answer, Column, Role, Trust};
use std::collections::HashMap;
use std::io::Write;

/// Rows shown of each answer.
const ROWS_SHOWN: usize = 8;

/// One statement answered both ways.
pub(crate) struct Comparison {
    pub(crate) statement: &'static Statement,
    /// The first run, which loads what it needs of the sample.
    pub(crate) first_ms: f64,
    pub(crate) median_ms: f64,
    pub(crate) approximate: Answer,
    pub(crate) exact: Answer,
}

/// Text under construction; printed at once, so that progress bars do not run through it.
pub(crate) struct Page {
    text: String,
    inside: usize,
    cells: usize,
    ratios: Vec<f64>,
}

impl Page {
    pub(crate) fn new(rows: u64) -> Self {
        let text = format!("PlusMinus: {} video sessions, estimates beside exact answers\n\n", grouped(rows));
        Self { text, inside: 0, cells: 0, ratios: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(crate) fn data(&mut self, data: &Generated) {
        let megabytes = grouped(data.bytes / 1_000_000);
        self.line(&match data.took {
            Some(took) => format!("Table    {megabytes} MB of Parquet, generated in {:.1} s", took.as_secs_f64()),
            None => format!("Table    {megabytes} MB of Parquet, from an earlier demo"),
        });
    }

    pub(crate) fn samples(&mut self, built: &Built) {
        let parts: Vec<String> = built
            .manifests
            .iter()
            .map(|m| format!("{} ({} rows, {} strata)", m.name, grouped(m.sampled_rows()), grouped(m.strata_count)))
            .collect();
        self.line(&format!("Samples  {}", parts.join(", ")));
        self.line(&format!("         drawn in one pass in {:.1} s", built.took.as_secs_f64()));
    }

    pub(crate) fn comparison(&mut self, comparison: &Comparison) {
        let statement = comparison.statement;
        self.line(&format!("\n── {} ──", statement.title));
        self.line(&format!("{} {}", statement.sql, statement.bounds));
        let table = self.table(comparison);
        self.line(&table);
        let report = comparison.approximate.report();
        let exact_ms = comparison.exact.report().elapsed_ms;
        let ratio = exact_ms / comparison.median_ms.max(1e-3);
        self.ratios.push(ratio);
        let source = match (&report.sample, report.level) {
            (Some(sample), Some(level)) => format!("{} rows of {sample}, level {level}", grouped(report.rows_read)),
            _ => report.reason.clone(),
        };
        let met = if report.met == Some(true) { "bound met" } else { "bound MISSED" };
        self.line(&format!(
            "estimate {:.1} ms (first run {:.1} ms), {source}, {met} · exact {exact_ms:.0} ms, {} rows · {ratio:.0}× faster",
            comparison.median_ms,
            comparison.first_ms,
            grouped(comparison.exact.report().rows_read),
        ));
        for warning in &report.warnings {
            self.line(&format!("note: {warning}"));
        }
    }

    /// Keys, then for each estimate: the estimate, the exact number, the error, and whether the interval holds it.
    fn table(&mut self, comparison: &Comparison) -> String {
        let (answer, exact) = (&comparison.approximate, &comparison.exact);
        let exact_rows = rows_by_key(exact);
        let keys = key_texts(answer);
        let mut table = ruled();
        let mut header: Vec<String> = named(answer, Role::Key);
        for name in named(answer, Role::Estimate) {
            header.extend([name, "exact".into(), "off by".into(), "inside".into()]);
        }
        let key_count = named(answer, Role::Key).len();
        table.set_header(header.clone());
        let rows = answer.batch().num_rows();
        let estimates: Vec<Vec<[String; 4]>> = (0..answer.columns().len())
            .filter(|c| answer.columns()[*c].role == Role::Estimate)
            .map(|c| self.cells(answer, exact, c, &keys, &exact_rows))
            .collect();
        for row in 0..rows.min(ROWS_SHOWN) {
            let cells = estimates.iter().flat_map(|e| e[row].clone());
            table.add_row(keys[row].iter().cloned().chain(cells));
        }
        for column in table.column_iter_mut().skip(key_count) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let more = rows.saturating_sub(ROWS_SHOWN);
        if more > 0 { format!("{table}\n… {} more rows", grouped(more as u64)) } else { table.to_string() }
    }

    fn cells(
        &mut self,
        answer: &Answer,
        exact: &Answer,
        index: usize,
        keys: &[Vec<String>],
        exact_rows: &HashMap<Vec<String>, usize>,
    ) -> Vec<[String; 4]> {
        let column = &answer.columns()[index];
        let shown = inline_texts(column, answer.batch().column(index));
        let exact_texts = plain_texts(exact.batch().column(index));
        let truths = exact.cells(&exact.columns()[index].name).unwrap_or_default();
        let cells = answer.cells(&column.name).unwrap_or_default();
        let mut rendered = Vec::with_capacity(shown.len());
        for (row, shown) in shown.into_iter().enumerate() {
            let truth = exact_rows.get(&keys[row]);
            let (Some(at), Some(cell)) = (truth, cells.get(row)) else {
                rendered.push([shown, "no such row".into(), String::new(), String::new()]);
                continue;
            };
            let value = truths[*at].estimate;
            let inside = self.count(column, row, cell.lower, cell.upper, value);
            rendered.push([shown, short(&exact_texts[*at], value), off(cell.estimate, value), inside.to_owned()]);
        }
        rendered
    }

    /// Whether an interval holds the truth; only intervals that claim to be trusted are counted.
    fn count(&mut self, column: &Column, row: usize, lower: f64, upper: f64, truth: f64) -> &'static str {
        let trust = column.bounds.as_ref().map(|b| b.trust[row]);
        // Sums of floating-point numbers differ in the last digits with the order of the additions.
        let slack = truth.abs() * 1e-9;
        let inside = (lower.is_nan() || lower <= truth + slack) && (upper.is_nan() || truth <= upper + slack);
        match trust {
            Some(Trust::Exact) => return if inside { "exact" } else { "WRONG" },
            Some(Trust::Trusted) => {
                self.cells += 1;
                self.inside += usize::from(inside);
            }
            _ => return if inside { "(yes)" } else { "(no)" },
        }
        if inside { "yes" } else { "no" }
    }

    pub(crate) fn end(&mut self, store: &str) {
        let product: f64 = self.ratios.iter().map(|r| r.ln()).sum();
        #[expect(clippy::cast_precision_loss, reason = "five statements")]
        let mean = (product / self.ratios.len().max(1) as f64).exp();
        self.line(&format!(
            "\n{} of {} trusted intervals hold the exact number. Geometric mean of the speed-ups: {mean:.0}×.",
            self.inside, self.cells
        ));
        if cfg!(debug_assertions) {
            self.line(
                "This build saves compile time and leaves parts of DataFusion unoptimised, which slows exact answers more than \
                 estimates: compare with cargo run --release.",
            );
        }
        self.line(&format!("Now your turn:  plusminus {store}"));
    }

    pub(crate) fn print(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout();
        out.write_all(self.text.as_bytes())?;
        out.flush()
    }
}

fn named(answer: &Answer, role: Role) -> Vec<String> {
    answer.columns().iter().filter(|c| c.role == role).map(|c| c.name.clone()).collect()
}

/// The key columns of every row as text.
fn key_texts(answer: &Answer) -> Vec<Vec<String>> {
    let keys = answer.columns().iter().zip(answer.batch().columns()).filter(|(c, _)| c.role == Role::Key);
    let columns: Vec<Vec<String>> = keys.map(|(_, values)| plain_texts(values)).collect();
    (0..answer.batch().num_rows()).map(|row| columns.iter().map(|c| c[row].clone()).collect()).collect()
}

fn rows_by_key(answer: &Answer) -> HashMap<Vec<String>, usize> {
    key_texts(answer).into_iter().enumerate().map(|(row, key)| (key, row)).collect()
}

/// Floating-point numbers to six digits, everything else as it is.
fn short(text: &str, value: f64) -> String {
    if text.contains('.') || text.contains('e') { crate::format::significant(value, 6) } else { text.to_owned() }
}

fn off(estimate: f64, truth: f64) -> String {
    if truth == 0.0 || truth.is_nan() || estimate.is_nan() {
        return String::new();
    }
    format!("{:.2} %", 100.0 * (estimate - truth).abs() / truth.abs())
}
