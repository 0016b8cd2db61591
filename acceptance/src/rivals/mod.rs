//! The same queries and rows with other people's intervals: plain CLT, scaling by hand, variational subsampling.

mod intervals;
mod rows;
mod table;

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::case::{Case, Size};
use crate::dataset::{self, Dataset, Design};
use crate::distributions::generator;
use crate::ideal;
use crate::report::Section;
use crate::tally::{Shown, Tally};
use crate::truth::{Fact, Facts, Truth};
use crate::world::{World, filtered, keys};
use intervals::{Aggregate, METHODS, Method};
use plusminus::{Cell, Manifest};
use plusminus_statistics::{Trust, cap};
use rows::Sampled;
use std::collections::HashMap;
use std::path::Path;
use table::table;

const CONFIDENCE: u32 = 95;
/// Columns compared, by their numbers in the dataset.
const MEASURES: [usize; 5] = [0, 1, 3, 4, 6];
const FILTERS: usize = 3;
const OURS: &str = "PlusMinus";
/// Which cells a comparison is over.
const EVERY: &str = "every cell";
const TRUSTED: &str = "cells that PlusMinus trusts";

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let dataset = dataset::distributions(&folder, campaign)?;
    let work = |thread| block_on(draws(&dataset, &folder, thread, campaign));
    let mut tally = Tally::default();
    in_parallel(campaign.threads, work)?.iter().for_each(|t| tally.merge(t));
    let mut section =
        Section { part: "rivals", title: "Side by side", command: campaign.command("rivals"), ..Section::default() };
    section.notes.push(format!(
        "{} samples of the made-up table; the same queries over the same sampled rows, at 95 %. CLT: expanded means with s/√n and 1.96. \
         By hand: what a Bernoulli sample is scaled by (COUNT/p, SUM/p) with its variance and 1.96, on the uniform sample alone. \
         Variational: VerdictDB's subsampling (SIGMOD 2018), √n subsamples of √n rows, empirical quantiles; re-implemented here. \
         The others say nothing of trust, so all their intervals count. Width: median, relative to a normal interval with the \
         variance known. Cells that are known exactly are left out.",
        campaign.engine_draws
    ));
    for cells in [TRUSTED, EVERY] {
        section.tables.push(table(
            &tally,
            cells,
            "By aggregate and sampled rows",
            &["data", "aggregate", "rows"],
            |c| vec![c.aggregate.clone(), c.size.ranked()],
        ));
        section.tables.push(table(&tally, cells, "By aggregate and measure", &["data", "aggregate", "measure"], |c| {
            vec![c.aggregate.clone(), c.measure.clone()]
        }));
    }
    Ok(section)
}

async fn draws(dataset: &Dataset, folder: &Path, thread: u64, campaign: &Campaign) -> Result<Tally, Failure> {
    let world = World::open(&dataset.file, folder, thread).await?;
    let mut tally = Tally::default();
    let mut facts: HashMap<(usize, usize), Facts> = HashMap::new();
    for draw in (0..campaign.engine_draws).filter(|d| d % campaign.threads == thread) {
        let manifests = world.draw(dataset, campaign.draw_seed(draw)).await?;
        for (number, design) in dataset.designs.iter().enumerate().filter(|(_, d)| d.key == "g") {
            let manifest = manifests.iter().find(|m| m.name == design.sample.name).ok_or("a sample was not built")?;
            let mut rng = generator(campaign.seed, 2_000 + draw, number as u64);
            let sampled = Sampled::load(&world, dataset, &MEASURES, manifest, &mut rng)?;
            world.pin(design.sample.name, Some(manifest.levels.len() - 1)).await?;
            for filter in 0..FILTERS {
                let facts = match facts.entry((number, filter)) {
                    std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::hash_map::Entry::Vacant(place) => {
                        place.insert(facts_of(&world, dataset, design, manifest, filter).await?)
                    }
                };
                compare(&world, dataset, design, filter, &sampled, facts, &mut tally).await?;
            }
        }
    }
    Ok(tally)
}

