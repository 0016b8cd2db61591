//! A sample that holds every row answers like DataFusion, with zero width.

use super::support::{World, assert_same, rows};
use plusminus::Mode;

const QUERIES: &[&str] = &[
    "SELECT COUNT(*) FROM t",
    "SELECT COUNT(*), COUNT(x), SUM(n), SUM(price), AVG(price), AVG(n) FROM t WHERE k < 100",
    "SELECT g, COUNT(*), SUM(price), AVG(price) FROM t GROUP BY g ORDER BY g NULLS FIRST",
    "SELECT g, SUM(n) AS s FROM t WHERE k BETWEEN 10 AND 90 GROUP BY g HAVING SUM(n) > 1000 ORDER BY s DESC LIMIT 5",
    "SELECT k % 10 AS d, COUNT(*) FILTER (WHERE n > 500) AS f, COUNT(*) AS c FROM t GROUP BY k % 10 ORDER BY d",
    "SELECT g, SUM(CASE WHEN k < 50 THEN price ELSE 0 END) AS s FROM t GROUP BY g ORDER BY g",
    "SELECT 100.0 * SUM(n) / COUNT(*) AS r, COUNT(g) AS names FROM t WHERE g IN ('group 01', 'group 03')",
    "WITH s AS (SELECT g, n + 1 AS m FROM t WHERE x IS NOT NULL) SELECT g, SUM(m) FROM s GROUP BY g ORDER BY g",
    "SELECT * FROM (SELECT g, COUNT(*) AS c FROM t GROUP BY g) q WHERE c > 10 ORDER BY g",
    "SELECT DISTINCT g, COUNT(*) FROM t GROUP BY g ORDER BY g",
    "SELECT COUNT(*), SUM(n) FROM t WHERE k IN (SELECT k FROM t WHERE n = 3)",
    "SELECT COUNT(*), SUM(n), AVG(n) FROM t WHERE k > 1000",
    "SELECT g, SUM(n) FROM t WHERE k > 1000 GROUP BY g",
    "SELECT rare, COUNT(*), SUM(n) FROM t GROUP BY rare ORDER BY rare",
    "SELECT g, VAR(x), STDDEV(n), VAR_POP(x), STDDEV_POP(price), COUNT(x) FROM t GROUP BY g ORDER BY g",
    "SELECT CORR(x, n), COVAR(x, n), COVAR_POP(n, x), REGR_SLOPE(n, k) FROM t WHERE k < 100",
    "SELECT g, MEDIAN(x), percentile_cont(0.9) WITHIN GROUP (ORDER BY n) AS p, percentile_cont(x, 0.25) FROM t GROUP BY g ORDER BY g",
    "SELECT percentile_cont(0.1) WITHIN GROUP (ORDER BY n DESC) FROM t WHERE k = 7",
    "SELECT g, MIN(n), MAX(n), MIN(x), MAX(price) FROM t WHERE k < 77 GROUP BY g ORDER BY g",
    "SELECT MIN(n), MAX(n), MIN(x), MAX(price), COUNT(*) FROM t",
    "SELECT BOOL_AND(k < 150), BOOL_OR(k > 198), BOOL_AND(k < 200) FROM t",
    "SELECT g, STDDEV(x) / AVG(x) AS cv FROM t GROUP BY g ORDER BY g",
    "SELECT VAR(x), MEDIAN(n), MIN(n), CORR(x, n), COUNT(*) FROM t WHERE k > 1000",
    "SELECT g, VAR(x) FROM t WHERE n = 5 GROUP BY g ORDER BY g",
    "SELECT COUNT(DISTINCT g) FROM t",
    "SELECT k % 7 AS d, COUNT(n), SUM(price) FROM t WHERE x > 1 GROUP BY 1 ORDER BY 1",
    "SELECT COUNT(n), SUM(price) FROM t WHERE k IN (SELECT k FROM t WHERE n = 3)",
    "SELECT g AS a, g AS b, COUNT(*), SUM(n) FROM t GROUP BY 1, 2 ORDER BY 1",
    "SELECT g, k % 3 AS d, COUNT(*), SUM(n) FROM t GROUP BY g, k % 3 ORDER BY g, d",
    "SELECT g, CONCAT('a text that is not inlined ', k % 5) AS d, SUM(n), AVG(n) FROM t WHERE n < 900 GROUP BY g, 2 ORDER BY g, d",
    "SELECT AVG(s), COUNT(*), STDDEV(s) FROM (SELECT g, SUM(n) AS s FROM t GROUP BY g)",
    "SELECT g, SUM(n) AS s, SUM(SUM(n)) OVER () AS total FROM t GROUP BY g ORDER BY g",
    "SELECT g, SUM(n) - LAG(SUM(n)) OVER (ORDER BY g) AS step FROM t GROUP BY g ORDER BY g",
    "SELECT g, AVG(n) AS a, lower_bound(AVG(n)) AS l, relative_error(AVG(n)) AS r FROM t GROUP BY g \
     HAVING absolute_error(AVG(n)) < 1 ORDER BY upper_bound(AVG(n)) DESC LIMIT 4",
];

