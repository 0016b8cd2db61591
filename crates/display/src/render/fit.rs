//! Fits columns of text into the width of a screen.

use super::column::{Line, TextColumn, width};
use unicode_width::UnicodeWidthChar;

/// Spaces between two columns, and before the first.
pub(crate) const GAP: usize = 2;
pub(crate) const MARGIN: usize = 1;
/// Columns of text are not cut below this width.
const CUT_MIN: usize = 12;
/// The mark where something was left out.
const ELISION: &str = "…";

/// Columns that fit, and how many were left out.
pub(crate) struct Fitted {
    pub(crate) columns: Vec<TextColumn>,
    /// Columns left out of the middle, where a column of … stands.
    pub(crate) hidden: usize,
    /// Whether a text was cut.
    pub(crate) is_cut: bool,
}

/// The width of columns side by side.
pub(crate) fn width_of(columns: &[TextColumn]) -> usize {
    MARGIN + columns.iter().map(|column| column.width() + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Cuts long texts, and then leaves out columns in the middle, until the columns fit into `limit`.
pub(crate) fn fitted(mut columns: Vec<TextColumn>, limit: Option<usize>) -> Fitted {
    let Some(limit) = limit.filter(|limit| width_of(&columns) > *limit) else {
        return Fitted { columns, hidden: 0, is_cut: false };
    };
    let is_cut = cut_texts(&mut columns, limit);
    let hidden = leave_out(&mut columns, limit);
    Fitted { columns, hidden, is_cut }
}

/// Cuts the widest texts, at first, until the columns fit or no text is wider than [`CUT_MIN`].
fn cut_texts(columns: &mut [TextColumn], limit: usize) -> bool {
    let widths: Vec<usize> = columns.iter().map(TextColumn::width).collect();
    let cut_width = |column: &TextColumn, own: usize, most: usize| if column.may_be_cut { own.min(most) } else { own };
    let total = |most: usize| {
        let cut = columns.iter().zip(&widths).map(|(column, own)| cut_width(column, *own, most) + GAP);
        MARGIN + cut.sum::<usize>().saturating_sub(GAP)
    };
    let widest = columns.iter().zip(&widths).filter(|(column, _)| column.may_be_cut).map(|(_, own)| *own).max();
    let Some(widest) = widest.filter(|widest| *widest > CUT_MIN) else { return false };
    // The total grows with the limit of single texts.
    let (mut low, mut high) = (CUT_MIN, widest);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if total(middle) <= limit { low = middle } else { high = middle - 1 }
    }
    for column in columns.iter_mut().filter(|column| column.may_be_cut) {
        column.name = cut(&column.name, low);
        column.lines.iter_mut().for_each(|line| line.text = cut(&line.text, low));
    }
    low < widest
}

/// Leaves columns out, those in the middle first; the first and the last stay as long as both fit.
fn leave_out(columns: &mut Vec<TextColumn>, limit: usize) -> usize {
    if columns.len() < 2 || width_of(columns) <= limit {
        return 0;
    }
    let widths: Vec<usize> = columns.iter().map(|column| column.width() + GAP).collect();
    let mut used = MARGIN + width(ELISION);
    let (mut first, mut last) = (0, 0);
    // Two columns of three are kept from the front, where keys stand.
    loop {
        let takes_first = first <= 2 * last;
        let next = if takes_first { first } else { columns.len() - 1 - last };
        if first + last == columns.len() - 1 || used + widths[next] > limit && first > 0 {
            break;
        }
        used += widths[next];
        if takes_first { first += 1 } else { last += 1 }
    }
    let hidden = columns.len() - first - last;
    let rows = columns[0].lines.len();
    let line = Line { text: ELISION.to_owned(), aside: String::new(), is_null: false };
    let marker = TextColumn { name: ELISION.to_owned(), lines: vec![line; rows], is_number: false, may_be_cut: false };
    columns.splice(first..first + hidden, [marker]);
    hidden
}

/// The text, or its beginning with … where it takes more than `most` columns on the screen.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(width(ELISION));
    let mut kept = String::new();
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else { break };
        left = rest;
        kept.push(c);
    }
    kept + ELISION
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, texts: &[&str], is_number: bool) -> TextColumn {
        let line = |text: &&str| Line { text: (*text).to_owned(), aside: String::new(), is_null: false };
        TextColumn { name: name.to_owned(), lines: texts.iter().map(line).collect(), is_number, may_be_cut: !is_number }
    }

    fn names(fitted: &Fitted) -> Vec<&str> {
        fitted.columns.iter().map(|column| column.name.as_str()).collect()
    }

    #[test]
    fn texts_are_cut_to_what_fits_and_numbers_are_not() {
        let long = "a text that is much longer than the screen is wide";
        let columns = vec![column("n", &["1,234,567.25"], true), column("text", &[long], false)];
        let found = fitted(columns.clone(), Some(40));
        assert_eq!((width_of(&found.columns), found.hidden, found.is_cut), (40, 0, true));
        assert_eq!(found.columns[0].lines[0].text, "1,234,567.25");
        assert!(found.columns[1].lines[0].text.ends_with('…'));
        let whole = fitted(columns, None);
        assert_eq!((whole.columns[1].lines[0].text.as_str(), whole.is_cut), (long, false));
        assert_eq!(["日本語のテキスト", "short"].map(|text| cut(text, 7)), ["日本語…", "short"]);
    }

    #[test]
    fn columns_in_the_middle_are_left_out() {
        let columns: Vec<TextColumn> = (0..30).map(|at| column(&format!("column{at:02}"), &["1"], true)).collect();
        let found = fitted(columns.clone(), Some(60));
        assert!(width_of(&found.columns) <= 60);
        assert_eq!(names(&found), ["column00", "column01", "column02", "…", "column28", "column29"]);
        assert_eq!(found.hidden, 25);
        assert_eq!(names(&fitted(columns, Some(5))), ["column00", "…"]);
    }

    #[test]
    fn any_width_is_kept_where_a_column_fits() {
        for limit in 20..200 {
            let columns: Vec<TextColumn> =
                (0..9).map(|at| column(&"x".repeat(5 + at), &[&"y".repeat(3 * at)], at % 2 == 0)).collect();
            let found = fitted(columns, Some(limit));
            assert!(width_of(&found.columns) <= limit, "{limit}");
            assert_eq!(found.columns.len() - usize::from(found.hidden > 0) + found.hidden, 9, "{limit}");
        }
    }
}
