//! Measurements that are no tests: how fast samples are drawn, and how often intervals hold on real data.
//!
//! `cargo run -p plusminus-benches --release -- sampling --scale 10`
//! `cargo run -p plusminus-benches --release -- flights --file flights-3m.parquet`
//! `cargo run -p plusminus-benches --release -- versus --scale 10`

mod candidates;
mod deadlines;
mod exact;
mod figure;
mod flights;
mod forecasts;
#[path = "../../crates/engine/tests/it/hits_table.rs"]
mod hits_table;
mod joins;
mod lineitem;
mod memory;
mod parts;
mod rows;
mod sampling;
#[allow(dead_code, unused_imports, reason = "the command's generator, of which only writing is needed")]
#[path = "../../crates/cli/src/sessions/mod.rs"]
mod sessions;
mod sizes;
#[path = "../../crates/engine/tests/it/support.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod support;
mod versus;
mod words;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sample TPC-H lineitem: one uniform and three stratified families, 1 % each, in one pass
    Sampling {
        /// TPC-H scale factor
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        /// Where lineitem and the store go; kept for the next run
        #[arg(long, default_value = "plusminus-bench")]
        folder: PathBuf,
    },
    /// Coverage per origin of AVG(distance) on the flights table, several seeds
    Flights {
        /// A Parquet file with columns origin and distance
        #[arg(long)]
        file: PathBuf,
        /// Number of samples drawn
        #[arg(long, default_value_t = 10)]
        seeds: u64,
    },
    /// Which candidate answers under error and time bounds, beside the exact answer
    Candidates(candidates::Options),
    /// Exact answers beside DuckDB on the same Parquet files, under settings of DataFusion
    Exact(exact::Options),
    /// What EXPLAIN foretells of every level beside what happens there
    Forecasts(forecasts::Options),
    /// Joins: TPC-H, the star schema benchmark and TPC-DS under an error bound, beside exact DuckDB
    Joins(joins::Options),
    /// A sample of a join of seven tables beside the join in DuckDB: time, memory and size
    Synopsis(joins::synopsis::Options),
    /// Answer time against table size
    Sizes(sizes::Options),
    /// What a row costs beside a plain aggregate in DataFusion
    Rows(rows::Options),
    /// Time bounds asked for against time taken
    Deadlines(deadlines::Options),
    /// Where the time of one warm query goes, part by part
    Parts {
        /// TPC-H scale factor
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        /// Where lineitem and the samples go; kept for the next run
        #[arg(long, default_value = "plusminus-bench")]
        folder: PathBuf,
        /// Runs of each query after the first
        #[arg(long, default_value_t = 201)]
        runs: usize,
    },
    /// Answers within an error or a time beside exact DuckDB and DataFusion
    Versus(versus::Options),
}

/// As the command has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Cli::parse().command {
        Command::Sampling { scale, folder } => sampling::run(scale, &folder).await,
        Command::Candidates(options) => candidates::run(&options).await,
        Command::Exact(options) => exact::run(&options).await,
        Command::Forecasts(options) => forecasts::run(&options).await,
        Command::Joins(options) => joins::run(&options).await,
        Command::Synopsis(options) => joins::synopsis::run(&options).await,
        Command::Sizes(options) => sizes::run(&options).await,
        Command::Rows(options) => rows::run(&options).await,
        Command::Deadlines(options) => deadlines::run(&options).await,
        Command::Parts { scale, folder, runs } => parts::run(scale, &folder, runs).await,
        Command::Versus(options) => versus::run(&options).await,
        Command::Flights { file, seeds } => flights::run(&file, seeds).await,
    }
}
