//! One line per column and row, for rows that are wider than the screen.

use super::column::{TextColumn, width};
use super::fit::cut;
use super::paint::Paint;
use super::table::painted;

/// Dashes before the number of a row.
const LEAD: usize = 2;

/// Every row as a list of names and values; values are cut where they exceed `limit`, the width of the screen.
pub(crate) fn expanded(columns: &[TextColumn], limit: Option<usize>, paint: Paint) -> String {
    let names = columns.iter().map(|column| width(&column.name)).max().unwrap_or(0);
    let names = limit.map_or(names, |limit| names.min(limit / 2));
    let values = limit.map_or(usize::MAX, |limit| limit.saturating_sub(names + 3).max(1));
    let mut text = String::new();
    for row in 0..columns.first().map_or(0, |column| column.lines.len()) {
        let number = format!(" row {} ", row + 1);
        let most = names + 3 + columns.iter().map(|column| column.lines[row].width()).max().unwrap_or(0);
        let line = most.min(limit.unwrap_or(usize::MAX)).saturating_sub(LEAD + number.len());
        text.push_str(&paint.dim(&format!("{}{number}{}", "─".repeat(LEAD), "─".repeat(line))));
        text.push('\n');
        for column in columns {
            let mut line = column.lines[row].clone();
            line.text = cut(line.text.trim(), values);
            line.aside = cut(line.aside.trim_end(), values.saturating_sub(width(&line.text)));
            let name = cut(&column.name, names);
            let space = " ".repeat(names - width(&name));
            text.push_str(&format!(" {}{space}  {}\n", paint.bold(&name), painted(&line, paint)));
        }
    }
    text
}
