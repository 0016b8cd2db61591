//! Scalar subqueries: computed where that is cheap, estimated with their own error where it is not.

use super::support::{World, beside, open, write_table};
use plusminus::{Answer, Mode, Trust};

/// Rows from which reading a table is more work than an estimate.
const ROWS: usize = 1_200_000;

async fn large(seed: u64) -> World {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), ROWS, seed);
    let session = open(folder.path(), 2).await;
    let world = World { folder, session };
    world.session.sample("t").stratified_by(["g"]).cap(1_500).build().await.unwrap();
    world
}

async fn asked(world: &World, sql: &str) -> Answer {
    world.session.query(sql).run().await.unwrap()
}

/// Cells of column `v` that are trusted and hold the truth, and all cells.
async fn held(world: &World, sql: &str, bound: &str) -> (usize, usize, Answer) {
    let exact = asked(world, sql).await;
    let answer = asked(world, &format!("{sql} {bound}")).await;
    let truth = exact.cells("v").unwrap();
    let cells = answer.cells("v").unwrap();
    assert_eq!(cells.len(), truth.len(), "{sql}");
    let is_held = |cell: &plusminus::Cell, truth: f64| cell.lower <= truth && truth <= cell.upper;
    let trusted = cells.iter().zip(&truth).filter(|(cell, _)| cell.trust == Trust::Trusted);
    let good = trusted.clone().filter(|(cell, truth)| is_held(cell, truth.estimate)).count();
    (good, trusted.count(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn estimated_subqueries_widen_the_intervals() {
    let world = large(7).await;
    let (mut held_all, mut all) = (0, 0);
    for sql in [
        "SELECT g, AVG(x) / (SELECT AVG(x) FROM t WHERE k < 150) AS v FROM t WHERE n < 600 GROUP BY g ORDER BY g",
        "SELECT COUNT(*) AS v FROM t WHERE x > (SELECT AVG(x) FROM t WHERE n < 500)",
        "SELECT g, SUM(x) - (SELECT SUM(x) / 12 FROM t WHERE n < 900) AS v FROM t WHERE n < 900 GROUP BY g ORDER BY g",
        "SELECT SUM(CASE WHEN x > (SELECT AVG(x) FROM t WHERE k < 100) THEN n ELSE 0 END) AS v FROM t WHERE k < 180",
        "SELECT x > (SELECT AVG(x) FROM t WHERE k < 100) AS large, COUNT(*) AS v FROM t WHERE n < 800 AND x >= 0 GROUP BY 1 ORDER BY 1",
        "SELECT (SELECT AVG(x) FROM t WHERE n < 300) * (SELECT AVG(n) FROM t WHERE k < 60) + AVG(x) AS v FROM t WHERE k > 20",
    ] {
        let (good, trusted, answer) = held(&world, sql, "ERROR WITHIN 0.01% ON MISS REPORT").await;
        let report = answer.report();
        assert_eq!(report.mode, Mode::Approximate, "{sql}: {report:?}");
        assert!(report.reason.contains("estimated, too"), "{sql}: {report:?}");
        assert!(report.rows_read < 100_000 && trusted > 0, "{sql}: {report:?}");
        held_all += good;
        all += trusted;
    }
    // 29 cells at 95 %: fewer than 24 held would come up once in 10,000 draws.
    assert!(held_all * 100 >= all * 83 && all >= 25, "{held_all} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subquery_counts_with_its_own_error() {
    let world = large(8).await;
    // Exact but for the subquery.
    let sql = "SELECT COUNT(*) * (SELECT AVG(x) FROM t WHERE n < 300) AS v FROM t";
    let (_, trusted, answer) = held(&world, sql, "ERROR WITHIN 30%").await;
    assert_eq!((trusted, answer.report().met, answer.report().mode), (1, Some(true), Mode::Approximate), "{answer:?}");
    let cell = answer.cells("v").unwrap()[0];
    let own = asked(&world, "SELECT AVG(x) AS v FROM t WHERE n < 300 ERROR WITHIN 7.5%").await.cells("v").unwrap()[0];
    let relative = |cell: &plusminus::Cell| (cell.upper - cell.lower) / cell.estimate;
    assert!(relative(&cell) > relative(&own), "{cell:?} {own:?}");
    // A column that is the subquery alone.
    let (_, _, alone) =
        held(&world, "SELECT COUNT(*) AS c, (SELECT AVG(x) FROM t WHERE n < 300) AS v FROM t", "ERROR WITHIN 30%")
            .await;
    assert!(alone.cells("v").unwrap()[0].trust == Trust::Trusted, "{alone:?}");
    assert!(alone.cells("c").unwrap()[0].trust == Trust::Exact, "{alone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_are_kept_with_subqueries() {
    let world = large(9).await;
    let sql = "SELECT g, SUM(x) - (SELECT SUM(x) / 12.5 FROM t WHERE n < 900) AS v FROM t WHERE n < 900 GROUP BY g ORDER BY g";
    let exact = asked(&world, sql).await;
    for bound in
        ["ERROR WITHIN 1% ON MISS REPAIR", "ERROR WITHIN 20% ON MISS EXACT", "WITHIN 60 SECONDS ON MISS REPAIR"]
    {
        let kept = asked(&world, &format!("{sql} {bound}")).await;
        assert_eq!(kept.report().met, Some(true), "{bound}: {:?}", kept.report());
        for (cell, truth) in beside(&kept, &exact, "v") {
            assert!(
                cell.lower <= truth.estimate + 1e-6 && truth.estimate <= cell.upper + 1e-6,
                "{bound}: {cell:?} {truth:?}"
            );
        }
    }
    let failed = world.session.query(format!("{sql} ERROR WITHIN 0.01% ON MISS FAIL")).run().await;
    assert!(matches!(failed, Err(plusminus::Error::BoundMissed { answer: Some(_), .. })), "{failed:?}");
    // HAVING by an estimated value: who belongs is not settled where the intervals say so.
    let having = "SELECT g, AVG(x) AS v FROM t WHERE n < 900 GROUP BY g HAVING AVG(x) > (SELECT AVG(x) FROM t WHERE n < 900) ORDER BY g";
    let chosen = asked(&world, &format!("{having} ERROR WITHIN 0.01% ON MISS REPORT")).await;
    assert!(!chosen.report().unsettled_members.is_empty(), "{:?}", chosen.report());
    let kept = asked(&world, &format!("{having} ERROR WITHIN 10% ON MISS REPAIR")).await;
    assert_eq!(kept.report().met, Some(true), "{:?}", kept.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_without_rows_and_texts_are_what_they_are() {
    let world = large(10).await;
    for sql in [
        "SELECT g, COUNT(*) AS v FROM t WHERE x > (SELECT AVG(x) FROM t WHERE n > 5000) GROUP BY g ORDER BY g",
        "SELECT COUNT(*) AS v, (SELECT MAX(g) FROM t) AS last FROM t WHERE g < (SELECT MAX(g) FROM t)",
        "SELECT COUNT(*) + (SELECT COUNT(*) FROM (VALUES (1), (2)) AS a) AS v FROM t",
        "SELECT AVG(n) AS v, (SELECT v FROM (VALUES ('one')) AS a(v)) AS what FROM t WHERE k = (SELECT MIN(k) + 3 FROM t)",
    ] {
        let exact = asked(&world, sql).await;
        let kept = asked(&world, &format!("{sql} ERROR WITHIN 20% ON MISS REPAIR")).await;
        assert_eq!(kept.report().met, Some(true), "{sql}: {:?}", kept.report());
        let names = |answer: &Answer| answer.columns().iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(&kept), kept.batch().num_rows()), (names(&exact), exact.batch().num_rows()), "{sql}");
        // The first query has no rows, since it compares with NULL.
        let is_empty = sql.contains("n > 5000");
        assert_eq!(exact.batch().num_rows() == 0, is_empty, "{sql}");
        for (cell, truth) in if is_empty { Vec::new() } else { beside(&kept, &exact, "v") } {
            assert!(cell.lower <= truth.estimate && truth.estimate <= cell.upper, "{sql}: {cell:?} {truth:?}");
        }
    }
    let many = world.session.query("SELECT COUNT(*) FROM t WHERE n > (SELECT k FROM t) ERROR WITHIN 5%").run().await;
    assert!(many.is_err_and(|e| e.to_string().to_lowercase().contains("more than one row")));
    let sql =
        "EXPLAIN SELECT g, AVG(x) FROM t WHERE x > (SELECT AVG(x) FROM t WHERE n < 300) GROUP BY g ERROR WITHIN 20%";
    let lines = super::support::rows(&asked(&world, sql).await);
    assert!(lines.iter().any(|line| line.starts_with("subquery|estimated: ")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_intervals_settle_are_not_read_from_the_table() {
    let world = large(11).await;
    for (sql, is_settled) in [
        (
            "SELECT g, SUM(x) AS v FROM t WHERE g IN (SELECT g FROM t GROUP BY g ORDER BY SUM(n) DESC LIMIT 2) GROUP BY g ORDER BY g",
            true,
        ),
        (
            "SELECT COUNT(*) AS v FROM t WHERE n < 500 AND g NOT IN (SELECT g FROM t WHERE g IS NOT NULL GROUP BY g HAVING SUM(n) > 80000000)",
            true,
        ),
        ("SELECT AVG(n) AS v FROM t WHERE g IN (SELECT g FROM t GROUP BY g HAVING SUM(n) > 1e12)", false),
        ("SELECT AVG(x) AS v FROM t WHERE g IN (SELECT g FROM t GROUP BY g ORDER BY AVG(x) DESC LIMIT 2)", false),
    ] {
        let (good, trusted, answer) = held(&world, sql, "ERROR WITHIN 0.01% ON MISS REPORT").await;
        let report = answer.report();
        assert!(good + 1 >= trusted, "{sql}: {good} of {trusted}");
        assert_eq!(report.rows_read < 400_000, is_settled, "{sql}: {report:?}");
        let kept = asked(&world, &format!("{sql} ERROR WITHIN 25% ON MISS REPAIR")).await;
        assert_eq!(kept.report().met, Some(true), "{sql}: {:?}", kept.report());
    }
    // Which groups belong is known with the answer's confidence at best: no number that rests on it is exact.
    let counted = "SELECT g, COUNT(*) AS v FROM t WHERE g IN (SELECT g FROM t GROUP BY g ORDER BY SUM(n) DESC LIMIT 2) GROUP BY g";
    let answer = asked(&world, &format!("{counted} ERROR WITHIN 5% ON MISS REPORT")).await;
    assert!(answer.cells("v").unwrap().iter().all(|cell| cell.trust != Trust::Exact), "{answer:?}");
}

/// Between both ends of a subquery's interval anything may happen where the query does not change steadily with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_change_steadily_is_computed() {
    let world = large(12).await;
    let average = "(SELECT AVG(n) FROM t WHERE k < 150)";
    for sql in [
        format!("SELECT COUNT(*) AS v FROM t WHERE k > 50 AND {average} BETWEEN 499 AND 500"),
        format!("SELECT COUNT(*) AS v FROM t WHERE ABS(n - {average}) < 1"),
        format!("SELECT COUNT(*) AS v FROM t WHERE n BETWEEN {average} - 0.5 AND {average} + 0.5"),
        format!(
            "SELECT COUNT(*) AS v, CASE WHEN {average} > 499.5 THEN 'above' ELSE 'below' END AS what FROM t WHERE k > 50"
        ),
        format!("SELECT SUM(SIN(n * {average})) AS v FROM t"),
        format!("SELECT (AVG(n) - {average}) * (AVG(n) - {average}) AS v FROM t WHERE k > 20"),
    ] {
        let exact = asked(&world, &sql).await;
        for bound in ["ERROR WITHIN 10% ON MISS REPAIR", "ERROR WITHIN 50% ON MISS REPORT"] {
            let answer = asked(&world, &format!("{sql} {bound}")).await;
            assert!(!answer.report().reason.contains("estimated, too"), "{sql} {bound}: {:?}", answer.report());
            let (cell, truth) = (answer.cells("v").unwrap()[0], exact.cells("v").unwrap()[0].estimate);
            assert!(cell.trust != Trust::Exact || cell.estimate == truth, "{sql} {bound}: {cell:?} {truth}");
        }
        let repaired = asked(&world, &format!("{sql} ERROR WITHIN 10% ON MISS REPAIR")).await;
        assert_eq!(super::support::rows(&repaired).len(), 1);
        if sql.contains("what") {
            assert_eq!(
                super::support::rows(&repaired)[0].split('|').nth(1),
                super::support::rows(&exact)[0].split('|').nth(1)
            );
        }
    }
    // A row that is there or not, as the value says.
    let sql = format!("SELECT COUNT(*) AS v FROM t WHERE {average} > 499 AND k > 50 ERROR WITHIN 10% ON MISS REPORT");
    assert!(asked(&world, &sql).await.cells("v").unwrap()[0].trust != Trust::Exact);
    // What error functions say is what is shown.
    let sql = format!(
        "SELECT c AS v, lower_bound(c) AS lo FROM (SELECT COUNT(*) AS c FROM t WHERE n > {average}) ERROR WITHIN 10% ON MISS REPORT"
    );
    let answer = asked(&world, &sql).await;
    let lower: f64 = super::support::rows(&answer)[0].split('|').nth(1).unwrap().parse().unwrap();
    assert_eq!(lower, answer.cells("v").unwrap()[0].lower);
}

/// With ERROR and WITHIN the estimate in hand is the answer where the table does not end in time.
#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_in_hand_is_not_thrown_away() {
    let world = large(13).await;
    let sql = "SELECT g, AVG((x - (SELECT AVG(x) FROM t WHERE n < 900)) * n) AS v FROM t WHERE k > 10 GROUP BY g";
    // The sample is in memory then, and the table was timed.
    let exact = asked(&world, sql).await.report().elapsed_ms;
    asked(&world, &format!("{sql} ERROR WITHIN 0.1% ON MISS REPORT")).await;
    for share in [0.5, 0.8, 1.2, 2.5] {
        let ms = (exact * share).max(30.0);
        let mut answers = Vec::new();
        // Of a machine that is busy with other things one answer in five is enough: without an estimate in hand there is none.
        for _ in 0..5 {
            let bounded = format!("{sql} ERROR WITHIN 0.1% WITHIN {ms:.0} MS ON MISS REPAIR");
            answers.push(world.session.query(bounded).run().await);
        }
        assert!(answers.iter().any(Result::is_ok), "{ms} ms: {answers:?}");
    }
}
