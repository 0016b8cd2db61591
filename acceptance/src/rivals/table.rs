//! Methods side by side.

use super::OURS;
use crate::case::{Case, without_rank};
use crate::report::{Table, factor, grouped, percent};
use crate::tally::{Outcome, Tally, median};
use std::collections::HashMap;

const METHOD_HEADS: [(&str, [&str; 2]); 4] = [
    (OURS, ["PlusMinus cover", "width"]),
    ("CLT", ["CLT cover", "width"]),
    ("by hand", ["by hand cover", "width"]),
    ("variational", ["variational cover", "width"]),
];

/// One line per kind of cell, coverage and width of every method in it.
pub(crate) fn table(
    tally: &Tally,
    cells: &'static str,
    title: &str,
    names: &[&'static str],
    key: impl Fn(&Case) -> Vec<String>,
) -> Table {
    let mut head: Vec<&'static str> = names.to_vec();
    head.push("cells");
    METHOD_HEADS.iter().for_each(|(_, heads)| head.extend(heads));
    let mut table = Table::new(format!("{title}, {cells}"), &head);
    let prefix = format!("{cells}, ");
    let view = tally.view(|c| {
        let method = c.filter.strip_prefix(&prefix)?.to_owned();
        Some((std::iter::once(c.source.clone()).chain(key(c)).collect::<Vec<_>>(), method))
    });
    let mut lines: Vec<(&Vec<String>, HashMap<&str, &Outcome>)> = Vec::new();
    for ((key, method), outcome) in &view {
        if lines.last().is_none_or(|(last, _)| *last != key) {
            lines.push((key, HashMap::new()));
        }
        if let Some((_, methods)) = lines.last_mut() {
            methods.insert(method, outcome);
        }
    }
    for (key, methods) in lines {
        let mut row: Vec<String> = key.iter().map(|k| without_rank(k).to_owned()).collect();
        row.push(grouped(methods.get(OURS).map_or(0, |o| o.estimated())));
        for (method, _) in METHOD_HEADS {
            let outcome = methods.get(method);
            row.push(percent(outcome.map_or(f64::NAN, |o| o.coverage())));
            row.push(factor(outcome.map_or(f64::NAN, |o| median(&o.widths))));
        }
        table.rows.push(row);
    }
    table
}
