//! Reads candidates and errors out of answers and explanations, and writes the page.

use super::{Bound, Line, Options};
use arrow::array::AsArray;
use plusminus::{Answer, Mode, Role, Trust};
use std::collections::HashMap;

/// The candidate that EXPLAIN expects to answer, and the milliseconds it predicts.
pub(crate) fn expected(explained: &Answer) -> (String, Option<f64>) {
    let batch = explained.batch();
    let text = |column: usize| batch.column(column).as_string::<i32>().iter().map(Option::unwrap_or_default);
    let facts: Vec<(&str, &str)> = text(0).zip(text(1)).collect();
    let of = |step: &str| facts.iter().find(|(own, _)| *own == step).map(|(_, detail)| *detail);
    let candidates = || facts.iter().filter(|(step, _)| *step == "candidate").map(|(_, detail)| *detail);
    let table =
        || candidates().find_map(|detail| milliseconds(detail.strip_prefix("the table:")?.split("about ").nth(1)?));
    let Some(expected) = of("expected") else {
        return match of("candidate") {
            Some(_) => ("table".to_owned(), table()),
            None => ("catalog".to_owned(), None),
        };
    };
    let (who, _) = expected.split_once(':').unwrap_or((expected, ""));
    if who == "the table" {
        return ("table".to_owned(), table());
    }
    let own = candidates().find(|detail| detail.starts_with(&format!("{who} of ")));
    (who.replace(", level", ""), own.and_then(|detail| milliseconds(detail.rsplit(", ").next()?)))
}

/// `1.2 ms`, `3.4 s` as milliseconds.
fn milliseconds(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace();
    let (number, unit) = (words.next()?.parse::<f64>().ok()?, words.next()?);
    Some(if unit.starts_with("ms") { number } else { number * 1e3 })
}

/// The candidate that answered.
pub(crate) fn chosen(answer: &Answer) -> String {
    let report = answer.report();
    let repaired = report.warnings.iter().any(|warning| warning.contains("computed on the table"));
    match (&report.sample, report.level) {
        (Some(sample), Some(level)) if repaired => format!("{sample} {level} + table"),
        (Some(sample), Some(level)) => format!("{sample} {level}"),
        _ if report.rows_read == 0 => "catalog".to_owned(),
        _ if report.mode == Mode::Exact && !report.reason.starts_with("sample") => "table".to_owned(),
        _ => "sample, exactly".to_owned(),
    }
}

/// The largest relative error of trusted estimates in percent; `None` where rows of both cannot be told apart by their keys.
pub(crate) fn largest_error(answer: &Answer, exact: &Answer) -> Option<f64> {
    let keys = |answer: &Answer| -> Vec<String> {
        let columns = answer.columns().iter().zip(answer.batch().columns()).filter(|(c, _)| c.role == Role::Key);
        let columns: Vec<_> = columns.map(|(_, values)| values).collect();
        let shown = |row: usize| {
            let cell = |values: &&arrow::array::ArrayRef| arrow::util::display::array_value_to_string(values, row);
            columns.iter().map(|values| cell(values).unwrap_or_default()).collect::<Vec<_>>().join("|")
        };
        (0..answer.batch().num_rows()).map(shown).collect()
    };
    let truth: HashMap<String, usize> = keys(exact).into_iter().enumerate().map(|(row, key)| (key, row)).collect();
    if truth.len() != exact.batch().num_rows() {
        return None;
    }
    let (own, mut worst) = (keys(answer), 0.0_f64);
    for column in answer.columns().iter().filter(|c| c.role == Role::Estimate && c.data_type.is_numeric()) {
        let (found, truths) = (answer.cells(&column.name).ok()?, exact.cells(&column.name).ok()?);
        for (row, cell) in
            found.iter().enumerate().filter(|(_, cell)| matches!(cell.trust, Trust::Trusted | Trust::Exact))
        {
            let Some(true_cell) = truth.get(&own[row]).map(|at| truths[*at]) else { continue };
            let off = (cell.estimate - true_cell.estimate).abs() / true_cell.estimate.abs().max(f64::MIN_POSITIVE);
            if off.is_finite() && cell.estimate != true_cell.estimate {
                worst = worst.max(100.0 * off);
            }
        }
    }
    Some(worst)
}

impl Line {
    /// How much more than 1.2 times the exact answer and 2 ms it takes, in milliseconds.
    fn excess(&self) -> f64 {
        self.median_ms - (1.2 * self.exact_ms + 2.0)
    }

