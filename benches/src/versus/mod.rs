//! Answers with error bars beside exact ones: DuckDB on its own storage and on Parquet, DataFusion on Parquet, and rows
//! sampled by hand in DuckDB.
//!
//! Everything is asked in one run on one machine, each query several times after a first time that warms the caches;
//! medians are shown. DuckDB is driven by `benches/scripts/duckdb_exact.py` (`pip install duckdb`).

mod duckdb;
mod report;
pub(crate) mod tables;
mod workload;

use crate::lineitem;
use crate::words::Words;
use duckdb::{Source, Times};
pub(crate) use duckdb::{asked, median};
use plusminus::{Answer, Clock, Session, SessionBuilder, SystemClock};
pub(crate) use report::geometric;
use report::{Compared, Line};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tables::sessions;
pub(crate) use workload::QUERIES;
pub(crate) use workload::{FLIGHTS, LINEITEM, SESSIONS, Table};

/// Error bounds asked for, in percent.
const PERCENTS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// Times asked for, in milliseconds.
const TIMES_MS: [u64; 5] = [20, 50, 200, 500, 2_000];
const MEMORY_BYTES: u64 = 12 << 30;

/// What `versus` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor; the video sessions have as many rows as lineitem
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// A Parquet file of flights with columns date, delay, distance, origin and destination
    #[arg(long)]
    flights: Option<PathBuf>,
    /// Where tables, samples and DuckDB's databases go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// Runs of each query after the first
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// The Python that has DuckDB
    #[arg(long, default_value = "python3")]
    python: String,
    /// Page to write; the figure goes beside it
    #[arg(long)]
    write: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut compared = vec![
        compare(options, &LINEITEM, &lineitem::generate(options.scale, &options.folder)?).await?,
        compare(options, &SESSIONS, &sessions(options.scale, &options.folder)?).await?,
    ];
    if let Some(flights) = &options.flights {
        compared.push(compare(options, &FLIGHTS, flights).await?);
    }
    let text = report::page(options, &compared);
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
        report::figure(&compared).write(&file.with_extension("svg"))?;
    }
    Ok(())
}

async fn compare(options: &Options, table: &'static Table, data: &Path) -> Result<Compared, Box<dyn Error>> {
    let scale = if data.is_file() { String::new() } else { format!("-{}", options.scale) };
    let store = options.folder.join(format!("versus-{}{scale}", table.name));
    let session = session_on(&store, table, data).await?;
    let count = format!("SELECT COUNT(*) AS n FROM {}", table.name);
    let rows = session.query(count).run().await?.cells("n")?[0].estimate;
    let database = options.folder.join(format!("{}{scale}.duckdb", table.name));
    let parquet = if data.is_file() { data.to_owned() } else { data.join("*.parquet") };
    let source = Source { database: &database, table: table.name, parquet: &parquet };
    let duckdb = duckdb::time(options, &source, table.queries)?;
    let mut lines = Vec::new();
    for (number, query) in table.queries.iter().enumerate() {
        let exact = measured(&session, options.runs, query.sql, Words::Same, &|q| q).await?;
        let others = &duckdb.queries[number];
        for percent in PERCENTS {
            let bound = |q: plusminus::Query| q.error_percent(percent);
            let ours = measured(&session, options.runs, query.sql, Words::NewForm, &bound).await?;
            let known = measured(&session, options.runs, query.sql, Words::New, &bound).await?;
            let again = measured(&session, options.runs, query.sql, Words::Same, &bound).await?;
            let asked_before = Some([&known, &again]);
            lines.push(Line::new(query.name, format!("{percent} %"), &ours, asked_before, &exact, others));
        }
        for time in TIMES_MS {
            let within = Duration::from_millis(time);
            let ours = measured(&session, options.runs, query.sql, Words::NewForm, &|q| q.within(within)).await?;
            lines.push(Line::new(query.name, format!("{time} ms"), &ours, None, &exact, others));
        }
    }
    Ok(Compared { table, rows, duckdb, lines })
}

/// The samples of lineitem, by name and stratification.
pub(crate) fn lineitem_samples() -> &'static [(&'static str, &'static [&'static str])] {
    LINEITEM.samples
}

/// A session with the samples of lineitem.
pub(crate) async fn lineitem_session(scale: f64, folder: &Path, data: &Path) -> Result<Session, Box<dyn Error>> {
    session_on(&folder.join(format!("versus-lineitem-{scale}")), &LINEITEM, data).await
}

/// A session with lineitem or the video sessions and their samples.
pub(crate) async fn sampled(table: &Table, scale: f64, folder: &Path) -> Result<Session, Box<dyn Error>> {
    let data = if table.name == LINEITEM.name { lineitem::generate(scale, folder)? } else { sessions(scale, folder)? };
    session_on(&folder.join(format!("versus-{}-{scale}", table.name)), table, &data).await
}

/// A session with the samples, which are built unless they are there.
pub(crate) async fn session_on(store: &Path, table: &Table, data: &Path) -> Result<Session, Box<dyn Error>> {
    let session = SessionBuilder::new(store).memory_bytes(MEMORY_BYTES).open().await?;
    session.register(table.name, &data.to_string_lossy()).await?;
    let question = format!("{} ERROR WITHIN 50%", table.queries[0].sql);
    if !has_samples(&session, table.samples.len(), &question).await? {
        let builder = |(name, columns): &(&str, &[&str])| {
            let sample = session.sample(table.name).name(*name).stratified_by(columns.iter().copied());
            sample.size_percent(table.percent).replace(true)
        };
        session.build_samples(table.samples.iter().map(builder).collect()).await?;
    }
    Ok(session)
}

/// Whether as many samples are there and answer `question`; those of data that was written anew since answer nothing.
pub(crate) async fn has_samples(session: &Session, count: usize, question: &str) -> Result<bool, Box<dyn Error>> {
    let known = session.execute("SHOW SAMPLES").await?;
    if known.iter().all(|answer| answer.batch().num_rows() < count) {
        return Ok(false);
    }
    let answers = session.execute(question).await?;
    Ok(answers.iter().any(|answer| answer.report().sample.is_some()))
}

/// The answers' times in the order of the runs, and the last answer; `None` where there was none in time.
pub(crate) struct Measured {
    pub(crate) ms: Vec<f64>,
    pub(crate) answer: Option<Answer>,
    /// Runs whose report says that the bound was met.
    pub(crate) met: usize,
}

impl Measured {
    pub(crate) fn median(&self) -> f64 {
        median(&self.ms)
    }
}

async fn measured(
    session: &Session,
    runs: usize,
    sql: &str,
    words: Words,
    bound: &dyn Fn(plusminus::Query) -> plusminus::Query,
) -> Result<Measured, Box<dyn Error>> {
    let clock = SystemClock::default();
    let mut found = Measured { ms: Vec::new(), answer: None, met: 0 };
    for run in 0..=runs {
        let start = clock.elapsed();
        let asked = words.text(sql, start.as_nanos());
        let answer = match bound(session.query(asked)).run().await {
            Ok(answer) => Some(answer),
            Err(plusminus::Error::BoundMissed { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let took = (clock.elapsed() - start).as_secs_f64() * 1e3;
        if run > 0 {
            found.ms.push(took);
            found.met += usize::from(answer.as_ref().is_some_and(|a| a.report().met == Some(true)));
        }
        found.answer = answer;
    }
    Ok(found)
}

/// What DuckDB took for one query, medians in milliseconds.
pub(crate) fn duckdb_ms(times: &Times) -> [f64; 3] {
    [median(&times.native), median(&times.parquet), median(&times.sampled)]
}
