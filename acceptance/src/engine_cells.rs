//! SQL through the whole engine: what samples say of every group, beside what the table says.

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::case::{Case, Size};
use crate::dataset::{self, Dataset, Design};
use crate::ideal;
use crate::judge::judge;
use crate::methods::{self, Methods};
use crate::report::Section;
use crate::tally::{Shown, Tally};
use crate::truth::Truth;
use crate::world::{World, filtered, keys};
use plusminus::{Cell, Manifest};
use plusminus_statistics::cap;
use std::collections::HashMap;
use std::path::Path;

/// Levels asked, counted down from the top.
const LEVELS_DOWN: [usize; 2] = [0, 3];

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let mut datasets = vec![dataset::distributions(&folder, campaign)?, dataset::sessions(&folder, campaign)?];
    datasets.extend(campaign.flights.as_deref().map(dataset::flights));
    let mut section = Section {
        part: "engine",
        title: "SQL through the engine",
        command: campaign.command("engine"),
        ..Section::default()
    };
    section.notes.push(format!(
        "{} samples of each table, seeds derived from {}; every group of every query at two levels. Tables: 1.5 million made-up rows \
         (groups of 30 to 1,000,000 rows; 10 % uniformly, or 1,000 rows of each group), 1 million video sessions, and flights.",
        campaign.engine_draws, campaign.seed
    ));
    if campaign.flights.is_none() {
        section.notes.push("No file of flights was given: they are left out.".to_owned());
    }
    let (mut all, mut methods) = (Tally::default(), Methods::default());
    for dataset in &datasets {
        let work = |thread| block_on(draws(dataset, &folder, thread, campaign));
        for (tally, found) in in_parallel(campaign.threads, work)? {
            all.merge(&tally);
            methods.merge(found);
        }
    }
    section.tables.push(methods.table(&all));
    judge(&all, &mut section);
    Ok(section)
}

/// The share of the draws that belongs to one thread.
async fn draws(
    dataset: &Dataset,
    folder: &Path,
    thread: u64,
    campaign: &Campaign,
) -> Result<(Tally, Methods), Failure> {
    let world = World::open(&dataset.file, folder, thread).await?;
    let (mut tally, mut methods) = (Tally::default(), Methods::default());
    let mut questions: Option<Vec<Question>> = None;
    for draw in (0..campaign.engine_draws).filter(|d| d % campaign.threads == thread) {
        let manifests = world.draw(dataset, campaign.draw_seed(draw)).await?;
        let questions = match &mut questions {
            Some(questions) => questions,
            none => none.insert(questions_of(&world, dataset, &manifests, campaign).await?),
        };
        for question in questions.iter() {
            question.ask(&world, dataset, &mut tally).await?;
        }
        if dataset.name == "made up" {
            methods::draw(&world, &mut methods, &mut tally, campaign.draw_seed(draw)).await?;
        }
    }
    Ok((tally, methods))
}

/// One query at one level of one sample, with the truth of every group.
struct Question {
    sample: &'static str,
    level: usize,
    sql: String,
    /// By group: a case, its true value and its ideal standard error for each output; confidence is filled in.
    expected: HashMap<String, Vec<(Case, f64, f64)>>,
    confidences: Vec<u32>,
}

async fn questions_of(
    world: &World,
    dataset: &Dataset,
    manifests: &[Manifest],
    campaign: &Campaign,
) -> Result<Vec<Question>, Failure> {
    let mut questions = Vec::new();
    for design in &dataset.designs {
        let manifest = manifests.iter().find(|m| m.name == design.sample.name).ok_or("a sample was not built")?;
        for (label, predicate) in &dataset.filters {
            let truth = Truth::new(world, dataset, design, predicate).await?;
            for down in LEVELS_DOWN {
                let level = manifest.levels.len().saturating_sub(1 + down);
                let facts = truth.facts(|rows| sampled(rows, design, manifest, level));
                let cases = |facts: &Vec<_>| cases_of(facts, dataset, design, label);
                questions.push(Question {
                    sample: design.sample.name,
                    level,
                    sql: sql(dataset, design, predicate),
                    expected: facts.iter().map(|(group, facts)| (group.clone(), cases(facts))).collect(),
                    confidences: campaign.confidences().collect(),
                });
            }
        }
    }
    Ok(questions)
}

