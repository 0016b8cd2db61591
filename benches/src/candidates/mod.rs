//! Which candidate answers, under error and time bounds, and what each takes beside the exact answer.
//!
//! Sixty queries on tables of ten thousand rows and more, each under three errors and three times. A line fails when it takes over 1.2
//! times the exact answer and 2 ms, when a stated error is not met, or when a time is overrun by over 1 %.

mod page;
pub(crate) mod questions;

use crate::versus::{FLIGHTS, LINEITEM, SESSIONS, Table, session_on, tables};
use plusminus::{Answer, Clock, Mode, Session, SessionBuilder, SystemClock};
use questions::{Question, of_file};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows of the small tables.
const SMALL_ROWS: u64 = 10_000;
const HITS_ROWS: usize = 200_000;

/// Options of `candidates`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor of lineitem; the video sessions have as many rows at scale 1
    #[arg(long, default_value_t = 1.0)]
    pub(crate) scale: f64,
    /// A Parquet file of flights with columns date, delay, distance, origin and destination
    #[arg(long)]
    pub(crate) flights: Option<PathBuf>,
    /// Where tables and samples go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// Runs of each query under each bound after the first, whose median counts
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: usize,
    /// Page to write
    #[arg(long)]
    write: Option<PathBuf>,
}

/// A bound of the comparison.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// In percent.
    Error(f64),
    Within(Duration),
}

const BOUNDS: [Bound; 6] = [
    Bound::Error(1.0),
    Bound::Error(5.0),
    Bound::Error(20.0),
    Bound::Within(Duration::from_millis(30)),
    Bound::Within(Duration::from_millis(300)),
    Bound::Within(Duration::from_secs(3)),
];

/// One query under one bound.
pub(crate) struct Line {
    pub(crate) table: String,
    pub(crate) question: String,
    pub(crate) bound: Bound,
    /// The candidate that EXPLAIN expects to answer, and the time predicted for it.
    pub(crate) expected: String,
    pub(crate) predicted_ms: Option<f64>,
    /// The candidate that answered.
    pub(crate) chosen: String,
    pub(crate) is_exact: bool,
    pub(crate) met: Option<bool>,
    /// Milliseconds of all runs after the first.
    pub(crate) ms: Vec<f64>,
    pub(crate) median_ms: f64,
    pub(crate) exact_ms: f64,
    /// The largest error of any estimate beside the exact answer, in percent, where rows can be told by their keys.
    pub(crate) error_percent: Option<f64>,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for world in worlds(options).await? {
        for question in &world.questions {
            let exact = world.session.query(&question.sql).run().await?;
            for bound in BOUNDS {
                lines.push(line(&world.title, &world.session, question, bound, &exact, options.runs).await?);
            }
        }
    }
    let text = page::page(options, &lines);
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
    }
    Ok(())
}

/// A table with its samples and questions.
pub(crate) struct World {
    pub(crate) title: String,
    pub(crate) table: &'static str,
    pub(crate) data: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) session: Session,
    pub(crate) questions: Vec<Question>,
}

impl World {
    async fn new(
        title: &str,
        table: &'static Table,
        data: PathBuf,
        store: PathBuf,
        questions: Vec<Question>,
    ) -> Result<Self, Box<dyn Error>> {
        let session = session_on(&store, table, &data).await?;
        Ok(Self { title: title.to_owned(), table: table.name, data, store, session, questions })
    }
}

/// Tables with their samples and questions.
pub(crate) async fn worlds(options: &Options) -> Result<Vec<World>, Box<dyn Error>> {
    let folder = &options.folder;
    std::fs::create_dir_all(folder)?;
    let small = tables::sessions_of(SMALL_ROWS, folder)?;
    let store = folder.join("candidates-small");
    let own = of_file("sessions.sql");
    let mut found = vec![World::new("sessions, 10 thousand", &SESSIONS, small, store, own).await?, hits(folder).await?];
    if let Some(flights) = &options.flights {
        let store = folder.join("versus-flights");
        let own = of_file("flights.sql");
        found.push(World::new("flights, 3 million", &FLIGHTS, flights.clone(), store, own).await?);
    }
    let data = tables::sessions(1.0, folder)?;
    let mut own = of_file("sessions.sql");
    own.extend(questions::harder());
    let store = folder.join("versus-sessions-1");
    found.push(World::new("sessions, 6 million", &SESSIONS, data, store, own).await?);
    let data = crate::lineitem::generate(options.scale, folder)?;
    let store = folder.join(format!("versus-lineitem-{}", options.scale));
    let title = format!("lineitem, {:.0} million", 6.0 * options.scale);
    found.push(World::new(&title, &LINEITEM, data, store, of_file("tpch.sql")).await?);
    Ok(found)
}

/// Page views of web sites with two samples.
async fn hits(folder: &Path) -> Result<World, Box<dyn Error>> {
    let (data, store) = (folder.join("hits.parquet"), folder.join("candidates-hits"));
    if !data.is_file() {
        crate::hits_table::write_hits(&data, HITS_ROWS, 55);
    }
    let session = SessionBuilder::new(&store).open().await?;
    session.register("hits", &data.to_string_lossy()).await?;
    let known = session.execute("SHOW SAMPLES").await?;
    if known.iter().all(|answer| answer.batch().num_rows() < 2) {
        let sample = |name: &str| session.sample("hits").name(name).size_percent(5.0).replace(true);
        session.build_samples(vec![sample("uniform"), sample("by_site").stratified_by(["counter_id"])]).await?;
    }
    let questions = of_file("hits.sql");
    Ok(World { title: "hits, 200 thousand".to_owned(), table: "hits", data, store, session, questions })
}

async fn line(
    table: &str,
    session: &Session,
    question: &Question,
    bound: Bound,
    exact: &Answer,
    runs: usize,
) -> Result<Line, Box<dyn Error>> {
    let bounded = match bound {
        Bound::Error(percent) => format!("{} ERROR WITHIN {percent}%", question.sql),
        Bound::Within(time) => format!("{} WITHIN {} MS", question.sql, time.as_millis()),
    };
    let explained = session.execute(&format!("EXPLAIN {bounded}")).await?.pop().ok_or("no explanation")?;
    let (expected, predicted_ms) = page::expected(&explained);
    let clock = SystemClock::default();
    let (mut ms, mut exact_ms, mut last) = (Vec::new(), Vec::new(), None);
    for run in 0..=runs {
        // In turn, so that both meet the same machine.
        let start = clock.elapsed();
        session.query(&question.sql).run().await?;
        exact_ms.push((clock.elapsed() - start).as_secs_f64() * 1e3);
        let start = clock.elapsed();
        let answer = match session.query(&bounded).run().await {
            Ok(answer) => Some(answer),
            Err(plusminus::Error::BoundMissed { answer: None, .. }) => None,
            Err(error) => return Err(format!("{bounded}: {error}").into()),
        };
        if run > 0 {
            ms.push((clock.elapsed() - start).as_secs_f64() * 1e3);
        }
        last = answer;
    }
    let median_ms = crate::versus::median(&ms);
    Ok(Line {
        table: table.to_owned(),
        question: question.title.clone(),
        bound,
        expected,
        predicted_ms,
        chosen: last.as_ref().map_or_else(|| "no answer".to_owned(), page::chosen),
        is_exact: last.as_ref().is_some_and(|answer| answer.report().mode == Mode::Exact),
        met: last.as_ref().map_or(Some(false), |answer| answer.report().met),
        error_percent: last.as_ref().and_then(|answer| page::largest_error(answer, exact)),
        ms,
        median_ms,
        exact_ms: crate::versus::median(&exact_ms),
    })
}
