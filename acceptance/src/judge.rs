//! From outcomes to tables and to targets met or missed.

use crate::case::{Case, without_rank};
use crate::report::{Section, Table, factor, grouped, percent};
use crate::tally::{Outcome, Tally, median};
use crate::verdict::{FAMILYWISE, binomial_at_most, floor, rejected};
use std::collections::BTreeMap;

/// The widest acceptable median over the ideal.
const WIDTH_MAX: f64 = 1.25;
/// Fewer widths have no median worth judging.
const WIDTHS_MIN: usize = 30;
const CONFIDENCE: u32 = 95;
const WEAKEST_SHOWN: usize = 20;

const HEAD: [&str; 7] =
    ["cells", "exact", "untrusted", "trusted cover", "trusted and untrusted cover", "width", "width, n ≥ 100"];

/// A family of cases: what its cells have in common, as text.
type Family = String;

/// Adds the tables of a tally and the targets it misses.
pub(crate) fn judge(tally: &Tally, section: &mut Section) {
    let at = |c: &Case| c.confidence == CONFIDENCE;
    let by = |title: &str, key: &dyn Fn(&Case) -> Vec<String>, names: &[&'static str]| {
        table(title, names, &tally.view(|c| at(c).then(|| key(c))))
    };
    section.tables.push(by(
        "By data and aggregate, at 95 %",
        &|c| vec![c.source.clone(), c.aggregate.clone()],
        &["data", "aggregate"],
    ));
    section.tables.push(by(
        "By aggregate and measure, at 95 %",
        &|c| vec![c.aggregate.clone(), c.measure.clone()],
        &["aggregate", "measure"],
    ));
    section.tables.push(by(
        "By aggregate and sampled rows of the cell, at 95 %",
        &|c| vec![c.aggregate.clone(), c.size.ranked()],
        &["aggregate", "rows"],
    ));
    section.tables.push(by(
        "By aggregate and filter, at 95 %",
        &|c| vec![c.aggregate.clone(), c.filter.clone()],
        &["aggregate", "filter"],
    ));
    let levels = tally.view(|c| Some(vec![c.aggregate.clone(), format!("{} %", c.confidence)]));
    section.tables.push(table("By aggregate and confidence", &["aggregate", "confidence"], &levels));
    families(tally, section);
}

fn table(title: &str, names: &[&'static str], view: &BTreeMap<Vec<String>, Outcome>) -> Table {
    let head: Vec<&'static str> = names.iter().copied().chain(HEAD).collect();
    let mut table = Table::new(title, &head);
    table.rows = view
        .iter()
        .map(|(key, outcome)| key.iter().map(|k| without_rank(k).to_owned()).chain(figures(outcome)).collect())
        .collect();
    table
}

fn figures(o: &Outcome) -> Vec<String> {
    vec![
        grouped(o.estimated() + o.exact),
        percent(crate::tally::ratio(o.exact, o.estimated() + o.exact)),
        percent(o.untrusted_share()),
        percent(o.trusted_coverage()),
        percent(o.coverage()),
        factor(median(&o.widths)),
        factor(median(&o.judged_widths)),
    ]
}

/// Families at 95 %: by data, aggregate, measure and filter, and again by rows instead of filter.
fn families(tally: &Tally, section: &mut Section) {
    let common = |c: &Case| format!("{}, {} of {}", c.source, c.aggregate, c.measure);
    let mut families: BTreeMap<Family, Outcome> =
        tally.view(|c| (c.confidence == CONFIDENCE).then(|| format!("{}, {}", common(c), c.filter)));
    families.extend(
        tally.view(|c| (c.confidence == CONFIDENCE).then(|| format!("{}, {} rows", common(c), c.size.label()))),
    );
    coverage_targets(&families, section);
    width_targets(&families, section);
    let wrong: Vec<String> = families
        .iter()
        .filter(|(_, o)| o.exact_hits < o.exact)
        .map(|(name, o)| format!("{name}: {} of {} exact cells are not the truth", o.exact - o.exact_hits, o.exact))
        .collect();
    section.failures.extend(wrong);
}

fn coverage_targets(families: &BTreeMap<Family, Outcome>, section: &mut Section) {
    let tested: Vec<(&Family, &Outcome, f64)> = families
        .iter()
        .filter(|(_, o)| o.trusted > 0)
        .map(|(name, o)| (name, o, binomial_at_most(o.trusted_hits, o.trusted, floor(CONFIDENCE))))
        .collect();
    let p_values: Vec<f64> = tested.iter().map(|t| t.2).collect();
    let fails = rejected(&p_values);
    section.notes.push(format!(
        "{} families of cases with trusted cells at 95 %, each tested exactly against a coverage of 94 %, at {FAMILYWISE} for all \
         together (Holm): {} fail.",
        grouped(tested.len() as u64),
        fails.iter().filter(|f| **f).count()
    ));
    let mut weakest: Vec<(&(&Family, &Outcome, f64), bool)> = tested.iter().zip(fails).collect();
    weakest.sort_by(|a, b| a.0.2.total_cmp(&b.0.2));
    let mut table = Table::new("The weakest families at 95 %", &["family", "trusted cells", "cover", "p", "verdict"]);
    for ((name, outcome, p), fails) in weakest.into_iter().filter(|w| w.1 || w.0.2 < 0.5).take(WEAKEST_SHOWN) {
        let cover = percent(outcome.trusted_coverage());
        if fails {
            section
                .failures
                .push(format!("{name}: {cover} of {} trusted cells cover (p = {p:.1e})", grouped(outcome.trusted)));
        }
        let verdict = if fails { "fails" } else { "stands" };
        table.rows.push(vec![(*name).clone(), grouped(outcome.trusted), cover, format!("{p:.1e}"), verdict.to_owned()]);
    }
    section.tables.push(table);
}

fn width_targets(families: &BTreeMap<Family, Outcome>, section: &mut Section) {
    let mut table = Table::new("Families wider than 1.25 times the ideal", &["family", "cells", "median width"]);
    let mut judged = 0;
    for (name, outcome) in families.iter().filter(|(_, o)| o.judged_widths.len() >= WIDTHS_MIN) {
        let median = median(&outcome.judged_widths);
        judged += 1;
        if median > WIDTH_MAX {
            section.wide.push(format!("{name}: median width {median:.2} times the ideal"));
            table.rows.push(vec![name.clone(), grouped(outcome.judged_widths.len() as u64), factor(median)]);
        }
    }
    section.notes.push(format!(
        "{judged} families have cells of 100 sampled rows or more of a measure without a heavy tail; {} of them are wider in \
         the median than 1.25 times the ideal (variance known, normal).",
        table.rows.len()
    ));
    if !table.rows.is_empty() {
        section.tables.push(table);
    }
}
