//! Plots of estimates with their intervals.

mod points;
mod svg;
mod text;

use crate::failure::Failure;
use crate::render::Paint;
use plusminus::Answer;
use points::series;
use std::path::Path;

/// Charts of every estimate of an answer, for the terminal.
///
/// # Errors
/// When the answer has no number to draw.
pub(crate) fn text(answer: &Answer, screen: Option<usize>, paint: Paint) -> Result<String, Failure> {
    let all = series(answer);
    if all.is_empty() {
        return Err(nothing());
    }
    Ok(all.iter().map(|series| text::chart(series, screen, paint)).collect::<Vec<_>>().join("\n"))
}

/// Writes charts of every estimate of an answer to an SVG file.
///
/// # Errors
/// When the answer has no number to draw, or the file cannot be written; for endings other than svg.
pub(crate) fn file(answer: &Answer, file: &Path) -> Result<(), Failure> {
    if file.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("svg")) {
        return Err(Failure::plain(format!("plots are written as SVG, not as '{}'\nTry: -o plot.svg", file.display())));
    }
    let all = series(answer);
    if all.is_empty() {
        return Err(nothing());
    }
    let page = svg::page(&all)
        .map_err(|error| Failure::plain(format!("the plot cannot be drawn: {error}\nTry: fewer rows")))?;
    std::fs::write(file, page).map_err(|e| Failure::io(file.display(), e))
}

fn nothing() -> Failure {
    Failure::plain("there is no number to draw\nTry: SELECT a key, and aggregates of it")
}
