//! Where the time of one warm query goes, part by part.

use crate::versus::{LINEITEM, SESSIONS, median, sampled};
use crate::words::Words;
use plusminus::{Answer, Clock, OnMiss, Session, SystemClock};
use std::error::Error;
use std::path::Path;

/// Medians of `runs` runs within 5 %, of texts of a new form, of new ones of a known form and of one that was asked before, as rows of
/// a table.
pub(crate) async fn run(scale: f64, folder: &Path, runs: usize) -> Result<(), Box<dyn Error>> {
    println!("| query | words | in all | rows read | where |\n|---|---|---|---|---|");
    for table in [&LINEITEM, &SESSIONS] {
        let session = sampled(table, scale, folder).await?;
        for query in table.queries {
            for (name, words) in [("new form", Words::NewForm), ("known form", Words::New), ("the same", Words::Same)] {
                let texts: Vec<String> = (0..=runs as u128).map(|run| words.text(query.sql, run)).collect();
                report(query.name, name, &session, &texts).await?;
            }
        }
    }
    Ok(())
}

async fn report(query: &str, name: &str, session: &Session, texts: &[String]) -> Result<(), Box<dyn Error>> {
    let clock = SystemClock::default();
    let (mut whole, mut answers): (Vec<f64>, Vec<Answer>) = (Vec::new(), Vec::new());
    for (run, text) in texts.iter().enumerate() {
        let start = clock.elapsed();
        let answer = session.query(text.clone()).error_percent(5.0).on_miss(OnMiss::Report).run().await?;
        let took = 1e3 * (clock.elapsed() - start).as_secs_f64();
        // The first warms the caches.
        if run > 0 {
            whole.push(took);
            answers.push(answer);
        }
    }
    let rows = answers.first().map_or(0, |a| a.report().rows_read);
    let all = median(&whole);
    let (phases, known) = phases(&answers);
    println!(
        "| {query} | {name} | {all:.3} | {rows} | {phases}, hand back and the rest {:.3} |",
        (all - known).max(0.0)
    );
    Ok(())
}

/// The medians of the parts of `answers` and what they add up to, in milliseconds.
pub(crate) fn phases(answers: &[Answer]) -> (String, f64) {
    let parts: Vec<&str> = answers.first().map_or_else(Vec::new, |a| a.report().parts.iter().map(|p| p.0).collect());
    let (mut known, mut phases) = (0.0, Vec::new());
    for part in parts {
        let of = |a: &Answer| a.report().parts.iter().find(|p| p.0 == part).map_or(0.0, |p| 1e3 * p.1.as_secs_f64());
        let ms = median(&answers.iter().map(of).collect::<Vec<_>>());
        known += ms;
        if ms >= 0.005 {
            phases.push(format!("{part} {ms:.3}"));
        }
    }
    (phases.join(", "), known)
}
