//! What a row costs: estimates with intervals beside the same plain aggregates in DataFusion over the same rows in memory.

use crate::parts::phases;
use crate::versus::median;
use crate::words::Words;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use plusminus::{Clock, OnMiss, Session, SystemClock};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Different strata and groups.
const COUNTS: [u64; 4] = [1, 100, 1_000, 100_000];
/// The aggregates of a query: one, and several.
const CALLS: [(&str, &str); 2] = [("1", "SUM(v) AS a"), ("4", "SUM(v) AS a, AVG(v) AS b, COUNT(*) AS c, AVG(w) AS d")];
/// Runs before any is timed.
const WARM_RUNS: usize = 5;
/// After this time a sample is looked at like those of yesterday.
const SETTLES: Duration = Duration::from_millis(2_500);
/// Rows of a batch in memory.
const BATCH_ROWS: usize = 8_192;

/// What `rows` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rows of the sample
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Runs of each query that are timed
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// Only samples of this many strata
    #[arg(long)]
    strata: Option<u64>,
    /// Only queries with this key, or `none`
    #[arg(long)]
    key: Option<String>,
    /// Print where the time goes
    #[arg(long)]
    parts: bool,
    /// Page to write
    #[arg(long)]
    write: Option<PathBuf>,
}

/// One query over one sample.
struct Line {
    strata: u64,
    groups: u64,
    calls: &'static str,
    key: &'static str,
    ours_ms: f64,
    plain_ms: f64,
    rows: u64,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut lines = Vec::new();
    for strata in COUNTS.into_iter().filter(|strata| options.strata.is_none_or(|only| only == *strata)) {
        let table = table(2 * options.rows, strata)?;
        let session = session(&table, options.rows, strata).await?;
        let plain = plain(&table, options.rows)?;
        let is_wanted = |key: Option<&str>| options.key.as_deref().is_none_or(|only| only == key.unwrap_or("none"));
        for (groups, key) in keys(strata).into_iter().filter(|(_, key)| is_wanted(*key)) {
            for (name, calls) in CALLS {
                let by = key.map_or(String::new(), |key| format!(" GROUP BY {key}"));
                let sql = format!("SELECT {calls} FROM t WHERE f < 90{by}");
                let (ours_ms, plain_ms, rows) = by_turns(&session, &plain, &sql, options).await?;
                let line = Line { strata, groups, calls: name, key: key.unwrap_or("none"), ours_ms, plain_ms, rows };
                print!("{}", line.text());
                lines.push(line);
            }
        }
    }
    if let Some(file) = &options.write {
        std::fs::write(file, page(options, &lines))?;
    }
    Ok(())
}

/// The keys to group by: none, columns independent of the strata, and the stratification itself.
fn keys(strata: u64) -> Vec<(u64, Option<&'static str>)> {
    let mut keys = vec![
        (1, None),
        (100, Some("g100")),
        (1_000, Some("g1000")),
        (100_000, Some("g100000")),
        (100, Some("text100")),
    ];
    if strata > 1 {
        keys.push((strata, Some("h")));
    }
    keys
}

/// Columns: stratum h, groups of 100, 1,000 and 100,000, text of 100, a filter f of 0..100, measures v and w.
fn table(rows: usize, strata: u64) -> Result<Vec<RecordBatch>, Box<dyn Error>> {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let integer = |name: &str| Field::new(name, DataType::Int64, false);
    let schema = Arc::new(Schema::new(vec![
        integer("h"),
        integer("g100"),
        integer("g1000"),
        integer("g100000"),
        Field::new("text100", DataType::Utf8, false),
        integer("f"),
        Field::new("v", DataType::Float64, false),
        Field::new("w", DataType::Float64, false),
    ]));
    let mut batches = Vec::new();
    for from in (0..rows).step_by(BATCH_ROWS) {
        let count = BATCH_ROWS.min(rows - from);
        let mut below = |n: u64| -> Vec<i64> { (0..count).map(|_| random.random_range(0..n).cast_signed()).collect() };
        let integers: Vec<Vec<i64>> = [strata, 100, 1_000, 100_000, 100, 100].into_iter().map(&mut below).collect();
        let mut measure = || -> Vec<f64> { (0..count).map(|_| 10.0 + random.random::<f64>()).collect() };
        let (v, w) = (measure(), measure());
        let text: StringArray = integers[4].iter().map(|i| Some(format!("group number {i}"))).collect();
        let mut columns: Vec<ArrayRef> =
            integers[..4].iter().map(|i| Arc::new(Int64Array::from(i.clone())) as ArrayRef).collect();
        columns.push(Arc::new(text));
        columns.push(Arc::new(Int64Array::from(integers[5].clone())));
        columns.push(Arc::new(Float64Array::from(v)));
        columns.push(Arc::new(Float64Array::from(w)));
        batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    Ok(batches)
}

fn context() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
}

