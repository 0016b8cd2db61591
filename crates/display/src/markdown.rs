//! Tables for documents: intervals in the numbers, numbers on the right.

use crate::render::{self, View};
use plusminus::Answer;

/// An answer as a table in Markdown, with its footer below unless that is left out.
#[must_use]
pub fn markdown(answer: &Answer, view: &View, has_footer: bool) -> String {
    let columns = render::text_columns(answer, &View { width: None, ..*view });
    let mut text = String::new();
    if !columns.is_empty() {
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        text.push_str(&row(columns.iter().map(|column| escaped(&column.name)).collect()));
        let rules = columns.iter().map(|column| if column.is_number { "---:" } else { "---" }.to_owned());
        text.push_str(&row(rules.collect()));
        for at in 0..answer.batch().num_rows() {
            let cell = |column: &render::TextColumn| {
                let line = &column.lines[at];
                escaped(format!("{}{}", line.text, line.aside).trim())
            };
            text.push_str(&row(columns.iter().map(cell).collect()));
        }
    }
    if answer.is_query() && has_footer {
        text.push_str(&format!("\n{}\n", render::footer(answer, None, view.paint)));
    }
    text
}

/// The text with what has a meaning in a cell of a table escaped: `|`, emphasis, code, links and HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        // A single ~ marks estimates and is text; a pair of them strikes through.
        if matches!(character, '\\' | '|' | '*' | '_' | '`' | '[' | '<') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
