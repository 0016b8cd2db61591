//! Whole numbers that leave their type are an error, in exact answers and in estimates.

use plusminus::{Session, SessionBuilder};

async fn session(folder: &tempfile::TempDir) -> Session {
    let session = SessionBuilder::new(folder.path().join("store")).threads(2).open().await.unwrap();
    let values = "(4611686018427387904, 1, 12345678901234567890123456789012345678), (4611686018427387904, 1, \
                  92345678901234567890123456789012345678), (9, 2, 3), (NULL, 2, NULL)";
    let sql = format!(
        "CREATE TABLE t AS SELECT CAST(column1 AS BIGINT) AS i, CAST(column2 AS INT) AS k, \
         CAST(column3 AS DECIMAL(38, 0)) AS d FROM (VALUES {values})"
    );
    session.execute(&sql).await.unwrap();
    session
}

/// The rows of a query, or its error.
async fn check(session: &Session, sql: &str, expected: &str) {
    let found = match session.execute(sql).await {
        Ok(answers) => {
            let batch = answers[0].batch().clone();
            arrow::util::pretty::pretty_format_batches(&[batch])
                .unwrap()
                .to_string()
                .replace(['+', '-', '|', '\n'], " ")
        }
        Err(error) => error.to_string(),
    };
    let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(found.contains(expected), "{sql}: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_beyond_its_type_is_an_error_that_names_it_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    check(
        &session,
        "SELECT SUM(i) FROM t",
        "sum(t.i) is beyond the range of Int64 Try: SUM(CAST(t.i AS DECIMAL(38, 0)))",
    )
    .await;
    check(&session, "SELECT k, SUM(i) FROM t GROUP BY k", "sum(t.i) is beyond the range of Int64").await;
    check(&session, "SELECT SUM(CAST(i AS DECIMAL(38, 0))) AS s FROM t", "9223372036854775817").await;
    check(&session, "SELECT SUM(d) FROM t", "sum(t.d) is beyond the range of Decimal128(38, 0)").await;
    check(&session, "SELECT SUM(CAST(i AS BIGINT UNSIGNED)) AS s FROM t WHERE k = 1", "s 9223372036854775808").await;
    check(&session, "SELECT SUM(i) OVER () AS s FROM t", "is beyond the range of Int64").await;
    check(&session, "SELECT SUM(DISTINCT i + k) AS s FROM t", "s 4611686018427387916").await;
    check(&session, "SELECT SUM(DISTINCT i * 1) + SUM(k) AS s FROM t", "s 4611686018427387919").await;
}

/// The optimizer computes with literals before any row is read.
#[tokio::test(flavor = "multi_thread")]
async fn arithmetic_on_literals_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    for sql in [
        "SELECT 9223372036854775807 + 1 AS v",
        "SELECT 9223372036854775807 + COALESCE(k, 1) * 0 + 1 AS v FROM t",
        "SELECT a + 1 AS v FROM (SELECT 9223372036854775807 AS a)",
        "SELECT k FROM t WHERE COALESCE(k, 1) * 0 + 9223372036854775807 + 1 < 5",
        "SELECT SUM(k + 9223372036854775807 + COALESCE(k, 1) * 0 + 1) FROM t ERROR WITHIN 10%",
        "SELECT k FROM t WHERE i < 9223372036854775807 * 2",
        "SELECT SUM(k + 5000000000 * 5000000000) FROM t ERROR WITHIN 10%",
        "SELECT * FROM (SELECT -9223372036854775807 - 2 AS v) WHERE v > 0",
    ] {
        check(&session, sql, "a whole number is beyond its type").await;
    }
    check(&session, "SELECT 9223372036854775806 + 1 AS v, 2 * 3 AS w, 1.5 + 2 AS x", "9223372036854775807").await;
}

/// A sum may leave the type on the way, as long as it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_final_sum_has_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    check(&session, "SELECT SUM(i) AS s FROM t WHERE i IS NOT NULL AND i > 0 OR k = 2 AND i * 2 < 0", "beyond").await;
    let sql =
        "SELECT SUM(i) AS s FROM (SELECT i FROM t UNION ALL SELECT -i FROM t UNION ALL SELECT i FROM t WHERE k = 2)";
    check(&session, sql, "s 9").await;
    check(&session, "SELECT k, SUM(i) AS s FROM t WHERE k = 2 GROUP BY k", "2 9").await;
    check(&session, "SELECT SUM(i) AS s FROM t WHERE i > 4611686018427387904", "s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arithmetic_that_leaves_its_type_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    for sql in [
        "SELECT i * 2 AS x FROM t",
        "SELECT COUNT(*) FROM t WHERE i + i > 0",
        "SELECT MAX(i + i) FROM t",
        "SELECT i - (-9223372036854775807) AS x, COUNT(*) FROM t GROUP BY 1",
        "SELECT MIN(i) * 9223372036854775807 FROM t",
    ] {
        check(&session, sql, "beyond its type").await;
    }
    check(&session, "SELECT i * 1 + k AS x FROM t WHERE k = 2", "11").await;
}
