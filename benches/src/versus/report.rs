//! Tables of the comparison.

use super::duckdb::{Found, Times};
use super::{Measured, Options, duckdb_ms};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Answer, Role};
use std::collections::HashMap;

/// One query under one bound.
pub(crate) struct Line {
    query: &'static str,
    bound: String,
    ours_ms: f64,
    /// The slowest run.
    worst_ms: f64,
    duckdb_ms: [f64; 3],
    datafusion_ms: f64,
    /// The largest relative error of any cell; `None` without an answer.
    error: Option<f64>,
    rows_read: Option<u64>,
    mode: String,
    met: String,
}

impl Line {
    pub(crate) fn new(query: &'static str, bound: String, ours: &Measured, exact: &Measured, duckdb: &Times) -> Self {
        let report = ours.answer.as_ref().map(Answer::report);
        Self {
            query,
            bound,
            ours_ms: ours.median(),
            worst_ms: ours.ms.iter().copied().fold(0.0, f64::max),
            duckdb_ms: duckdb_ms(duckdb),
            datafusion_ms: exact.median(),
            error: ours.answer.as_ref().zip(exact.answer.as_ref()).map(|(ours, exact)| worst_error(ours, exact)),
            rows_read: report.map(|r| r.rows_read),
            mode: report.map_or_else(|| "no answer".to_owned(), |r| r.mode.to_string()),
            met: format!("{} of {}", ours.met, ours.ms.len()),
        }
    }

    fn is_error_bound(&self, percent: &str) -> bool {
        self.bound == percent
    }
}

/// The largest relative difference of an estimate from the exact answer; infinite where a group is missing.
fn worst_error(ours: &Answer, exact: &Answer) -> f64 {
    let (ours, exact) = (by_key(ours), by_key(exact));
    let mut worst: f64 = 0.0;
    for (key, truth) in &exact {
        let Some(found) = ours.get(key) else { return f64::INFINITY };
        for (a, b) in found.iter().zip(truth) {
            worst = worst.max((a - b).abs() / b.abs());
        }
    }
    worst
}

fn by_key(answer: &Answer) -> HashMap<String, Vec<f64>> {
    let options = FormatOptions::default();
    let (columns, batch) = (answer.columns(), answer.batch());
    let keys: Vec<_> = (0..columns.len()).filter(|i| columns[*i].role != Role::Estimate).collect();
    let cells: Vec<_> = columns.iter().filter(|c| c.role == Role::Estimate).map(|c| answer.cells(&c.name)).collect();
    let key = |row: usize| -> String {
        let text =
            |i: &usize| ArrayFormatter::try_new(batch.column(*i).as_ref(), &options).map(|f| f.value(row).to_string());
        keys.iter().map(|i| text(i).unwrap_or_default()).collect::<Vec<_>>().join("|")
    };
    let values = |row: usize| cells.iter().flatten().map(|c| c[row].estimate).collect();
    (0..batch.num_rows()).map(|row| (key(row), values(row))).collect()
}

pub(crate) fn page(options: &Options, rows: f64, duckdb: &Found, lines: &[Line]) -> String {
    let mut text = format!(
        "# Beside exact answers\n\n```console\n$ cargo run -p plusminus-benches --release -- versus --scale {} --runs {} --write \
         docs/versus.md\n```\n\nGoals within 5 % at scale 10: 200 times faster than DuckDB native, 500 times than DataFusion. By hand means \
         `USING SAMPLE 1 % (system)`: whole blocks, no error bars, and the same time whatever the error.\n\n\
         lineitem at TPC-H scale {}: {rows:.0} rows. DuckDB {} on {} threads, on its own storage (native), on Parquet, and on 1 % of its \
         own blocks sampled by hand (no error bars); DataFusion on Parquet through the same session. Medians of {} runs after a first \
         one, in milliseconds. Error: the largest of all cells, against the exact answer.\n\n",
        options.scale, options.runs, options.scale, duckdb.version, duckdb.threads, options.runs
    );
    for percent in ["1 %", "2 %", "5 %", "10 %"] {
        let own: Vec<&Line> = lines.iter().filter(|l| l.is_error_bound(percent)).collect();
        let mean = |of: &dyn Fn(&Line) -> f64| geometric(own.iter().map(|l| of(l) / l.ours_ms));
        text.push_str(&format!(
            "- within {percent}: {:.0} times faster than DuckDB native, {:.0} than DuckDB on Parquet, {:.0} than DuckDB by hand, {:.0} than \
             DataFusion (geometric means of {} queries, exact answers of ours included)\n",
            mean(&|l| l.duckdb_ms[0]),
            mean(&|l| l.duckdb_ms[1]),
            mean(&|l| l.duckdb_ms[2]),
            mean(&|l| l.datafusion_ms),
            own.len()
        ));
    }
    text.push_str(
        "\n| query | bound | ours | slowest | DuckDB native | Parquet | by hand | DataFusion | ratio to native | rows read | error | mode | met |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for line in lines {
        let [native, parquet, sampled] = line.duckdb_ms;
        text.push_str(&format!(
            "| {} | {} | {:.2} | {:.2} | {native:.1} | {parquet:.1} | {sampled:.1} | {:.1} | {:.0} | {} | {} | {} | {} |\n",
            line.query,
            line.bound,
            line.ours_ms,
            line.worst_ms,
            line.datafusion_ms,
            native / line.ours_ms,
            line.rows_read.map_or_else(|| "–".to_owned(), |r| r.to_string()),
            line.error.map_or_else(|| "–".to_owned(), |e| format!("{:.2} %", 100.0 * e)),
            line.mode,
            line.met,
        ));
    }
    text
}

fn geometric(values: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = values.filter(|v| v.is_finite() && *v > 0.0).map(f64::ln).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of queries")]
    let count = logs.len() as f64;
    (logs.iter().sum::<f64>() / count).exp()
}
