//! ERROR WITHIN: how often the bound is broken, and how many rows it takes beside the cheapest level.

mod bill;

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::dataset::{self, Dataset, Design, UNIFORM};
use crate::ideal::normal_quantile;
use crate::report::Section;
use crate::truth::{Fact, Facts, Truth};
use crate::world::{World, filtered, keys};
use bill::{Bill, Bills, judge};
use plusminus::{Answer, Manifest, OnMiss};
use std::path::Path;

const PERCENTS: [f64; 5] = [1.0, 2.0, 5.0, 10.0, 20.0];
const VIOLATIONS_MAX: f64 = 0.05;
const CONFIDENCE: u32 = 95;

/// Columns asked for one by one: the first of each dataset.
const MEASURES_MAX: usize = 5;

/// Queries of one kind on one dataset.
struct Class {
    dataset: &'static str,
    name: &'static str,
    /// GROUP BY, empty for none.
    key: &'static str,
    predicate: &'static str,
    /// The most rows beside the cheapest level.
    rows_max: f64,
}

const fn class(
    dataset: &'static str,
    name: &'static str,
    key: &'static str,
    predicate: &'static str,
    rows_max: f64,
) -> Class {
    Class { dataset, name, key, predicate, rows_max }
}

const CLASSES: [Class; 10] = [
    class("made up", "made up, whole table", "", "", 1.4),
    class("made up", "made up, 8 groups", "k", "", 1.4),
    class("made up", "made up, domain of 10 %", "", "place < 0.1", 1.4),
    class("made up", "made up, domain of 0.5 %", "", "place < 0.005", 2.5),
    class("sessions", "sessions, whole table", "", "", 1.4),
    class("sessions", "sessions, by genre", "genre", "", 1.4),
    class("sessions", "sessions, one genre", "", "genre = 'western'", 1.4),
    class("flights", "flights, whole table", "", "", 1.4),
    class("flights", "flights, by month", "date_part('month', date)", "", 1.4),
    class("flights", "flights, far ones", "", "distance > 1000", 1.4),
];

/// One aggregate of one class: the query, and the facts by level.
struct Question {
    class: usize,
    sql: String,
    /// Which fact of each group the query asks for.
    fact: usize,
    levels: std::rc::Rc<Vec<(f64, Facts)>>,
}

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let mut datasets = vec![dataset::distributions(&folder, campaign)?, dataset::sessions(&folder, campaign)?];
    datasets.extend(campaign.flights.as_deref().map(dataset::flights));
    let mut bills = Bills::default();
    for dataset in &datasets {
        let work = |thread| block_on(draws(dataset, &folder, thread, campaign));
        for found in in_parallel(campaign.threads, work)? {
            for (key, bill) in found {
                bills.entry(key).or_default().merge(&bill);
            }
        }
    }
    let mut section =
        Section { part: "bounds", title: "Error bounds", command: campaign.command("bounds"), ..Section::default() };
    section.notes.push(format!(
        "{} samples of 10 % of 1.5 million made-up rows, 5 % of a million sessions and 2 % of flights; COUNT, SUM and AVG of up to \
         {MEASURES_MAX} measures one by one, under each bound at 95 %. \
         Violated: cells of answers that claim the bound and differ from the truth by more.",
        campaign.engine_draws
    ));
    section.notes.push(String::from(
        "Rows: those of all answers over those of the cheapest levels, whose error is within the bound if the variance is known (judged: \
         at most 1.4, 2.5 for domains under 1 %); and the mean of that ratio answer by answer, in which a thousand rows instead of 150 \
         count as much as a million instead of 150,000."
    ));
    judge(&bills, &mut section);
    Ok(section)
}

