//! Planned once, and anew when anything it was planned with has changed.

use super::support::{World, rows, write_table};

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
