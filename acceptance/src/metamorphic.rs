//! Relations that must hold whatever the truth is: whole samples are exact, parts add up, and seeds average out.

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::dataset::{self, Dataset, UNIFORM};
use crate::lineitem;
use crate::report::{Section, Table, grouped};
use crate::world::{World, filtered, keys};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Answer, Mode, OnMiss, Session, SessionBuilder};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest error of rounding, relative to the value.
const ROUNDING: f64 = 1e-9;
/// Standard errors that a mean over seeds may be off.
const ERRORS_MAX: f64 = 4.0;
/// Draws whose estimates are added to each other, for the parts of a WHERE.
const PART_DRAWS: u64 = 5;
const CONFIDENCE: u32 = 95;
const SCALE: f64 = 0.01;

/// The queries of a workload, and the table they ask.
const WORKLOADS: [(&str, &str, &str); 3] = [
    ("sessions", "queries/sessions.sql", include_str!("../../queries/sessions.sql")),
    ("lineitem", "queries/tpch.sql", include_str!("../../queries/tpch.sql")),
    ("flights", "queries/flights.sql", include_str!("../../queries/flights.sql")),
];

/// Predicates of which exactly one holds for every row.
const PARTITIONS: [(&str, &[&str]); 3] = [
    ("by place", &["place < 0.01", "place >= 0.01 AND place < 0.3", "place >= 0.3"]),
    ("by group", &["k < 3", "k >= 3"]),
    ("by a measure", &["uni < 0.5", "NOT (uni < 0.5)", "uni IS NULL"]),
];

/// Aggregates that add up over parts.
const SUMS: [&str; 4] = ["COUNT(*)", "SUM(uni)", "SUM(ln1)", "SUM(CASE WHEN bern > 0 THEN expo ELSE 0 END)"];

/// Queries averaged over seeds: aggregate, and predicate.
const AVERAGED: [(&str, &str); 8] = [
    ("COUNT(*)", "place < 0.1"),
    ("COUNT(*)", "place < 0.01"),
    ("SUM(uni)", ""),
    ("SUM(expo)", "place < 0.1"),
    ("AVG(expo)", ""),
    ("AVG(uni)", "place < 0.1"),
    ("SUM(expo) / SUM(uni)", ""),
    ("VAR_SAMP(uni)", ""),
];

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let mut section = Section {
        part: "metamorphic",
        title: "What must hold whatever the truth is",
        command: campaign.command("metamorphic"),
        ..Section::default()
    };
    block_on(whole_samples(campaign, &folder, &mut section))?;
    let dataset = dataset::distributions(&folder, campaign)?;
    block_on(parts(&dataset, &folder, campaign, &mut section))?;
    seeds(&dataset, &folder, campaign, &mut section)?;
    Ok(section)
}

/// A sample of all rows answers every query of `queries/` like DataFusion, with intervals of no width.
async fn whole_samples(campaign: &Campaign, folder: &Path, section: &mut Section) -> Result<(), Failure> {
    let mut table =
        Table::new("Samples of all rows", &["queries", "of them asked", "rows", "that differ", "cells with a width"]);
    for (name, file, text) in WORKLOADS {
        let path = match name {
            "sessions" => Some(dataset::sessions(folder, campaign)?.file),
            "lineitem" => Some(lineitem::generate(SCALE, folder).map_err(|e| e.to_string())?),
            _ => campaign.flights.clone(),
        };
        let Some(path) = path else {
            section.notes.push(format!("No file of flights was given: {file} is left out."));
            continue;
        };
        let session = SessionBuilder::new(folder.join(format!("whole-{name}"))).memory_bytes(6 << 30).open().await?;
        session.register(name, &path.to_string_lossy()).await?;
        session.sample(name).name("whole").size_percent(100.0).build().await?;
        let found = compare(&session, text).await?;
        if found.differing > 0 || found.wide > 0 {
            section
                .failures
                .push(format!("{file}: {} rows differ, {} cells have a width", found.differing, found.wide));
        }
        let numbers = [found.queries, found.rows, found.differing, found.wide].map(grouped);
        table.rows.push([file.to_owned()].into_iter().chain(numbers).collect());
    }
    section.tables.push(table);
    Ok(())
}

#[derive(Default)]
struct Compared {
    queries: u64,
    rows: u64,
    differing: u64,
    wide: u64,
}

