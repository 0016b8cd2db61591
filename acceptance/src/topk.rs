//! Rows chosen by an estimate: ORDER BY … LIMIT and HAVING show the luckiest groups, whose intervals must still hold.

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::case::{Case, Size};
use crate::dataset::{self, Dataset, Sample};
use crate::populations;
use crate::report::{Section, Table, factor, grouped, percent};
use crate::tally::{Outcome, Shown, Tally, median, ratio};
use crate::verdict::{FAMILYWISE, binomial_at_most, floor, rejected};
use crate::world::{World, keys};
use plusminus::SampleSize;
use std::collections::HashMap;
use std::path::Path;

const CONFIDENCE: u32 = 95;

/// What is asked: a name, the query of all groups, and the clause that chooses among them.
#[derive(Clone, Copy)]
struct Question {
    name: &'static str,
    all: &'static str,
    choice: &'static str,
}

const RANKED: [Question; 6] = [
    Question {
        name: "10 largest SUM",
        all: "SELECT g, SUM(x) AS v FROM t GROUP BY g",
        choice: "ORDER BY v DESC LIMIT 10",
    },
    Question {
        name: "10 largest AVG",
        all: "SELECT g, AVG(x) AS v FROM t GROUP BY g",
        choice: "ORDER BY v DESC LIMIT 10",
    },
    Question { name: "10 smallest AVG", all: "SELECT g, AVG(x) AS v FROM t GROUP BY g", choice: "ORDER BY v LIMIT 10" },
    Question {
        name: "10 largest COUNT of 40 %",
        all: "SELECT g, COUNT(*) AS v FROM t WHERE place < 0.4 GROUP BY g",
        choice: "ORDER BY v DESC LIMIT 10",
    },
    Question {
        name: "HAVING AVG above most",
        all: "SELECT g, AVG(x) AS v FROM t GROUP BY g",
        choice: "HAVING AVG(x) > 1.15",
    },
    Question {
        name: "HAVING COUNT of 40 % above most",
        all: "SELECT g, COUNT(*) AS v FROM t WHERE place < 0.4 GROUP BY g",
        choice: "HAVING COUNT(*) > 900",
    },
];

const FLIGHTS: [Question; 3] = [
    Question {
        name: "10 largest AVG(delay)",
        all: "SELECT origin, AVG(delay) AS v FROM t GROUP BY origin",
        choice: "ORDER BY v DESC LIMIT 10",
    },
    Question {
        name: "10 largest COUNT of late flights",
        all: "SELECT origin, COUNT(*) AS v FROM t WHERE delay > 60 GROUP BY origin",
        choice: "ORDER BY v DESC LIMIT 10",
    },
    Question {
        name: "HAVING AVG(delay) > 10",
        all: "SELECT origin, AVG(delay) AS v FROM t GROUP BY origin",
        choice: "HAVING AVG(delay) > 10",
    },
];

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let file = folder.join("ranked.parquet");
    populations::write_ranked(&file, campaign.seed)?;
    let uniform = Sample { name: "uniform", by: None, size: SampleSize::Percent(5.0) };
    let by_group = Sample { name: "by_g", by: Some("g"), size: SampleSize::Cap(100) };
    let ranked = Dataset {
        name: "300 like groups",
        file,
        measures: Vec::new(),
        ratio: (0, 0),
        samples: vec![uniform, by_group],
        designs: Vec::new(),
        filters: Vec::new(),
    };
    let mut tables = vec![(ranked, RANKED.as_slice())];
    tables.extend(campaign.flights.as_deref().map(|f| (dataset::flights(f), FLIGHTS.as_slice())));
    let mut all = Tally::default();
    for (dataset, questions) in &tables {
        let work = |thread| block_on(draws(dataset, questions, &folder, thread, campaign));
        in_parallel(campaign.threads, work)?.iter().for_each(|t| all.merge(t));
    }
    let mut section =
        Section { part: "topk", title: "Top-k and HAVING", command: campaign.command("topk"), ..Section::default() };
    section.notes.push(format!(
        "{} samples of 600,000 rows in 300 groups whose means and sizes differ by 5 %, about 100 rows of each group sampled; and of \
         flights, where given. Every displayed interval at 95 % is compared with the truth of its group. Width: relative to the \
         median width of the same query without the choice.",
        campaign.engine_draws
    ));
    judge(&all, &mut section);
    Ok(section)
}

