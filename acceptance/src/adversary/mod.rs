//! Tables made to break intervals, as an adversary would: rare large values, groups unlike the table, conditions that go with the
//! weights, differences that nearly cancel, steps and kinks above aggregates.
//!
//! Each family is a few tables whose parameters vary by seed, and samples of each. Trusted cells have to hold the truth in 94 % or
//! more, exact ones always, and bounds that are said to be met may be broken in at most 5 %.

mod families;
mod tables;

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::case::{Case, Size};
use crate::distributions::generator;
use crate::judge::judge;
use crate::report::{Section, Table, grouped, percent};
use crate::tally::{Shown, Tally, ratio};
use crate::verdict::{FAMILYWISE, binomial_at_most, rejected};
use crate::world::{World, keys};
use families::{Family, Question};
use plusminus::Answer;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const CONFIDENCE: u32 = 95;
/// Tables of each family, each with parameters of its own.
const TABLES: u64 = 6;
/// Answers that are said to meet their bound may break it so often.
const BROKEN_MAX: f64 = 0.05;

/// Cells, and by family and question how many answers were said to meet the bound and how many of them broke it.
#[derive(Default)]
struct Tallies {
    cells: Tally,
    met: BTreeMap<String, (u64, u64)>,
}

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let mut all = Tallies::default();
    let is_wanted = |family: &Family| campaign.only.as_deref().is_none_or(|only| family.name.contains(only));
    for (number, family) in families::all().iter().enumerate().filter(|(_, family)| is_wanted(family)) {
        for table in 0..TABLES {
            let file = folder.join("adversary.parquet");
            let mut rng = generator(campaign.seed, number as u64, table);
            tables::write(&file, (family.table)(&mut rng))?;
            let work = |thread| block_on(draws(family, table, &file, &folder, thread, campaign));
            for part in in_parallel(campaign.threads, work)? {
                all.cells.merge(&part.cells);
                for (name, (met, broken)) in part.met {
                    let sum = all.met.entry(name).or_default();
                    *sum = (sum.0 + met, sum.1 + broken);
                }
            }
        }
    }
    let mut section = Section {
        part: "adversary",
        title: "Adversaries",
        command: campaign.command("adversary"),
        ..Section::default()
    };
    section.notes.push(format!(
        "{} families of {TABLES} tables each, {} samples a family. Parameters (how rare, how large, how many groups) vary from table to \
         table. Every aggregate is question for with all rows of the sample and, where a bound makes sense, with an error bound that keeps \
         its best estimate.",
        families::all().len(),
        campaign.engine_draws
    ));
    judge(&all.cells, &mut section);
    judge_bounds(&all.met, &mut section);
    Ok(section)
}

/// The samples of one table that fall to one thread.
async fn draws(
    family: &Family,
    table: u64,
    file: &Path,
    folder: &Path,
    thread: u64,
    campaign: &Campaign,
) -> Result<Tallies, Failure> {
    let world = World::open(file, folder, thread).await?;
    let mut truths: Vec<HashMap<String, f64>> = Vec::new();
    for question in &family.questions {
        let exact = world.exact(question.sql).await?;
        let values = exact.cells("v")?.into_iter().map(|cell| cell.estimate);
        truths.push(keys(&exact)?.into_iter().zip(values).collect());
    }
    let mut found = Tallies::default();
    let own = |draw: &u64| draw % TABLES == table && draw / TABLES % campaign.threads == thread;
    for draw in (0..campaign.engine_draws).filter(own) {
        for (design, name) in &family.designs {
            let create = format!("CREATE OR REPLACE SAMPLE s ON t {design} SEED {}", campaign.draw_seed(draw));
            world.session.execute(&create).await?;
            for (question, truth) in family.questions.iter().zip(&truths) {
                let case = case(family, question, name);
                for bound in ["WITHIN 3600 SECONDS ON MISS REPORT".to_owned()].into_iter().chain(question.bound()) {
                    let answers = world.session.execute(&format!("{} {bound}", question.sql)).await?;
                    note(answers.last().ok_or("no answer")?, question, truth, &case, &mut found)?;
                }
            }
        }
    }
    Ok(found)
}

/// Notes the cells of an answer, and whether its bound is kept.
fn note(
    answer: &Answer,
    question: &Question,
    truth: &HashMap<String, f64>,
    case: &Case,
    found: &mut Tallies,
) -> Result<(), Failure> {
    let report = answer.report();
    let mut is_broken = false;
    for (key, cell) in keys(answer)?.iter().zip(answer.cells("v")?) {
        let truth = truth.get(key).copied().unwrap_or(f64::NAN);
        is_broken |= (cell.estimate - truth).abs() > question.percent / 100.0 * truth.abs();
        // A bound may stop early: its cells are of another size, and of the same sample.
        if report.error_bound.is_none() {
            found.cells.add(case, &Shown::from(&cell), truth, f64::NAN);
        }
    }
    if report.error_bound.is_some() && report.met == Some(true) {
        let sum = found.met.entry(format!("{}, {}", case.source, case.aggregate)).or_default();
        *sum = (sum.0 + 1, sum.1 + u64::from(is_broken));
    }
    Ok(())
}

fn judge_bounds(met: &BTreeMap<String, (u64, u64)>, section: &mut Section) {
    let chance = |(met, broken): &(u64, u64)| binomial_at_most(met - broken, *met, 1.0 - BROKEN_MAX);
    let p_values: Vec<f64> = met.values().map(chance).collect();
    let fails = rejected(&p_values);
    let mut table = Table::new("Bounds said to be met that are broken", &["question", "met", "broken", "share", "p"]);
    let mut shown: Vec<_> = met.iter().zip(&p_values).zip(&fails).collect();
    shown.sort_by(|a, b| a.0.1.total_cmp(b.0.1));
    for (((name, (met, broken)), p), fails) in shown {
        let share = percent(ratio(*broken, *met));
        if *fails {
            section.failures.push(format!("{name}: {share} of {met} bounds said to be met are broken (p = {p:.1e})"));
        }
        if *broken > 0 {
            table.rows.push(vec![name.clone(), grouped(*met), grouped(*broken), share, format!("{p:.1e}")]);
        }
    }
    let (met, broken) = met.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    section.notes.push(format!(
        "{} answers were said to meet their bound; {} of them broke it. Each question is tested exactly against 5 %, at {FAMILYWISE} for \
         all together (Holm): {} fail.",
        grouped(met),
        grouped(broken),
        fails.iter().filter(|fails| **fails).count()
    ));
    section.tables.push(table);
}

fn case(family: &Family, question: &Question, design: &str) -> Case {
    Case {
        source: family.name.to_owned(),
        aggregate: question.name.to_owned(),
        measure: design.to_owned(),
        heavy: false,
        filter: String::new(),
        size: Size::Whole,
        confidence: CONFIDENCE,
    }
}
