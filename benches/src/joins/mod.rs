//! Workloads of joins: which questions of TPC-H, the star schema benchmark and TPC-DS samples answer, why not the others, and how fast.

mod cells;
mod coverage;
mod report;
pub(crate) mod synopsis;
mod tables;
mod tpcds;

use crate::versus::{asked, median};
use cells::{Counts, compared};
use coverage::Coverage;
use plusminus::{Answer, Clock, Mode, OnMiss, Session, SessionBuilder, SystemClock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/duckdb_joins.py");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const MEMORY_BYTES: u64 = 16 << 30;

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
    /// Workloads to run: tpch, ssb, tpcds
    #[arg(long, value_delimiter = ',', default_value = "tpch,ssb,tpcds")]
    workloads: Vec<String>,
    /// Questions to ask, by the names of their files, such as q04; all of them unless given
    #[arg(long, value_delimiter = ',')]
    questions: Vec<String>,
    /// Draws of the samples whose intervals are compared with the truth; 0 leaves that out
    #[arg(long, default_value_t = 0)]
    seeds: u64,
    /// The scale factor of the tables that these are drawn from
    #[arg(long, default_value_t = 1.0)]
    coverage_scale: f64,
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
    pub(crate) met: bool,
    /// The cells under the bound.
    pub(crate) cells: Counts,
    /// The estimate of the samples alone, within the bound or not; `None` where there is none.
    pub(crate) alone: Option<Alone>,
}

impl Line {
    /// A question whose exact answer or estimate fails, for lack of memory say.
    fn failed(name: &str, (native, parquet): (Option<f64>, Option<f64>), error: &str) -> Self {
        let (none, cells) = (f64::NAN, Counts::default());
        Self {
            name: name.to_owned(),
            answered_by: format!("fails: {error}"),
            is_estimated: false,
            first: none,
            new_process: none,
            warm: none,
            exact: none,
            native,
            parquet,
            met: false,
            cells,
            alone: None,
        }
    }
}

/// The estimate that samples give where a miss is reported rather than mended.
pub(crate) struct Alone {
    pub(crate) ms: f64,
    pub(crate) cells: Counts,
}

/// A workload, measured.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
    /// The statements that made its samples, with their seconds and megabytes.
    pub(crate) samples: Vec<(String, f64, f64)>,
    /// Intervals of other draws of the samples.
    pub(crate) coverage: Option<Coverage>,
}

/// A folder of tables, and their names.
struct Data {
    folder: PathBuf,
    tables: &'static [&'static str],
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
    let mut measured = Vec::new();
    let mut version = String::new();
    for name in &options.workloads {
        let data = data(name, options.scale, &options.folder).await?;
        let mut queries = queries(name)?;
        queries.retain(|(name, _)| options.questions.is_empty() || options.questions.contains(name));
        let duckdb = duckdb_times(options, name, &data, &queries)?;
        version = duckdb.as_ref().map_or(version, |times| times.version.clone());
        let mut own = workload(options, name, &data, &queries, duckdb.as_ref()).await?;
        if options.seeds > 0 {
            own.coverage = Some(coverage::measured(options, name, &queries).await?);
        }
        measured.push(own);
        let text = report::page(options, &version, &measured);
        if let Some(file) = &options.write {
            std::fs::write(file, &text)?;
        }
    }
    println!("{}", report::page(options, &version, &measured));
    Ok(())
}

/// The tables of a workload at a scale, made unless they are there.
async fn data(workload: &str, scale: f64, folder: &Path) -> Result<Data, Box<dyn Error>> {
    match workload {
        "tpch" => Ok(Data { folder: tables::tpch(scale, folder)?, tables: &tables::TPCH }),
        "ssb" => {
            let tpch = Data { folder: tables::tpch(scale, folder)?, tables: &tables::TPCH };
            let session = session(&folder.join("derive"), &tpch).await?;
            Ok(Data { folder: tables::ssb(scale, folder, &session).await?, tables: &tables::SSB })
        }
        "tpcds" => Ok(Data { folder: tpcds::tpcds(scale, folder)?, tables: &tpcds::TPCDS }),
        other => Err(format!("there is no workload '{other}': tpch, ssb or tpcds").into()),
    }
}

/// The statements that make the samples of a workload, without comments.
fn recipe(workload: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let file = Path::new(ROOT).join("samples").join(format!("joins-{workload}.sql"));
    let text = std::fs::read_to_string(file)?;
    let text: String = text.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
    Ok(text.split(';').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect())
}