async fn compare(session: &Session, text: &str) -> Result<Compared, Failure> {
    let mut found = Compared::default();
    for sql in queries(text) {
        let exact = session.query(&sql).run().await?;
        let answer = session.query(&sql).error_percent(0.0001).on_miss(OnMiss::Report).run().await?;
        found.queries += 1;
        let (ours, theirs) = (texts(&answer)?, texts(&exact)?);
        found.rows += theirs.len() as u64;
        found.differing += theirs.len().abs_diff(ours.len()) as u64;
        found.differing += ours.iter().zip(&theirs).filter(|(a, b)| !is_same(a, b)).count() as u64;
        let is_wide = answer.report().mode != Mode::Exact;
        for column in answer.columns().iter().filter(|c| c.bounds.is_some()) {
            let cells = answer.cells(&column.name)?;
            // NULL has no ends, and no width either.
            let has_width = |c: &plusminus::Cell| c.estimate.is_finite() && c.lower != c.upper;
            found.wide += cells.iter().filter(|c| is_wide || has_width(c)).count() as u64;
        }
    }
    Ok(found)
}

/// The statements of a file without their bounds.
fn queries(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let statements = lines.join("\n");
    let statements = statements.split(';').map(str::trim).filter(|s| !s.is_empty());
    let head = |s: &str| s.rfind(" ERROR WITHIN").or_else(|| s.rfind(" WITHIN")).map_or(s, |at| &s[..at]).to_owned();
    statements.map(head).collect()
}

/// Rows as text, in the order of their text where the query has none of its own.
fn texts(answer: &Answer) -> Result<Vec<Vec<String>>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let batch = answer.batch();
    let columns = batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let mut rows: Vec<Vec<String>> =
        (0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect()).collect();
    rows.sort();
    Ok(rows)
}

/// Equal but for the order in which floating-point numbers were added.
fn is_same(ours: &[String], theirs: &[String]) -> bool {
    ours.iter().zip(theirs).all(|(a, b)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= ROUNDING * b.abs().max(1e-6),
        _ => a == b,
    })
}

/// The estimates of the parts of a WHERE add up to that of the whole, on the same rows.
async fn parts(dataset: &Dataset, folder: &Path, campaign: &Campaign, section: &mut Section) -> Result<(), Failure> {
    let world = World::open(&dataset.file, folder, 0).await?;
    let mut table = Table::new("Parts of a WHERE", &["parts", "sample", "sums", "largest difference, relative"]);
    for sample in &dataset.samples {
        for (label, predicates) in PARTITIONS {
            let (mut sums, mut worst) = (0, 0.0_f64);
            for draw in 0..PART_DRAWS {
                world.draw(&Dataset { samples: vec![*sample], ..dataset.clone() }, campaign.draw_seed(draw)).await?;
                world.pin(sample.name, None).await?;
                for aggregate in SUMS {
                    let whole = value(&world, aggregate, "").await?;
                    let mut parts = 0.0;
                    for predicate in predicates {
                        parts += value(&world, aggregate, predicate).await?;
                    }
                    // Counts are shown as whole numbers.
                    let rounding = if aggregate.starts_with("COUNT") { predicates.len() as f64 / 2.0 } else { 0.0 };
                    sums += 1;
                    worst = worst.max(((parts - whole).abs() - rounding).max(0.0) / whole.abs());
                }
            }
            if worst > ROUNDING {
                section
                    .failures
                    .push(format!("parts {label} of sample {} differ by {worst:.1e} of the whole", sample.name));
            }
            table.rows.push(vec![label.to_owned(), sample.name.to_owned(), grouped(sums), format!("{worst:.1e}")]);
        }
    }
    section.tables.push(table);
    Ok(())
}

/// The estimate of one aggregate without groups, 0 for NULL.
async fn value(world: &World, aggregate: &str, predicate: &str) -> Result<f64, Failure> {
    let answer = world.estimate(&format!("SELECT {aggregate} AS v FROM t{}", filtered(predicate)), CONFIDENCE).await?;
    let cells = answer.cells("v")?;
    Ok(cells.first().map_or(0.0, |cell| if cell.estimate.is_finite() { cell.estimate } else { 0.0 }))
}

