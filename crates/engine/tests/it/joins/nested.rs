//! Joins below other aggregates, subqueries, unions and windows: estimated, or exact for a reason that is said.

use super::star::Star;
use crate::support::{assert_same, rows};
use plusminus::Mode;
use std::time::Duration;

/// Queries, and a part of the reason in the report.
const QUERIES: &[(&str, &str)] = &[
    (
        "SELECT SUM(m), COUNT(*) FROM (SELECT c_segment, SUM(s_amount) AS m FROM sales JOIN customers ON s_customer = c_id GROUP BY c_segment)",
        "",
    ),
    (
        "SELECT SUM(m) FROM (SELECT n_name, SUM(s_amount) AS m FROM sales, customers, nations WHERE s_customer = c_id AND c_nation = n_id GROUP BY n_name)",
        "sample",
    ),
    (
        "SELECT c_segment, SUM(s_amount) AS m FROM sales JOIN customers ON s_customer = c_id GROUP BY c_segment HAVING SUM(s_amount) > (SELECT 0.2 * SUM(s_amount) FROM sales) ORDER BY m",
        "sample",
    ),
    (
        "SELECT n_name, COUNT(*) AS n FROM sales, customers, nations WHERE s_customer = c_id AND c_nation = n_id GROUP BY n_name HAVING COUNT(*) > (SELECT COUNT(*) / 12 FROM sales JOIN customers ON s_customer = c_id) ORDER BY n, 1",
        "sample",
    ),
    (
        "SELECT c_segment, COUNT(*) FROM sales JOIN customers ON s_customer = c_id WHERE s_amount > (SELECT AVG(s_amount) FROM sales JOIN products ON s_product = p_id) GROUP BY c_segment ORDER BY 1 NULLS FIRST",
        "sample",
    ),
    (
        "SELECT (SELECT SUM(s_amount) FROM sales JOIN customers ON s_customer = c_id WHERE c_segment = 'car') / (SELECT SUM(v_pages) FROM visits JOIN customers ON v_customer = c_id) AS r",
        "",
    ),
    (
        "SELECT a.m / b.p AS r FROM (SELECT SUM(s_amount) AS m FROM sales JOIN customers ON s_customer = c_id WHERE c_segment = 'boat') AS a CROSS JOIN (SELECT SUM(v_pages) AS p FROM visits JOIN customers ON v_customer = c_id) AS b",
        "",
    ),
    (
        "SELECT 'sales' AS what, SUM(s_amount) AS m FROM sales JOIN customers ON s_customer = c_id WHERE c_segment = 'car' UNION ALL SELECT 'visits', SUM(v_pages) FROM visits JOIN customers ON v_customer = c_id WHERE c_segment = 'car' ORDER BY 1",
        "sample",
    ),
    (
        "SELECT what, SUM(m) FROM (SELECT c_segment AS what, s_amount AS m FROM sales JOIN customers ON s_customer = c_id UNION ALL SELECT c_segment, v_pages FROM visits JOIN customers ON v_customer = c_id) GROUP BY what ORDER BY 1 NULLS FIRST",
        "",
    ),
    (
        "SELECT c_segment, SUM(s_amount) AS m, SUM(SUM(s_amount)) OVER () AS whole FROM sales JOIN customers ON s_customer = c_id GROUP BY c_segment ORDER BY m",
        "sample",
    ),
    (
        "SELECT n_name, c_segment, SUM(s_amount) * 100 / SUM(SUM(s_amount)) OVER (PARTITION BY n_name) AS share FROM sales, customers, nations WHERE s_customer = c_id AND c_nation = n_id GROUP BY n_name, c_segment ORDER BY 1, 2 NULLS FIRST",
        "sample",
    ),
    (
        "SELECT AVG(n) FROM (SELECT s_customer, COUNT(*) AS n FROM sales JOIN customers ON s_customer = c_id GROUP BY s_customer)",
        "",
    ),
    (
        "WITH a AS (SELECT c_segment AS s, SUM(s_amount) AS m FROM sales JOIN customers ON s_customer = c_id GROUP BY 1), b AS (SELECT c_segment AS s, SUM(v_pages) AS p FROM visits JOIN customers ON v_customer = c_id GROUP BY 1) SELECT a.s, m / p AS r FROM a JOIN b ON a.s = b.s ORDER BY 1",
        "",
    ),
    (
        "SELECT c_segment, n_name, SUM(s_amount) FROM sales, customers, nations WHERE s_customer = c_id AND c_nation = n_id GROUP BY ROLLUP (c_segment, n_name) ORDER BY 3",
        "sample",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn joins_inside_other_queries_equal_datafusion() {
    let star = Star::new(20_000).await;
    for (name, table) in [("whole", "sales"), ("all_visits", "visits")] {
        star.session.sample(table).name(name).size_percent(100.0).build().await.unwrap();
    }
    let mut seen = String::new();
    for (sql, part) in QUERIES {
        let exact = star.session.query(*sql).run().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let answer = star.session.query(*sql).within(Duration::from_secs(60)).run().await.unwrap();
        let report = answer.report();
        assert_same(&rows(&answer), &rows(&exact), sql);
        assert!(report.reason.contains(part), "{sql}: {report:?}");
        assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{sql}: {report:?}");
        seen.push_str(&format!("{sql}\n  {}\n", report.reason));
    }
    insta::assert_snapshot!(seen);
}
