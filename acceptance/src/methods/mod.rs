//! Aggregates beside COUNT, SUM and AVG: by which method each is answered, and how often its interval holds.

mod aggregates;

use crate::campaign::Failure;
use crate::case::{Case, Size};
use crate::dataset::UNIFORM;
use crate::report::{Table, factor, grouped, percent};
use crate::tally::{Shown, Tally, median};
use crate::world::{World, filtered, keys};
use aggregates::{AGGREGATES, Aggregate, UNIVERSE};
use plusminus::Mode;
use std::collections::{BTreeMap, HashMap};

const FILTERS: [(&str, &str); 2] = [("100 %", ""), ("10 %", "place < 0.1")];
const CONFIDENCE: u32 = 95;

/// Methods of the aggregates that every query asks for.
const COMMON: [(&str, &str); 4] = [
    ("COUNT", "Fay–Feuer, for the rows in and the rows out"),
    ("SUM", "Hall's interval and Student's together, with hidden rows"),
    ("AVG", "as SUM, linearised, degrees of the domain"),
    ("ratio", "as SUM, linearised"),
];

/// True values by group, for aggregates that are estimated, and reasons for those that ran exactly.
#[derive(Default)]
pub(crate) struct Methods {
    truths: HashMap<(usize, usize), HashMap<String, f64>>,
    /// Reasons by aggregate and filter.
    exact: BTreeMap<(&'static str, &'static str), String>,
    has_universe: Option<bool>,
}

/// Asks for every aggregate of one draw.
pub(crate) async fn draw(world: &World, methods: &mut Methods, tally: &mut Tally, seed: u64) -> Result<(), Failure> {
    if methods.has_universe != Some(false) {
        let sql = format!("CREATE OR REPLACE SAMPLE {UNIVERSE} ON t UNIVERSE ON (who) SIZE 5 % SEED {seed}");
        methods.has_universe = Some(world.session.execute(&sql).await.is_ok());
    }
    for (number, aggregate) in AGGREGATES.iter().enumerate() {
        let lacks = aggregate.sample == UNIVERSE && methods.has_universe != Some(true);
        world.pin(if lacks { UNIFORM } else { aggregate.sample }, None).await?;
        for (filter, (label, predicate)) in FILTERS.iter().enumerate() {
            if methods.exact.contains_key(&(aggregate.label, *label)) {
                continue;
            }
            let sql = format!(
                "SELECT {0}, {1} AS v FROM t{2} GROUP BY {0}",
                aggregate.key,
                aggregate.sql,
                filtered(predicate)
            );
            let answer = world.estimate(&sql, CONFIDENCE).await?;
            if answer.report().mode == Mode::Exact {
                methods.exact.insert((aggregate.label, *label), answer.report().reason.clone());
                continue;
            }
            let truth = match methods.truths.entry((number, filter)) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(place) => {
                    let exact = world.exact(&sql).await?;
                    let values = exact.cells("v")?.into_iter().map(|c| c.estimate);
                    place.insert(keys(&exact)?.into_iter().zip(values).collect())
                }
            };
            for (group, cell) in keys(&answer)?.iter().zip(answer.cells("v")?) {
                let value = truth.get(group).copied().unwrap_or(f64::NAN);
                tally.add(&case(aggregate, label), &Shown::from(&cell), value, f64::NAN);
            }
        }
    }
    Ok(())
}

fn case(aggregate: &Aggregate, filter: &str) -> Case {
    let sample = if aggregate.sample == UNIFORM { "uniform" } else { aggregate.sample };
    Case {
        source: format!("made up, {sample}, other aggregates"),
        aggregate: aggregate.label.to_owned(),
        measure: aggregate.measure.to_owned(),
        heavy: false,
        filter: filter.to_owned(),
        // How many rows a cell has does not follow from its group alone here.
        size: Size::Whole,
        confidence: CONFIDENCE,
    }
}

impl Methods {
    pub(crate) fn merge(&mut self, other: Self) {
        self.exact.extend(other.exact);
    }

    /// Aggregate, method, coverage.
    pub(crate) fn table(&self, tally: &Tally) -> Table {
        let head =
            ["aggregate", "method", "cells", "untrusted", "trusted cover", "trusted and untrusted cover", "width"];
        let mut table = Table::new("Aggregates and methods, at 95 %", &head);
        let view = tally.view(|c| (c.confidence == CONFIDENCE).then(|| c.aggregate.clone()));
        let mut extra: Vec<(&str, &str)> = AGGREGATES.iter().map(|a| (a.label, a.method)).collect();
        extra.dedup_by_key(|a| a.0);
        for (label, method) in COMMON.into_iter().chain(extra) {
            for (_, reason) in self.exact.iter().filter(|((of, _), _)| *of == label) {
                let mut row = vec![label.to_owned(), format!("exact: {reason}")];
                row.resize(head.len(), "–".to_owned());
                if table.rows.last() != Some(&row) {
                    table.rows.push(row);
                }
            }
            if let Some(o) = view.get(label) {
                table.rows.push(vec![
                    label.to_owned(),
                    method.to_owned(),
                    grouped(o.estimated()),
                    percent(o.untrusted_share()),
                    percent(o.trusted_coverage()),
                    percent(o.coverage()),
                    factor(median(&o.widths)),
                ]);
            }
        }
        table
    }
}
