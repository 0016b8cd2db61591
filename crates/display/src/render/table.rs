//! Columns of text side by side, under their names.

use super::column::{Line, TextColumn, width};
use super::fit::{GAP, MARGIN, width_of};
use super::paint::Paint;

/// The names, a line, and the rows.
#[must_use]
pub fn table(columns: &[TextColumn], paint: Paint) -> String {
    let widths: Vec<usize> = columns.iter().map(TextColumn::width).collect();
    let mut text = row(columns.iter().zip(&widths).map(|(column, width)| name(column, *width, paint)));
    text.push_str(&"─".repeat(width_of(columns)));
    text.push('\n');
    for at in 0..columns.first().map_or(0, |column| column.lines.len()) {
        text.push_str(&row(columns.iter().zip(&widths).map(|(column, width)| line(column, at, *width, paint))));
    }
    text
}

/// One line of the table, without spaces at its end.
fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    let line = format!("{}{}", " ".repeat(MARGIN), cells.join(&" ".repeat(GAP)));
    format!("{}\n", line.trim_end_matches(' '))
}

fn name(column: &TextColumn, to: usize, paint: Paint) -> String {
    let space = " ".repeat(to - width(&column.name));
    let name = paint.bold(&column.name);
    if column.is_number { format!("{space}{name}") } else { format!("{name}{space}") }
}

fn line(column: &TextColumn, at: usize, to: usize, paint: Paint) -> String {
    let line = &column.lines[at];
    let space = " ".repeat(to - line.width());
    let text = painted(line, paint);
    if column.is_number { format!("{space}{text}") } else { format!("{text}{space}") }
}

/// A value with its colours.
pub(crate) fn painted(line: &Line, paint: Paint) -> String {
    let text = if line.is_null { paint.dim(&line.text) } else { line.text.clone() };
    format!("{text}{}", paint.dim(&line.aside))
}