    /// Why the line fails, if it does.
    fn fault(&self) -> Option<String> {
        if self.excess() > 0.0 {
            return Some(format!("{:.1} ms over 1.2 × exact + 2", self.excess()));
        }
        match self.bound {
            Bound::Error(_) if self.met != Some(true) => Some("not met".to_owned()),
            Bound::Within(time) => {
                let late = self.ms.iter().filter(|ms| **ms > 1.01 * time.as_secs_f64() * 1e3).count();
                (late > 0).then(|| format!("late in {late} of {}", self.ms.len()))
            }
            Bound::Error(_) => None,
        }
    }
}

fn bound_text(bound: Bound) -> String {
    match bound {
        Bound::Error(percent) => format!("{percent} %"),
        Bound::Within(time) => format!("{} ms", time.as_millis()),
    }
}

pub(crate) fn page(options: &Options, lines: &[Line]) -> String {
    let faults: Vec<&Line> = lines.iter().filter(|line| line.fault().is_some()).collect();
    let errors = || lines.iter().filter(|line| matches!(line.bound, Bound::Error(_)));
    let times = || lines.iter().filter(|line| matches!(line.bound, Bound::Within(_)));
    let switched = |is_exact: bool| {
        let of = |line: &&Line| (line.expected == "table") != line.is_exact && line.is_exact == is_exact;
        times().filter(|line| line.expected != "catalog" && line.chosen != "no answer").filter(of).count()
    };
    let broken = |line: &&Line| match (line.bound, line.error_percent) {
        (Bound::Error(percent), Some(error)) => error > percent,
        _ => false,
    };
    let predicted: Vec<f64> = lines
        .iter()
        .filter(|line| line.chosen == "table")
        .filter_map(|line| Some(line.predicted_ms? / line.median_ms))
        .collect();
    let near = predicted.iter().filter(|ratio| (0.5..=2.0).contains(*ratio)).count();
    let flights = if options.flights.is_some() { " --flights flights-3m.parquet" } else { "" };
    let mut text = format!(
        "# Candidates\n\n```console\n$ cargo run -p plusminus-benches --release -- candidates --scale {}{flights} --write docs/candidates.md\n```\n\n\
         Every query under every bound, with what EXPLAIN expected, what answered, and the exact answer, asked in turn with it; times are medians of \
         {} runs on {} threads. A line fails when it takes more than 1.2 times the exact answer and 2 ms, when a stated error is not met, or when \
         a run overruns its time by over 1 %.\n\n\
         - {} lines; {} fail.\n\
         - Errors: {} of {} met; {} lines have an estimate that is off by more than the bound.\n\
         - Times: of {} lines {} were exact although EXPLAIN expected a sample, {} came from a sample although it expected the table, {} had no \
         answer in time.\n\
         - The exact answer's time was predicted within a factor of 2 in {near} of {} lines that the table answered.\n",
        options.scale,
        options.runs,
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        lines.len(),
        faults.len(),
        errors().filter(|line| line.met == Some(true)).count(),
        errors().count(),
        errors().filter(broken).count(),
        times().count(),
        switched(true),
        switched(false),
        times().filter(|line| line.chosen == "no answer").count(),
        predicted.len(),
    );
    text.push_str("\n## Lines that fail\n\n| table | query | bound | chosen | ms | exact ms | why |\n|---|---|---|---|---|---|---|\n");
    for line in faults {
        text.push_str(&format!(
            "| {} | `{}` | {} | {} | {:.1} | {:.1} | {} |\n",
            line.table,
            line.question.replace('|', "\\|"),
            bound_text(line.bound),
            line.chosen,
            line.median_ms,
            line.exact_ms,
            line.fault().unwrap_or_default()
        ));
    }
    text.push_str("\n## All lines\n");
    let mut last = (String::new(), String::new());
    for line in lines {
        if last.0 != line.table {
            text.push_str(&format!("\n### {}\n", line.table));
        }
        if last != (line.table.clone(), line.question.clone()) {
            text.push_str(&format!(
                "\n`{}`\n\n| bound | expected | predicted ms | chosen | ms | exact ms | off by % | met |\n|---|---|---|---|---|---|---|---|\n",
                line.question
            ));
            last = (line.table.clone(), line.question.clone());
        }
        let number = |n: Option<f64>| n.map_or_else(|| "–".to_owned(), |n| format!("{n:.2}"));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {:.2} | {:.2} | {} | {} |\n",
            bound_text(line.bound),
            line.expected,
            number(line.predicted_ms),
            line.chosen,
            line.median_ms,
            line.exact_ms,
            number(line.error_percent),
            line.met.map_or("–", |met| if met { "yes" } else { "no" })
        ));
    }
    text
}
