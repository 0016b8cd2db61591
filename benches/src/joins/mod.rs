//! Workloads of joins: which questions of TPC-H and the star schema benchmark samples answer, why not the others, and how fast.

mod report;
mod tables;

use crate::versus::{asked, median, worst_error};
use plusminus::{Answer, Clock, Mode, Session, SessionBuilder, SystemClock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/duckdb_joins.py");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const MEMORY_BYTES: u64 = 8 << 30;

/// Options of `joins`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Where tables, samples and DuckDB's databases go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// The error asked for, in percent
    #[arg(long, default_value_t = 5.0)]
    percent: f64,
    /// Runs of each query after the first
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Workloads to run
    #[arg(long, value_delimiter = ',', default_value = "tpch,ssb")]
    workloads: Vec<String>,
    /// The Python that has DuckDB; empty leaves DuckDB out
    #[arg(long, default_value = "python3")]
    python: String,
    /// Page to write
    #[arg(long)]
    write: Option<PathBuf>,
}

/// One question under the bound.
pub(crate) struct Line {
    pub(crate) name: String,
    /// The sample and level, or why the table answered.
    pub(crate) answered_by: String,
    pub(crate) is_estimated: bool,
    /// Milliseconds: the first time with columns to fetch, a new process with stored columns, and warm.
    pub(crate) first: f64,
    pub(crate) new_process: f64,
    pub(crate) warm: f64,
    /// Milliseconds of the exact answer here, and of DuckDB on its own storage and on Parquet.
    pub(crate) exact: f64,
    pub(crate) native: Option<f64>,
    pub(crate) parquet: Option<f64>,
    /// The largest relative error of any cell.
    pub(crate) error: f64,
    pub(crate) met: String,
}

/// A workload, measured.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
    /// The statements that made its samples, with their seconds and megabytes.
    pub(crate) samples: Vec<(String, f64, f64)>,
}

#[derive(Serialize)]
struct Ask<'a> {
    database: String,
    tables: BTreeMap<String, String>,
    runs: usize,
    queries: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Times {
    version: String,
    native: Vec<Option<f64>>,
    parquet: Vec<Option<f64>>,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&options.folder)?;
    let data = tables::tpch(options.scale, &options.folder)?;
    let mut measured = Vec::new();
    let mut version = String::new();
    for name in &options.workloads {
        let (data, names): (PathBuf, &[&str]) = match name.as_str() {
            "tpch" => (data.clone(), &tables::TPCH),
            "ssb" => {
                let folder = options.folder.join("derive");
                let session = session(&folder, &data, &tables::TPCH).await?;
                (tables::ssb(options.scale, &options.folder, &session).await?, &tables::SSB)
            }
            other => return Err(format!("there is no workload '{other}': tpch or ssb").into()),
        };
        let queries = queries(name)?;
        let duckdb = duckdb_times(options, name, &data, names, &queries)?;
        version = duckdb.as_ref().map_or(version, |times| times.version.clone());
        measured.push(workload(options, name, &data, names, &queries, duckdb.as_ref()).await?);
    }
    let text = report::page(options, &version, &measured);
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
    }
    Ok(())
}

/// The questions of a workload: name and text.
fn queries(workload: &str) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let folder = Path::new(ROOT).join("queries").join(workload);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    let read = |file: PathBuf| -> Result<(String, String), Box<dyn Error>> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, std::fs::read_to_string(&file)?.trim().to_owned()))
    };
    files.into_iter().map(read).collect()
}

fn duckdb_times(
    options: &Options,
    name: &str,
    data: &Path,
    names: &[&str],
    queries: &[(String, String)],
) -> Result<Option<Times>, Box<dyn Error>> {
    if options.python.is_empty() {
        return Ok(None);
    }
    let files = |table: &&str| ((*table).to_owned(), data.join(table).join("*.parquet").to_string_lossy().into_owned());
    let ask = Ask {
        database: options.folder.join(format!("{name}-{}.duckdb", options.scale)).to_string_lossy().into_owned(),
        tables: names.iter().map(files).collect(),
        runs: options.runs,
        queries: queries.iter().map(|(_, sql)| sql.as_str()).collect(),
    };
    asked(&options.python, SCRIPT, &ask).map(Some)
}

