//! One renderer for everything that people read: answers, lists of samples and tables, pages of the demo.

mod column;
mod expanded;
mod fit;
mod footer;
mod interval;
mod number;
mod paint;
mod plan;
mod table;
mod value;

pub use column::TextColumn;
pub(crate) use column::width;
pub(crate) use fit::cut;
pub use footer::{count, footer, grouped};
pub use interval::interval_texts;
pub(crate) use number::significant;
pub use paint::Paint;
pub use table::table;
pub(crate) use value::texts;
pub use value::{Shown, with_errors, without_errors};

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use plusminus::{Answer, Bounds, Column, Role, Trust};

/// Rows that are shown unless a view says otherwise; the rest is counted.
const ROWS_MAX: usize = 10_000;
/// Rows up to which an answer that does not fit is expanded by itself.
const EXPANDED_ROWS: usize = 5;
/// Columns on the screen that a column takes at least, with its gap.
const COLUMN_MIN: usize = 3;

/// How answers are shown.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the screen; `None` where text may be of any width.
    pub width: Option<usize>,
    /// Where intervals are written.
    pub errors: Errors,
    /// Colours.
    pub paint: Paint,
    /// Whether rows are shown as lists.
    pub expanded: Expanded,
    /// Rows that are shown; the rest is counted.
    pub rows_max: usize,
}

/// Any width, intervals in the numbers, no colours.
impl Default for View {
    fn default() -> Self {
        Self { width: None, errors: Errors::Inline, paint: Paint::OFF, expanded: Expanded::Never, rows_max: ROWS_MAX }
    }
}

/// Where intervals are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// Into the numbers: `6.74 ± 0.12`.
    Inline,
    /// Into columns of their own: `x_lo`, `x_hi` and `x_trust`.
    Columns,
    /// Nowhere.
    None,
}

impl Errors {
    /// The names of the choices, in order.
    pub const NAMES: [&str; 3] = ["inline", "columns", "none"];
}

impl std::str::FromStr for Errors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "inline" => Ok(Self::Inline),
            "columns" => Ok(Self::Columns),
            "none" => Ok(Self::None),
            other => Err(format!("'{other}' is none of {}", Self::NAMES.join(", "))),
        }
    }
}

/// Whether rows are shown as lists of names and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expanded {
    /// Where few rows do not fit in width.
    Auto,
    /// Every answer.
    Always,
    /// No answer.
    Never,
}

/// The table of an answer with its footer.
#[must_use]
pub fn text(answer: &Answer, view: &View) -> String {
    let mut text = rows(answer, view);
    if answer.is_query() {
        text.push_str(&footer(answer, view.width, view.paint));
        text.push('\n');
    }
    text
}

/// The rows of an answer, and what was left out of them; empty for an answer without columns.
#[must_use]
pub fn rows(answer: &Answer, view: &View) -> String {
    let (rows, all) = (answer.batch().num_rows().min(view.rows_max), answer.batch().num_columns());
    if all == 0 {
        return String::new();
    }
    if let Some(message) = message(answer) {
        return format!("{message}\n");
    }
    if let Some(plans) = plans(answer, view) {
        return plans;
    }
    // No more is rendered than can be shown.
    let most = view.width.filter(|_| view.expanded != Expanded::Always).map_or(all, |width| width / COLUMN_MIN + 1);
    let taken: Vec<usize> = (0..all).filter(|at| *at < most || all - at <= most).collect();
    let columns_of = |is_aligned| -> Vec<TextColumn> {
        taken.iter().flat_map(|at| columns_of(answer, *at, rows, view.errors, is_aligned)).collect()
    };
    let columns = columns_of(true);
    let limit = view.width;
    let fits = taken.len() == all && limit.is_none_or(|limit| fit::width_of(&columns) <= limit);
    let mut text = match view.expanded {
        Expanded::Always => expanded::expanded(&columns_of(false), limit, view.paint),
        Expanded::Auto if !fits && rows > 0 && rows <= EXPANDED_ROWS && taken.len() == all => {
            let cut = fit::fitted(columns.clone(), limit);
            match cut.hidden {
                0 => shown(&cut, all, 0, view),
                _ => expanded::expanded(&columns_of(false), limit, view.paint),
            }
        }
        _ => shown(&fit::fitted(columns, limit), all, all - taken.len(), view),
    };
    let more = answer.batch().num_rows() - rows;
    if more > 0 {
        text.push_str(&view.paint.dim(&format!("… {} (-o FILE.csv has all)\n", count(more as u64, "more row"))));
    }
    text
}