async fn facts_of(
    world: &World,
    dataset: &Dataset,
    design: &Design,
    manifest: &Manifest,
    filter: usize,
) -> Result<Facts, Failure> {
    let truth = Truth::new(world, dataset, design, dataset.filters[filter].1).await?;
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "row counts")]
    Ok(truth.facts(|rows| match design.sample.size {
        plusminus::SampleSize::Cap(rows_max) => {
            let levels = manifest.levels.len() as u32;
            rows.min(cap::at_level(rows_max, levels - 1, levels) as f64)
        }
        _ => manifest.sampled_rows() as f64,
    }))
}

/// One query: what the engine says of its cells, and what the others say.
async fn compare(
    world: &World,
    dataset: &Dataset,
    design: &Design,
    filter: usize,
    sampled: &Sampled,
    facts: &Facts,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let (label, predicate) = dataset.filters[filter];
    let mut outputs = vec!["COUNT(*) AS o0".to_owned()];
    for (at, measure) in MEASURES.iter().enumerate() {
        let column = dataset.measures[*measure].column;
        outputs.extend([format!("SUM({column}) AS o{}", 1 + 2 * at), format!("AVG({column}) AS o{}", 2 + 2 * at)]);
    }
    let sql = format!("SELECT g, {} FROM t{} GROUP BY g", outputs.join(", "), filtered(predicate));
    let answer = world.estimate(&sql, CONFIDENCE).await?;
    let columns = (0..outputs.len()).map(|o| answer.cells(&format!("o{o}"))).collect::<Result<Vec<_>, _>>()?;
    let place_below = crate::made_up::FILTERS[filter].1;
    let sums = sampled.sums(place_below);
    for (row, group) in keys(&answer)?.iter().enumerate() {
        let (Some(facts), Some(sums)) = (facts.get(group), sums.get(group)) else { continue };
        for (output, cells) in columns.iter().enumerate() {
            let (aggregate, at) = match output {
                0 => (Aggregate::Count, 0),
                o if o % 2 == 1 => (Aggregate::Sum, (o - 1) / 2),
                o => (Aggregate::Mean, (o - 1) / 2),
            };
            let measure = &dataset.measures[MEASURES[at]];
            let fact = match output {
                0 => facts[0],
                o => facts[1 + 2 * MEASURES[at] + (o - 1) % 2],
            };
            let case = Case {
                source: design.name.clone(),
                aggregate: aggregate.label().to_owned(),
                measure: if output == 0 { "rows".to_owned() } else { measure.label.clone() },
                heavy: measure.heavy,
                filter: label.to_owned(),
                size: Size::of(fact.rows),
                confidence: CONFIDENCE,
            };
            let others = METHODS.map(|m| (m.label(), interval(m, aggregate, sums, at, sampled)));
            note(&case, &cells[row], &fact, &others, tally);
        }
    }
    Ok(())
}

fn interval(
    method: Method,
    aggregate: Aggregate,
    sums: &rows::Sums,
    measure: usize,
    sampled: &Sampled,
) -> Option<(f64, f64, f64)> {
    method.interval(aggregate, sums, measure, sampled, ideal::normal_quantile(CONFIDENCE))
}

/// A method's name, and its value and ends where it has any.
type Rival = (&'static str, Option<(f64, f64, f64)>);

fn note(case: &Case, ours: &Cell, fact: &Fact, others: &[Rival], tally: &mut Tally) {
    if ours.trust == Trust::Exact || fact.error.is_nan() {
        return;
    }
    let ideal = ideal::width(fact.error, CONFIDENCE);
    let classes = if ours.trust == Trust::Trusted { vec![EVERY, TRUSTED] } else { vec![EVERY] };
    for class in classes {
        let of = |method: &str| Case { filter: format!("{class}, {method}"), ..case.clone() };
        tally.add(&of(OURS), &Shown::from(ours), fact.value, ideal);
        for (method, found) in others {
            let shown = found.map(|(value, lower, upper)| Shown {
                value,
                lower: Some(lower),
                upper: Some(upper),
                trust: Trust::Trusted,
            });
            if let Some(shown) = shown.filter(|s| s.lower.is_some_and(|l| !l.is_nan())) {
                tally.add(&of(method), &shown, fact.value, ideal);
            }
        }
    }
}
