//! Queries that strata alone decide are answered without a row, exactly; strata whose extremes exclude them are not read.

use super::support::{World, cells, rows};
use plusminus::Mode;

const OF_PHI: &[&str] = &[
    "SELECT SUM(k), AVG(k), MIN(k), MAX(k), COUNT(k), COUNT(*) FROM t WHERE k BETWEEN 10 AND 90",
    "SELECT g, SUM(k) AS s, AVG(k) AS a, MAX(k) AS w FROM t GROUP BY g ORDER BY g",
    "SELECT k % 7 AS d, SUM(k * 2) FILTER (WHERE k > 50) AS s, COUNT(*) FILTER (WHERE g IS NULL) AS n FROM t GROUP BY k % 7 ORDER BY d",
    "SELECT VAR(k), VAR_POP(k), STDDEV(k), STDDEV_POP(k) FROM t WHERE g <> 'group 02'",
    "SELECT 100.0 * SUM(CASE WHEN g = 'group 01' THEN 1 ELSE 0 END) / COUNT(*) AS share FROM t",
    "SELECT g, SUM(k) AS s FROM t WHERE k > 20 GROUP BY g HAVING SUM(k) > 50000 ORDER BY s DESC LIMIT 4",
    "SELECT SUM(k), AVG(k), MAX(k), VAR(k) FROM t WHERE k > 1000",
    "SELECT SUM(CAST(k AS DECIMAL(10, 2)) / 4), AVG(CAST(k AS DECIMAL(10, 2))), SUM(CAST(k AS DOUBLE)) FROM t WHERE g IS NOT NULL",
    "SELECT AVG(CAST(k AS DECIMAL(30, 2))), SUM(CAST(k AS DECIMAL(30, 5))) FROM t WHERE k < 77",
    "SELECT AVG(CAST(k AS DECIMAL(38, 10))) FROM t",
    "SELECT SUM(k * 500000000000) FROM t",
    "SELECT BOOL_AND(k < 200), BOOL_OR(k > 150), COUNT(g), MIN(k) FROM t",
];

