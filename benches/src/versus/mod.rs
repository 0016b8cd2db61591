//! Answers with error bars beside exact ones: DuckDB on its own storage and on Parquet, DataFusion on Parquet, and rows
//! sampled by hand in DuckDB.
//!
//! Everything is asked in one run on one machine, each query several times after a first time that warms the caches;
//! medians are shown. DuckDB is driven by `benches/scripts/duckdb_exact.py` (`pip install duckdb`).

mod duckdb;
mod report;
mod workload;

use crate::lineitem;
use duckdb::{Times, median};
use plusminus::{Answer, Clock, Session, SessionBuilder, SystemClock};
use report::Line;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;
use workload::{QUERIES, SAMPLES};

/// Error bounds asked for, in percent.
const PERCENTS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// Times asked for, in milliseconds.
const TIMES_MS: [u64; 5] = [20, 50, 200, 500, 2_000];
const MEMORY_BYTES: u64 = 4 << 30;

/// What `versus` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Where tables, samples and DuckDB's database go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// Runs of each query after the first
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// The Python that has DuckDB
    #[arg(long, default_value = "python3")]
    python: String,
    /// Page to write
    #[arg(long)]
    write: Option<PathBuf>,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let data = lineitem::generate(options.scale, &options.folder)?;
    let session = session(options, &data).await?;
    let rows = session.query("SELECT COUNT(*) AS n FROM lineitem").run().await?.cells("n")?[0].estimate;
    let duckdb = duckdb::time(options, &data)?;
    let mut lines = Vec::new();
    for (number, query) in QUERIES.iter().enumerate() {
        let exact = measured(&session, options.runs, query.sql, &|q| q).await?;
        for percent in PERCENTS {
            let ours = measured(&session, options.runs, query.sql, &|q| q.error_percent(percent)).await?;
            lines.push(Line::new(query.name, format!("{percent} %"), &ours, &exact, &duckdb.queries[number]));
        }
        for time in TIMES_MS {
            let within = Duration::from_millis(time);
            let ours = measured(&session, options.runs, query.sql, &|q| q.within(within)).await?;
            lines.push(Line::new(query.name, format!("{time} ms"), &ours, &exact, &duckdb.queries[number]));
        }
    }
    let text = report::page(options, rows, &duckdb, &lines);
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
    }
    Ok(())
}

/// A session with the samples, which are built unless they are there.
async fn session(options: &Options, data: &Path) -> Result<Session, Box<dyn Error>> {
    let store = options.folder.join(format!("versus-{}", options.scale));
    let session = SessionBuilder::new(store).memory_bytes(MEMORY_BYTES).open().await?;
    session.register("lineitem", &data.to_string_lossy()).await?;
    let known = session.execute("SHOW SAMPLES").await?;
    if known.iter().all(|answer| answer.batch().num_rows() < SAMPLES.len()) {
        let builder = |(name, columns): &(&str, &[&str])| {
            session
                .sample("lineitem")
                .name(*name)
                .stratified_by(columns.iter().copied())
                .size_percent(1.0)
                .replace(true)
        };
        session.build_samples(SAMPLES.iter().map(builder).collect()).await?;
    }
    Ok(session)
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
    bound: &dyn Fn(plusminus::Query) -> plusminus::Query,
) -> Result<Measured, Box<dyn Error>> {
    let clock = SystemClock::default();
    let mut found = Measured { ms: Vec::new(), answer: None, met: 0 };
    for run in 0..=runs {
        let start = clock.elapsed();
        let answer = match bound(session.query(sql)).run().await {
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
