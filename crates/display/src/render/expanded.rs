//! A line per column and row, for rows that are wider than the screen.

use super::column::{Line, TextColumn, width};
use super::fit::cut;
use super::paint::Paint;
use super::table::painted;
use unicode_width::UnicodeWidthChar;

/// Dashes before the number of a row.
const LEAD: usize = 2;

/// Every row as a list of names and values; values are broken where they exceed `limit`, the width of the screen.
pub(crate) fn expanded(columns: &[TextColumn], limit: Option<usize>, paint: Paint) -> String {
    let names = columns.iter().map(|column| width(&column.name)).max().unwrap_or(0);
    let names = limit.map_or(names, |limit| names.min(limit / 2));
    let values = limit.map_or(usize::MAX, |limit| limit.saturating_sub(names + 3).max(1));
    let mut text = String::new();
    for row in 0..columns.first().map_or(0, |column| column.lines.len()) {
        let number = format!(" row {} ", row + 1);
        let most = names + 3 + columns.iter().map(|column| column.lines[row].width().min(values)).max().unwrap_or(0);
        let line = most.min(limit.unwrap_or(usize::MAX)).saturating_sub(LEAD + number.len());
        text.push_str(&paint.dim(&format!("{}{number}{}", "─".repeat(LEAD), "─".repeat(line))));
        text.push('\n');
        for column in columns {
            let line = &column.lines[row];
            let line =
                Line { text: line.text.trim().to_owned(), aside: line.aside.trim_end().to_owned(), ..line.clone() };
            let name = cut(&column.name, names);
            let space = " ".repeat(names - width(&name));
            text.push_str(&format!(" {}{space}  ", paint.bold(&name)));
            if line.width() <= values {
                text.push_str(&format!("{}\n", painted(&line, paint)));
                continue;
            }
            let whole = format!("{}{}", line.text, line.aside);
            text.push_str(&pieces(&whole, values).join(&format!("\n{}", " ".repeat(names + 3))));
            text.push('\n');
        }
    }
    text
}

/// A text in pieces of at most `most` columns each.
fn pieces(text: &str, most: usize) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut used = 0;
    for c in text.chars() {
        let own = c.width().unwrap_or(0);
        if used + own > most && used > 0 {
            found.push(String::new());
            used = 0;
        }
        used += own;
        if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found
}
