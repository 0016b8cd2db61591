//! Answers for people.

use super::cells::texts;
use super::json::trust_word;
use super::number::{exact, in_groups, significant, with_error};
use super::{Errors, Style};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table, TableComponent};
use plusminus::{Answer, Column, Mode, Report, Role, Trust};
use std::io::{self, Write};

/// Rows printed before the rest is only counted.
const ROWS_MAX: usize = 1000;

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer, style: &Style) -> io::Result<()> {
    let mut table = ruled();
    let mut names = Vec::new();
    let mut columns = Vec::new();
    let mut right = Vec::new();
    let shown = answer.batch().num_rows().min(ROWS_MAX);
    for (column, values) in answer.columns().iter().zip(answer.batch().columns()) {
        let (column, values) = (&first_rows(column, shown), &values.slice(0, shown));
        for (name, cells) in rendered(column, values, style.errors) {
            names.push(name);
            columns.push(if column.data_type.is_numeric() { aligned(cells) } else { cells });
            right.push(column.data_type.is_numeric());
        }
    }
    let rows = answer.batch().num_rows();
    if !names.is_empty() {
        table.set_header(names);
        for row in 0..rows.min(ROWS_MAX) {
            table.add_row(columns.iter().map(|c| c[row].clone()));
        }
        for (number, right) in right.into_iter().enumerate() {
            if let Some(column) = table.column_mut(number).filter(|_| right) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(sink, "{table}")?;
    }
    if rows > ROWS_MAX {
        writeln!(sink, "… {} more rows (--format csv prints all)", rows - ROWS_MAX)?;
    }
    if answer.is_query() && !style.quiet { writeln!(sink, "{}", footer(answer.report(), rows)) } else { Ok(()) }
}

/// The first `rows` rows of a column, so that no more is rendered than is printed.
fn first_rows(column: &Column, rows: usize) -> Column {
    let bounds = column.bounds.as_ref().map(|bounds| plusminus::Bounds {
        lower: bounds.lower.slice(0, rows),
        upper: bounds.upper.slice(0, rows),
        trust: bounds.trust[..rows].to_vec(),
    });
    Column { bounds, ..column.clone() }
}

/// An empty table with a line under its header and no other.
pub(crate) fn ruled() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table
}

/// A column, and with `Errors::Columns` its intervals after it.
fn rendered(column: &Column, values: &ArrayRef, errors: Errors) -> Vec<(String, Vec<String>)> {
    let null = |texts: Vec<Option<String>>| texts.into_iter().map(|t| t.unwrap_or_else(|| "NULL".to_owned())).collect();
    let plain = || null(texts(values));
    match (&column.bounds, errors) {
        (Some(bounds), Errors::Columns) => vec![
            (column.name.clone(), plain()),
            (format!("{}_lo", column.name), null(texts(&bounds.lower))),
            (format!("{}_hi", column.name), null(texts(&bounds.upper))),
            (format!("{}_trust", column.name), bounds.trust.iter().map(|t| trust_word(*t).to_owned()).collect()),
        ],
        (Some(_), Errors::Inline) => vec![(column.name.clone(), inline_texts(column, values))],
        _ => vec![(column.name.clone(), exact_texts(column, values))],
    }
}

/// Values as text, NULL in words.
pub(crate) fn plain_texts(values: &ArrayRef) -> Vec<String> {
    texts(values).into_iter().map(|t| t.unwrap_or_else(|| "NULL".to_owned())).collect()
}

/// Exact values for people: floating-point numbers to six digits; integers and decimals in groups of three where they were computed,
/// and as they are where they may be years or identifiers.
pub(crate) fn exact_texts(column: &Column, values: &ArrayRef) -> Vec<String> {
    let plain = plain_texts(values);
    if values.data_type().is_floating() {
        let shown = |(number, plain): (Option<f64>, String)| number.map_or(plain, exact);
        return numbers(values).into_iter().zip(plain).map(shown).collect();
    }
    match column.role == Role::Estimate && column.data_type.is_numeric() {
        true => plain.into_iter().map(|text| if text == "NULL" { text } else { in_groups(&text) }).collect(),
        false => plain,
    }
}

