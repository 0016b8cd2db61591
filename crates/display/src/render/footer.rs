//! The line below an answer: the verdict first, then what it took, then what is behind it.

use super::column::width;
use super::number::{in_groups, significant};
use super::paint::Paint;
use plusminus::{Answer, Mode, Report};

const SEPARATOR: &str = " · ";

/// The footer of an answer, broken at its separators where it exceeds `limit`: verdict, error reached, time, and what is behind it.
#[must_use]
pub fn footer(answer: &Answer, limit: Option<usize>, paint: Paint) -> String {
    let report = answer.report();
    let mut parts = vec![verdict(answer, paint), time(report.elapsed_ms)];
    parts.push(count(answer.batch().num_rows() as u64, "row"));
    parts.push(behind(report));
    if report.mode == Mode::Approximate {
        parts.push(format!("{} % confidence", percent(report.confidence)));
    }
    if let Some(rows) = report.missing_groups_below.filter(|rows| *rows > 1) {
        parts.push(format!("groups under {} rows may be missing", grouped(rows)));
    }
    broken(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>(), limit)
}

/// Whether the bounds were met, and the error that was reached.
fn verdict(answer: &Answer, paint: Paint) -> String {
    let report = answer.report();
    let reached = (report.mode == Mode::Approximate).then(|| answer.error_reached()).flatten();
    let Some(met) = report.met else {
        return match report.mode {
            Mode::Exact => "exact".to_owned(),
            Mode::Approximate => "estimated".to_owned(),
        };
    };
    let error = report.error_bound.map(|bound| format!("error within {}", error(bound, report)));
    let within = report.within_ms.map(|within| format!("within {}", time(within)));
    let bounds: Vec<String> = [error, within].into_iter().flatten().collect();
    let word = if met { paint.good("met") } else { paint.bad("MISSED") };
    // An error is missed, too, where an interval is not to be trusted.
    let is_within = report.error_bound.zip(reached).is_some_and(|(bound, reached)| reached <= bound);
    let reached = match reached {
        Some(_) if !met && is_within && report.within_ms.is_none_or(|within| report.elapsed_ms <= within) => {
            ", not every interval is to be trusted".to_owned()
        }
        Some(reached) if report.error_bound.is_some() => format!(", reached {}", error_text(reached, report)),
        Some(reached) => format!(", largest error {}", error_text(reached, report)),
        _ => String::new(),
    };
    format!("{word}: {}{reached}", bounds.join(" and "))
}

/// The rows that were read, and of what.
fn behind(report: &Report) -> String {
    let read = grouped(report.rows_read);
    let rows = match report.rows_total {
        Some(total) if report.rows_read > total => format!("{read} rows of sample and table"),
        Some(total) => format!("{read} of {}", count(total, "row")),
        None => count(report.rows_read, "row"),
    };
    match (&report.sample, report.level, report.levels) {
        (Some(sample), Some(level), Some(levels)) => format!("sample {sample}, level {level} of {levels}, {rows}"),
        _ if report.met.is_none() => format!("read {rows}"),
        _ if report.mode == Mode::Approximate => report.reason.clone(),
        _ => format!("exact: {}, read {rows}", report.reason),
    }
}

/// A stated error as it was written.
fn error(bound: f64, report: &Report) -> String {
    if report.error_is_relative { format!("{} %", percent(bound)) } else { format!("{bound}") }
}

/// An error that was reached, to two digits.
fn error_text(reached: f64, report: &Report) -> String {
    let is_relative = report.error_is_relative || report.error_bound.is_none();
    if is_relative { format!("{} %", significant(100.0 * reached, 2)) } else { significant(reached, 2) }
}

/// A time: `3.2 ms`, `1.25 s`, `2 min 5 s`.
pub(crate) fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1_000.0 => format!("{} ms", short(ms, 1)),
        ms if ms < 60_000.0 => format!("{} s", short(ms / 1e3, 2)),
        ms => {
            let seconds = (ms / 1e3).round();
            let (minutes, rest) = ((seconds / 60.0).floor(), seconds % 60.0);
            if rest > 0.0 { format!("{minutes:.0} min {rest:.0} s") } else { format!("{minutes:.0} min") }
        }
    }
}

/// A number with so many digits behind the point, without zeros at its end.
fn short(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percent(fraction: f64) -> f64 {
    (fraction * 1e6).round() / 1e4
}

/// 1234567 as `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    in_groups(&number.to_string())
}

/// `1 row`, `2 rows`.
#[must_use]
pub fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// The parts in lines of at most `limit` columns each; a part that is longer is broken between its words.
fn broken(parts: &[String], limit: Option<usize>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let mut separator = SEPARATOR;
        let is_long = limit.is_some_and(|limit| visible(part) > limit);
        let pieces: Vec<&str> = if is_long { part.split(' ').collect() } else { vec![part] };
        for piece in pieces {
            match lines.last_mut() {
                Some(line)
                    if limit.is_none_or(|limit| visible(line) + visible(separator) + visible(piece) <= limit) =>
                {
                    line.push_str(separator);
                    line.push_str(piece);
                }
                _ => lines.push(piece.to_owned()),
            }
            separator = " ";
        }
    }
    lines.join("\n")
}

/// The columns that a text takes, without its colours.
fn visible(text: &str) -> usize {
    let mut all = 0;
    for (at, part) in text.split('\u{1b}').enumerate() {
        let shown = if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) };
        all += width(shown);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_units_that_fit() {
        let shown = [0.04, 3.24, 999.0, 5_000.0, 1_250.0, 125_000.0, 60_000.0].map(time);
        assert_eq!(shown, ["0 ms", "3.2 ms", "999 ms", "5 s", "1.25 s", "2 min 5 s", "1 min"]);
    }

    #[test]
    fn lines_are_broken_between_parts() {
        let parts = ["met: error within 10 %", "3.2 ms", "12 rows"].map(str::to_owned);
        assert_eq!(broken(&parts, Some(33)), "met: error within 10 % · 3.2 ms\n12 rows");
        assert_eq!(broken(&parts, Some(12)), "met: error\nwithin 10 %\n3.2 ms\n12 rows");
        assert_eq!(broken(&parts, None), "met: error within 10 % · 3.2 ms · 12 rows");
        assert_eq!(visible("\u{1b}[32mmet\u{1b}[0m: ok"), 7);
    }
}
