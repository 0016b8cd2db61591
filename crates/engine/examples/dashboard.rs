//! A query of a dashboard: an answer within a time, with error bars, and parameters from the page.
//!
//! `cargo run -p plusminus --example dashboard`

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use plusminus::{OnMiss, Parameter, Session, Trust};
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Registers a file, samples it once, and asks as a page would.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut csv = String::from("region,product,amount\n");
    for row in 0..50_000_u64 {
        let hash = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        writeln!(csv, "{},{},{}", ["east", "west", "south"][usize::try_from(row % 3)?], hash % 20, 5 + hash % 95)?;
    }
    std::fs::write(folder.path().join("sales.csv"), csv)?;

    let db = Session::open(folder.path().join("store")).await?;
    db.register("sales", folder.path().join("sales.csv").to_str().unwrap_or_default()).await?;
    db.sample("sales").stratified_by(["region"]).size_percent(5.0).build().await?;

    // The page fills in the least amount; the answer comes within 300 milliseconds.
    let answer = db
        .query("SELECT region, avg(amount) AS mean, count(*) AS sales FROM sales WHERE amount > $least GROUP BY region ORDER BY region")
        .parameters([Parameter::from(("least", 50))])
        .within(Duration::from_millis(300))
        .on_miss(OnMiss::Report)
        .run()
        .await?;
    let batch = answer.batch();
    for (row, cell) in answer.cells("mean")?.iter().enumerate() {
        let mark = if matches!(cell.trust, Trust::Untrusted(_)) { "~" } else { "" };
        println!("{row}: {mark}{:.2} [{:.2}, {:.2}]", cell.estimate, cell.lower, cell.upper);
    }
    assert_eq!(batch.num_rows(), 3);
    // For other programs: a batch with the columns mean_lo, mean_hi, mean_trust, and the report as metadata.
    let flat = answer.batches().remove(0);
    assert_eq!(answer.report().met, Some(true));
    println!("{}", flat.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", "));
    Ok(())
}