/// Estimates with their errors in them.
pub(crate) fn inline_texts(column: &Column, values: &ArrayRef) -> Vec<String> {
    let plain = exact_texts(column, values);
    let (Some(bounds), true) = (&column.bounds, column.data_type.is_numeric()) else { return plain };
    let (estimates, lower, upper) = (numbers(values), numbers(&bounds.lower), numbers(&bounds.upper));
    let rows = plain.into_iter().enumerate();
    rows.map(|(row, plain)| match (bounds.trust[row], estimates[row]) {
        (_, None) | (Trust::Exact, _) => plain,
        (Trust::Trusted, Some(value)) if lower[row] == Some(value) && upper[row] == Some(value) => plain,
        (Trust::Trusted, Some(value)) => with_error(value, lower[row], upper[row]),
        (Trust::Untrusted(_), Some(value)) => format!("~{}", significant(value, 2)),
    })
    .collect()
}

/// Pads the numbers of a column so that their decimal points, or the ends of whole numbers, stand in one line.
pub(crate) fn aligned(cells: Vec<String>) -> Vec<String> {
    let point = |cell: &str| cell.find(['.', ' ', '[', 'e']).unwrap_or(cell.len());
    let width = |text: &str| text.chars().count();
    let split = |cell: &String| {
        let (whole, rest) = cell.split_at(point(cell));
        (width(whole), width(rest))
    };
    let behind = cells.iter().map(|cell| split(cell).1).max().unwrap_or(0);
    cells
        .into_iter()
        .map(|cell| {
            let padding = behind - split(&cell).1;
            format!("{cell}{}", " ".repeat(padding))
        })
        .collect()
}

fn numbers(array: &ArrayRef) -> Vec<Option<f64>> {
    match cast(array, &DataType::Float64) {
        Ok(array) => array.as_primitive::<Float64Type>().iter().collect(),
        Err(_) => vec![None; array.len()],
    }
}

/// One line that sums up the report: rows, confidence, sample or table, time and bounds.
fn footer(report: &Report, rows: usize) -> String {
    let mut parts = vec![format!("{rows} row{}", if rows == 1 { "" } else { "s" })];
    if report.mode == Mode::Approximate {
        parts.push(format!("{} % confidence", percent(report.confidence)));
    }
    parts.push(match report.rows_total {
        Some(total) if report.rows_read > total => {
            format!("read {} rows of the sample and of the table's {}", grouped(report.rows_read), grouped(total))
        }
        Some(total) => format!("read {} of {} rows", grouped(report.rows_read), grouped(total)),
        None => format!("read {} rows", grouped(report.rows_read)),
    });
    match (&report.sample, report.level, report.levels) {
        (Some(sample), Some(level), Some(levels)) => parts.push(format!("sample {sample}, level {level} of {levels}")),
        _ => parts.push(format!("exact: {}", report.reason)),
    }
    parts.push(format!("{:.1} ms", report.elapsed_ms));
    parts.extend(bounds(report));
    if let Some(rows) = report.missing_groups_below.filter(|rows| *rows > 1) {
        parts.push(format!("groups under {} rows may be missing", grouped(rows)));
    }
    parts.join(" · ")
}

fn bounds(report: &Report) -> Option<String> {
    let error = report.error_bound.map(|e| match report.error_is_relative {
        true => format!("error within {} %", percent(e)),
        false => format!("error within {e}"),
    });
    let within = report.within_ms.map(|w| format!("within {w} ms"));
    let asked: Vec<String> = [error, within].into_iter().flatten().collect();
    let met = report.met?;
    Some(format!("{}: {}", asked.join(", "), if met { "met" } else { "MISSED" }))
}

fn percent(fraction: f64) -> f64 {
    (fraction * 1e6).round() / 1e4
}

/// 1234567 as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    in_groups(&number.to_string())
}

#[cfg(test)]
mod tests {
    use super::aligned;

    #[test]
    fn decimal_points_stand_in_one_line() {
        let cells = ["6.74 ± 0.12", "1,204 ± 7", "98.0", "~5", "NULL"].map(str::to_owned).to_vec();
        let expected = [("6.74 ± 0.12", 0), ("1,204 ± 7", 6), ("98.0", 8), ("~5", 10), ("NULL", 10)];
        assert_eq!(aligned(cells), expected.map(|(text, spaces)| format!("{text}{}", " ".repeat(spaces))).to_vec());
    }
}
