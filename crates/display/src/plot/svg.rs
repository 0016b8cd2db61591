//! Charts as SVG: intervals of categories side by side, or a band over time.

use super::points::{Point, Series};
use plotters::prelude::*;
use plusminus::Trust;
use std::error::Error;
use std::ops::Range;

const WIDTH: u32 = 900;
/// Height of a chart over time, and for each row of categories.
const HEIGHT: u32 = 420;
const ROW_HEIGHT: u32 = 24;
/// Rows that are drawn.
const ROWS_MAX: usize = 200;
const INK: RGBColor = RGBColor(31, 87, 164);
const PALE: RGBColor = RGBColor(150, 150, 150);

/// A chart of each series, one below the other.
///
/// # Errors
/// When the chart cannot be drawn.
pub(crate) fn page(all: &[Series]) -> Result<String, Box<dyn Error>> {
    let heights: Vec<u32> = all.iter().map(height).collect();
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, heights.iter().sum::<u32>().max(1))).into_drawing_area();
        area.fill(&WHITE)?;
        let mut rest = area;
        for (series, height) in all.iter().zip(&heights) {
            let (own, others) = rest.split_vertically(*height);
            match is_over_time(series) {
                true => over_time(series, &own)?,
                false => by_category(series, &own)?,
            }
            rest = others;
        }
        rest.present()?;
    }
    Ok(text)
}

fn is_over_time(series: &Series) -> bool {
    series.points.len() > 1 && series.points.iter().all(|point| point.time.is_some())
}

fn height(series: &Series) -> u32 {
    let rows = u32::try_from(series.points.len().min(ROWS_MAX)).unwrap_or(1);
    if is_over_time(series) { HEIGHT } else { 90 + ROW_HEIGHT * rows }
}

/// The numbers of all intervals, with a margin.
fn range(points: &[Point]) -> Range<f64> {
    let low = points.iter().map(|point| point.lower).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.upper).fold(f64::NEG_INFINITY, f64::max);
    let margin = if low < high { (high - low) * 0.05 } else { low.abs().max(1.0) / 2.0 };
    low - margin..high + margin
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn colour(point: &Point) -> RGBColor {
    if matches!(point.trust, Trust::Untrusted(_)) { PALE } else { INK }
}

/// A row per point: its interval, and a dot, hollow where it is not to be trusted and a square where it is exact.
fn by_category(series: &Series, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
    let points = &series.points[..series.points.len().min(ROWS_MAX)];
    let rows = i32::try_from(points.len()).unwrap_or(1);
    let longest = points.iter().map(|point| point.label.chars().count()).max().unwrap_or(0).min(40);
    let mut chart = ChartBuilder::on(area)
        .caption(series.title(), ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(u32::try_from(12 + 8 * longest).unwrap_or(100))
        .build_cartesian_2d(range(points), (0..rows - 1).into_segmented())?;
    let label = |at: &SegmentValue<i32>| match at {
        SegmentValue::CenterOf(at) => row(points, rows, *at).map_or_else(String::new, |point| point.label.clone()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .max_light_lines(0)
        .y_labels(points.len())
        .y_label_formatter(&label)
        .x_label_formatter(&|number| crate::render::significant(*number, 3))
        .draw()?;
    for at in 0..rows {
        let Some(point) = row(points, rows, at) else { continue };
        let (place, colour) = (SegmentValue::CenterOf(at), colour(point));
        let ends = vec![(point.lower, place.clone()), (point.upper, place.clone())];
        chart.draw_series(LineSeries::new(ends, colour.stroke_width(2)))?;
        let centre = (point.value, place);
        match point.trust {
            Trust::Exact => chart.draw_series([TriangleMarker::new(centre, 5, INK.filled())])?,
            Trust::Trusted => chart.draw_series([Circle::new(centre, 4, INK.filled())])?,
            Trust::Untrusted(_) => chart.draw_series([Circle::new(centre, 4, PALE.stroke_width(1))])?,
        };
    }
    Ok(())
}

/// The point of a row, counted from below; the first point is the highest row.
fn row(points: &[Point], rows: i32, at: i32) -> Option<&Point> {
    points.get(usize::try_from(rows - 1 - at).ok()?)
}

/// A line over time within the band of its intervals.
fn over_time(series: &Series, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
    let mut points: Vec<(i64, &Point)> = series.points.iter().filter_map(|p| Some((p.time?, p))).collect();
    points.sort_by_key(|(time, _)| *time);
    let (first, last) = (points[0].0, points[points.len() - 1].0.max(points[0].0 + 1));
    let mut chart = ChartBuilder::on(area)
        .caption(series.title(), ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(80)
        .build_cartesian_2d(first..last, range(&series.points))?;
    let label = |time: &i64| nearest(&points, *time).map_or_else(String::new, |point| point.label.clone());
    chart
        .configure_mesh()
        .max_light_lines(0)
        .x_labels(6)
        .x_label_formatter(&label)
        .y_label_formatter(&|number| crate::render::significant(*number, 3))
        .draw()?;
    let upper = points.iter().map(|(time, point)| (*time, point.upper));
    let lower = points.iter().rev().map(|(time, point)| (*time, point.lower));
    chart.draw_series([Polygon::new(upper.chain(lower).collect::<Vec<_>>(), INK.mix(0.2))])?;
    chart.draw_series(LineSeries::new(points.iter().map(|(time, p)| (*time, p.value)), INK.stroke_width(2)))?;
    let doubtful = points.iter().filter(|(_, point)| matches!(point.trust, Trust::Untrusted(_)));
    chart.draw_series(doubtful.map(|(time, point)| Circle::new((*time, point.value), 4, PALE.stroke_width(1))))?;
    Ok(())
}

/// The point nearest to a time.
fn nearest<'a>(points: &[(i64, &'a Point)], time: i64) -> Option<&'a Point> {
    points.iter().min_by_key(|(own, _)| own.abs_diff(time)).map(|(_, point)| *point)
}
