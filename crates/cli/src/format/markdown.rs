//! Tables for documents: intervals in the numbers, numbers on the right.

use super::Style;
use crate::render::{self, View};
use plusminus::Answer;
use std::io::{self, Write};

pub(crate) fn print(sink: &mut dyn Write, answer: &Answer, style: &Style) -> io::Result<()> {
    let columns = render::text_columns(answer, &View { width: None, ..style.view });
    if !columns.is_empty() {
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        sink.write_all(row(columns.iter().map(|column| escaped(&column.name)).collect()).as_bytes())?;
        let rules = columns.iter().map(|column| if column.is_number { "---:" } else { "---" }.to_owned());
        sink.write_all(row(rules.collect()).as_bytes())?;
        for at in 0..answer.batch().num_rows() {
            let cell = |column: &render::TextColumn| {
                let line = &column.lines[at];
                escaped(format!("{}{}", line.text, line.aside).trim())
            };
            sink.write_all(row(columns.iter().map(cell).collect()).as_bytes())?;
        }
    }
    if answer.is_query() && !style.quiet {
        writeln!(sink, "\n{}", render::footer(answer, None, style.view.paint))?;
    }
    Ok(())
}

/// The text with what has a meaning in a table's cell escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}