/// The message that a statement which is no query was done.
pub(crate) fn message(answer: &Answer) -> Option<String> {
    match answer.columns() {
        [only] if !answer.is_query() && only.name == "status" && answer.batch().num_rows() == 1 => {
            value::texts(answer.batch().column(0)).pop().flatten()
        }
        _ => None,
    }
}

/// The plan of a query without bounds as a tree; with EXPLAIN VERBOSE every plan as it is, line by line.
fn plans(answer: &Answer, view: &View) -> Option<String> {
    let [kind, plan] = answer.columns() else { return None };
    if kind.name != "plan_type" || plan.name != "plan" {
        return None;
    }
    let texts = |at: usize| value::texts(answer.batch().column(at));
    let (kinds, plans) = (texts(0), texts(1));
    let is_verbose = kinds.len() > 2;
    let physical = kinds
        .iter()
        .position(|kind| kind.as_deref().is_some_and(|kind| ["physical_plan", "Plan with Metrics"].contains(&kind)));
    if let Some(plan) = physical.filter(|_| !is_verbose).and_then(|at| plans[at].as_deref()) {
        return Some(plan::tree(plan, view.width, view.paint));
    }
    let plan = |(kind, plan): (Option<String>, Option<String>)| {
        format!("── {} ──\n{}\n", kind.unwrap_or_default(), plan.unwrap_or_default().trim_end())
    };
    Some(kinds.into_iter().zip(plans).map(plan).collect())
}

/// The columns of an answer as text, all rows.
pub(crate) fn text_columns(answer: &Answer, view: &View) -> Vec<TextColumn> {
    let rows = answer.batch().num_rows();
    (0..answer.batch().num_columns()).flat_map(|at| columns_of(answer, at, rows, view.errors, false)).collect()
}

/// The table of fitted columns, and a line on what it hides.
fn shown(fitted: &fit::Fitted, all: usize, not_taken: usize, view: &View) -> String {
    let mut text = table(&fitted.columns, view.paint);
    let hidden = fitted.hidden + not_taken;
    let line = match (hidden, fitted.is_cut) {
        (0, false) => return text,
        (0, true) => "long values are cut (\\x shows them)".to_owned(),
        (1, _) => format!("1 of {} is hidden (\\x shows all)", count(all as u64, "column")),
        (hidden, _) => format!("{hidden} of {} are hidden (\\x shows all)", count(all as u64, "column")),
    };
    text.push_str(&view.paint.dim(&format!("… {line}\n")));
    text
}

/// A column of the answer, and with [`Errors::Columns`] its intervals after it; numbers are aligned where that is asked for.
fn columns_of(answer: &Answer, at: usize, rows: usize, errors: Errors, is_aligned: bool) -> Vec<TextColumn> {
    let column = first_rows(&answer.columns()[at], rows);
    let values = answer.batch().column(at).slice(0, rows);
    let is_number = column.data_type.is_numeric();
    let may_be_cut = !is_number && !column.data_type.is_temporal() && column.data_type != DataType::Boolean;
    // What statements list are counts, which have no other meaning.
    let role = if answer.is_query() { column.role } else { Role::Estimate };
    let column = Column { role, ..column };
    let text = |name: &str, shown| match is_aligned {
        true => TextColumn { may_be_cut, ..TextColumn::new(name, shown, is_number) },
        false => TextColumn { is_number, may_be_cut, ..TextColumn::new(name, shown, false) },
    };
    match (&column.bounds, errors) {
        (Some(bounds), Errors::Columns) if column.role == Role::Estimate => {
            let plain = |suffix: &str, values: &ArrayRef| {
                text(&format!("{}{suffix}", column.name), without_errors(&column, values))
            };
            let trust = bounds.trust.iter().map(|trust| Shown::plain(trust_word(*trust))).collect();
            vec![
                plain("", &values),
                plain("_lo", &bounds.lower),
                plain("_hi", &bounds.upper),
                TextColumn::new(&format!("{}_trust", column.name), trust, false),
            ]
        }
        (Some(_), Errors::Inline) => vec![text(&column.name, with_errors(&column, &values))],
        _ => vec![text(&column.name, without_errors(&column, &values))],
    }
}

/// The first `rows` rows of a column, so that no more is rendered than is shown.
fn first_rows(column: &Column, rows: usize) -> Column {
    let bounds = column.bounds.as_ref().map(|bounds| Bounds {
        lower: bounds.lower.slice(0, rows),
        upper: bounds.upper.slice(0, rows),
        trust: bounds.trust[..rows].to_vec(),
    });
    Column { bounds, ..column.clone() }
}

/// A trust in one word: `exact`, `trusted` or `untrusted`.
#[must_use]
pub fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Exact => "exact",
        Trust::Trusted => "trusted",
        Trust::Untrusted(_) => "untrusted",
    }
}

#[cfg(test)]
mod tests;
