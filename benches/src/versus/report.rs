//! Tables of the comparison.

use super::duckdb::{DuckDbTimes, Times};
use super::workload::Table;
use super::{Measured, Options, duckdb_ms};
use crate::figure::{Figure, Series};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Answer, Role};
use std::collections::HashMap;

/// One table, compared.
pub(crate) struct Compared {
    pub(crate) table: &'static Table,
    pub(crate) rows: f64,
    pub(crate) duckdb: DuckDbTimes,
    pub(crate) lines: Vec<Line>,
}

/// One query under one bound.
pub(crate) struct Line {
    query: &'static str,
    bound: String,
    ours_ms: f64,
    /// The same, asked in words of a known form, and in the same words each time; only under error bounds.
    asked_before_ms: Option<[f64; 2]>,
    /// The slowest run.
    worst_ms: f64,
    duckdb_ms: [f64; 3],
    by_hand_error: Option<f64>,
    datafusion_ms: f64,
    /// The largest relative error of any cell; `None` without an answer.
    error: Option<f64>,
    rows_read: Option<u64>,
    mode: String,
    met: String,
}

impl Line {
    pub(crate) fn new(
        query: &'static str,
        bound: String,
        ours: &Measured,
        asked_before: Option<[&Measured; 2]>,
        exact: &Measured,
        duckdb: &Times,
    ) -> Self {
        let report = ours.answer.as_ref().map(Answer::report);
        Self {
            query,
            bound,
            ours_ms: ours.median(),
            asked_before_ms: asked_before.map(|both| both.map(Measured::median)),
            worst_ms: ours.ms.iter().copied().fold(0.0, f64::max),
            duckdb_ms: duckdb_ms(duckdb),
            by_hand_error: duckdb.sampled_error,
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
pub(crate) fn worst_error(ours: &Answer, exact: &Answer) -> f64 {
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

pub(crate) fn page(options: &Options, compared: &[Compared]) -> String {
    let name = options.write.as_ref().and_then(|file| file.file_stem()).unwrap_or_default().display();
    let flights = if options.flights.is_some() { " --flights flights-3m.parquet" } else { "" };
    let mut text = format!(
        "# Beside exact answers\n\n```console\n$ cargo run -p plusminus-benches --release -- versus --scale {}{flights} --runs {} --write \
         docs/{name}.md\n```\n\nGoals within 5 % at scale 10: 200 times faster than DuckDB native, 500 times than DataFusion. By hand means \
         `USING SAMPLE 1 % (system)`: whole blocks, totals multiplied by 100, no error bars, and the same time whatever the error. DuckDB {} on {} threads, on its own \
         storage (native) and on Parquet; DataFusion on Parquet through the same session. Medians of {} runs after a first one, in milliseconds. \
         Ours is asked with another name for the table each time, so that nothing but decoded samples and \
         projections of them is left from the run before and everything is planned; \"known form\" is the same in words that are new but for their \
         form, so that its plan is known as it is with other literals in WHERE, \"again\" the same in the same words, as the others are asked. Error: the largest of all cells, against the exact answer; by hand the median of the runs.\n\n![error asked for and achieved]({name}.svg)\n\n",
        options.scale, options.runs, compared[0].duckdb.version, compared[0].duckdb.threads, options.runs
    );
    text.push_str(&summary(compared));
    for table in compared {
        text.push_str(&format!("\n## {}: {:.0} rows\n\n", table.table.name, table.rows));
        let samples = table.table.samples.iter().map(|(name, columns)| format!("{name} ({})", columns.join(", ")));
        let samples = samples.collect::<Vec<_>>().join(", ");
        text.push_str(&format!("Samples of {} % each: {samples}.\n\n", table.table.percent));
        text.push_str(&lines(&table.lines));
    }
    text
}

/// Geometric means of the ratios, by bound and table.
fn summary(compared: &[Compared]) -> String {
    let mut text = "| within | table | times DuckDB native | DuckDB on Parquet | DuckDB by hand | DataFusion | known form, times native | DataFusion | again, times native | DataFusion | queries |\n\
                    |---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for percent in ["1 %", "2 %", "5 %", "10 %"] {
        let mut row = |name: &str, own: &[&Line]| {
            let mean = |of: &dyn Fn(&Line) -> f64| geometric(own.iter().map(|l| of(l) / l.ours_ms));
            let before = |way: usize, of: &dyn Fn(&Line) -> f64| {
                geometric(own.iter().filter_map(|l| Some(of(l) / l.asked_before_ms?[way])))
            };
            text.push_str(&format!(
                "| {percent} | {name} | {:.0} | {:.0} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {} |\n",
                mean(&|l| l.duckdb_ms[0]),
                mean(&|l| l.duckdb_ms[1]),
                mean(&|l| l.duckdb_ms[2]),
                mean(&|l| l.datafusion_ms),
                before(0, &|l| l.duckdb_ms[0]),
                before(0, &|l| l.datafusion_ms),
                before(1, &|l| l.duckdb_ms[0]),
                before(1, &|l| l.datafusion_ms),
                own.len()
            ));
        };
        for table in compared {
            row(table.table.name, &within(table, percent).collect::<Vec<_>>());
        }
        // The flights are as many whatever the scale.
        let scaled = compared.iter().filter(|table| table.table.name != "flights");
        row("**at this scale**", &scaled.flat_map(|table| within(table, percent)).collect::<Vec<_>>());
        row("**all**", &compared.iter().flat_map(|table| within(table, percent)).collect::<Vec<_>>());
    }
    text
}

fn error_text(error: f64) -> String {
    if error.is_finite() { format!("{:.2} %", 100.0 * error) } else { "a group missing".to_owned() }
}

fn within<'a>(table: &'a Compared, percent: &'a str) -> impl Iterator<Item = &'a Line> {
    table.lines.iter().filter(move |line| line.is_error_bound(percent))
}

fn lines(lines: &[Line]) -> String {
    let mut text = "| query | bound | ours | known form | again | slowest | DuckDB native | Parquet | by hand | its error | DataFusion | ratio to native | rows read | error | mode | met |\n\
                    |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for line in lines {
        let [native, parquet, sampled] = line.duckdb_ms;
        let before = |way: usize| line.asked_before_ms.map_or_else(String::new, |ms| format!("{:.2}", ms[way]));
        text.push_str(&format!(
            "| {} | {} | {:.2} | {} | {} | {:.2} | {native:.1} | {parquet:.1} | {sampled:.1} | {} | {:.1} | {:.0} | {} | {} | {} | {} |\n",
            line.query,
            line.bound,
            line.ours_ms,
            before(0),
            before(1),
            line.worst_ms,
            line.by_hand_error.map_or_else(|| "a group missing".to_owned(), error_text),
            line.datafusion_ms,
            native / line.ours_ms,
            line.rows_read.map_or_else(|| "–".to_owned(), |r| r.to_string()),
            line.error.map_or_else(|| "–".to_owned(), error_text),
            line.mode,
            line.met,
        ));
    }
    text
}

/// Error asked for against error achieved, where the bound was met.
pub(crate) fn figure(compared: &[Compared]) -> Figure<'static> {
    let of = |table: &Compared| -> Vec<(f64, f64)> {
        let points = table.lines.iter().filter_map(|line| {
            let asked = line.bound.strip_suffix(" %")?.parse::<f64>().ok()?;
            let is_met = line.met.split(" of ").next() != Some("0") && line.mode == "approximate";
            // Nothing at all cannot be drawn on a logarithmic axis.
            let error = line.error.filter(|error| error.is_finite())?;
            is_met.then_some((asked, 100.0 * error.max(1e-4)))
        });
        points.collect()
    };
    let worst = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .filter_map(|asked| {
                let own = points.iter().filter(|p| (p.0 - asked).abs() < 1e-9).map(|p| p.1);
                own.reduce(f64::max).map(|worst| (asked, worst))
            })
            .collect()
    };
    let all: Vec<(f64, f64)> = compared.iter().flat_map(of).collect();
    let mut series = vec![Series { name: "largest of all queries".to_owned(), points: worst(&all), is_line: true }];
    for table in compared {
        series.push(Series { name: table.table.name.to_owned(), points: of(table), is_line: false });
    }
    Figure {
        title: "Largest error of any cell against the error asked for (95 % confidence)",
        x: "asked for, %",
        y: "achieved, %",
        series,
        with_diagonal: true,
    }
}

/// The geometric mean of what is above 0.
pub(crate) fn geometric(values: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = values.filter(|v| v.is_finite() && *v > 0.0).map(f64::ln).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of queries")]
    let count = logs.len() as f64;
    (logs.iter().sum::<f64>() / count).exp()
}
