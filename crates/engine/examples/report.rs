//! A batch report: several queries within one error, their intervals kept in Parquet files, and a list of what was exact, met or missed.
//!
//! `cargo run -p plusminus --example report`

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use parquet::arrow::ArrowWriter;
use plusminus::{Error as QueryError, ErrorColumns, Mode, OnMiss, Session};
use std::error::Error;
use std::fmt::Write;
use std::fs::File;

/// The report's parts: a name, and its query.
const PARTS: [(&str, &str); 3] = [
    ("by_region", "SELECT region, count(*) AS orders, avg(amount) AS mean FROM orders GROUP BY region ORDER BY region"),
    ("large", "SELECT product, sum(amount) AS total FROM orders WHERE amount > 80 GROUP BY product ORDER BY product"),
    ("longest", "SELECT max(length(note)) AS longest FROM orders"),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Samples a table, runs every part of the report, and writes each with its intervals.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut csv = String::from("region,product,amount,note\n");
    for row in 0..60_000_u64 {
        let hash = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let region = ["east", "west", "south"][usize::try_from(row % 3)?];
        writeln!(csv, "{region},p{},{},{}", hash % 8, 5 + hash % 95, "x".repeat(usize::try_from(hash % 30)?))?;
    }
    std::fs::write(folder.path().join("orders.csv"), csv)?;

    let db = Session::open(folder.path().join("store")).await?;
    db.register("orders", folder.path().join("orders.csv").to_str().unwrap_or_default()).await?;
    db.sample("orders").stratified_by(["region"]).size_percent(20.0).build().await?;

    for (name, sql) in PARTS {
        // FAIL turns a missed bound into an error, which has the best answer in it.
        let (answer, missed) = match db.query(sql).error_percent(10.0).on_miss(OnMiss::Fail).run().await {
            Ok(answer) => (answer, false),
            Err(QueryError::BoundMissed { answer: Some(best), .. }) => (*best, true),
            Err(other) => return Err(other.into()),
        };
        let flat = answer.flat(ErrorColumns::WhereEstimated)?;
        let mut writer =
            ArrowWriter::try_new(File::create(folder.path().join(format!("{name}.parquet")))?, flat.schema(), None)?;
        writer.write(&flat)?;
        writer.close()?;
        let report = answer.report();
        let verdict = match (report.mode, missed) {
            (Mode::Exact, _) => format!("exact: {}", report.reason),
            (_, true) => "missed".to_owned(),
            (_, false) => format!("within {:.1} %", 100.0 * answer.error_reached().unwrap_or(0.0)),
        };
        println!("{name}: {} rows, {verdict}", flat.num_rows());
    }
    assert_eq!(
        std::fs::read_dir(folder.path())?
            .filter(|file| file.as_ref().is_ok_and(|f| f.path().extension().is_some_and(|e| e == "parquet")))
            .count(),
        3
    );
    Ok(())
}