async fn draws(
    dataset: &Dataset,
    questions: &[Question],
    folder: &Path,
    thread: u64,
    campaign: &Campaign,
) -> Result<Tally, Failure> {
    let world = World::open(&dataset.file, folder, thread).await?;
    let mut truths: Vec<HashMap<String, f64>> = Vec::new();
    for question in questions {
        let exact = world.exact(question.all).await?;
        truths.push(keys(&exact)?.into_iter().zip(exact.cells("v")?.into_iter().map(|c| c.estimate)).collect());
    }
    let mut tally = Tally::default();
    for draw in (0..campaign.engine_draws).filter(|d| d % campaign.threads == thread) {
        world.draw(dataset, campaign.draw_seed(draw)).await?;
        for sample in &dataset.samples {
            world.pin(sample.name, None).await?;
            for (question, truth) in questions.iter().zip(&truths) {
                ask(&world, dataset, sample, question, truth, &mut tally).await?;
            }
        }
    }
    Ok(tally)
}

async fn ask(
    world: &World,
    dataset: &Dataset,
    sample: &Sample,
    question: &Question,
    truth: &HashMap<String, f64>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let plain = world.estimate(question.all, CONFIDENCE).await?;
    #[expect(clippy::cast_possible_truncation, reason = "a width for a median")]
    let widths: Vec<f32> = plain.cells("v")?.iter().filter_map(|c| Shown::from(c).width()).map(|w| w as f32).collect();
    let usual = median(&widths);
    let case = Case {
        source: format!("{}, {}", dataset.name, sample.name),
        aggregate: question.name.to_owned(),
        measure: String::new(),
        heavy: false,
        filter: String::new(),
        size: Size::Whole,
        confidence: CONFIDENCE,
    };
    let chosen = world.estimate(&format!("{} {}", question.all, question.choice), CONFIDENCE).await?;
    for (group, cell) in keys(&chosen)?.iter().zip(chosen.cells("v")?) {
        let value = truth.get(group).copied().unwrap_or(f64::NAN);
        tally.add(&case, &Shown::from(&cell), value, usual);
    }
    Ok(())
}

fn judge(tally: &Tally, section: &mut Section) {
    let head = ["data", "query", "displayed", "untrusted", "trusted cover", "displayed cover", "p", "width"];
    let mut table = Table::new("What is displayed", &head);
    let view: Vec<((String, String), Outcome)> =
        tally.view(|c| Some((c.source.clone(), c.aggregate.clone()))).into_iter().collect();
    // Nothing that is displayed is left out: exact and open cells count as holding what they say.
    let shown = |o: &Outcome| {
        (o.exact_hits + o.trusted_hits + o.untrusted_hits + o.open, o.exact + o.trusted + o.untrusted + o.open)
    };
    let p = |o: &Outcome| {
        let (hits, cells) = shown(o);
        binomial_at_most(hits, cells, floor(CONFIDENCE))
    };
    let p_values: Vec<f64> = view.iter().map(|(_, o)| p(o)).collect();
    for ((((data, query), outcome), p), fails) in view.iter().zip(&p_values).zip(rejected(&p_values)) {
        let (hits, cells) = shown(outcome);
        if fails || ratio(hits, cells) < floor(CONFIDENCE) {
            let cover = percent(ratio(hits, cells));
            section.failures.push(format!("{data}, {query}: {cover} of {cells} displayed cells cover (p = {p:.1e})"));
        }
        table.rows.push(vec![
            data.clone(),
            query.clone(),
            grouped(cells),
            percent(outcome.untrusted_share()),
            percent(outcome.trusted_coverage()),
            percent(ratio(hits, cells)),
            format!("{p:.1e}"),
            factor(median(&outcome.widths)),
        ]);
    }
    section.notes.push(format!(
        "A query fails when fewer than 94 % of its displayed cells cover; p is that of an exact binomial test (families at {FAMILYWISE})."
    ));
    section.tables.push(table);
}
