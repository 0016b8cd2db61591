//! What EXPLAIN foretells of every level beside what happens there: the queries of `queries/` on the samples of `samples/`.

use crate::lineitem;
use crate::sessions::Generator;
use crate::versus::{has_samples, median};
use arrow::array::AsArray;
use plusminus::{Answer, Session, SessionBuilder};
use std::error::Error;
use std::path::{Path, PathBuf};

/// The table of each workload, its queries and its samples.
const WORKLOADS: [(&str, &str, &str); 3] = [
    ("lineitem", include_str!("../../queries/tpch.sql"), include_str!("../../samples/tpch.sql")),
    ("sessions", include_str!("../../queries/sessions.sql"), include_str!("../../samples/sessions.sql")),
    ("flights", include_str!("../../queries/flights.sql"), include_str!("../../samples/flights.sql")),
];
const SESSIONS_ROWS: u64 = 6_000_000;
/// Runs of each level; the median time counts.
const RUNS: usize = 7;

/// What `forecasts` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// A Parquet file of flights with columns date, delay, distance, origin and destination
    #[arg(long)]
    flights: Option<PathBuf>,
    /// Where tables and samples go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// Page to write
    #[arg(long)]
    write: Option<PathBuf>,
}

/// One level of one query.
struct Line {
    query: String,
    level: usize,
    answers: bool,
    /// (predicted, found) in percent and in milliseconds, where both are known.
    error: Option<(f64, f64)>,
    time: Option<(f64, f64)>,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for (table, queries, samples) in WORKLOADS {
        let Some(data) = data(options, table)? else { continue };
        let texts: Vec<String> = queries_of(queries);
        let session = session(options, table, &data, samples, &texts[0]).await?;
        let statements = session.parse(queries)?;
        // What looks cost is learnt from queries like these.
        for _ in 0..8 {
            for statement in &statements {
                session.run(statement).await?;
            }
        }
        for text in texts {
            lines.extend(compare(&session, &text).await?);
        }
    }
    let text = page(options, &lines);
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
    }
    Ok(())
}

fn queries_of(script: &str) -> Vec<String> {
    let code: String = script.lines().filter(|l| !l.starts_with("--")).map(|l| format!("{l}\n")).collect();
    code.split(';').map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()).collect()
}

fn data(options: &Options, table: &str) -> Result<Option<PathBuf>, Box<dyn Error>> {
    Ok(match table {
        "lineitem" => Some(lineitem::generate(options.scale, &options.folder)?),
        "flights" => options.flights.clone(),
        _ => {
            let folder = options.folder.join("sessions-forecasts");
            if !folder.is_dir() {
                Generator::new(SESSIONS_ROWS, 1).threads(2).write(&folder, &|_| {})?;
            }
            Some(folder)
        }
    })
}

async fn session(
    options: &Options,
    table: &str,
    data: &Path,
    samples: &str,
    question: &str,
) -> Result<Session, Box<dyn Error>> {
    let store = options.folder.join(format!("forecasts-{table}"));
    let session = SessionBuilder::new(store).open().await?;
    session.register(table, &data.to_string_lossy()).await?;
    if !has_samples(&session, 1, question).await? {
        session.execute(samples).await?;
    }
    Ok(session)
}

async fn compare(session: &Session, sql: &str) -> Result<Vec<Line>, Box<dyn Error>> {
    let explained = session.execute(&format!("EXPLAIN {sql}")).await?.pop().ok_or("no answer")?;
    let predicted = levels(&explained);
    let answer = session.execute(sql).await?.pop().ok_or("no answer")?;
    let Some(answering) = answer.report().level else { return Ok(Vec::new()) };
    // What is predicted of the level that answers is predicted of the query as it stands, which may look at lower levels first.
    let (mut own_ms, mut own_error) = (Vec::new(), None);
    for _ in 0..RUNS {
        let answer = session.execute(sql).await?.pop().ok_or("no answer")?;
        if answer.report().level == Some(answering) {
            own_ms.push(answer.report().elapsed_ms);
            own_error = worst_error(&answer)?;
        }
    }
    // A pinned level asks no pilot: the sample that they chose has to be pinned, too.
    if let Some(sample) = &answer.report().sample {
        session.execute(&format!("SET plusminus.sample = '{sample}'")).await?;
    }
    let mut lines = Vec::new();
    for (level, error, time) in predicted {
        let (mut ms, mut found) = (own_ms.clone(), own_error);
        if level != answering || ms.is_empty() {
            session.execute(&format!("SET plusminus.level = {level}")).await?;
            ms.clear();
            for run in 0..=RUNS {
                let answer = session.execute(sql).await?.pop().ok_or("no answer")?;
                if run > 0 {
                    ms.push(answer.report().elapsed_ms);
                }
                found = worst_error(&answer)?;
            }
        }
        lines.push(Line {
            query: sql.split_whitespace().collect::<Vec<_>>().join(" "),
            level,
            answers: level == answering,
            error: error.zip(found),
            time: time.map(|time| (time, median(&ms))),
        });
    }
    session.execute("RESET plusminus.level; RESET plusminus.sample").await?;
    Ok(lines)
}

