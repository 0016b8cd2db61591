//! The precision curve of EXPLAIN with bounds: the error that each level of a sample is predicted to reach, against its time or its rows.

use crate::render::{Paint, significant, texts, width};
use plotters::prelude::*;
use plusminus::Answer;
use std::error::Error;

/// A level of a sample, or the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// The sample's name; `None` for the table.
    sample: Option<String>,
    label: String,
    rows: f64,
    /// Percent, or in the estimate's unit; `None` where it is not known.
    error: Option<f64>,
    unit: &'static str,
    ms: Option<f64>,
    is_expected: bool,
}

/// The candidates of an explanation; empty for other answers.
pub(crate) fn candidates(answer: &Answer) -> Vec<Candidate> {
    let names: Vec<&str> = answer.columns().iter().map(|column| column.name.as_str()).collect();
    if names != ["step", "detail"] {
        return Vec::new();
    }
    let column = |at: usize| texts(answer.batch().column(at)).into_iter().map(Option::unwrap_or_default);
    let steps: Vec<(String, String)> = column(0).zip(column(1)).collect();
    let expected = steps.iter().find(|(step, _)| step == "expected").map(|(_, detail)| detail.as_str());
    let expected = expected.and_then(|detail| detail.split(": ").next()).unwrap_or_default();
    let details = steps.iter().filter(|(step, _)| step == "candidate").map(|(_, detail)| detail);
    details.filter_map(|detail| candidate(detail, expected)).collect()
}

/// `by_day, level 1 of 3: 1,440 rows, error 6.70 %, 0.52 ms`, or `the table: 1,000,000 rows, exact, about 19 ms`.
fn candidate(detail: &str, expected: &str) -> Option<Candidate> {
    let (name, facts) = detail.split_once(": ")?;
    let (rows, facts) = facts.split_once(" rows, ")?;
    let rows: f64 = rows.replace(',', "").parse().ok()?;
    let sample = name.split_once(", level ").map(|(sample, _)| sample.to_owned());
    let number = |text: &str| text.split(' ').find_map(|word| word.parse::<f64>().ok());
    let error = facts.split_once("error ").map(|(_, rest)| rest.split(", ").next().unwrap_or(rest));
    let unit = if error.is_some_and(|error| error.ends_with('%')) { " %" } else { "" };
    let error = if sample.is_none() { Some(0.0) } else { error.and_then(number) };
    let time = facts.rsplit(", ").next().filter(|time| time.contains(" ms") || time.contains(" s"));
    let ms = time.and_then(|time| number(time).map(|own| if time.contains(" ms") { own } else { own * 1e3 }));
    let label = name.split(" of ").next().unwrap_or(name).to_owned();
    let is_expected = label == expected;
    Some(Candidate { sample, label, rows, error, unit, ms, is_expected })
}

/// Bars of the error, one line per candidate, for the terminal.
pub(crate) fn chart(candidates: &[Candidate], screen: Option<usize>, paint: Paint) -> String {
    let label = |own: &Candidate| format!("{}{}", if own.is_expected { "▸ " } else { "  " }, own.label);
    let error =
        |own: &Candidate| own.error.map_or("not known".to_owned(), |e| format!("{}{}", significant(e, 3), own.unit));
    let time = |own: &Candidate| own.ms.map_or(String::new(), |ms| format!("{} ms", significant(ms, 3)));
    let widest = |of: &dyn Fn(&Candidate) -> String| candidates.iter().map(|own| width(&of(own))).max().unwrap_or(0);
    let (labels, errors, times) = (widest(&label), widest(&error), widest(&time));
    let largest = candidates.iter().filter_map(|own| own.error).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let room = screen.unwrap_or(100).saturating_sub(labels + errors + times + 8).max(10);
    let mut text = format!(" {}\n", paint.bold("predicted error, and time"));
    for own in candidates {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a bar"
        )]
        let cells = own.error.map_or(0, |error| (error / largest * room as f64).round() as usize);
        let bar = "█".repeat(cells);
        let line = format!("{:labels$}  {bar:room$}  {:>errors$}  {:>times$}", label(own), error(own), time(own));
        text.push_str(&format!(
            " {}\n",
            if own.is_expected { paint.good(line.trim_end()) } else { line.trim_end().to_owned() }
        ));
    }
    text
}

