//! Hostile tables: a few keys with most of the rows, groups of few keys, extremes, and all groups at once.

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::case::{Case, Size};
use crate::judge::judge;
use crate::report::Section;
use crate::tally::{Shown, Tally};
use crate::world::{World, keys};
use plusminus::Trust;
use std::collections::HashMap;
use std::path::Path;

const CONFIDENCE: u32 = 95;
const ROWS: u64 = 200_000;
const KEYS: u64 = 10_000;

/// Heavy keys, and the share of all rows that each has, in percent.
const HEAVY: [(u64, u64); 7] = [(1, 1), (1, 5), (1, 20), (1, 50), (2, 25), (3, 10), (3, 25)];
/// Groups among which the keys are shared evenly: of 10,000, 3,333, … 1 key.
const GROUPS: [u64; 8] = [1, 3, 10, 30, 100, 333, 1_000, 10_000];

/// A table, a sample and what is asked of them: an aggregate's name and a query of groups `g1` and values `v`.
struct Scenario {
    name: String,
    table: String,
    design: &'static str,
    questions: Vec<(&'static str, &'static str)>,
    /// Whether all cells of an answer count as one, which holds if each holds.
    together: bool,
}

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let mut all = Tally::default();
    for (number, scenario) in scenario().iter().enumerate() {
        let file = folder.join(format!("hostile-{number}.parquet"));
        block_on(write(scenario, &file, &folder))?;
        let work = |thread| block_on(draws(scenario, &file, &folder, thread, campaign));
        in_parallel(campaign.threads, work)?.iter().for_each(|tally| all.merge(tally));
    }
    let mut section = Section {
        part: "hostile",
        title: "Hostile tables",
        command: campaign.command("hostile"),
        ..Section::default()
    };
    section.notes.push(format!(
        "{} samples of each table of {ROWS} rows. Keys: 1 to 3 heavy keys of 1 to 50 % of the rows among {KEYS} others, 10 % of the keys \
         drawn; counts of keys in groups of 1 to {KEYS} keys; MIN and MAX of rows under a filter; and FOR ALL GROUPS, where all cells of an \
         answer count as one cell, trusted where all are, which holds if each holds.",
        campaign.engine_draws
    ));
    judge(&all, &mut section);
    Ok(section)
}

fn scenario() -> Vec<Scenario> {
    let hashed = |salt: u64| format!("((value * 2654435761 + {salt} * 40503) % 4294967296)");
    let key = |heavy: u64, share: u64| {
        let place = hashed(7);
        format!(
            "CASE WHEN {place} % 100 < {total} THEN ({place} % 100) / {share} ELSE {heavy} + ({} / 101) % {KEYS} END",
            hashed(11),
            total = heavy * share
        )
    };
    let table = |key: &str, groups: u64| {
        format!(
            "SELECT value AS i, k, k * 7919 % {groups} AS g, i2 % 100 AS miles, CAST(k % 17 + i2 % 5 AS DOUBLE) AS x FROM \
             (SELECT value, {key} AS k, {} / 1009 AS i2 FROM generate_series(1, {ROWS}))",
            hashed(13)
        )
    };
    let mut all: Vec<Scenario> = HEAVY
        .iter()
        .map(|(heavy, share)| Scenario {
            name: format!("{heavy} heavy {} of {share} %", if *heavy == 1 { "key" } else { "keys" }),
            table: table(&key(*heavy, *share), 5),
            design: "UNIVERSE ON (k) SIZE 10 %",
            questions: vec![
                ("COUNT", "SELECT 1 AS g1, COUNT(*) AS v FROM t WHERE miles >= 50"),
                ("SUM", "SELECT 1 AS g1, SUM(x) AS v FROM t WHERE miles < 30"),
                ("AVG", "SELECT 1 AS g1, AVG(x) AS v FROM t WHERE miles < 30"),
                ("COUNT by group", "SELECT g AS g1, COUNT(*) AS v FROM t WHERE miles < 50 GROUP BY g"),
            ],
            together: false,
        })
        .collect();
    all.extend(GROUPS.iter().map(|groups| Scenario {
        name: format!("groups of {} keys", KEYS / groups),
        table: table(&key(0, 1), *groups),
        design: "UNIVERSE ON (k) SIZE 10 %",
        questions: vec![("COUNT(DISTINCT)", "SELECT g AS g1, COUNT(DISTINCT k) AS v FROM t GROUP BY g")],
        together: false,
    }));
    let rows = |name: &str, questions: Vec<(&'static str, &'static str)>, together: bool| Scenario {
        name: name.to_owned(),
        table: table(&key(0, 1), 40),
        design: "STRATIFIED BY (g) CAP 300",
        questions,
        together,
    };
    all.push(rows(
        "extremes",
        vec![
            ("MAX", "SELECT g AS g1, MAX(i) AS v FROM t WHERE miles < 50 GROUP BY g"),
            ("MIN", "SELECT g AS g1, MIN(i) AS v FROM t WHERE miles < 50 GROUP BY g"),
        ],
        false,
    ));
    all.push(rows(
        "FOR ALL GROUPS",
        vec![
            ("COUNT", "SELECT g AS g1, COUNT(*) AS v FROM t WHERE miles < 50 GROUP BY g"),
            ("SUM", "SELECT g AS g1, SUM(x) AS v FROM t WHERE miles < 30 GROUP BY g"),
            ("AVG", "SELECT g AS g1, AVG(x) AS v FROM t GROUP BY g"),
        ],
        true,
    ));
    all
}

