//! A column of text: its numbers stand with their decimal points and their ± in one line.

use super::value::Shown;
use unicode_width::UnicodeWidthStr;

/// One line of a column, as wide as all others where the column holds numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, padded.
    pub text: String,
    /// Dimmed text behind it.
    pub aside: String,
    /// Whether the value is NULL.
    pub is_null: bool,
}

/// A column of text.
#[derive(Debug, Clone)]
pub struct TextColumn {
    /// The heading.
    pub name: String,
    /// One line per row.
    pub lines: Vec<Line>,
    /// Whether it is aligned on the right, as numbers are.
    pub is_number: bool,
    /// Whether its values may be cut where the screen is narrow: texts may, numbers and times may not.
    pub may_be_cut: bool,
}

/// Columns on the screen that a text takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

impl Line {
    pub(crate) fn width(&self) -> usize {
        width(&self.text) + width(&self.aside)
    }
}

impl TextColumn {
    /// A column of these values, aligned where they are numbers.
    #[must_use]
    pub fn new(name: &str, values: Vec<Shown>, is_number: bool) -> Self {
        let lines = if is_number { aligned(values) } else { values.into_iter().map(line).collect() };
        Self { name: super::value::escaped(name), lines, is_number, may_be_cut: !is_number }
    }

    /// Columns on the screen that its name and its lines take.
    pub(crate) fn width(&self) -> usize {
        self.lines.iter().map(Line::width).max().unwrap_or(0).max(width(&self.name))
    }
}

fn line(Shown { text, aside, is_null }: Shown) -> Line {
    let aside = if aside.is_empty() { aside } else { format!(" {aside}") };
    Line { text, aside, is_null }
}

/// A number in the parts that are aligned: `1,204` and `.5`, and what stands behind.
struct Parts {
    whole: String,
    fraction: String,
    behind: Behind,
    is_null: bool,
}

enum Behind {
    Nothing,
    /// The parts of the error behind ±.
    Error(String, String),
    Interval(String),
    /// An interval that is not to be trusted.
    Aside(String),
}

impl Behind {
    fn error(&self) -> Option<(&str, &str)> {
        if let Self::Error(whole, fraction) = self { Some((whole, fraction)) } else { None }
    }

    fn interval(&self) -> &str {
        if let Self::Interval(text) | Self::Aside(text) = self { text } else { "" }
    }
}

/// Pads numbers so that decimal points, the ± signs and the points of errors stand in one line each.
fn aligned(values: Vec<Shown>) -> Vec<Line> {
    let parts: Vec<Parts> = values.into_iter().map(parts).collect();
    let widest = |of: fn(&Parts) -> usize| parts.iter().map(of).max().unwrap_or(0);
    let whole = widest(|p| width(&p.whole));
    let fraction = widest(|p| width(&p.fraction));
    let error_whole = widest(|p| p.behind.error().map_or(0, |(whole, _)| width(whole)));
    let error_fraction = widest(|p| p.behind.error().map_or(0, |(_, fraction)| width(fraction)));
    let error = if error_whole == 0 { 0 } else { 3 + error_whole + error_fraction };
    let behind = error.max(widest(|p| width(p.behind.interval())));
    let pad = |text: &str, to: usize| " ".repeat(to.saturating_sub(width(text)));
    let padded = |p: Parts| {
        let number = format!("{}{}{}{}", pad(&p.whole, whole), p.whole, p.fraction, pad(&p.fraction, fraction));
        let rest = match &p.behind {
            Behind::Error(own, fraction) => {
                format!(" ± {}{own}{fraction}{}", pad(own, error_whole), pad(fraction, error_fraction))
            }
            other => other.interval().to_owned(),
        };
        let rest = format!("{rest}{}", pad(&rest, behind));
        match p.behind {
            Behind::Aside(_) => Line { text: number, aside: rest, is_null: p.is_null },
            _ => Line { text: format!("{number}{rest}"), aside: String::new(), is_null: p.is_null },
        }
    };
    parts.into_iter().map(padded).collect()
}

fn parts(shown: Shown) -> Parts {
    let Shown { text, aside, is_null } = shown;
    let split = |number: &str| {
        let (whole, fraction) = number.split_at(number.find(['.', 'e', ' ']).unwrap_or(number.len()));
        (whole.to_owned(), fraction.to_owned())
    };
    let (number, behind) = match (text.split_once(" ± "), text.split_once(" [")) {
        (Some((number, error)), _) => {
            let (whole, fraction) = split(error);
            (number, Behind::Error(whole, fraction))
        }
        (None, Some((number, interval))) => (number, Behind::Interval(format!(" [{interval}"))),
        (None, None) if aside.is_empty() => (text.as_str(), Behind::Nothing),
        (None, None) => (text.as_str(), Behind::Aside(format!(" {aside}"))),
    };
    let (whole, fraction) = split(number);
    Parts { whole, fraction, behind, is_null }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[&str]) -> Vec<String> {
        let shown = |text: &&str| Shown { text: (*text).to_owned(), aside: String::new(), is_null: *text == "NULL" };
        let column = TextColumn::new("n", cells.iter().map(shown).collect(), true);
        column.lines.iter().map(|line| format!("{}{}|", line.text, line.aside)).collect()
    }

    #[test]
    fn points_and_signs_stand_in_one_line() {
        assert_eq!(
            texts(&["6.74 ± 0.12", "1,204 ± 17", "98.0", "~5", "NULL"]),
            ["    6.74 ±  0.12|", "1,204    ± 17   |", "   98.0         |", "   ~5           |", " NULL           |"]
        );
        assert_eq!(texts(&["10.00 [9.90, 10.50]", "3.1 ± 0.2"]), ["10.00 [9.90, 10.50]|", " 3.1  ± 0.2        |"]);
        assert_eq!(texts(&["(1.2345 ± 0.0045)e17", "3.0"]), ["(1.2345 ± 0.0045)e17|", " 3.0                |"]);
        assert_eq!(texts(&["1", "-20", "300"]), ["  1|", "-20|", "300|"]);
        assert_eq!(texts(&["1.5e-9", "2.0"]), ["1.5e-9|", "2.0   |"]);
    }
}