/// By (sample, query, group): the estimates of all draws.
type Estimates = BTreeMap<(&'static str, usize, String), Vec<f64>>;

/// The mean over seeds is the truth, up to its own error.
fn seeds(dataset: &Dataset, folder: &Path, campaign: &Campaign, section: &mut Section) -> Result<(), Failure> {
    let work = |thread| block_on(estimates(dataset, folder, thread, campaign));
    let mut all = Estimates::new();
    for found in in_parallel(campaign.threads, work)? {
        for (cell, values) in found {
            all.entry(cell).or_default().extend(values);
        }
    }
    let truths = block_on(truths(dataset, folder))?;
    let mut table = Table::new(
        format!("Means over {} seeds", campaign.engine_draws),
        &["aggregate", "predicate", "sample", "groups", "furthest from the truth, in standard errors"],
    );
    for (query, (aggregate, predicate)) in AVERAGED.iter().enumerate() {
        for sample in &dataset.samples {
            let own = all.iter().filter(|((s, q, _), _)| *s == sample.name && *q == query);
            let (mut groups, mut worst) = (0, 0.0_f64);
            for ((_, _, group), values) in own {
                let truth = truths.get(&(query, group.clone())).copied().unwrap_or(f64::NAN);
                groups += 1;
                worst = worst.max(distance(values, truth));
            }
            if worst.is_nan() || worst > ERRORS_MAX {
                section
                    .failures
                    .push(format!("{aggregate} {predicate}, {}: {worst:.1} standard errors off", sample.name));
            }
            let label = if predicate.is_empty() { "none" } else { predicate };
            let row = [*aggregate, label, sample.name].map(str::to_owned);
            table.rows.push(row.into_iter().chain([grouped(groups), format!("{worst:.2}")]).collect());
        }
    }
    section.notes.push(format!(
        "Means over seeds are of groups of the made-up table's column k, each of at least 100,000 rows; a mean without bias is further \
         than {ERRORS_MAX} standard errors off in one of 16,000 cells."
    ));
    section.tables.push(table);
    Ok(())
}

async fn estimates(dataset: &Dataset, folder: &Path, thread: u64, campaign: &Campaign) -> Result<Estimates, Failure> {
    let world = World::open(&dataset.file, folder, thread).await?;
    let mut found = Estimates::new();
    for draw in (0..campaign.engine_draws).filter(|d| d % campaign.threads == thread) {
        world.draw(dataset, campaign.draw_seed(draw)).await?;
        for sample in &dataset.samples {
            world.pin(sample.name, None).await?;
            for (query, (aggregate, predicate)) in AVERAGED.iter().enumerate() {
                let answer = world.estimate(&grouped_sql(aggregate, predicate), CONFIDENCE).await?;
                for (group, cell) in keys(&answer)?.into_iter().zip(answer.cells("v")?) {
                    found.entry((sample.name, query, group)).or_default().push(cell.estimate);
                }
            }
        }
    }
    Ok(found)
}

async fn truths(dataset: &Dataset, folder: &Path) -> Result<BTreeMap<(usize, String), f64>, Failure> {
    let world = World::open(&dataset.file, folder, 0).await?;
    world.pin(UNIFORM, None).await?;
    let mut found = BTreeMap::new();
    for (query, (aggregate, predicate)) in AVERAGED.iter().enumerate() {
        let exact = world.exact(&grouped_sql(aggregate, predicate)).await?;
        for (group, cell) in keys(&exact)?.into_iter().zip(exact.cells("v")?) {
            found.insert((query, group), cell.estimate);
        }
    }
    Ok(found)
}

fn grouped_sql(aggregate: &str, predicate: &str) -> String {
    format!("SELECT k AS g1, {aggregate} AS v FROM t{} GROUP BY k", filtered(predicate))
}

/// How many standard errors the mean of `values` is from `truth`.
#[expect(clippy::cast_precision_loss, reason = "a number of draws")]
fn distance(values: &[f64], truth: f64) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    // Where the sample knows the number there is no error.
    if error <= ROUNDING * truth.abs() {
        ((mean - truth).abs() > ROUNDING * truth.abs()).into()
    } else {
        (mean - truth).abs() / error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_loses_its_bounds() {
        for (name, _, text) in WORKLOADS {
            let queries = queries(text);
            assert!(queries.len() >= 2, "{name}");
            assert!(queries.iter().all(|q| !q.contains("WITHIN") && q.starts_with(['S', 'W'])), "{queries:?}");
        }
    }

    #[test]
    fn a_biased_mean_is_far_from_the_truth() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
        assert!(distance(&values, 4.5) < 1e-9);
        assert!(distance(&values, 6.0) > 4.0);
        assert_eq!(distance(&[3.0; 10], 3.0), 0.0);
        assert_eq!(distance(&[3.0; 10], 4.0), 1.0);
    }
}
