//! Plots of estimates with their intervals.

mod curve;
mod png;
mod points;
mod svg;
mod text;

pub use png::png;

use crate::render::Paint;
use plusminus::{Answer, Error, Result};
use points::series;

/// Charts of every estimate of an answer for the terminal, `screen` columns wide; for EXPLAIN with bounds the error of each candidate.
///
/// # Errors
/// [`Error::Invalid`] when the answer has no number to draw.
pub fn chart(answer: &Answer, screen: Option<usize>, paint: Paint) -> Result<String> {
    let candidates = curve::candidates(answer);
    if !candidates.is_empty() {
        return Ok(curve::chart(&candidates, screen, paint));
    }
    let all = series(answer);
    if all.is_empty() {
        return Err(nothing());
    }
    Ok(all.iter().map(|series| text::chart(series, screen, paint)).collect::<Vec<_>>().join("\n"))
}

/// Charts of every estimate of an answer as SVG: a band over time, or the intervals of categories side by side; for EXPLAIN with bounds the
/// error of each candidate against its time.
///
/// # Errors
/// [`Error::Invalid`] when the answer has no number to draw.
pub fn svg(answer: &Answer) -> Result<String> {
    let failed = |error: Box<dyn std::error::Error>| Error::Data {
        what: format!("the plot cannot be drawn: {error}"),
        next: "fewer rows".to_owned(),
    };
    let candidates = curve::candidates(answer);
    if !candidates.is_empty() {
        return curve::page(&candidates).map_err(failed);
    }
    let all = series(answer);
    if all.is_empty() {
        return Err(nothing());
    }
    svg::page(&all).map_err(failed)
}

fn nothing() -> Error {
    Error::Invalid {
        what: "there is no number to draw".to_owned(),
        next: "SELECT a key, and aggregates of it".to_owned(),
    }
}
