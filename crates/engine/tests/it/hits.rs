//! The questions of queries/hits.sql about page views of web sites.

use super::hits_table::write_hits;
use super::support::rows;
use plusminus::{Mode, SessionBuilder};
use std::time::Duration;

const QUERIES: &str = include_str!("../../../../queries/hits.sql");

/// The statements of queries/hits.sql as they were written.
fn statements() -> Vec<String> {
    let lines: Vec<&str> = QUERIES.lines().filter(|line| !line.starts_with("--")).collect();
    let text = lines.join("\n");
    text.split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// Cuts the bound off a statement, and tells whether it stated a time alone.
fn without_bound(statement: &str) -> (&str, bool) {
    // The last WITHIN is the bound's: that of a percentile stands before it.
    let error = statement.rfind(" ERROR WITHIN");
    let cut = error.or_else(|| statement.rfind(" WITHIN ")).unwrap();
    (&statement[..cut], error.is_none())
}

/// The first difference between two answers; numbers may differ by a share of the exact one.
fn difference(answer: &[String], exact: &[String], share: f64) -> Option<String> {
    if answer.len() != exact.len() {
        return Some(format!("{} rows are not {}", answer.len(), exact.len()));
    }
    let is_close = |a: &str, e: &str| match (a.parse::<f64>(), e.parse::<f64>()) {
        (Ok(a), Ok(e)) => (a - e).abs() <= share * e.abs().max(1e-6),
        _ => a == e,
    };
    answer.iter().zip(exact).enumerate().find_map(|(row, (answer, exact))| {
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (answer.split('|').collect(), exact.split('|').collect());
        if ours.len() != theirs.len() {
            return Some(format!("row {row}: {answer} is not {exact}"));
        }
        let (a, e) = ours.into_iter().zip(theirs).find(|(a, e)| !is_close(a, e))?;
        Some(format!("row {row}: {a} is not {e}"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn web_analytics_over_whole_samples_equal_exact_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hits.parquet");
    write_hits(&file, 20_000, 55);
    let session = SessionBuilder::new(folder.path().join("store")).threads(2).open().await.unwrap();
    session.register("hits", file.to_str().unwrap()).await.unwrap();
    // With several levels a bound would be met before the whole sample is read.
    session.sample("hits").name("whole").size_percent(100.0).levels(1).build().await.unwrap();
    let (parsed, written) = (session.parse(QUERIES).unwrap(), statements());
    assert_eq!((parsed.len(), written.len()), (40, 40));
    for (statement, sql) in parsed.iter().zip(&written) {
        let (plain, is_timed) = without_bound(sql);
        let exact = session.query(plain).run().await.unwrap_or_else(|e| panic!("{plain}: {e}"));
        let answer = match is_timed {
            // A busy machine may need longer than the statement allows.
            true => session.query(sql).within(Duration::from_secs(60)).run().await,
            false => session.run(statement).await,
        };
        let answer = answer.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let report = answer.report();
        assert_eq!(report.met, Some(true), "{sql}: {report:?}");
        // Sketches of distinct values are the only estimates that a whole sample leaves.
        let is_sketch = report.mode == Mode::Approximate;
        assert!(!is_sketch || sql.contains("DISTINCT"), "{sql}: {report:?}");
        let (answer, exact) = (rows(&answer), rows(&exact));
        assert!(!exact.is_empty(), "{sql}: no rows");
        assert_eq!(difference(&answer, &exact, if is_sketch { 0.05 } else { 1e-9 }), None, "{sql}");
    }
}
