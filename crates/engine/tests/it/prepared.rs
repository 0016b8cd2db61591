//! Planned once, and anew when anything it was planned with has changed.

use super::support::{World, rows, write_table};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use plusminus::Session;
use std::sync::Arc;

async fn count(world: &World) -> String {
    let answer = world.session.query("SELECT COUNT(*), SUM(n) FROM t").error_percent(50.0).run().await.unwrap();
    rows(&answer).join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_of_the_same_name_is_another_query() {
    let world = World::new(10_000).await;
    let before = count(&world).await;
    assert_eq!(count(&world).await, before);
    let file = world.folder.path().join("other.parquet");
    write_table(&file, 5_000, 3);
    world.session.register("t", file.to_str().unwrap()).await.unwrap();
    let after = count(&world).await;
    assert!(before.starts_with("10000|") && after.starts_with("5000|"), "{before} then {after}");
    // Columns that went away are missed at once.
    world.session.execute("CREATE OR REPLACE VIEW v AS SELECT k, n FROM t").await.unwrap();
    let sum = || world.session.query("SELECT SUM(n) FROM v").run();
    sum().await.unwrap();
    world.session.execute("CREATE OR REPLACE VIEW v AS SELECT k FROM t").await.unwrap();
    assert!(sum().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_and_go_under_a_known_query() {
    let world = World::new(20_000).await;
    let ask = async || {
        let answer = world.session.query("SELECT g, AVG(x) AS a FROM t GROUP BY g").error_percent(40.0).run().await;
        let answer = answer.unwrap();
        (answer.report().sample.clone(), answer.report().reason.clone())
    };
    assert_eq!(ask().await.0, None);
    world.session.sample("t").name("first").stratified_by(["g"]).cap(300).build().await.unwrap();
    assert_eq!(ask().await.0.as_deref(), Some("first"));
    world.session.sample("t").name("first").stratified_by(["g"]).cap(400).seed(9).replace(true).build().await.unwrap();
    assert_eq!(ask().await.0.as_deref(), Some("first"));
    world.session.execute("DROP SAMPLE first").await.unwrap();
    let (sample, reason) = ask().await;
    assert!(sample.is_none() && reason.contains("no sample"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_the_time_are_asked_each_time() {
    let world = World::new(1_000).await;
    let one = async |sql: &'static str| rows(&world.session.query(sql).run().await.unwrap()).join(",");
    let now = one("SELECT MAX(n), now() FROM t").await;
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert_ne!(now, one("SELECT MAX(n), now() FROM t").await);
    let zone = "SELECT CAST(CAST('2026-01-01T00:00:00Z' AS TIMESTAMP WITH TIME ZONE) AS VARCHAR) AS z FROM t LIMIT 1";
    let before = one(zone).await;
    world.session.execute("SET datafusion.execution.time_zone = '+05:00'").await.unwrap();
    assert_ne!(before, one(zone).await);
}

/// Texts that were never asked are planned with what there is, not with what there was at the query before.
#[tokio::test(flavor = "multi_thread")]
async fn new_words_are_planned_with_the_functions_of_today() {
    let world = World::new(1_000).await;
    let context = world.session.context();
    let constant = |name: &str, value: i64| {
        let of = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::Int64(Some(value))));
        create_udf(name, Vec::new(), DataType::Int64, Volatility::Immutable, Arc::new(of))
    };
    let ask = async |sql: &'static str| world.session.query(sql).run().await.map(|answer| rows(&answer).join(","));
    context.register_udf(constant("told", 1));
    assert_eq!(ask("SELECT told() FROM t LIMIT 1").await.unwrap(), "1");
    context.register_udf(constant("told", 2));
    assert_eq!(ask("SELECT told() AS b FROM t LIMIT 1").await.unwrap(), "2");
    assert!(ask("SELECT late() FROM t LIMIT 1").await.is_err());
    context.register_udf(constant("late", 3));
    assert_eq!(ask("SELECT late() FROM t LIMIT 1").await.unwrap(), "3");
    let now = ask("SELECT now() AS a FROM t LIMIT 1").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert_ne!(ask("SELECT now() AS b FROM t LIMIT 1").await.unwrap(), now);
    // A scalar function comes before an aggregate of its name.
    let sum = ask("SELECT SUM(n) AS a FROM t").await.unwrap();
    context.register_udf(create_udf(
        "sum",
        vec![DataType::Int64],
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(|_| Ok(ColumnarValue::Scalar(ScalarValue::Int64(Some(7))))),
    ));
    assert_ne!(ask("SELECT SUM(n) AS b FROM t LIMIT 1").await.unwrap(), sum);
}

/// A text with other literals takes over the plan of those before, and answers like a text of its own, on a sample and on the table.
#[tokio::test(flavor = "multi_thread")]
async fn other_literals_are_another_query() {
    let world = World::new(20_000).await;
    world.session.sample("t").name("s").size_percent(60.0).build().await.unwrap();
    let ask = async |sql: String, error: Option<f64>| {
        let query = world.session.query(sql);
        let answer = error.map_or(query.clone(), |percent| query.error_percent(percent)).run().await.unwrap();
        (rows(&answer), answer.report().sample.is_some())
    };
    let mut found = Vec::new();
    for (n, group) in [(700, "group 01"), (600, "group 02"), (500, "it''s"), (-1, "group 01"), (100, "group 02")] {
        for error in [None, Some(50.0)] {
            let asked = |name: &str| format!("SELECT COUNT(*) AS {name} FROM t WHERE n < {n} OR g = '{group}'");
            let answer = ask(asked("c"), error).await;
            // With another name for the column the form is a new one.
            let name = format!("c{}", found.len());
            assert_eq!(answer, ask(asked(&name), error).await, "{n} {group}");
            assert_eq!(answer.1, error.is_some());
            found.push(answer.0);
        }
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 5, "{found:?}");
}

/// Columns are found whatever their letters' case, as long as only one can be meant.
#[tokio::test(flavor = "multi_thread")]
async fn columns_are_found_in_any_case() {
    let world = World::new(5_000).await;
    let script = async |sql: &str| world.session.execute(sql).await.map(|answers| rows(answers.last().unwrap()));
    // A table that was sampled is known to the next session on the store.
    world.session.sample("t").size_percent(50.0).build().await.unwrap();
    let create = "CREATE VIEW v AS SELECT g AS \"Name\", n AS \"Total\", k AS \"id\", k AS \"ID\" FROM t";
    script(create).await.unwrap();
    let exact = script("SELECT \"Name\", SUM(\"Total\") FROM v GROUP BY \"Name\" ORDER BY \"Name\"").await.unwrap();
    for sql in [
        "SELECT Name, SUM(Total) FROM v GROUP BY Name ORDER BY Name",
        "SELECT name, SUM(v.TOTAL) FROM v GROUP BY name ORDER BY NAME",
        "WITH c AS (SELECT name, total FROM v) SELECT name, SUM(total) FROM c GROUP BY name ORDER BY name",
        "SELECT Name, SUM(Total) FROM v WHERE Total >= 0 GROUP BY Name ORDER BY Name ERROR WITHIN 0.0001% ON MISS EXACT",
    ] {
        assert_eq!(script(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}")), exact, "{sql}");
    }
    script("CREATE VIEW w AS SELECT Total * 2 AS twice FROM v").await.unwrap();
    let again = super::support::open(world.folder.path(), 2).await;
    let sum = async |session: &Session| rows(&session.query("SELECT SUM(Twice) FROM w").run().await.unwrap());
    assert_eq!(sum(&again).await, sum(&world.session).await);
    // Which of "id" and "ID" is meant is said by the text, as it stands.
    assert!(script("SELECT SUM(ID) FROM v").await.is_ok());
    assert!(script("SELECT totals FROM v").await.is_err());
    assert!(script("SELECT \"TOTAL\" FROM v").await.is_err(), "what stands in quotes is meant so");
}
