//! Exact answers beside DuckDB on the same Parquet files, under settings of DataFusion.

use crate::candidates::{self, questions::Question};
use crate::versus::{asked, geometric, median};
use plusminus::{Clock, Session, SystemClock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/duckdb_queries.py");
/// How many times slower than DuckDB exact answers may be, as a geometric mean.
const GOAL: f64 = 1.3;
/// Queries that are listed as slower than DuckDB from this ratio on.
const LISTED_FROM: f64 = 1.3;

/// Options of `exact`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    candidates: candidates::Options,
    /// Settings to compare with the defaults, each run with `KEY=VALUE[,KEY=VALUE…]`
    #[arg(long = "set")]
    settings: Vec<String>,
    /// The Python that has DuckDB
    #[arg(long, default_value = "python3")]
    python: String,
    /// Page to write
    #[arg(long = "write-exact")]
    page: Option<PathBuf>,
}

#[derive(Serialize)]
struct Ask<'a> {
    tables: BTreeMap<&'a str, String>,
    runs: usize,
    queries: Vec<&'a str>,
}

#[derive(Deserialize)]
struct DuckDbTimes {
    version: String,
    threads: u64,
    queries: Vec<Option<f64>>,
}

/// One query: milliseconds in DuckDB, and under each variant of settings, the defaults first.
struct Line {
    table: String,
    sql: String,
    duckdb: Option<f64>,
    ours: Vec<f64>,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (mut lines, mut version) = (Vec::new(), String::new());
    let mut variants = vec![String::new()];
    variants.extend(options.settings.iter().cloned());
    let worlds = candidates::worlds(&options.candidates).await?;
    for world in worlds {
        let sessions = sessions(&world, &variants).await?;
        let found = duckdb(options, &world)?;
        version = format!("DuckDB {} on {} threads", found.version, found.threads);
        for (question, duckdb) in world.questions.iter().zip(found.queries) {
            let ours = times(&sessions, question, options.candidates.runs).await?;
            lines.push(Line { table: world.title.clone(), sql: question.sql.clone(), duckdb, ours });
        }
    }
    let text = page(options, &version, &variants, &lines);
    println!("{text}");
    if let Some(file) = &options.page {
        std::fs::write(file, &text)?;
    }
    Ok(())
}

/// A session for every variant, with its settings.
async fn sessions(world: &candidates::World, variants: &[String]) -> Result<Vec<Session>, Box<dyn Error>> {
    let mut found = Vec::new();
    for (number, variant) in variants.iter().enumerate() {
        let session = Session::open(world.store.with_extension(format!("exact-{number}"))).await?;
        session.register(world.table, &world.data.to_string_lossy()).await?;
        for setting in variant.split(',').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').ok_or("a setting is KEY=VALUE")?;
            session.execute(&format!("SET {key} = '{value}'")).await?;
        }
        found.push(session);
    }
    Ok(found)
}

/// The median under each variant, asked in turn.
async fn times(sessions: &[Session], question: &Question, runs: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let clock = SystemClock::default();
    let mut times = vec![Vec::new(); sessions.len()];
    for run in 0..=runs {
        for (session, times) in sessions.iter().zip(&mut times) {
            let start = clock.elapsed();
            session.query(&question.sql).run().await?;
            if run > 0 {
                times.push((clock.elapsed() - start).as_secs_f64() * 1e3);
            }
        }
    }
    Ok(times.iter().map(|times| median(times)).collect())
}

fn duckdb(options: &Options, world: &candidates::World) -> Result<DuckDbTimes, Box<dyn Error>> {
    let files = if world.data.is_file() { world.data.clone() } else { world.data.join("*.parquet") };
    let ask = Ask {
        tables: [(world.table, files.to_string_lossy().into_owned())].into(),
        runs: options.candidates.runs,
        queries: world.questions.iter().map(|question| question.sql.as_str()).collect(),
    };
    asked(&options.python, SCRIPT, &ask)
}

impl Line {
    /// How many times slower than DuckDB a variant is.
    fn ratio(&self, variant: usize) -> Option<f64> {
        Some(self.ours[variant] / self.duckdb?)
    }
}

fn page(options: &Options, version: &str, variants: &[String], lines: &[Line]) -> String {
    let mean = |variant: usize, table: Option<&str>| {
        let own = lines.iter().filter(|line| table.is_none_or(|table| line.table == table));
        geometric(own.filter_map(|line| line.ratio(variant)))
    };
    let mut tables: Vec<&str> = lines.iter().map(|line| line.table.as_str()).collect();
    tables.dedup();
    let sets: String = options.settings.iter().map(|setting| format!(" --set {setting}")).collect();
    let flights = if options.candidates.flights.is_some() { " --flights flights-3m.parquet" } else { "" };
    let mut text = format!(
        "# Exact answers\n\n```console\n$ cargo run -p plusminus-benches --release -- exact --scale {}{flights}{sets} --write-exact docs/exact.md\n```\n\n\
         Exact answers, from the text on, beside {version}, both on the same Parquet files; medians of {} runs. The goal is a geometric mean of \
         at most {GOAL} times DuckDB; queries that DuckDB does not know are left out.\n\n| settings |{}all |\n|---|{}---|\n",
        options.candidates.scale,
        options.candidates.runs,
        tables.iter().map(|table| format!(" {table} |")).collect::<String>(),
        "---|".repeat(tables.len()),
    );
    for (number, variant) in variants.iter().enumerate() {
        let cells: String = tables.iter().map(|table| format!(" {:.2} |", mean(number, Some(table)))).collect();
        let name = if variant.is_empty() { "as they are" } else { variant };
        text.push_str(&format!("| {name} |{cells} **{:.2}** |\n", mean(number, None)));
    }
    text.push_str(&format!("\n## Queries slower than {LISTED_FROM} times DuckDB\n\n| table | query | DuckDB, ms |"));
    text.push_str(
        &variants
            .iter()
            .map(|variant| format!(" {} |", if variant.is_empty() { "ms" } else { variant }))
            .collect::<String>(),
    );
    text.push_str(&format!("\n|---|---|---|{}\n", "---|".repeat(variants.len())));
    let mut slow: Vec<&Line> =
        lines.iter().filter(|line| line.ratio(0).is_some_and(|ratio| ratio > LISTED_FROM)).collect();
    slow.sort_by(|one, other| other.ratio(0).partial_cmp(&one.ratio(0)).unwrap_or(std::cmp::Ordering::Equal));
    for line in slow {
        let ours: String = line.ours.iter().map(|ms| format!(" {ms:.1} |")).collect();
        let duckdb = line.duckdb.unwrap_or(f64::NAN);
        text.push_str(&format!("| {} | `{}` | {duckdb:.1} |{ours}\n", line.table, line.sql.replace('|', "\\|")));
    }
    text
}
