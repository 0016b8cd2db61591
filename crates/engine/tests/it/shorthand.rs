//! Short ways of writing a query that DuckDB knows, too.

use super::support::{World, rows};
use plusminus::Mode;

#[tokio::test(flavor = "multi_thread")]
async fn short_queries_mean_the_long_ones() {
    let world = World::new(2_000).await;
    for (short, long) in [
        ("FROM t LIMIT 3", "SELECT * FROM t LIMIT 3"),
        ("FROM t ORDER BY n, x, k LIMIT 9", "SELECT * FROM t ORDER BY n, x, k LIMIT 9"),
        ("SELECT COUNT(*) FROM (FROM t) WHERE k < 9", "SELECT COUNT(*) FROM t WHERE k < 9"),
        ("WITH a AS (FROM t) SELECT MAX(n) FROM a", "SELECT MAX(n) FROM t"),
        ("FROM t SELECT g, COUNT(*) GROUP BY ALL ORDER BY g", "SELECT g, COUNT(*) FROM t GROUP BY g ORDER BY g"),
        ("(FROM t LIMIT 1)", "SELECT * FROM t LIMIT 1"),
    ] {
        let query = |sql: &str| world.session.query(sql).run();
        let (found, expected) = (query(short).await, query(long).await.unwrap());
        let found = found.unwrap_or_else(|error| panic!("{short}: {error}"));
        assert_eq!(rows(&found), rows(&expected), "{short}");
    }
    let file = world.folder.path().join("copy.parquet");
    for sql in [
        format!("COPY (FROM t LIMIT 7) TO '{}'", file.display()),
        "CREATE TABLE kept AS FROM t LIMIT 5".to_owned(),
        "CREATE VIEW seen AS FROM t".to_owned(),
    ] {
        world.session.execute(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
    let counted = world
        .session
        .query("SELECT (SELECT COUNT(*) FROM kept) AS kept, (SELECT COUNT(*) FROM seen) AS seen")
        .run()
        .await
        .unwrap();
    assert_eq!(rows(&counted), ["5|2000"]);
}

/// Bounds end them as they end others.
#[tokio::test(flavor = "multi_thread")]
async fn short_queries_are_estimated() {
    let world = World::new(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    for sql in [
        "FROM t SELECT AVG(n) AS a ERROR WITHIN 5%",
        "WITH part AS (FROM t) SELECT AVG(n) AS a FROM part WHERE k < 150 ERROR WITHIN 5%",
        "SELECT k % 2 AS d, AVG(n) AS a FROM t GROUP BY ALL ERROR WITHIN 5%",
    ] {
        let answer = world.session.execute(sql).await.unwrap().pop().unwrap();
        assert_eq!((answer.report().mode, answer.report().met), (Mode::Approximate, Some(true)), "{sql}");
    }
}