async fn session(store: &Path, data: &Path, names: &[&str]) -> Result<Session, Box<dyn Error>> {
    let session = SessionBuilder::new(store).memory_bytes(MEMORY_BYTES).open().await?;
    for table in names {
        session.register(table, &data.join(table).to_string_lossy()).await?;
    }
    Ok(session)
}

async fn workload(
    options: &Options,
    name: &str,
    data: &Path,
    names: &[&str],
    queries: &[(String, String)],
    duckdb: Option<&Times>,
) -> Result<Measured, Box<dyn Error>> {
    let clock = SystemClock::default();
    let store = options.folder.join(format!("joins-{name}-{}", options.scale));
    // Columns are fetched anew, so that the first answers show what that costs.
    if store.is_dir() {
        std::fs::remove_dir_all(&store)?;
    }
    let open = session(&store, data, names).await?;
    let mut samples = Vec::new();
    let recipe = std::fs::read_to_string(Path::new(ROOT).join("samples").join(format!("joins-{name}.sql")))?;
    for statement in recipe.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let start = clock.elapsed();
        open.execute(statement).await?;
        let text = statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
        samples.push((text, (clock.elapsed() - start).as_secs_f64(), folder_mb(&store)));
    }
    let mut lines = Vec::new();
    for (number, (query, sql)) in queries.iter().enumerate() {
        eprintln!("{name} {query}");
        let (exact, exact_ms) = timed(&clock, open.query(sql.as_str())).await?;
        let bounded = || open.query(sql.as_str()).error_percent(options.percent);
        let (_, first) = timed(&clock, bounded()).await?;
        let mut warm = Vec::new();
        let mut answer = None;
        for _ in 0..options.runs {
            let (own, ms) = timed(&clock, bounded()).await?;
            (answer, _) = (Some(own), warm.push(ms));
        }
        let Some(answer) = answer else { return Err("at least one run is needed".into()) };
        let start = clock.elapsed();
        let fresh = session(&store, data, names).await?;
        let opened = (clock.elapsed() - start).as_secs_f64() * 1e3;
        let (_, own) = timed(&clock, fresh.query(sql.as_str()).error_percent(options.percent)).await?;
        let report = answer.report();
        lines.push(Line {
            name: query.clone(),
            answered_by: report.reason.clone(),
            is_estimated: report.mode == Mode::Approximate && report.sample.is_some(),
            first,
            new_process: opened + own,
            warm: median(&warm),
            exact: exact_ms,
            native: duckdb.and_then(|times| times.native[number]),
            parquet: duckdb.and_then(|times| times.parquet[number]),
            error: worst_error(&answer, &exact),
            met: report.met.map_or_else(String::new, |met| if met { "yes" } else { "no" }.to_owned()),
        });
    }
    Ok(Measured { name: name.to_owned(), lines, samples })
}

async fn timed(clock: &SystemClock, query: plusminus::Query) -> Result<(Answer, f64), Box<dyn Error>> {
    let start = clock.elapsed();
    let answer = query.run().await?;
    Ok((answer, (clock.elapsed() - start).as_secs_f64() * 1e3))
}

/// Megabytes of the files in a folder.
fn folder_mb(folder: &Path) -> f64 {
    let size = |entry: std::fs::DirEntry| match entry.path().is_dir() {
        true => folder_mb(&entry.path()),
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        false => entry.metadata().map_or(0.0, |known| known.len() as f64 / 1e6),
    };
    std::fs::read_dir(folder).map_or(0.0, |entries| entries.flatten().map(size).sum())
}
