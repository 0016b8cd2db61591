//! The demo's page.

use super::data::{Built, Generated};
use super::statements::Statement;
use plusminus::{Answer, Column, Mode, Role, Trust};
use plusminus_display::{Paint, Shown, TextColumn, grouped, table, with_errors, without_errors};
use std::collections::HashMap;
use std::io::Write;

/// Rows shown of each answer.
const ROWS_SHOWN: usize = 8;

/// One statement answered from samples and from the table.
pub(crate) struct Comparison {
    pub(crate) statement: &'static Statement,
    /// The first estimate, where the time allowed a better answer after it.
    pub(crate) first: Option<Answer>,
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
        if let Some(first) = &comparison.first {
            self.line(&format!(
                "first estimate after {:.1} ms from {} rows, answer after {:.1} ms: {}",
                first.report().elapsed_ms,
                grouped(first.report().rows_read),
                comparison.first_ms,
                report.reason
            ));
            return self.notes(comparison);
        }
        let exact_ms = comparison.exact.report().elapsed_ms;
        let ratio = exact_ms / comparison.median_ms.max(1e-3);
        self.ratios.push(ratio);
        let source = match (&report.sample, report.level) {
            (Some(sample), Some(level)) => format!("{} rows of {sample}, level {level}", grouped(report.rows_read)),
            _ if report.rows_read == 0 => "no row read: the counts of a sample's strata tell it exactly".to_owned(),
            _ => report.reason.clone(),
        };
        let met = if report.met == Some(true) { "bound met" } else { "bound MISSED" };
        let what = if report.mode == Mode::Exact { "answer" } else { "estimate" };
        self.line(&format!(
            "{what} {:.1} ms (first run {:.1} ms), {source}, {met} · exact {exact_ms:.0} ms, {} rows · {} faster",
            comparison.median_ms,
            comparison.first_ms,
            grouped(comparison.exact.report().rows_read),
            times(ratio),
        ));
        self.notes(comparison);
    }

    fn notes(&mut self, comparison: &Comparison) {
        for warning in &comparison.approximate.report().warnings {
            self.line(&format!("note: {warning}"));
        }
    }

    /// Keys, then for each estimate: the estimate, the exact number, the error, and whether the interval holds it.
    fn table(&mut self, comparison: &Comparison) -> String {
        let (answer, exact) = (&comparison.approximate, &comparison.exact);
        let exact_rows = rows_by_key(exact);
        let keys = key_texts(answer);
        let first = comparison.first.as_ref().map(|first| (first, rows_by_key(first)));
        let mut columns: Vec<TextColumn> = Vec::new();
        for (at, name) in named(answer, Role::Key).iter().enumerate() {
            let texts = keys.iter().take(ROWS_SHOWN).map(|key| Shown::plain(key[at].clone())).collect();
            columns.push(TextColumn::new(name, texts, false));
        }
        for at in (0..answer.columns().len()).filter(|at| answer.columns()[*at].role == Role::Estimate) {
            let name = &answer.columns()[at].name;
            columns.extend(match &first {
                Some((first, places)) => refined(name, first, answer, at, &keys, places),
                None => self.cells(name, answer, exact, at, &keys, &exact_rows),
            });
        }
        let more = answer.batch().num_rows().saturating_sub(ROWS_SHOWN);
        let text = table(&columns, Paint::OFF);
        if more > 0 { format!("{text}… {} more rows", grouped(more as u64)) } else { text.trim_end().to_owned() }
    }

    /// Estimates, exact numbers, the errors, and whether the intervals hold the exact numbers, column by column.
    fn cells(
        &mut self,
        name: &str,
        answer: &Answer,
        exact: &Answer,
        index: usize,
        keys: &[Vec<String>],
        exact_rows: &HashMap<Vec<String>, usize>,
    ) -> Vec<TextColumn> {
        let column = &answer.columns()[index];
        let exact_texts = without_errors(&exact.columns()[index], exact.batch().column(index));
        let truths = exact.cells(&exact.columns()[index].name).unwrap_or_default();
        let cells = answer.cells(&column.name).unwrap_or_default();
        let mut columns = vec![with_errors(column, answer.batch().column(index)), Vec::new(), Vec::new(), Vec::new()];
        for (key, (row, cell)) in keys.iter().zip(cells.iter().enumerate()) {
            let found = match exact_rows.get(key) {
                Some(at) => {
                    let value = truths[*at].estimate;
                    let inside = self.count(column, row, cell.lower, cell.upper, value);
                    [exact_texts[*at].clone(), Shown::plain(off(cell.estimate, value)), Shown::plain(inside)]
                }
                None => [Shown::plain("no such row"), Shown::plain(""), Shown::plain("")],
            };
            columns[1..].iter_mut().zip(found).for_each(|(column, text)| column.push(text));
        }
        let names = [name, "exact", "off by", "inside"];
        let text = |(name, mut shown): (&str, Vec<Shown>)| {
            shown.truncate(ROWS_SHOWN);
            TextColumn::new(name, shown, name != "inside")
        };
        names.into_iter().zip(columns).map(text).collect()
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
        let held = match self.cells {
            0 => String::new(),
            cells => format!("{} of {cells} trusted intervals hold the exact number. ", self.inside),
        };
        self.line(&format!("\n{held}Geometric mean of the speed-ups: {mean:.0}×."));
        if cfg!(debug_assertions) {
            self.line(
                "This build saves compile time and leaves parts of DataFusion unoptimised, which slows exact answers more than \
                 estimates: compare with cargo run --release.",
            );
        }
        self.line(&format!(
            "Now your turn:  plusminus {store} -c \"SELECT Browser, AVG(Bitrate) FROM Sessions GROUP BY Browser ERROR WITHIN 20%\""
        ));
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
    let text = |shown: Shown| shown.text;
    let columns: Vec<Vec<String>> =
        keys.map(|(column, values)| without_errors(column, values).into_iter().map(text).collect()).collect();
    (0..answer.batch().num_rows()).map(|row| columns.iter().map(|c| c[row].clone()).collect()).collect()
}

fn rows_by_key(answer: &Answer) -> HashMap<Vec<String>, usize> {
    key_texts(answer).into_iter().enumerate().map(|(row, key)| (key, row)).collect()
}

/// A ratio as a factor, with one decimal where it is below ten.
fn times(ratio: f64) -> String {
    if ratio < 9.5 { format!("{ratio:.1}×") } else { format!("{ratio:.0}×") }
}

/// The first estimates and the answer, in the order of the answer's rows.
fn refined(
    name: &str,
    first: &Answer,
    answer: &Answer,
    index: usize,
    keys: &[Vec<String>],
    places: &HashMap<Vec<String>, usize>,
) -> Vec<TextColumn> {
    let shown = |answer: &Answer| with_errors(&answer.columns()[index], answer.batch().column(index));
    let before = shown(first);
    let at = |key: &Vec<String>| places.get(key).map_or_else(|| Shown::plain("not seen"), |row| before[*row].clone());
    let first = keys.iter().take(ROWS_SHOWN).map(at).collect();
    let now = shown(answer).into_iter().take(ROWS_SHOWN).collect();
    vec![TextColumn::new(&format!("{name}, first"), first, true), TextColumn::new(name, now, true)]
}

fn off(estimate: f64, truth: f64) -> String {
    if truth == 0.0 || truth.is_nan() || estimate.is_nan() {
        return String::new();
    }
    format!("{:.2} %", 100.0 * (estimate - truth).abs() / truth.abs())
}