/// Level, error in percent and time in milliseconds of the first sample, as EXPLAIN says them.
fn levels(explained: &Answer) -> Vec<(usize, Option<f64>, Option<f64>)> {
    let batch = explained.batch();
    let text = |column: usize| batch.column(column).as_string::<i32>().iter().map(Option::unwrap_or_default);
    let samples = text(0).zip(text(1)).filter(|(step, _)| *step == "sample");
    let Some(first) = samples.filter_map(|(_, detail)| Some(detail.split_once(':')?.0)).next() else {
        return Vec::new();
    };
    let facts = text(0).zip(text(1)).filter(|(step, _)| *step == "candidate");
    let number =
        |part: &str, from: &str, to: &str| part.trim().strip_prefix(from)?.strip_suffix(to)?.trim().parse::<f64>().ok();
    facts
        .filter_map(|(_, detail)| {
            let (level, rest) = detail.strip_prefix(first)?.strip_prefix(", level ")?.split_once(':')?;
            let (_, rest) = rest.split_once(" rows, ")?;
            let (error, time) = rest.split_once(", ")?;
            let (level, _) = level.split_once(' ')?;
            Some((level.parse().ok()?, number(error, "error ", "%"), number(time, "", "ms")))
        })
        .collect()
}

/// The largest relative error of any estimate as its interval has it, in percent.
fn worst_error(answer: &Answer) -> Result<Option<f64>, Box<dyn Error>> {
    let mut worst: f64 = 0.0;
    for column in answer.columns().iter().filter(|c| c.bounds.is_some()) {
        for cell in answer.cells(&column.name)?.iter().filter(|c| !c.estimate.is_nan()) {
            let (value, low, high) = (cell.estimate, cell.lower, cell.upper);
            if low.is_nan() || high.is_nan() || low <= 0.0 && high >= 0.0 && low < high {
                return Ok(None);
            }
            let (value, low, high) = if high < 0.0 { (-value, -high, -low) } else { (value, low, high) };
            worst = worst.max((value - low) / low).max((high - value) / high);
        }
    }
    Ok(Some(100.0 * worst).filter(|worst| *worst > 0.0 && worst.is_finite()))
}

/// How many are within a factor of 2, and of how many.
fn within(lines: &[&Line], of: impl Fn(&Line) -> Option<(f64, f64)>) -> String {
    let all: Vec<(f64, f64)> = lines.iter().filter_map(|l| of(l)).collect();
    let good = all.iter().filter(|(predicted, found)| (0.5..=2.0).contains(&(predicted / found))).count();
    format!("{good} of {}", all.len())
}

fn page(options: &Options, lines: &[Line]) -> String {
    let flights = if options.flights.is_some() { " --flights flights-3m.parquet" } else { "" };
    let mut text = format!(
        "# What EXPLAIN foretells\n\n```console\n$ cargo run -p plusminus-benches --release -- forecasts --scale {}{flights} --write \
         docs/forecasts.md\n```\n\nThe queries of `queries/` on the samples of `samples/`; lineitem at scale {}, {SESSIONS_ROWS} video sessions. Every \
         level predicted by EXPLAIN beside what happened, medians of {RUNS} runs: the level that answers by the query as it stands, the others read alone (`SET plusminus.level`). Errors: the largest of any \
         displayed cell, as intervals have it. Goal: within a factor of 2 in nine queries of ten.\n\n",
        options.scale, options.scale
    );
    let answering: Vec<&Line> = lines.iter().filter(|l| l.answers).collect();
    let all: Vec<&Line> = lines.iter().collect();
    text.push_str("| within a factor of 2 | error | time |\n|---|---|---|\n");
    for (name, own) in [("at the level that answers", &answering), ("at all levels", &all)] {
        text.push_str(&format!("| {name} | {} | {} |\n", within(own, |l| l.error), within(own, |l| l.time)));
    }
    text.push_str("\n| query | level | error predicted, % | found, % | time predicted, ms | found, ms |\n|---|---|---|---|---|---|\n");
    for line in lines {
        let pair = |pair: Option<(f64, f64)>| {
            pair.map_or_else(|| "– | –".to_owned(), |(predicted, found)| format!("{predicted:.2} | {found:.2}"))
        };
        let mark = if line.answers { " (answers)" } else { "" };
        text.push_str(&format!(
            "| `{}` | {}{mark} | {} | {} |\n",
            line.query.replace('|', "\\|"),
            line.level,
            pair(line.error),
            pair(line.time)
        ));
    }
    text
}
