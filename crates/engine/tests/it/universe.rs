//! Samples of whole keys: distinct values, and totals whose rows come in bunches.

use super::support::{Random, open, rows, truth, write};
use arrow::array::{ArrayRef, Float64Array, Int64Array};
use plusminus::{Mode, Session, Trust};
use std::sync::Arc;
use tempfile::TempDir;

/// Table `t` of 3,000 keys `who` with 1 to 20 rows each (3 % NULL): `x` is alike within a key, `k` 0..100.
async fn keyed() -> (TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(11);
    let (mut who, mut x, mut k) = (Vec::new(), Vec::new(), Vec::new());
    for key in 0..3_000_i64 {
        let level = 100.0 * random.unit();
        for _ in 0..=random.below(20) {
            who.push((random.below(100) > 2).then_some(key));
            x.push((level + 10.0 * random.unit()).round());
            k.push(random.below(100) as i64);
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("who", Arc::new(Int64Array::from(who))),
        ("x", Arc::new(Float64Array::from(x))),
        ("k", Arc::new(Int64Array::from(k))),
    ];
    write(&folder.path().join("t.parquet"), columns, 10_000);
    let session = open(folder.path(), 2).await;
    (folder, session)
}

/// Trusted intervals that hold the truth in 60 draws of 10 %, of how many: at 95 % fewer than 50 of 60 hold with a
/// probability of 0.02 %; the seeds are fixed.
async fn check(sql: &str) {
    let (_folder, session) = keyed().await;
    let exact = truth(&session, sql).await;
    let (mut held, mut all) = (0, 0);
    for seed in 0..60 {
        let sample = session.sample("t").name("keys").universe_on("who").size_percent(10.0).seed(seed).replace(true);
        sample.build().await.unwrap();
        let answer = session.query(format!("{sql} WITHIN 60 SECONDS")).run().await.unwrap();
        assert_eq!(answer.report().mode, Mode::Approximate, "{sql}: {}", answer.report().reason);
        let cell = answer.cells("v").unwrap()[0];
        all += usize::from(cell.trust == Trust::Trusted);
        held += usize::from(cell.trust == Trust::Trusted && cell.lower <= exact && exact <= cell.upper);
    }
    assert!(all >= 50 && held * 60 >= all * 50, "{sql}: {held} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn distinct_keys_under_a_filter() {
    check("SELECT COUNT(DISTINCT who) AS v FROM t WHERE k < 5").await;
    check("SELECT COUNT(DISTINCT who) FILTER (WHERE x > 50) AS v FROM t WHERE k < 20").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_and_means_of_bunched_rows() {
    check("SELECT COUNT(*) AS v FROM t WHERE x < 50").await;
    check("SELECT SUM(x) AS v FROM t").await;
    check("SELECT AVG(x) AS v FROM t WHERE k < 50").await;
    check("SELECT 100.0 * SUM(x) / COUNT(*) AS v FROM t WHERE k < 50").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_universe_answers_exactly() {
    let (_folder, session) = keyed().await;
    session.execute("CREATE SAMPLE keys ON t UNIVERSE ON (who) SIZE 100 %").await.unwrap();
    for sql in [
        "SELECT COUNT(DISTINCT who), COUNT(*), SUM(x), AVG(x) FROM t WHERE k < 30",
        "SELECT k % 5 AS d, COUNT(DISTINCT who), SUM(x) FROM t GROUP BY k % 5 ORDER BY d",
        "SELECT who, COUNT(*), SUM(x) FROM t GROUP BY who ORDER BY who",
        "SELECT COUNT(DISTINCT who), COUNT(who), COUNT(*) FROM t",
    ] {
        let exact = session.query(sql).run().await.unwrap();
        let answer = session.query(sql).error_percent(0.001).run().await.unwrap();
        assert_eq!((rows(&answer), answer.report().mode), (rows(&exact), Mode::Exact), "{sql}");
        assert!(!answer.report().reason.contains("ran"), "{:?}", answer.report());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keys_cannot_tell_is_left_to_others() {
    let (_folder, session) = keyed().await;
    session.execute("CREATE SAMPLE keys ON t UNIVERSE ON (who) SIZE 20 %").await.unwrap();
    // All keys of the table were counted when the sample was drawn.
    let answer = session.query("SELECT COUNT(DISTINCT who) AS v FROM t").error_percent(1.0).run().await.unwrap();
    assert_eq!((answer.report().mode, answer.report().rows_read), (Mode::Exact, 0));
    assert_eq!(answer.cells("v").unwrap()[0].estimate, truth(&session, "SELECT COUNT(DISTINCT who) FROM t").await);
    for sql in ["SELECT MEDIAN(x) FROM t", "SELECT VAR(x) FROM t", "SELECT COUNT(DISTINCT k) FROM t WHERE x > 3"] {
        let answer = session.query(sql).error_percent(10.0).run().await.unwrap();
        assert_eq!(answer.report().mode, Mode::Exact, "{sql}");
    }
    // Rows of a missing group may all be of one key.
    let grouped = "SELECT k, COUNT(DISTINCT who) AS v FROM t GROUP BY k";
    let answer = session.query(grouped).error_percent(50.0).run().await.unwrap();
    assert_eq!(answer.report().missing_groups_below, None);
    assert_eq!(answer.report().sample.as_deref(), Some("keys"));
    // A sample of rows comes first where it can answer.
    session.execute("CREATE SAMPLE rows ON t SIZE 20 %").await.unwrap();
    for (sql, sample) in
        [("SELECT SUM(x) FROM t WHERE k < 9", "rows"), ("SELECT COUNT(DISTINCT who) FROM t WHERE k < 9", "keys")]
    {
        let answer = session.query(sql).error_percent(50.0).run().await.unwrap();
        assert_eq!(answer.report().sample.as_deref(), Some(sample), "{sql}");
    }
}
