//! Queries made of several estimates: grouping sets, unions, subqueries, shares, and estimates beside exact aggregates.

use crate::campaign::{Campaign, Failure, block_on, in_parallel};
use crate::case::{Case, Size};
use crate::dataset::{self, Dataset};
use crate::report::{Section, Table, factor, grouped, percent};
use crate::tally::{Outcome, Shown, Tally, median, ratio};
use crate::verdict::{FAMILYWISE, binomial_at_most, floor, rejected};
use crate::world::World;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::Answer;
use std::collections::HashMap;
use std::path::Path;

const CONFIDENCE: u32 = 95;

/// A query whose column `v` is compared with the truth, row by row.
#[derive(Clone, Copy)]
struct Question {
    name: &'static str,
    sql: &'static str,
    /// The dataset's sample that is asked: the uniform one, or that by its first strata.
    sample: usize,
}

const fn question(name: &'static str, sql: &'static str) -> Question {
    Question { name, sql, sample: 0 }
}

const fn by_strata(name: &'static str, sql: &'static str) -> Question {
    Question { name, sql, sample: 1 }
}

const SESSIONS: [Question; 19] = [
    question(
        "ROLLUP of one key",
        "SELECT genre, GROUPING(genre) AS g, AVG(sessiontime) AS v FROM t WHERE jointimems > 900 GROUP BY ROLLUP(genre)",
    ),
    question(
        "CUBE of two keys",
        "SELECT genre, os, GROUPING(genre, os) AS g, SUM(sessiontime) AS v FROM t WHERE bitrate > 4000 GROUP BY CUBE(genre, os)",
    ),
    question(
        "GROUPING SETS, COUNT",
        "SELECT genre, os, GROUPING(genre, os) AS g, COUNT(*) AS v FROM t WHERE sessiontime > 900 GROUP BY GROUPING SETS ((genre), (os), ())",
    ),
    question(
        "UNION ALL of SUMs",
        "SELECT 'short' AS part, SUM(sessiontime) AS v FROM t WHERE sessiontime < 600 \
         UNION ALL SELECT 'long', SUM(sessiontime) FROM t WHERE sessiontime >= 600",
    ),
    question(
        "UNION ALL, 5 largest",
        "SELECT genre AS k, AVG(sessiontime) AS v FROM t WHERE jointimems > 900 GROUP BY genre \
         UNION ALL SELECT os, AVG(sessiontime) FROM t WHERE jointimems > 900 GROUP BY os ORDER BY v DESC LIMIT 5",
    ),
    question(
        "ratio to a scalar subquery",
        "SELECT genre, AVG(sessiontime) / (SELECT AVG(sessiontime) FROM t WHERE jointimems > 900) AS v FROM t WHERE bitrate > 2000 GROUP BY genre",
    ),
    question(
        "difference to a scalar subquery",
        "SELECT os, AVG(bitrate) - (SELECT AVG(bitrate) FROM t WHERE jointimems > 900) AS v FROM t WHERE jointimems > 900 GROUP BY os",
    ),
    question(
        "WHERE above a scalar subquery",
        "SELECT genre, COUNT(*) AS v FROM t WHERE sessiontime > (SELECT AVG(sessiontime) FROM t WHERE jointimems > 900) GROUP BY genre",
    ),
    question(
        "SUM of what is above a scalar subquery",
        "SELECT os, SUM(CASE WHEN bitrate > (SELECT AVG(bitrate) FROM t WHERE jointimems > 900) THEN sessiontime ELSE 0 END) AS v FROM t GROUP BY os",
    ),
    question(
        "two scalar subqueries",
        "SELECT AVG(sessiontime) * (SELECT AVG(bitrate) FROM t WHERE jointimems > 900) / (SELECT AVG(sessiontime) FROM t WHERE jointimems > 900) AS v FROM t",
    ),
    question(
        "members chosen by an estimate",
        "SELECT os, AVG(sessiontime) AS v FROM t WHERE genre IN (SELECT genre FROM t GROUP BY genre ORDER BY SUM(sessiontime) DESC LIMIT 3) GROUP BY os",
    ),
    question(
        "shares by a window",
        "SELECT genre, SUM(sessiontime) / SUM(SUM(sessiontime)) OVER () AS v FROM t WHERE jointimems > 900 GROUP BY genre",
    ),
    question(
        "running sums by a window",
        "SELECT genre, SUM(SUM(sessiontime)) OVER (ORDER BY genre) AS v FROM t WHERE jointimems > 900 GROUP BY genre",
    ),
    question(
        "sums of sums",
        "SELECT os, SUM(s) AS v FROM (SELECT os, genre, SUM(sessiontime) AS s FROM t WHERE jointimems > 900 GROUP BY os, genre) GROUP BY os",
    ),
    question(
        "shares of COUNT by a window",
        "SELECT genre, 100.0 * COUNT(*) / SUM(COUNT(*)) OVER () AS v FROM t WHERE jointimems > 900 GROUP BY genre",
    ),
    question(
        "sums of counts",
        "SELECT os, SUM(s) AS v FROM (SELECT os, genre, COUNT(*) AS s FROM t WHERE jointimems > 900 GROUP BY os, genre) GROUP BY os",
    ),
    by_strata("ranks", "SELECT os, RANK() OVER (ORDER BY AVG(bitrate) DESC) AS v FROM t GROUP BY os"),
    by_strata("average of groups", "SELECT AVG(a) AS v FROM (SELECT os, AVG(bitrate) AS a FROM t GROUP BY os)"),
    question(
        "beside an exact aggregate",
        "SELECT genre, AVG(sessiontime) AS v, SUM(bytes) AS b, AVG(jointimems) AS j, STDDEV(sessiontime) AS s, SUM(bytes * bufferingratio) AS w, AVG(bitrate * sessiontime) AS c, MIN(isp) AS first FROM t GROUP BY genre",
    ),
];

