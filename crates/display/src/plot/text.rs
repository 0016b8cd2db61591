//! Charts for the terminal: a line per row, with the interval on a common scale.

use super::points::{Point, Series};
use crate::render::{Paint, cut, significant, width};
use plusminus::Trust;

/// Rows that are drawn.
const ROWS_MAX: usize = 60;
/// Columns of a chart at least, and where the width of the screen is not known.
const CHART_MIN: usize = 20;
const SCREEN: usize = 100;
/// Columns that labels take at most.
const LABEL_MAX: usize = 24;

/// A chart of one series, `screen` columns wide.
pub(crate) fn chart(series: &Series, screen: Option<usize>, paint: Paint) -> String {
    let screen = screen.unwrap_or(SCREEN);
    let shown = &series.points[..series.points.len().min(ROWS_MAX)];
    let labels = shown.iter().map(|point| width(&point.label)).max().unwrap_or(0).min(LABEL_MAX);
    let numbers = shown.iter().map(|point| width(&point.text)).max().unwrap_or(0);
    let cells = screen.saturating_sub(labels + numbers + 5).max(CHART_MIN);
    let scale = Scale::of(shown, cells);
    let mut text = format!(" {}\n", paint.bold(&series.title()));
    for point in shown {
        let label = cut(&point.label, LABEL_MAX);
        let space = " ".repeat(labels - width(&label));
        text.push_str(&format!(" {label}{space}  {}  {}\n", drawn(point, &scale, paint), point.text));
    }
    let (low, high) = (significant(scale.low, 3), significant(scale.high, 3));
    let between = cells.saturating_sub(width(&low) + width(&high));
    let indent = " ".repeat(labels + 3);
    text.push_str(&paint.dim(&format!("{indent}{low}{}{high}\n", " ".repeat(between))));
    if series.points.len() > shown.len() {
        text.push_str(&paint.dim(&format!("… {} more rows\n", series.points.len() - shown.len())));
    }
    text
}

/// Numbers to cells.
struct Scale {
    low: f64,
    high: f64,
    cells: usize,
}

impl Scale {
    fn of(points: &[Point], cells: usize) -> Self {
        let low = points.iter().map(|point| point.lower).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(|point| point.upper).fold(f64::NEG_INFINITY, f64::max);
        // A single number stands in the middle.
        let half = if low < high { 0.0 } else { low.abs().max(1.0) / 2.0 };
        Self { low: low - half, high: high + half, cells }
    }

    fn cell(&self, number: f64) -> usize {
        let share = (number - self.low) / (self.high - self.low);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a cell"
        )]
        let cell = (share.clamp(0.0, 1.0) * (self.cells - 1) as f64).round() as usize;
        cell
    }
}

/// An interval with its value: `├──●──┤`, `◆` where it is exact, `├┄┄○┄┄┤` where it is not to be trusted.
fn drawn(point: &Point, scale: &Scale, paint: Paint) -> String {
    let (line, mark) = match point.trust {
        Trust::Exact => (' ', '◆'),
        Trust::Trusted => ('─', '●'),
        Trust::Untrusted(_) => ('┄', '○'),
    };
    let mut cells = vec![' '; scale.cells];
    let (first, last) = (scale.cell(point.lower), scale.cell(point.upper));
    if point.lower < point.upper {
        cells[first..=last].fill(line);
        (cells[first], cells[last]) = ('├', '┤');
    }
    cells[scale.cell(point.value)] = mark;
    let text: String = cells.into_iter().collect();
    if matches!(point.trust, Trust::Untrusted(_)) { paint.dim(&text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plusminus::Doubt;

    fn point(label: &str, value: f64, half: f64, trust: Trust) -> Point {
        let text = format!("{value} ± {half}");
        Point { label: label.to_owned(), time: None, value, lower: value - half, upper: value + half, trust, text }
    }

    #[test]
    fn intervals_stand_on_one_scale() {
        let points = vec![
            point("east", 10.0, 2.0, Trust::Trusted),
            point("north", 14.0, 0.0, Trust::Exact),
            point("a region with a long name", 16.0, 4.0, Trust::Untrusted(Doubt::FewRows)),
        ];
        let series = Series { name: "avg(miles)".to_owned(), labels: "region".to_owned(), points };
        let text = chart(&series, Some(62), Paint::OFF);
        let expected = " avg(miles) by region\n\
                        \x20east                      ├───●────┤                   10 ± 2\n\
                        \x20north                                  ◆               14 ± 0\n\
                        \x20a region with a long na…           ├┄┄┄┄┄┄┄○┄┄┄┄┄┄┄┄┤  16 ± 4\n\
                        \x20                          8.00                   20.0\n";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn one_number_and_a_narrow_screen_are_drawn_too() {
        let series = |points| Series { name: "n".to_owned(), labels: String::new(), points };
        let one = chart(&series(vec![point("", 5.0, 0.0, Trust::Exact)]), Some(10), Paint::OFF);
        assert_eq!(one.lines().nth(1).unwrap().chars().filter(|c| *c == '◆').count(), 1);
        let many = (0..100).map(|at| point("x", f64::from(at), 1.0, Trust::Trusted)).collect();
        assert!(chart(&series(many), None, Paint::OFF).ends_with("… 40 more rows\n"));
    }
}