/// Equal to the last digit, but for floats.
fn assert_same(answer: &[String], exact: &[String], sql: &str) {
    assert_eq!(answer.len(), exact.len(), "{sql}");
    for (a, e) in answer.iter().flat_map(|r| r.split('|')).zip(exact.iter().flat_map(|r| r.split('|'))) {
        let close = match (a.parse::<f64>(), e.parse::<f64>()) {
            (Ok(a), Ok(e)) if a.fract() != 0.0 => (a - e).abs() <= 1e-12 * e.abs(),
            _ => a == e,
        };
        assert!(close, "{sql}: {a} is not {e}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_of_the_stratification_read_no_row() {
    let world = World::new(30_000).await;
    let session = &world.session;
    session.sample("t").name("uniform").size_percent(5.0).build().await.unwrap();
    session.sample("t").name("by_g_k").stratified_by(["g", "k"]).cap(5).build().await.unwrap();
    for sql in OF_PHI {
        let exact = session.query(*sql).run().await.unwrap();
        let answer = session.query(*sql).error_percent(1.0).run().await.unwrap();
        assert_same(&rows(&answer), &rows(&exact), sql);
        let report = answer.report();
        assert_eq!((report.mode, report.rows_read, report.met), (Mode::Exact, 0, Some(true)), "{sql}: {report:?}");
        assert!(report.reason.contains("catalog"), "{sql}: {report:?}");
    }
    // A column that is no part of the stratification asks for rows.
    let answer = session.query("SELECT SUM(k), SUM(n) FROM t").error_percent(50.0).run().await.unwrap();
    assert!(answer.report().rows_read > 0);
}

/// Rows of strata that WHERE excludes, by their values or by their extremes, are not evaluated.
#[tokio::test(flavor = "multi_thread")]
async fn excluded_strata_are_not_read() {
    let world = World::new(60_000).await;
    let session = &world.session;
    session.sample("t").name("by_g").stratified_by(["g"]).cap(500).build().await.unwrap();
    let read = async |filter: &str| {
        let sql = format!("SELECT COUNT(*) AS c, AVG(x) AS a FROM t WHERE {filter} WITHIN 60 SECONDS");
        let answer = session.execute(&sql).await.unwrap().pop().unwrap();
        (answer.report().rows_read, rows(&answer))
    };
    let all = read("n >= 0").await;
    let one = read("g = 'group 03' AND n >= 0").await;
    assert!(one.0 * 5 < all.0, "{} of {}", one.0, all.0);
    // No stratum has such values, as their extremes say.
    let none = read("n > 5000").await;
    assert_eq!(none.0, 0);
    assert_eq!(none.1, ["0|NULL"]);
    let some = read("n > 500").await;
    assert!(some.0 <= all.0 && some.0 * 10 > all.0 * 9, "{} of {}", some.0, all.0);
}

/// A session with a table from text, stratified by `by`.
async fn written(text: &str, by: &str) -> (tempfile::TempDir, plusminus::Session) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    std::fs::write(&file, text).unwrap();
    let session = plusminus::Session::open(folder.path().join("store")).await.unwrap();
    session.register("t", file.to_str().unwrap()).await.unwrap();
    session.sample("t").name("s").stratified_by([by]).cap(5_000).build().await.unwrap();
    (folder, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn strata_of_null_have_no_values() {
    let lines: String = (0..6_000).map(|i| format!("{},{}\n", ["", "1", "2", "7"][i % 4], i % 10)).collect();
    let (_folder, session) = written(&format!("a,n\n{lines}"), "a").await;
    for sql in [
        "SELECT VAR(a), STDDEV(a), VAR_POP(a), SUM(a), AVG(a), MIN(a), MAX(a), COUNT(a), COUNT(*) FROM t",
        "SELECT a, VAR(a), SUM(a), AVG(a), COUNT(a), COUNT(*) FROM t GROUP BY a ORDER BY a",
        "SELECT VAR(a), SUM(a), COUNT(a) FROM t WHERE a IS NULL",
        "SELECT SUM(a) FILTER (WHERE a > 100), COUNT(a) FILTER (WHERE a > 1) FROM t",
    ] {
        let exact = session.query(sql).run().await.unwrap();
        let answer = session.query(sql).error_percent(1.0).run().await.unwrap();
        assert_same(&rows(&answer), &rows(&exact), sql);
        assert_eq!(answer.report().rows_read, 0, "{sql}");
    }
    // What error functions say of a variance is what it is.
    let sql = "SELECT VAR(a) AS v, lower_bound(VAR(a)) AS l FROM t";
    let answer = session.query(sql).error_percent(1.0).run().await.unwrap();
    let shown = rows(&answer)[0].split('|').map(|n| n.parse().unwrap()).collect::<Vec<f64>>();
    assert!((shown[0] - shown[1]).abs() < 1e-9 * shown[0], "{shown:?}");
}

/// Extremes that a float does not hold to the last digit exclude nothing.
#[tokio::test(flavor = "multi_thread")]
async fn strata_are_not_excluded_by_rounded_extremes() {
    let lines: String = (0..8_000).map(|i| format!("{},1234.57\n", i % 2)).collect();
    let (_folder, session) = written(&format!("h,fee\n{lines}"), "h").await;
    let cast = "CAST(CAST(fee AS VARCHAR) AS DECIMAL(38, 18))";
    session.execute(&format!("CREATE TABLE d AS SELECT h, {cast} AS fee, h - 1 AS z FROM t")).await.unwrap();
    session.sample("d").name("of_d").stratified_by(["h"]).cap(2_000).build().await.unwrap();
    for filter in [
        "fee = CAST('1234.57' AS DECIMAL(38, 18))",
        "fee >= CAST('1234.57' AS DECIMAL(38, 18))",
        "NOT CAST(z AS BOOLEAN)",
    ] {
        let sql = format!("SELECT COUNT(*) AS c FROM d WHERE {filter}");
        let exact = session.query(&sql).run().await.unwrap().cells("c").unwrap()[0];
        let found = session.query(&sql).error_percent(20.0).run().await.unwrap().cells("c").unwrap()[0];
        assert!(
            exact.estimate > 0.0 && found.lower <= exact.estimate && exact.estimate <= found.upper,
            "{sql}: {found:?}"
        );
    }
}

/// Groups far apart whose values lie close together: powers of values about one centre would cancel.
#[tokio::test(flavor = "multi_thread")]
async fn averages_of_groups_far_apart_keep_their_intervals() {
    let mut random = super::support::Random(5);
    let mut line = |i: usize| format!("{},{:.6}\n", i % 3, 1e9 * (i % 3) as f64 + random.unit());
    let lines: String = (0..30_000).map(&mut line).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    std::fs::write(&file, format!("g,x\n{lines}")).unwrap();
    let session = plusminus::Session::open(folder.path().join("store")).await.unwrap();
    session.register("t", file.to_str().unwrap()).await.unwrap();
    session.sample("t").name("u").size_percent(10.0).build().await.unwrap();
    let sql = "SELECT g, AVG(x) AS a FROM t GROUP BY g ORDER BY g WITHIN 60 SECONDS ON MISS REPORT";
    let answer = session.execute(sql).await.unwrap().pop().unwrap();
    for (group, cell) in cells(&answer, "a").iter().enumerate() {
        let (centre, half) = (1e9 * group as f64 + 0.5, (cell.upper - cell.lower) / 2.0);
        // 1.96 · 0.2887 / √1000 is 0.0179.
        assert!((0.015..0.021).contains(&half) && (cell.estimate - centre).abs() < 0.04, "{group}: {cell:?}");
    }
}
