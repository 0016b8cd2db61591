//! Progressive refinement: the answer of every level as it is finished, until the error suffices.
//!
//! `cargo run -p plusminus --example refinement`

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use futures::StreamExt;
use plusminus::{OnMiss, Session};
use std::error::Error;
use std::fmt::Write;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Streams the answers of one query, each more precise than the one before.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut csv = String::from("city,minutes\n");
    for row in 0..200_000_u64 {
        let hash = row.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
        writeln!(csv, "{},{}", ["Bonn", "Köln", "Trier", "Ulm"][usize::try_from(row % 4)?], hash % 90)?;
    }
    std::fs::write(folder.path().join("trips.csv"), csv)?;

    let db = Session::open(folder.path().join("store")).await?;
    db.register("trips", folder.path().join("trips.csv").to_str().unwrap_or_default()).await?;
    db.sample("trips").stratified_by(["city"]).size_percent(20.0).levels(6).build().await?;

    let query = db.query("SELECT city, avg(minutes) AS m FROM trips GROUP BY city ORDER BY city");
    let mut answers = query.error_percent(1.0).on_miss(OnMiss::Report).stream().await?;
    let mut errors = Vec::new();
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        let error = 100.0 * answer.error_reached().unwrap_or(f64::INFINITY);
        println!("level {:?}: {} rows, within {error:.2} %", answer.report().level, answer.report().rows_read);
        errors.push(error);
        // Dropping the stream would stop the query here.
    }
    assert!(errors.len() > 1 && errors.is_sorted_by(|before, after| after <= before), "{errors:?}");
    Ok(())
}