/// The questions of a workload: name and text.
fn queries(workload: &str) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let folder = Path::new(ROOT).join("queries").join(workload);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|own| own == "sql"));
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
    data: &Data,
    queries: &[(String, String)],
) -> Result<Option<Times>, Box<dyn Error>> {
    if options.python.is_empty() {
        return Ok(None);
    }
    let files =
        |table: &&str| ((*table).to_owned(), data.folder.join(table).join("*.parquet").to_string_lossy().into_owned());
    let ask = Ask {
        database: options.folder.join(format!("{name}-{}.duckdb", options.scale)).to_string_lossy().into_owned(),
        tables: data.tables.iter().map(files).collect(),
        runs: options.runs,
        queries: queries.iter().map(|(_, sql)| sql.as_str()).collect(),
    };
    asked(&options.python, SCRIPT, &ask).map(Some)
}

async fn session(store: &Path, data: &Data) -> Result<Session, Box<dyn Error>> {
    let session = SessionBuilder::new(store).memory_bytes(MEMORY_BYTES).open().await?;
    for table in data.tables {
        session.register(table, &data.folder.join(table).to_string_lossy()).await?;
    }
    Ok(session)
}

async fn workload(
    options: &Options,
    name: &str,
    data: &Data,
    queries: &[(String, String)],
    duckdb: Option<&Times>,
) -> Result<Measured, Box<dyn Error>> {
    let clock = SystemClock::default();
    let store = options.folder.join(format!("joins-{name}-{}", options.scale));
    // Columns are fetched anew, so that the first answers show what that costs.
    if store.is_dir() {
        std::fs::remove_dir_all(&store)?;
    }
    let open = session(&store, data).await?;
    let mut samples = Vec::new();
    for statement in recipe(name)? {
        let start = clock.elapsed();
        open.execute(&statement).await?;
        samples.push((statement, (clock.elapsed() - start).as_secs_f64(), folder_mb(&store)));
    }
    let mut lines = Vec::new();
    for (number, (query, sql)) in queries.iter().enumerate() {
        let times = duckdb.map(|times| (times.native[number], times.parquet[number])).unwrap_or_default();
        let found = line(options, (&open, &store, data), (query, sql), times).await;
        let found = found.unwrap_or_else(|error| Line::failed(query, times, &error.to_string()));
        eprint!("{name} {}", report::row(&found));
        lines.push(found);
    }
    Ok(Measured { name: name.to_owned(), lines, samples, coverage: None })
}

async fn line(
    options: &Options,
    (open, store, data): (&Session, &Path, &Data),
    (query, sql): (&str, &str),
    (native, parquet): (Option<f64>, Option<f64>),
) -> Result<Line, Box<dyn Error>> {
    let clock = SystemClock::default();
    let bound = options.percent / 100.0;
    let bounded = || open.query(sql).error_percent(options.percent);
    let (exact, exact_ms) = timed(&clock, open.query(sql)).await?;
    let (first_answer, first) = timed(&clock, bounded()).await?;
    let report = first_answer.report();
    eprintln!("{query} first: {first:.1} ms: {}; {}; {:?}", report.reason, report.warnings.join("; "), report.parts);
    // What the first answer left to the background, and what it did not fetch at all.
    open.finish().await;
    bounded().on_miss(OnMiss::Report).run().await?;
    open.finish().await;
    let (answer, warm) = repeated(&clock, options.runs, &bounded).await?;
    let (alone, alone_ms) = repeated(&clock, options.runs, || bounded().on_miss(OnMiss::Report)).await?;
    let start = clock.elapsed();
    let fresh = session(store, data).await?;
    let opened = (clock.elapsed() - start).as_secs_f64() * 1e3;
    let (fresh_answer, own) = timed(&clock, fresh.query(sql).error_percent(options.percent)).await?;
    eprintln!("{query} in a new process: {opened:.1} ms to open, {own:.1} ms: {:?}", fresh_answer.report().parts);
    Ok(Line {
        name: query.to_owned(),
        answered_by: answer.report().reason.clone(),
        is_estimated: is_estimated(&answer),
        first,
        new_process: opened + own,
        warm,
        exact: exact_ms,
        native,
        parquet,
        met: answer.report().met == Some(true),
        cells: compared(&answer, &exact, bound),
        alone: is_estimated(&alone).then(|| Alone { ms: alone_ms, cells: compared(&alone, &exact, bound) }),
    })
}

fn is_estimated(answer: &Answer) -> bool {
    answer.report().mode == Mode::Approximate
}

/// The answer and the median of the milliseconds of several runs; of one where the table answers, which takes long.
async fn repeated(
    clock: &SystemClock,
    runs: usize,
    query: impl Fn() -> plusminus::Query,
) -> Result<(Answer, f64), Box<dyn Error>> {
    let (mut answer, first) = timed(clock, query()).await?;
    if !is_estimated(&answer) {
        return Ok((answer, first));
    }
    let mut all = Vec::with_capacity(runs);
    for _ in 0..runs {
        let (own, ms) = timed(clock, query()).await?;
        (answer, _) = (own, all.push(ms));
    }
    Ok((answer, median(&all)))
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