const FLIGHTS: [Question; 7] = [
    question(
        "ROLLUP by month",
        "SELECT date_part('month', date) AS m, GROUPING(date_part('month', date)) AS g, AVG(delay) AS v FROM t \
         WHERE distance > 1000 GROUP BY ROLLUP(date_part('month', date))",
    ),
    question(
        "ratio to a scalar subquery",
        "SELECT date_part('month', date) AS m, AVG(delay) / (SELECT AVG(delay) FROM t WHERE distance > 500) AS v FROM t \
         WHERE distance > 1000 GROUP BY 1",
    ),
    question(
        "WHERE above a scalar subquery",
        "SELECT date_part('month', date) AS m, COUNT(*) AS v FROM t WHERE delay > (SELECT AVG(delay) + 5 FROM t WHERE distance > 500) GROUP BY 1",
    ),
    question(
        "late flights above the average distance",
        "SELECT SUM(delay) AS v FROM t WHERE distance > (SELECT AVG(distance) FROM t WHERE delay > 30)",
    ),
    question(
        "UNION ALL of AVGs",
        "SELECT 'near' AS part, AVG(delay) AS v FROM t WHERE distance < 500 UNION ALL SELECT 'far', AVG(delay) FROM t WHERE distance > 500",
    ),
    question(
        "shares by a window",
        "SELECT date_part('month', date) AS m, SUM(distance) / CAST(SUM(SUM(distance)) OVER () AS DOUBLE) AS v FROM t GROUP BY 1",
    ),
    by_strata("ranks", "SELECT origin, RANK() OVER (ORDER BY AVG(distance) DESC) AS v FROM t GROUP BY origin"),
];

