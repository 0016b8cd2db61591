use super::coverage::Coverage;
use super::{Line, Measured, Options};
use crate::versus::geometric;
use std::fmt::Write;

/// The page of the measurement.
pub(crate) fn page(options: &Options, version: &str, measured: &[Measured]) -> String {
    let mut text = format!(
        "# Joins\n\n```console\n$ cargo run -p plusminus-benches --release -- joins --scale {} --percent {} --runs {} --workloads {} --seeds {} --write docs/joins.md\n```\n\n\
         Questions of TPC-H (22), of the star schema benchmark (13, on tables derived from TPC-H's) and of TPC-DS (those of the 99 that are aggregates over stars) \
         within {} % at 95 % confidence, scale {}, two threads. Milliseconds. First: columns of joined tables are fetched. New process: they are stored \
         beside the sample, and the store is opened. Warm: the median of {} runs in the same words. Exact: the same session without a bound (DataFusion \
         on Parquet). DuckDB {version} on its own storage, and on Parquet, in the same run. Error: the largest of all cells, against the exact answer. Alone: what the samples \
         say where a miss is reported and not mended by the table (`ON MISS REPORT`): time, largest error, and how many of the trusted intervals hold.\n",
        options.scale,
        options.percent,
        options.runs,
        options.workloads.join(","),
        options.seeds,
        options.percent,
        options.scale,
        options.runs
    );
    measured.iter().for_each(|workload| text.push_str(&section(workload)));
    text
}

fn section(workload: &Measured) -> String {
    let estimated: Vec<&Line> = workload.lines.iter().filter(|line| line.is_estimated).collect();
    let alone = workload.lines.iter().filter(|line| line.alone.is_some()).count();
    let mut text = format!(
        "\n## {}: {} of {} estimated within the bound, {alone} with the error that samples give\n\n",
        workload.name,
        estimated.len(),
        workload.lines.len()
    );
    for (statement, seconds, mb) in &workload.samples {
        let _ = writeln!(text, "- `{statement}`: {seconds:.1} s, {mb:.0} MB in all");
    }
    let ratio = |of: &dyn Fn(&Line) -> Option<f64>| {
        let all: Vec<f64> = estimated.iter().filter_map(|line| of(line)).collect();
        if all.is_empty() { f64::NAN } else { geometric(all.into_iter()) }
    };
    let slowest = |of: &dyn Fn(&Line) -> f64| workload.lines.iter().map(of).fold(0.0, f64::max);
    let (cells, violated) = workload
        .lines
        .iter()
        .fold((0, 0), |(met, violated), line| (met + line.cells.met, violated + line.cells.violated));
    let _ = write!(
        text,
        "\nOf those estimated, geometric means: {:.0} × DuckDB native warm, {:.0} × for a new process; {:.0} × our exact answer warm. The slowest first \
         answer takes {:.2} of the exact one, the slowest later one {:.2}. Of {cells} cells of answers that say the bound is met, {violated} exceed it.\n\n",
        ratio(&|line| Some(line.native? / line.warm)),
        ratio(&|line| Some(line.native? / line.new_process)),
        ratio(&|line| Some(line.exact / line.warm)),
        slowest(&|line| line.first / line.exact),
        slowest(&|line| line.warm / line.exact),
    );
    text.push_str("| question | first | new process | warm | exact | DuckDB native | Parquet | × native | error | met | alone | error | held of trusted | answered by |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    workload.lines.iter().for_each(|line| text.push_str(&row(line)));
    if let Some(coverage) = &workload.coverage {
        text.push_str(&covered(coverage));
    }
    text
}

/// One question as a row of the table.
pub(super) fn row(line: &Line) -> String {
    let optional = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
    let times = line.native.map_or_else(String::new, |native| format!("{:.1}", native / line.warm));
    let (alone, worst, held) = match &line.alone {
        Some(alone) => (
            format!("{:.2}", alone.ms),
            percent(alone.cells.worst),
            format!("{} of {}", alone.cells.held, alone.cells.trusted),
        ),
        None => Default::default(),
    };
    format!(
        "| {} | {:.1} | {:.1} | {:.2} | {:.0} | {} | {} | {times} | {} | {} | {alone} | {worst} | {held} | {} |\n",
        line.name,
        line.first,
        line.new_process,
        line.warm,
        line.exact,
        optional(line.native),
        optional(line.parquet),
        percent(line.cells.worst),
        if line.met { "yes" } else { "no" },
        line.answered_by.replace('|', "\\|").replace('\n', " "),
    )
}

fn percent(error: f64) -> String {
    if error.is_finite() { format!("{:.2} %", 100.0 * error) } else { "a group is missing".to_owned() }
}

fn covered(coverage: &Coverage) -> String {
    let mut text = format!(
        "\nIntervals over {} draws of the samples at scale {}, a miss being reported:\n\n\
         | question | estimates | cells | trusted | held | share | cells said to meet the bound | violated |\n|---|---|---|---|---|---|---|---|\n",
        coverage.seeds, coverage.scale
    );
    let share = |held: usize, of: usize| match of {
        0 => String::new(),
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        of => format!("{:.1} %", 100.0 * held as f64 / of as f64),
    };
    let mut all = super::Counts::default();
    for (name, answers, counts) in &coverage.questions {
        all.add(counts);
        let _ = writeln!(
            text,
            "| {name} | {answers} | {} | {} | {} | {} | {} | {} |",
            counts.cells,
            counts.trusted,
            counts.held,
            share(counts.held, counts.trusted),
            counts.met,
            counts.violated
        );
    }
    let _ = writeln!(
        text,
        "\nIn all {} of {} trusted intervals hold ({}); {} of {} cells that were said to meet the bound exceed it ({}).",
        all.held,
        all.trusted,
        share(all.held, all.trusted),
        all.violated,
        all.met,
        share(all.violated, all.met)
    );
    text
}
