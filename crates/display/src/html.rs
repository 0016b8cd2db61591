//! Tables for notebooks.

use crate::render::{self, Paint, View};
use plusminus::Answer;

/// Rows that are shown; the rest is counted.
const ROWS_MAX: usize = 100;

/// An answer as an HTML table with its intervals in the numbers, untrusted ones dimmed, and its footer and notes below.
#[must_use]
pub fn html(answer: &Answer) -> String {
    let columns = render::text_columns(answer, &View::default());
    let rows = answer.batch().num_rows();
    let mut text = String::from("<table class=\"plusminus\"><thead><tr>");
    let style = |is_number| if is_number { " style=\"text-align:right\"" } else { " style=\"text-align:left\"" };
    for column in &columns {
        text.push_str(&format!("<th{}>{}</th>", style(column.is_number), escaped(&column.name)));
    }
    text.push_str("</tr></thead><tbody>");
    for at in 0..rows.min(ROWS_MAX) {
        text.push_str("<tr>");
        for column in &columns {
            let line = &column.lines[at];
            let cell = match (line.is_null, line.aside.trim()) {
                (true, _) => dimmed("NULL"),
                (false, "") => escaped(line.text.trim()),
                (false, aside) => format!("{} {}", escaped(line.text.trim()), dimmed(aside)),
            };
            text.push_str(&format!("<td{}>{cell}</td>", style(column.is_number)));
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table>");
    if rows > ROWS_MAX {
        text.push_str(&format!(
            "<p>{}</p>",
            dimmed(&format!("… {} more rows", render::grouped((rows - ROWS_MAX) as u64)))
        ));
    }
    if answer.is_query() {
        text.push_str(&format!("<p><small>{}</small></p>", escaped(&render::footer(answer, None, Paint::OFF))));
    }
    for warning in &answer.report().warnings {
        text.push_str(&format!("<p><small>note: {}</small></p>", escaped(warning)));
    }
    text
}

fn dimmed(text: &str) -> String {
    format!("<span style=\"opacity:0.6\">{}</span>", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
