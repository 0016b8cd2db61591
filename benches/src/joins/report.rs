use super::{Line, Measured, Options};
use crate::versus::geometric;

/// The page of the measurement.
pub(crate) fn page(options: &Options, version: &str, measured: &[Measured]) -> String {
    let mut text = format!(
        "# Joins\n\n```console\n$ cargo run -p plusminus-benches --release -- joins --scale {} --percent {} --runs {} --workloads {} --write docs/joins.md\n```\n\n\
         Questions of TPC-H (22) and of the star schema benchmark (13, on tables derived from TPC-H's) within {} % at 95 % confidence, scale {}, two threads. \
         Milliseconds. First: columns of joined tables are fetched. New process: they are stored beside the sample, and the store is opened. Warm: the \
         median of {} runs in the same words. Exact: the same session without a bound (DataFusion on Parquet). DuckDB {version} on its own storage and on \
         Parquet, in the same run. Error: the largest of all cells, against the exact answer.\n",
        options.scale,
        options.percent,
        options.runs,
        options.workloads.join(","),
        options.percent,
        options.scale,
        options.runs
    );
    for workload in measured {
        text.push_str(&section(workload));
    }
    text
}

fn section(workload: &Measured) -> String {
    let estimated: Vec<&Line> = workload.lines.iter().filter(|line| line.is_estimated).collect();
    let mut text = format!("\n## {}: {} of {} estimated\n\n", workload.name, estimated.len(), workload.lines.len());
    for (statement, seconds, mb) in &workload.samples {
        text.push_str(&format!("- `{statement}`: {seconds:.1} s, {mb:.0} MB in all\n"));
    }
    let ratio = |of: &dyn Fn(&Line) -> Option<f64>| {
        let all: Vec<f64> = estimated.iter().filter_map(|line| of(line)).collect();
        if all.is_empty() { f64::NAN } else { geometric(all.into_iter()) }
    };
    text.push_str(&format!(
        "\nOf those estimated, geometric means: {:.0} × DuckDB native warm, {:.0} × for a new process; {:.0} × our exact answer warm. The slowest first \
         answer takes {:.2} of the exact one.\n\n",
        ratio(&|line| Some(line.native? / line.warm)),
        ratio(&|line| Some(line.native? / line.new_process)),
        ratio(&|line| Some(line.exact / line.warm)),
        workload.lines.iter().map(|line| line.first / line.exact).fold(0.0, f64::max),
    ));
    text.push_str("| question | first | new process | warm | exact | DuckDB native | Parquet | × native | error | met | answered by |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    for line in &workload.lines {
        let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
        let times = line.native.map_or_else(String::new, |native| format!("{:.1}", native / line.warm));
        text.push_str(&format!(
            "| {} | {:.1} | {:.1} | {:.2} | {:.0} | {} | {} | {} | {:.2} % | {} | {} |\n",
            line.name,
            line.first,
            line.new_process,
            line.warm,
            line.exact,
            optional(line.native),
            optional(line.parquet),
            times,
            100.0 * line.error,
            line.met,
            line.answered_by.replace('|', "\\|"),
        ));
    }
    text
}