pub(crate) fn run(campaign: &Campaign) -> Result<Section, Failure> {
    let folder = campaign.folder()?;
    let mut tables = vec![(dataset::sessions(&folder, campaign)?, SESSIONS.as_slice())];
    tables.extend(campaign.flights.as_deref().map(|f| (dataset::flights(f), FLIGHTS.as_slice())));
    let mut all = Tally::default();
    for (dataset, questions) in &tables {
        let work = |thread| block_on(draws(dataset, questions, &folder, thread, campaign));
        in_parallel(campaign.threads, work)?.iter().for_each(|t| all.merge(t));
    }
    let mut section = Section {
        part: "composed",
        title: "Queries of several estimates",
        command: campaign.command("composed"),
        ..Section::default()
    };
    section.notes.push(format!(
        "{} samples of a million sessions and, where given, of flights. Every displayed number at 95 % is compared with the truth of its \
         row. Width: interval over the number itself.",
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
        let all = question.sql.split(" ORDER BY v DESC LIMIT").next().unwrap_or(question.sql);
        let exact = world.exact(all).await?;
        truths.push(rows(&exact)?.into_iter().zip(exact.cells("v")?.into_iter().map(|c| c.estimate)).collect());
    }
    let dataset = Dataset { samples: dataset.samples[..2].to_vec(), ..dataset.clone() };
    let mut tally = Tally::default();
    for draw in (0..campaign.engine_draws).filter(|d| d % campaign.threads == thread) {
        world.draw(&dataset, campaign.draw_seed(draw)).await?;
        for (question, truth) in questions.iter().zip(&truths) {
            world.pin(dataset.samples[question.sample].name, None).await?;
            ask(&world, dataset.name, question, truth, &mut tally).await?;
        }
    }
    Ok(tally)
}

async fn ask(
    world: &World,
    dataset: &str,
    question: &Question,
    truth: &HashMap<String, f64>,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let case = Case {
        source: dataset.to_owned(),
        aggregate: question.name.to_owned(),
        measure: String::new(),
        heavy: false,
        filter: String::new(),
        size: Size::Whole,
        confidence: CONFIDENCE,
    };
    let answer = world.estimate(question.sql, CONFIDENCE).await?;
    for (row, cell) in rows(&answer)?.iter().zip(answer.cells("v")?) {
        let value = truth.get(row).copied().unwrap_or(f64::NAN);
        tally.add(&case, &Shown::from(&cell), value, value.abs());
    }
    Ok(())
}

/// One text per row, of all columns that are no estimates: it tells the rows apart.
fn rows(answer: &Answer) -> Result<Vec<String>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = answer.columns().iter().zip(answer.batch().columns()).filter(|(column, _)| column.bounds.is_none());
    let texts =
        columns.map(|(_, values)| ArrayFormatter::try_new(values.as_ref(), &options)).collect::<Result<Vec<_>, _>>()?;
    let row = |row| texts.iter().map(|text| text.value(row).to_string()).collect::<Vec<_>>().join("|");
    Ok((0..answer.batch().num_rows()).map(row).collect())
}

fn judge(tally: &Tally, section: &mut Section) {
    let head = ["data", "query", "exact", "trusted", "untrusted", "trusted cover", "p", "width"];
    let mut table = Table::new("Coverage by query", &head);
    let view: Vec<((String, String), Outcome)> =
        tally.view(|c| Some((c.source.clone(), c.aggregate.clone()))).into_iter().collect();
    let p = |o: &Outcome| binomial_at_most(o.trusted_hits, o.trusted, floor(CONFIDENCE));
    let p_values: Vec<f64> = view.iter().map(|(_, outcome)| p(outcome)).collect();
    for ((((data, query), outcome), p), fails) in view.iter().zip(&p_values).zip(rejected(&p_values)) {
        let cover = ratio(outcome.trusted_hits, outcome.trusted);
        if fails {
            let (cover, cells) = (percent(cover), outcome.trusted);
            section.failures.push(format!("{data}, {query}: {cover} of {cells} trusted cells cover (p = {p:.1e})"));
        }
        if outcome.exact_hits < outcome.exact {
            section
                .failures
                .push(format!("{data}, {query}: {} exact cells are wrong", outcome.exact - outcome.exact_hits));
        }
        table.rows.push(vec![
            data.clone(),
            query.clone(),
            grouped(outcome.exact),
            grouped(outcome.trusted),
            percent(outcome.untrusted_share()),
            percent(cover),
            format!("{p:.1e}"),
            factor(median(&outcome.widths)),
        ]);
    }
    section.notes.push(format!(
        "A query fails when the share of its trusted cells that cover is below 94 % by an exact binomial test (families at {FAMILYWISE}), or \
         a cell that is called exact is wrong."
    ));
    section.tables.push(table);
}