/// The error of each level against its time, or against its rows where a time is not known, both on logarithmic scales.
pub(crate) fn page(candidates: &[Candidate]) -> Result<String, Box<dyn Error>> {
    let is_timed = candidates.iter().all(|own| own.ms.is_some_and(|ms| ms > 0.0));
    let x = |own: &Candidate| if is_timed { own.ms.unwrap_or(1.0) } else { own.rows.max(1.0) };
    let known: Vec<&Candidate> = candidates.iter().filter(|own| own.error.is_some()).collect();
    let errors = || known.iter().filter_map(|own| own.error).filter(|error| *error > 0.0);
    let (low, high) = (errors().fold(f64::INFINITY, f64::min), errors().fold(0.0, f64::max));
    let (low, high) = if low < high { (low / 2.0, high * 1.5) } else { (0.1, 100.0) };
    let (first, last) =
        candidates.iter().map(x).fold((f64::INFINITY, 0.0_f64), |(low, high), own| (low.min(own), high.max(own)));
    let unit = candidates.iter().map(|own| own.unit).find(|unit| !unit.is_empty()).unwrap_or("");
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (900, 420)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(
                if is_timed { "predicted error against time" } else { "predicted error against rows" },
                ("sans-serif", 18),
            )
            .margin(10)
            .margin_right(40)
            .x_label_area_size(40)
            .y_label_area_size(80)
            .build_cartesian_2d((first / 1.5..last * 1.5).log_scale(), (low..high).log_scale())?;
        chart
            .configure_mesh()
            .max_light_lines(0)
            .x_desc(if is_timed { "milliseconds" } else { "rows" })
            .x_label_formatter(&|number| significant(*number, 3))
            .y_label_formatter(&|number| format!("{}{unit}", significant(*number, 2)))
            .draw()?;
        let colours = [RGBColor(31, 87, 164), RGBColor(200, 90, 30), RGBColor(60, 140, 70), RGBColor(130, 80, 160)];
        let mut samples: Vec<&str> = known.iter().filter_map(|own| own.sample.as_deref()).collect();
        samples.dedup();
        for (sample, colour) in samples.iter().zip(colours.iter().cycle()) {
            let own: Vec<&&Candidate> = known.iter().filter(|own| own.sample.as_deref() == Some(sample)).collect();
            let points = || own.iter().map(|own| (x(own), own.error.unwrap_or(low).max(low)));
            chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
            chart.draw_series(own.iter().zip(points()).map(|(own, point)| {
                let size = if own.is_expected { 8 } else { 4 };
                Circle::new(point, size, colour.filled())
            }))?;
            if let Some(point) = points().next() {
                chart.draw_series([Text::new(
                    (*sample).to_owned(),
                    (point.0 * 1.05, point.1 * 1.1),
                    ("sans-serif", 14),
                )])?;
            }
        }
        // The table has no error; it stands at the lower edge.
        if let Some(table) = candidates.iter().find(|own| own.sample.is_none()) {
            chart.draw_series([TriangleMarker::new((x(table), low), 7, RGBColor(31, 87, 164).filled())])?;
            chart.draw_series([Text::new("exact".to_owned(), (x(table) / 1.3, low * 1.15), ("sans-serif", 14))])?;
        }
        area.present()?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Candidate> {
        let lines = [
            "s, level 0 of 2: 1,440 rows, error 8.00 %, 0.50 ms",
            "s, level 1 of 2: 2,900 rows, error 4.00 %, 0.90 ms",
            "the table: 1,000,000 rows, exact, about 19 ms (no scan of it was timed yet)",
        ];
        lines.iter().map(|line| candidate(line, "s, level 1").unwrap()).collect()
    }

    #[test]
    fn candidates_are_read_and_drawn() {
        let found = all();
        assert_eq!(
            (found[0].rows, found[0].error, found[0].ms, found[0].is_expected),
            (1440.0, Some(8.0), Some(0.5), false)
        );
        assert_eq!((found[2].error, found[2].ms, &found[2].sample), (Some(0.0), Some(19.0), &None));
        let text = chart(&found, Some(60), Paint::OFF);
        let bars: Vec<usize> = text.lines().skip(1).map(|line| line.matches('█').count()).collect();
        assert!(bars[0] == 2 * bars[1] && bars[2] == 0 && text.contains("▸ s, level 1"), "{text}");
        assert!(text.lines().all(|line| width(line) <= 60), "{text}");
        let unknown = candidate("s, level 0 of 1: 5 rows, error not known, time not learnt yet", "").unwrap();
        assert_eq!((unknown.error, unknown.ms), (None, None));
        assert!(page(&found).unwrap().contains("against time"));
        assert!(page(&[found[0].clone(), unknown]).unwrap().contains("against rows"));
    }
}