async fn draws(dataset: &Dataset, folder: &Path, thread: u64, campaign: &Campaign) -> Result<Bills, Failure> {
    let world = World::open(&dataset.file, folder, thread).await?;
    // One sample is enough here, and cheaper to draw.
    let dataset = Dataset { samples: dataset.samples[..1].to_vec(), ..dataset.clone() };
    let (mut bills, mut questions) = (Bills::default(), None);
    for draw in (0..campaign.engine_draws).filter(|d| d % campaign.threads == thread) {
        let manifests = world.draw(&dataset, campaign.draw_seed(draw)).await?;
        world.pin(UNIFORM, None).await?;
        let questions = match &mut questions {
            Some(questions) => questions,
            none => none.insert(questions_of(&world, &dataset, &manifests[0]).await?),
        };
        for question in questions.iter() {
            for (number, bound) in PERCENTS.iter().enumerate() {
                let answer =
                    world.session.query(&question.sql).error_percent(*bound).on_miss(OnMiss::Report).run().await?;
                let bill = bills.entry((question.class, number)).or_default();
                question.charge(&answer, bound / 100.0, bill)?;
            }
        }
    }
    Ok(bills)
}

async fn questions_of(world: &World, dataset: &Dataset, manifest: &Manifest) -> Result<Vec<Question>, Failure> {
    let mut questions = Vec::new();
    let own = CLASSES.iter().enumerate().filter(|(_, class)| class.dataset == dataset.name);
    for (class, Class { key, predicate, .. }) in own {
        let key_or_all: &'static str = if key.is_empty() { "'all'" } else { key };
        let design = Design { sample: dataset.samples[0], key: key_or_all, name: String::new() };
        let truth = Truth::new(world, dataset, &design, predicate).await?;
        let mut held = 0;
        let mut levels = Vec::new();
        for level in &manifest.levels {
            held += level.rows;
            #[expect(clippy::cast_precision_loss, reason = "row counts")]
            let rows = held as f64;
            levels.push((rows, truth.facts(|_| rows)));
        }
        let levels = std::rc::Rc::new(levels);
        let mut ask = |aggregate: &str, fact: usize| {
            let (list, group) = if key.is_empty() {
                (String::new(), String::new())
            } else {
                (format!("{key} AS g1, "), format!(" GROUP BY {key}"))
            };
            let sql = format!("SELECT {list}{aggregate} AS v FROM t{}{group}", filtered(predicate));
            questions.push(Question { class, sql, fact, levels: std::rc::Rc::clone(&levels) });
        };
        if !(key.is_empty() && predicate.is_empty()) {
            ask("COUNT(*)", 0);
        }
        for measure in 0..dataset.measures.len().min(MEASURES_MAX) {
            let column = dataset.measures[measure].column;
            ask(&format!("SUM({column})"), 1 + 2 * measure);
            ask(&format!("AVG({column})"), 2 + 2 * measure);
        }
    }
    Ok(questions)
}

impl Question {
    fn charge(&self, answer: &Answer, bound: f64, bill: &mut Bill) -> Result<(), Failure> {
        let cells = answer.cells("v")?;
        let groups = if CLASSES[self.class].key.is_empty() { vec!["all".to_owned()] } else { keys(answer)? };
        let met = answer.report().met == Some(true);
        bill.queries += 1;
        bill.met += u64::from(met);
        let facts = &self.levels[0].1;
        for (group, cell) in groups.iter().zip(&cells) {
            let truth = facts.get(group).ok_or("a group that the table does not have")?[self.fact].value;
            bill.cells += 1;
            bill.claimed += u64::from(met);
            bill.violated += u64::from(met && (cell.estimate - truth).abs() > bound * truth.abs());
        }
        let z = normal_quantile(CONFIDENCE);
        let is_within = |facts: &Facts| {
            let within = |fact: &Fact| z * fact.error <= bound * fact.value.abs();
            facts.values().all(|facts| within(&facts[self.fact]))
        };
        if let Some((rows, _)) = self.levels.iter().find(|(_, facts)| is_within(facts)) {
            #[expect(clippy::cast_precision_loss, reason = "row counts")]
            let read = answer.report().rows_read as f64;
            bill.payable += 1;
            bill.rows_ratio += read / rows;
            bill.rows_read += read;
            bill.rows_cheapest += rows;
        }
        Ok(())
    }
}
