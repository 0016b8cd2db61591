//! DuckDB in a process of its own.

use super::Options;
use super::workload::Query;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/duckdb_exact.py");
/// Percent of the table that is sampled by hand.
const PERCENT: f64 = 1.0;

#[derive(Serialize)]
struct Ask<'a> {
    database: &'a str,
    table: &'a str,
    parquet: &'a str,
    runs: usize,
    percent: f64,
    queries: Vec<AskQuery<'a>>,
}

#[derive(Serialize)]
struct AskQuery<'a> {
    sql: &'a str,
    keys: usize,
    totals: &'a [&'a str],
}

/// What the script found.
#[derive(Debug, Deserialize)]
pub(crate) struct DuckDbTimes {
    pub(crate) version: String,
    pub(crate) threads: u64,
    pub(crate) queries: Vec<Times>,
}

/// Milliseconds of each run of one query.
#[derive(Debug, Deserialize)]
pub(crate) struct Times {
    pub(crate) native: Vec<f64>,
    pub(crate) parquet: Vec<f64>,
    pub(crate) sampled: Vec<f64>,
    /// The largest relative error of any cell by hand, of most runs; `None` where a group is missing.
    pub(crate) sampled_error: Option<f64>,
}

/// What DuckDB reads.
pub(crate) struct Source<'a> {
    /// Its own storage, made from the files unless it is there.
    pub(crate) database: &'a Path,
    pub(crate) table: &'a str,
    pub(crate) parquet: &'a Path,
}

pub(crate) fn time(options: &Options, source: &Source<'_>, queries: &[Query]) -> Result<DuckDbTimes, Box<dyn Error>> {
    let ask = Ask {
        database: &source.database.to_string_lossy(),
        table: source.table,
        parquet: &source.parquet.to_string_lossy(),
        runs: options.runs,
        percent: PERCENT,
        queries: queries.iter().map(|q| AskQuery { sql: q.sql, keys: q.keys, totals: q.totals }).collect(),
    };
    asked(&options.python, SCRIPT, &ask)
}

/// Hands a question to a script that drives DuckDB; its answer.
pub(crate) fn asked<T: serde::de::DeserializeOwned>(
    python: &str,
    script: &str,
    ask: &impl Serialize,
) -> Result<T, Box<dyn Error>> {
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{python}: {e}; name a Python that has DuckDB with --python"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&serde_json::to_vec(ask)?)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("DuckDB failed; is it installed (pip install duckdb)?".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The middle value; NaN of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}
