//! A sample that holds every row answers like DataFusion, with zero width.

use super::support::{World, rows};
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
            assert_eq!(rows(&answer), rows(&exact), "{sample}: {sql}");
            let report = answer.report();
            assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{sample}: {sql}: {report:?}");
            assert!(report.reason.contains("sample") || report.reason.contains("catalog"), "{sql}: {report:?}");
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
