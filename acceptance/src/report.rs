//! Tables for the terminal and for the documentation.

use std::error::Error;
use std::path::Path;

/// A part of the campaign, as a section of the page.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// Names the section's place on the page.
    pub(crate) part: &'static str,
    pub(crate) title: &'static str,
    pub(crate) command: String,
    pub(crate) notes: Vec<String>,
    pub(crate) tables: Vec<Table>,
    /// The part compares and has no targets of its own.
    pub(crate) is_comparison: bool,
    /// Targets that were missed: coverage, bounds, exact cells.
    pub(crate) failures: Vec<String>,
    /// Widths that were missed, which few draws tell little of.
    pub(crate) wide: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Section {
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n`{}`\n", self.title, self.command);
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        let missed: Vec<&String> = self.failures.iter().chain(&self.wide).collect();
        match missed.as_slice() {
            [] if self.is_comparison => {}
            [] => text.push_str("\nEvery target of this part is met.\n"),
            failures => {
                text.push_str(&format!("\n{} targets of this part are missed:\n\n", failures.len()));
                failures.iter().for_each(|f| text.push_str(&format!("- {f}\n")));
            }
        }
        for table in &self.tables {
            text.push_str(&format!("\n### {}\n\n{}", table.title, table.markdown()));
        }
        text
    }
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, head: &[&'static str]) -> Self {
        Self { title: title.into(), head: head.to_vec(), rows: Vec::new() }
    }

    fn markdown(&self) -> String {
        let length = |row: usize, column: usize| self.rows[row].get(column).map_or(0, |t| t.chars().count());
        let widths: Vec<usize> = (0..self.head.len())
            .map(|c| (0..self.rows.len()).map(|r| length(r, c)).max().unwrap_or(0).max(self.head[c].chars().count()))
            .collect();
        let line = |cells: &mut dyn Iterator<Item = String>| {
            let padded: Vec<String> = cells.zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
            format!("| {} |\n", padded.join(" | "))
        };
        let mut text = line(&mut self.head.iter().map(|h| (*h).to_owned()));
        text.push_str(&line(&mut widths.iter().map(|w| "-".repeat(*w))));
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().cloned()));
        }
        text
    }
}

/// Replaces the sections of the page that were measured, and keeps the others.
pub(crate) fn write(file: &Path, sections: &[Section]) -> Result<(), Box<dyn Error>> {
    let mut page = if file.exists() { std::fs::read_to_string(file)? } else { PREFACE.to_owned() };
    for section in sections {
        let (open, close) = (format!("<!-- {} -->", section.part), format!("<!-- end of {} -->", section.part));
        let text = format!("{open}\n{}\n{close}", section.markdown().trim_end());
        page = match (page.find(&open), page.find(&close)) {
            (Some(from), Some(to)) if from < to => {
                format!("{}{text}{}", &page[..from], &page[to + close.len()..])
            }
            _ => format!("{}\n\n{text}\n", page.trim_end()),
        };
    }
    Ok(std::fs::write(file, page)?)
}

const PREFACE: &str = "# Coverage

How often intervals hold, how wide they are, and what it costs to meet a bound, measured on samples redrawn by seed. Each
section is written by the command it shows; targets that are missed stay in the tables and end the command with a failure.
";

pub(crate) fn percent(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.1} %", 100.0 * share) }
}

/// Two decimals, a dash for nothing.
pub(crate) fn factor(x: f64) -> String {
    if x.is_nan() { "–".to_owned() } else { format!("{x:.2}") }
}

/// Digits in threes.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