async fn write(scenario: &Scenario, file: &Path, folder: &Path) -> Result<(), Failure> {
    let session = plusminus::SessionBuilder::new(folder.join("writer")).threads(1).open().await?;
    session.execute(&format!("COPY ({}) TO '{}'", scenario.table, file.display())).await?;
    Ok(())
}

async fn draws(
    scenario: &Scenario,
    file: &Path,
    folder: &Path,
    thread: u64,
    campaign: &Campaign,
) -> Result<Tally, Failure> {
    let world = World::open(file, folder, thread).await?;
    let mut truths: Vec<HashMap<String, f64>> = Vec::new();
    for (_, sql) in &scenario.questions {
        let exact = world.exact(sql).await?;
        truths.push(keys(&exact)?.into_iter().zip(exact.cells("v")?.into_iter().map(|cell| cell.estimate)).collect());
    }
    let mut tally = Tally::default();
    for draw in (0..campaign.engine_draws).filter(|draw| draw % campaign.threads == thread) {
        let create = format!("CREATE OR REPLACE SAMPLE s ON t {} SEED {}", scenario.design, campaign.draw_seed(draw));
        world.session.execute(&create).await?;
        for ((aggregate, sql), truth) in scenario.questions.iter().zip(&truths) {
            let bounds = if scenario.together { "FOR ALL GROUPS" } else { "" };
            let sql = format!("{sql} WITHIN 3600 SECONDS CONFIDENCE {CONFIDENCE}% ON MISS REPORT {bounds}");
            let answers = world.session.execute(&sql).await?;
            let answer = answers.last().ok_or("no answer")?;
            let shown: Vec<Shown> = answer.cells("v")?.iter().map(Shown::from).collect();
            let truth = |group: &String| truth.get(group).copied().unwrap_or(f64::NAN);
            let cells: Vec<(Shown, f64)> = shown.into_iter().zip(keys(answer)?.iter().map(truth)).collect();
            let case = case(scenario, aggregate);
            let cells = if scenario.together { one(&cells).into_iter().collect() } else { cells };
            cells.iter().for_each(|(shown, truth)| tally.add(&case, shown, *truth, f64::NAN));
        }
    }
    Ok(tally)
}

/// All cells as one, which is trusted if each is and holds the truth (0) if each holds its own.
fn one(cells: &[(Shown, f64)]) -> Option<(Shown, f64)> {
    let worst = cells.iter().map(|(shown, _)| shown.trust).find(|trust| !trust.is_reliable());
    let all = cells.iter().all(|(shown, truth)| shown.holds(*truth));
    let end = Some(if all { 0.0 } else { 1.0 });
    let trust = worst.unwrap_or(Trust::Trusted);
    (!cells.is_empty()).then_some((Shown { value: 0.0, lower: end, upper: Some(1.0), trust }, 0.0))
}

fn case(scenario: &Scenario, aggregate: &str) -> Case {
    Case {
        source: scenario.name.clone(),
        aggregate: aggregate.to_owned(),
        measure: String::new(),
        heavy: false,
        filter: String::new(),
        size: Size::Whole,
        confidence: CONFIDENCE,
    }
}
