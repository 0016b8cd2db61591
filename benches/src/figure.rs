//! Figures as SVG: lines and points on logarithmic axes.

use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

/// One line of a figure.
pub(crate) struct Series {
    pub(crate) name: String,
    /// In the order of x.
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether the points are joined.
    pub(crate) is_line: bool,
}

/// A figure with two logarithmic axes.
pub(crate) struct Figure<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) series: Vec<Series>,
    /// Draws y = x.
    pub(crate) with_diagonal: bool,
}

const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
];

impl Figure<'_> {
    /// Writes the figure to `file`.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        // Nothing else has a place on logarithmic axes.
        let has_place = |v: f64| v.is_finite() && v > 0.0;
        if !self.series.iter().flat_map(|s| &s.points).all(|(x, y)| has_place(*x) && has_place(*y)) {
            return Err("a figure has points that are not above 0".into());
        }
        let points = || self.series.iter().flat_map(|s| &s.points).copied();
        let range = |pick: fn((f64, f64)) -> f64| {
            let (low, high) = points().map(pick).fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
            low / 1.5..high * 1.5
        };
        let (x, y) = (range(|p| p.0), range(|p| p.1));
        let root = SVGBackend::new(file, (860, 540)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(x.clone().log_scale(), y.clone().log_scale())?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|v| number(*v))
            .y_label_formatter(&|v| number(*v))
            .label_style(("sans-serif", 14))
            .light_line_style(RGBColor(240, 240, 240))
            .draw()?;
        if self.with_diagonal {
            let (low, high) = (x.start.max(y.start), x.end.min(y.end));
            let diagonal = LineSeries::new([(low, low), (high, high)], RGBColor(180, 180, 180).stroke_width(1));
            chart.draw_series(diagonal)?;
        }
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let joined = series.points.iter().copied().filter(|_| series.is_line);
            let drawn = chart.draw_series(LineSeries::new(joined, colour.stroke_width(2)))?;
            let colour = *colour;
            drawn
                .label(&series.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
            chart.draw_series(series.points.iter().map(|p| Circle::new(*p, 4, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .label_font(("sans-serif", 14))
            .draw()?;
        root.present()?;
        Ok(())
    }
}

/// A number of an axis, short.
fn number(value: f64) -> String {
    if value >= 1e6 {
        format!("{} M", value / 1e6)
    } else if value >= 1e3 {
        format!("{} k", value / 1e3)
    } else {
        format!("{}", (value * 1e6).round() / 1e6)
    }
}