/// Rows that a sample keeps of a stratum of `rows` rows.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "row counts")]
fn sampled(rows: f64, design: &Design, manifest: &Manifest, level: usize) -> f64 {
    match (design.sample.by, design.sample.size) {
        (Some(_), plusminus::SampleSize::Cap(rows_max)) => {
            let cap = cap::at_level(rows_max, level as u32, manifest.levels.len() as u32).max(2);
            rows.min(cap as f64)
        }
        _ => manifest.levels.iter().take(level + 1).map(|l| l.rows).sum::<u64>() as f64,
    }
}

fn cases_of(facts: &[crate::truth::Fact], dataset: &Dataset, design: &Design, filter: &str) -> Vec<(Case, f64, f64)> {
    let mut names = vec![("COUNT".to_owned(), "rows".to_owned(), false)];
    for measure in &dataset.measures {
        names.push(("SUM".to_owned(), measure.label.clone(), measure.heavy));
        names.push(("AVG".to_owned(), measure.label.clone(), measure.heavy));
    }
    let (x, y) = (&dataset.measures[dataset.ratio.0], &dataset.measures[dataset.ratio.1]);
    names.push(("ratio".to_owned(), format!("{}/{}", x.label, y.label), x.heavy || y.heavy));
    let case = |((aggregate, measure, heavy), fact): ((String, String, bool), &crate::truth::Fact)| {
        let case = Case {
            source: format!("{}, {}", dataset.name, design.name),
            aggregate,
            measure,
            heavy,
            filter: filter.to_owned(),
            size: if fact.rows > 0.0 { Size::of(fact.rows) } else { Size::Whole },
            confidence: 0,
        };
        (case, fact.value, fact.error)
    };
    names.into_iter().zip(facts).map(case).collect()
}

fn sql(dataset: &Dataset, design: &Design, predicate: &str) -> String {
    let mut outputs = vec!["COUNT(*)".to_owned()];
    for measure in &dataset.measures {
        outputs.extend([format!("SUM({})", measure.column), format!("AVG({})", measure.column)]);
    }
    let (x, y) = (dataset.measures[dataset.ratio.0].column, dataset.measures[dataset.ratio.1].column);
    outputs.push(format!("1.0 * SUM({x}) / SUM({y})"));
    let named: Vec<String> = outputs.iter().enumerate().map(|(i, o)| format!("{o} AS o{i}")).collect();
    let (key, outputs, filter) = (design.key, named.join(", "), filtered(predicate));
    format!("SELECT {key} AS g1, {outputs} FROM t{filter} GROUP BY {key}")
}

impl Question {
    async fn ask(&self, world: &World, dataset: &Dataset, tally: &mut Tally) -> Result<(), Failure> {
        world.pin(self.sample, Some(self.level)).await?;
        let outputs = 2 + 2 * dataset.measures.len();
        for confidence in &self.confidences {
            let answer = world.estimate(&self.sql, *confidence).await?;
            let groups = keys(&answer)?;
            let columns = (0..outputs).map(|o| answer.cells(&format!("o{o}"))).collect::<Result<Vec<_>, _>>()?;
            for (row, group) in groups.iter().enumerate() {
                let cells = columns.iter().map(|c| c[row]);
                let expected = self.expected.get(group).ok_or_else(|| format!("the table has no group {group}"))?;
                note(expected, cells, *confidence, tally);
            }
        }
        Ok(())
    }
}

fn note(expected: &[(Case, f64, f64)], cells: impl Iterator<Item = Cell>, confidence: u32, tally: &mut Tally) {
    for ((case, truth, error), cell) in expected.iter().zip(cells) {
        let case = Case { confidence, ..case.clone() };
        tally.add(&case, &Shown::from(&cell), *truth, ideal::width(*error, confidence));
    }
}
