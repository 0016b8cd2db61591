//! The cost of bounds, and how often they are broken.

use super::{CLASSES, PERCENTS, VIOLATIONS_MAX};
use crate::report::{Section, Table, factor, grouped, percent};
use crate::tally::ratio;
use crate::verdict::{FAMILYWISE, binomial_at_most, rejected};
use std::collections::BTreeMap;

/// Outcomes of the queries of one class under one bound.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bill {
    pub(crate) cells: u64,
    /// Cells of answers that say the bound is met.
    pub(crate) claimed: u64,
    pub(crate) violated: u64,
    pub(crate) queries: u64,
    pub(crate) met: u64,
    /// Queries that some level would have sufficed for, and sums over them of rows over the cheapest level's.
    pub(crate) payable: u64,
    pub(crate) rows_ratio: f64,
    /// Rows read, and those of the cheapest levels, added up.
    pub(crate) rows_read: f64,
    pub(crate) rows_cheapest: f64,
}

/// Bills by class and bound.
pub(crate) type Bills = BTreeMap<(usize, usize), Bill>;

impl Bill {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.cells += other.cells;
        self.claimed += other.claimed;
        self.violated += other.violated;
        self.queries += other.queries;
        self.met += other.met;
        self.payable += other.payable;
        self.rows_ratio += other.rows_ratio;
        self.rows_read += other.rows_read;
        self.rows_cheapest += other.rows_cheapest;
    }

    /// Rows of all answers together, and answer by answer, over the cheapest levels'.
    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    fn rows(&self) -> (f64, f64) {
        (self.rows_read / self.rows_cheapest, self.rows_ratio / self.payable as f64)
    }
}

pub(crate) fn judge(bills: &Bills, section: &mut Section) {
    let head = ["data", "bound", "queries", "met", "cells claimed", "violated", "p", "rows", "rows, answer by answer"];
    let mut table = Table::new("Violations and rows read", &head);
    let mut rows: Vec<(String, f64, f64, Bill)> = Vec::new();
    let mut by_class: BTreeMap<usize, Bill> = BTreeMap::new();
    for ((class, bound), bill) in bills {
        rows.push((CLASSES[*class].name.to_owned(), PERCENTS[*bound], CLASSES[*class].rows_max, *bill));
        by_class.entry(*class).or_default().merge(bill);
    }
    let held = |b: &Bill| binomial_at_most(b.claimed - b.violated, b.claimed, 1.0 - VIOLATIONS_MAX);
    let p_values: Vec<f64> = rows.iter().map(|r| held(&r.3)).collect();
    for (((class, bound, _, bill), p), fails) in rows.iter().zip(&p_values).zip(rejected(&p_values)) {
        table.rows.push(line(class, &format!("{bound} %"), bill, &format!("{p:.1e}")));
        if fails {
            let share = percent(ratio(bill.violated, bill.claimed));
            section.failures.push(format!("{class} within {bound} %: {share} of the claims violated (p = {p:.1e})"));
        }
    }
    for (class, bill) in &by_class {
        let (name, rows_max) = (CLASSES[*class].name, CLASSES[*class].rows_max);
        table.rows.push(line(name, "all", bill, "–"));
        let share = ratio(bill.violated, bill.claimed);
        if share > VIOLATIONS_MAX {
            section.failures.push(format!("{name}: {} of the claims violated", percent(share)));
        }
        let (rows, each) = bill.rows();
        if rows > rows_max {
            section.failures.push(format!(
                "{name}: {rows:.2} times the rows of the cheapest level, more than {rows_max} ({each:.2} answer by answer)"
            ));
        }
    }
    section.notes.push(format!("Claims are tested exactly against 5 %, at {FAMILYWISE} for all rows together (Holm)."));
    section.tables.push(table);
}

fn line(class: &str, bound: &str, bill: &Bill, p: &str) -> Vec<String> {
    let (rows, each) = bill.rows();
    vec![
        class.to_owned(),
        bound.to_owned(),
        grouped(bill.queries),
        percent(ratio(bill.met, bill.queries)),
        grouped(bill.claimed),
        percent(ratio(bill.violated, bill.claimed)),
        p.to_owned(),
        factor(rows),
        factor(each),
    ]
}
