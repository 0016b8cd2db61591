//! Cells of an answer beside those of the exact one.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Answer, Cell, Role, Trust};
use std::collections::HashMap;

/// Cells counted over answers.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) cells: usize,
    pub(crate) trusted: usize,
    /// Trusted cells whose interval holds the exact value.
    pub(crate) held: usize,
    /// Cells of answers that say the bound is met, and those among them whose error exceeds it.
    pub(crate) met: usize,
    pub(crate) violated: usize,
    /// The largest relative error of any cell.
    pub(crate) worst: f64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.cells += other.cells;
        self.trusted += other.trusted;
        self.held += other.held;
        self.met += other.met;
        self.violated += other.violated;
        self.worst = self.worst.max(other.worst);
    }
}

/// Counts the cells of an answer under an error bound (as a fraction); a group that the exact answer lacks counts as missed.
pub(crate) fn compared(ours: &Answer, exact: &Answer, bound: f64) -> Counts {
    let (ours_by_key, exact) = (by_key(ours), by_key(exact));
    let is_met = ours.report().met == Some(true);
    let mut counts = Counts::default();
    for (key, cells) in &ours_by_key {
        for (at, cell) in cells.iter().enumerate() {
            let truth = exact.get(key).and_then(|cells| cells.get(at)).map_or(f64::NAN, |cell| cell.estimate);
            // Sums of floats differ in their last digits with the order of the rows.
            let slack = 1e-9 * truth.abs();
            let is_same = cell.estimate.is_nan() && truth.is_nan();
            let holds = is_same || (cell.lower - slack <= truth && truth <= cell.upper + slack);
            let error =
                if is_same || cell.estimate == truth { 0.0 } else { (cell.estimate - truth).abs() / truth.abs() };
            counts.cells += 1;
            counts.trusted += usize::from(cell.trust == Trust::Trusted);
            counts.held += usize::from(cell.trust == Trust::Trusted && holds);
            counts.met += usize::from(is_met);
            counts.violated += usize::from(is_met && (error.is_nan() || error > bound + 1e-9));
            counts.worst = if error.is_nan() { f64::INFINITY } else { counts.worst.max(error) };
        }
    }
    if exact.keys().any(|key| !ours_by_key.contains_key(key)) {
        counts.worst = f64::INFINITY;
    }
    counts
}

fn by_key(answer: &Answer) -> HashMap<String, Vec<Cell>> {
    let options = FormatOptions::default();
    let (columns, batch) = (answer.columns(), answer.batch());
    let keys: Vec<_> = (0..columns.len()).filter(|i| columns[*i].role != Role::Estimate).collect();
    let cells: Vec<_> =
        columns.iter().filter(|c| c.role == Role::Estimate).filter_map(|c| answer.cells(&c.name).ok()).collect();
    let key = |row: usize| -> String {
        let text =
            |i: &usize| ArrayFormatter::try_new(batch.column(*i).as_ref(), &options).map(|f| f.value(row).to_string());
        keys.iter().map(|i| text(i).unwrap_or_default()).collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(|row| (key(row), cells.iter().map(|c| c[row]).collect())).collect()
}
