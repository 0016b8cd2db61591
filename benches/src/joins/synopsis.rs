//! A sample of a join beside the join itself: time, memory and size.

use super::{data, session};
use crate::memory::peak_mib;
use crate::versus::asked;
use plusminus::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::path::PathBuf;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/duckdb_synopsis.py");

/// Options of `synopsis`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// TPC-H scale factor
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Where tables, the sample and DuckDB's database go; kept for the next run
    #[arg(long, default_value = "plusminus-bench")]
    folder: PathBuf,
    /// The size of the sample, in percent
    #[arg(long, default_value_t = 2.0)]
    percent: f64,
    /// The Python that has DuckDB; empty leaves DuckDB out
    #[arg(long, default_value = "python3")]
    python: String,
    /// Page to write
    #[arg(long)]
    write: Option<PathBuf>,
}

/// The joined tables, in the words of both.
const JOIN: &str = "lineitem JOIN orders ON l_orderkey = o_orderkey JOIN customer ON o_custkey = c_custkey \
    JOIN nation ON c_nationkey = n_nationkey JOIN region ON n_regionkey = r_regionkey \
    JOIN supplier ON l_suppkey = s_suppkey JOIN part ON l_partkey = p_partkey";

#[derive(Serialize)]
struct Ask {
    database: String,
    tables: Vec<(String, String)>,
    join: &'static str,
    percent: f64,
    file: String,
}

#[derive(Deserialize)]
struct Told {
    version: String,
    count_seconds: f64,
    sample_seconds: f64,
    sample_bytes: u64,
}

pub(crate) async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(&options.folder)?;
    let data = data("tpch", options.scale, &options.folder).await?;
    let store = options.folder.join(format!("synopsis-{}", options.scale));
    if store.is_dir() {
        std::fs::remove_dir_all(&store)?;
    }
    let session = session(&store, &data).await?;
    let before = peak_mib();
    let clock = SystemClock::default();
    let start = clock.elapsed();
    session.execute(&format!("CREATE SAMPLE synopsis ON {JOIN} SIZE {} %", options.percent)).await?;
    let seconds = (clock.elapsed() - start).as_secs_f64();
    let peak = peak_mib();
    let mut text = format!(
        "# A sample of a join\n\n```console\n$ cargo run -p plusminus-benches --release -- synopsis --scale {} --percent {} --write docs/synopsis.md\n```\n\n\
         `CREATE SAMPLE synopsis ON {JOIN} SIZE {} %`, two threads. The process had used {} MiB at most before and {} MiB after it.\n\n\
         | | seconds | peak memory | bytes |\n|---|---|---|---|\n| the sample, with all columns of all tables | {seconds:.1} | {} MiB | {:.0} MB |\n",
        options.scale,
        options.percent,
        options.percent,
        shown(before),
        shown(peak),
        shown(peak),
        super::folder_mb(&store),
    );
    if !options.python.is_empty() {
        let files = |table: &&str| {
            ((*table).to_owned(), data.folder.join(table).join("*.parquet").to_string_lossy().into_owned())
        };
        let ask = Ask {
            database: options.folder.join(format!("tpch-{}.duckdb", options.scale)).to_string_lossy().into_owned(),
            tables: data.tables.iter().map(files).collect(),
            join: JOIN,
            percent: options.percent,
            file: options.folder.join("synopsis.parquet").to_string_lossy().into_owned(),
        };
        let told: Told = asked(&options.python, SCRIPT, &ask)?;
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let mb = told.sample_bytes as f64 / 1e6;
        text.push_str(&format!(
            "| DuckDB {} on its own storage: the join, of which a column of each table is counted | {:.1} | | |\n\
             | DuckDB: the join, and {} % of its rows written to Parquet | {:.1} | | {mb:.0} MB |\n",
            told.version, told.count_seconds, options.percent, told.sample_seconds
        ));
    }
    println!("{text}");
    if let Some(file) = &options.write {
        std::fs::write(file, &text)?;
    }
    Ok(())
}

fn shown(mib: Option<u64>) -> String {
    mib.map_or_else(|| "an unknown number of".to_owned(), |mib| mib.to_string())
}
