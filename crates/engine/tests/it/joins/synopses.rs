//! Samples of joins: any of their columns may stratify, and all are stored when they are built.

use super::star::Star;
use crate::support::{assert_same, rows};
use plusminus::Mode;

const BUILT: &[&str] = &[
    "CREATE SAMPLE s ON sales JOIN customers ON s_customer = c_id STRATIFIED BY (c_segment) SIZE 100 %",
    "CREATE OR REPLACE SAMPLE s ON customers c JOIN sales ON c.c_id = s_customer JOIN nations n ON n.n_id = c.c_nation \
     STRATIFIED BY (n.n_name, s_place) SIZE 100 %",
    "CREATE OR REPLACE SAMPLE s ON sales JOIN nations AS a ON s_nation = a.n_id JOIN customers ON s_customer = c_id \
     JOIN nations AS b ON c_nation = b.n_id STRATIFIED BY (a.n_name, b.n_region) SIZE 100 %",
    "CREATE OR REPLACE SAMPLE s ON sales LEFT JOIN products ON s_product = p_id SIZE 100 %",
    "CREATE OR REPLACE SAMPLE s ON sales_star STRATIFIED BY (segment) SIZE 100 %",
];

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_joins_hold_every_row_with_its_partners() {
    let star = Star::new(6_000).await;
    let session = &star.session;
    let run = |sql: String| async move { session.execute(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e}")) };
    run("CREATE VIEW sales_star AS SELECT s_quantity, s_amount, c_segment AS segment, n_name FROM sales JOIN customers \
         ON s_customer = c_id JOIN nations ON c_nation = n_id"
        .to_owned())
    .await;
    for built in BUILT {
        run((*built).to_owned()).await;
        run("SET plusminus.sample = 's'".to_owned()).await;
        for sql in [
            "SELECT c_segment, COUNT(*), SUM(s_amount) FROM sales JOIN customers ON s_customer = c_id GROUP BY 1 ORDER BY 1 NULLS FIRST",
            "SELECT n_name, COUNT(*), SUM(s_quantity) FROM sales, customers, nations WHERE s_customer = c_id AND c_nation = n_id AND c_segment = 'car' GROUP BY 1 ORDER BY 1",
            "SELECT c_segment, COUNT(c_id), COUNT(c_balance), AVG(c_balance) FROM sales LEFT JOIN customers ON s_customer = c_id GROUP BY 1 ORDER BY 1 NULLS FIRST",
            "SELECT p_kind, SUM(p_price) FROM sales JOIN products ON s_product = p_id GROUP BY 1 ORDER BY 1",
            "SELECT segment, SUM(s_quantity), COUNT(*) FROM sales_star WHERE n_name LIKE '%3' GROUP BY segment ORDER BY 1 NULLS FIRST",
        ] {
            let exact = star.session.query(sql).run().await.unwrap();
            let answer = star.session.query(sql).error_percent(0.0001).run().await.unwrap();
            assert_same(&rows(&answer), &rows(&exact), &format!("{built}: {sql}"));
            let report = answer.report();
            assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{built}: {sql}: {report:?}");
            let known = report.reason.contains("sample 's'") || report.reason.contains("catalog");
            assert!(known, "{built}: {sql}: {report:?}");
        }
    }
}

/// Strata of a joined column exclude rows, and GROUP BY by one lacks no group.
#[tokio::test(flavor = "multi_thread")]
async fn strata_of_joined_columns_exclude_rows_and_know_every_group() {
    let star = Star::new(20_000).await;
    let build =
        "CREATE SAMPLE by_segment ON sales JOIN customers ON s_customer = c_id STRATIFIED BY (c_segment) CAP 200";
    star.session.execute(build).await.unwrap();
    let count = "SELECT c_segment, COUNT(*) AS n FROM sales LEFT JOIN customers ON s_customer = c_id GROUP BY c_segment ORDER BY 1";
    let exact = star.session.query(count).run().await.unwrap();
    let answer = star.session.query(count).error_percent(5.0).run().await.unwrap();
    assert_eq!(rows(&answer), rows(&exact));
    assert_eq!(answer.report().rows_read, 0, "{:?}", answer.report());
    // Rows without a customer are strata of their own, so that inner joins are known, too.
    let inner = count.replace("LEFT JOIN", "JOIN");
    let exact = star.session.query(&inner).run().await.unwrap();
    let answer = star.session.query(&inner).error_percent(5.0).run().await.unwrap();
    assert_eq!(rows(&answer), rows(&exact));
    assert_eq!(answer.report().rows_read, 0, "{:?}", answer.report());
    let one = "SELECT AVG(s_amount) AS a FROM sales JOIN customers ON s_customer = c_id WHERE c_segment = 'car'";
    let answer = star.session.query(one).error_percent(20.0).run().await.unwrap();
    assert!(answer.report().rows_read <= 200, "{:?}", answer.report());
    let misspelt = "CREATE SAMPLE other ON sales JOIN customers ON s_customer = c_id STRATIFIED BY (c_segmnt)";
    let error = star.session.execute(misspelt).await.unwrap_err().to_string();
    assert!(error.contains("no column 'c_segmnt'") && error.contains("did you mean 'c_segment'?"), "{error}");
    let listed = star.session.execute("SHOW SAMPLES").await.unwrap();
    assert!(rows(&listed[0])[0].contains("c_segment"), "{:?}", rows(&listed[0]));
}