fn mem_table(batches: &[RecordBatch]) -> Result<MemTable, Box<dyn Error>> {
    let (first, second) = batches.split_at(batches.len() / 2);
    Ok(MemTable::try_new(batches[0].schema(), vec![first.to_vec(), second.to_vec()])?)
}

/// A session whose sample holds half of the table.
async fn session(table: &[RecordBatch], rows: usize, strata: u64) -> Result<Session, Box<dyn Error>> {
    let context = context();
    context.register_table("t", Arc::new(mem_table(table)?))?;
    let store = std::env::temp_dir().join(format!("plusminus-rows-{}-{strata}", std::process::id()));
    let _ = std::fs::remove_dir_all(&store);
    let session = Session::from_context(store, context).await?;
    let sample = session.sample("t").name("s").size_rows(rows as u64);
    if strata > 1 {
        sample.stratified_by(["h"]).build().await?
    } else {
        sample.build().await?
    };
    // What was written a moment ago is read again at each query.
    tokio::time::sleep(SETTLES).await;
    Ok(session)
}

/// The same number of rows in a table of DataFusion's own.
fn plain(table: &[RecordBatch], rows: usize) -> Result<SessionContext, Box<dyn Error>> {
    let context = context();
    context.register_table("t", Arc::new(mem_table(&table[..rows / BATCH_ROWS])?))?;
    Ok(context)
}

/// Ours and theirs by turns, in ms, and the rows that ours read.
async fn by_turns(
    session: &Session,
    plain: &SessionContext,
    sql: &str,
    options: &Options,
) -> Result<(f64, f64, u64), Box<dyn Error>> {
    let clock = SystemClock::default();
    session.query("SET plusminus.level = 31").run().await?;
    let (mut ours, mut theirs, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..WARM_RUNS + options.runs {
        let start = clock.elapsed();
        let text = Words::New.text(sql, run as u128);
        let answer = session.query(text).within(Duration::from_secs(60)).on_miss(OnMiss::Report).run().await?;
        let middle = clock.elapsed();
        plain.sql(sql).await?.collect().await?;
        if run >= WARM_RUNS {
            ours.push(1e3 * (middle - start).as_secs_f64());
            theirs.push(1e3 * (clock.elapsed() - middle).as_secs_f64());
            answers.push(answer);
        }
    }
    if options.parts {
        println!("{}", phases(&answers).0);
    }
    Ok((median(&ours), median(&theirs), answers.first().map_or(0, |answer| answer.report().rows_read)))
}

impl Line {
    fn text(&self) -> String {
        format!(
            "| {} | {} | {} | {} | {:.2} | {:.2} | {:.2} | {} |\n",
            self.strata,
            self.groups,
            self.key,
            self.calls,
            self.ours_ms,
            self.plain_ms,
            self.ours_ms / self.plain_ms,
            self.rows
        )
    }
}

fn page(options: &Options, lines: &[Line]) -> String {
    let name = options.write.as_ref().and_then(|file| file.file_name()).unwrap_or_default().display();
    let mut text = format!(
        "# What a row costs\n\n```console\n$ cargo run -p plusminus-benches --release -- rows --rows {} --runs {} --write docs/{name}\n```\n\n\
         Estimates with intervals over a sample of about {} rows beside the same plain aggregates in DataFusion over as many rows, both in \
         memory, on two threads, from the text (new each time, of one form) to the answer, by turns; medians of {} runs after {WARM_RUNS} that are not timed, \
         the second of which makes the projection that is read afterwards. Every query has a filter that nine rows of ten pass. Goal: at most 1.1 up to 1,000 groups, 2 up to 100,000.\n\n\
         | strata | groups | key | aggregates | ours, ms | DataFusion, ms | ratio | rows read |\n|---|---|---|---|---|---|---|---|\n",
        options.rows, options.runs, options.rows, options.runs
    );
    lines.iter().for_each(|line| text.push_str(&line.text()));
    text
}