#[tokio::test(flavor = "multi_thread")]
async fn equals_datafusion_with_zero_width() {
    let world = World::new(30_000).await;
    world.session.sample("t").name("whole").size_percent(100.0).build().await.unwrap();
    world.session.sample("t").name("strata").stratified_by(["g"]).cap(1_000_000).build().await.unwrap();
    for sample in ["whole", "strata"] {
        world.session.execute(&format!("SET plusminus.sample = '{sample}'")).await.unwrap();
        for sql in QUERIES {
            let exact = world.session.query(*sql).run().await.unwrap();
            let answer = world.session.query(*sql).error_percent(0.0001).run().await.unwrap();
            assert_same(&rows(&answer), &rows(&exact), &format!("{sample}: {sql}"));
            let report = answer.report();
            assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{sample}: {sql}: {report:?}");
            let ways = ["sample", "catalog", "sketch"];
            assert!(ways.iter().any(|way| report.reason.contains(way)), "{sql}: {report:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_behaves_as_in_datafusion() {
    let world = World::new(0).await;
    world.session.sample("t").size_rows(10).build().await.unwrap();
    world.session.sample("t").stratified_by(["g"]).cap(10).build().await.unwrap();
    for sql in [
        "SELECT COUNT(*), SUM(n), AVG(x) FROM t",
        "SELECT g, SUM(n) FROM t GROUP BY g",
        "SELECT COUNT(*) FROM t WHERE k > 3",
    ] {
        let exact = world.session.query(sql).run().await.unwrap();
        let answer = world.session.query(sql).error_percent(1.0).run().await.unwrap();
        assert_eq!(rows(&answer), rows(&exact), "{sql}");
    }
}

/// Groups of which no row lies in a stratum that is known whole, or none passes: an average of decimals divides by no rows.
#[tokio::test(flavor = "multi_thread")]
async fn averages_of_no_rows_are_null() {
    let world = World::new(20_000).await;
    for design in ["STRATIFIED BY (g) CAP 50", "SIZE 10 %", "SIZE 5 % TAIL (price)", "UNIVERSE ON (rare) SIZE 20 %"] {
        world.session.execute(&format!("CREATE OR REPLACE SAMPLE s ON t {design}")).await.unwrap();
        for sql in [
            "SELECT AVG(price) FROM t WHERE k > 5000",
            "SELECT AVG(price) FROM t WHERE k < 0",
            "SELECT AVG(price) FROM t WHERE false",
        ] {
            for bound in ["ERROR WITHIN 10%", "WITHIN 60 SECONDS"] {
                let answers = world.session.execute(&format!("{sql} {bound}")).await.unwrap();
                let answer = answers.last().unwrap();
                assert_eq!(rows(answer), ["NULL"], "{sql} {bound}, {design}");
                assert!(!answer.report().reason.contains("early"), "{:?}", answer.report());
            }
        }
        let grouped = "SELECT rare, AVG(price) FROM t WHERE k < 20 GROUP BY rare ERROR WITHIN 50%";
        let answers = world.session.execute(grouped).await.unwrap();
        assert!(!answers[0].report().reason.contains("early"), "{:?}", answers[0].report());
    }
}

/// Strata of a table with very many columns are read with what they know of the columns that a query names: NULLs and extremes of others
/// are known when these are asked for.
#[tokio::test(flavor = "multi_thread")]
async fn wide_tables_are_known_column_by_column() {
    use super::support::{open, rows, write};
    use arrow::array::{ArrayRef, Int64Array};
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..150).map(|at| format!("c{at}")).collect();
    let column = |at: i64| -> ArrayRef {
        // Every third column has NULLs, in a stratum of its own now and then.
        let value = |row: i64| {
            (at % 3 > 0 || (row * 7 + at) % 5 > 0 && row % 10 != at % 10).then_some((row * (at + 3)) % 1_000)
        };
        Arc::new((0..4_000).map(value).collect::<Int64Array>())
    };
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("g", Arc::new((0..4_000_i64).map(|row| row % 10).collect::<Int64Array>()))];
    columns.extend(names.iter().map(String::as_str).zip((0..).map(column)));
    write(&folder.path().join("t.parquet"), columns, 1_000);
    let session = open(folder.path(), 2).await;
    session.sample("t").stratified_by(["g"]).size_percent(100.0).build().await.unwrap();
    for sql in [
        "SELECT g, COUNT(c3), AVG(c4) FROM t GROUP BY g ORDER BY g",
        "SELECT g, COUNT(c6), SUM(c6) FROM t WHERE c3 > 100 GROUP BY g ORDER BY g",
        "SELECT COUNT(c9), COUNT(c10), MAX(c12), MIN(c12) FROM t",
        "SELECT COUNT(*) FROM t WHERE c15 IS NULL AND g < 4",
        "SELECT MAX(c99), MIN(c99), COUNT(c3) FROM t WHERE g = 9",
    ] {
        let exact = session.query(sql).run().await.unwrap();
        let known = session.query(sql).error_percent(5.0).run().await.unwrap();
        assert_eq!(rows(&known), rows(&exact), "{sql}");
    }
}
