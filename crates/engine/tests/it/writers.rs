//! Two builds at once, drop and rebuild, names.

use super::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_until_replaced_or_dropped() {
    let world = World::new(5_000).await;
    let script = async |sql: &str| world.session.execute(sql).await.map(|a| super::support::rows(a.last().unwrap()));
    script("CREATE SAMPLE s ON t SIZE 100 ROWS").await.unwrap();
    let error = script("CREATE SAMPLE s ON t SIZE 100 ROWS").await.unwrap_err().to_string();
    assert!(error.contains("exists already") && error.contains("Try:"), "{error}");
    script("CREATE SAMPLE IF NOT EXISTS s ON t SIZE 100 ROWS").await.unwrap();
    let replaced = script("CREATE OR REPLACE SAMPLE s ON t STRATIFIED BY (g) CAP 50 LEVELS 1").await.unwrap();
    assert!(replaced[0].ends_with("|2|fresh"), "{replaced:?}");
    script("DROP SAMPLE s").await.unwrap();
    assert!(script("SHOW SAMPLES").await.unwrap().is_empty());
    assert!(script("DESCRIBE SAMPLE s").await.is_err());
    script("DROP SAMPLE IF EXISTS s").await.unwrap();
    let again = script("CREATE SAMPLE s ON t CAP 50").await.unwrap();
    assert!(again[0].ends_with("|4|fresh"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_builds_of_one_name_do_not_mix() {
    let world = World::new(100_000).await;
    let build = || world.session.sample("t").name("s").size_percent(10.0).replace(true).build();
    let (a, b) = tokio::join!(build(), build());
    assert!(a.is_ok() || b.is_ok());
    for error in [a.err(), b.err()].into_iter().flatten() {
        assert!(error.to_string().contains("another process"), "{error}");
    }
    world.session.execute("VERIFY SAMPLE s").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_build_leaves_the_store_as_it_was() {
    let world = World::new(200_000).await;
    let build = world.session.sample("t").name("s").size_percent(50.0).build();
    let cancelled = tokio::time::timeout(std::time::Duration::from_millis(20), build).await;
    if cancelled.is_err() {
        assert!(world.session.execute("DESCRIBE SAMPLE s").await.is_err());
    }
    world.session.sample("t").name("s").size_percent(1.0).replace(true).build().await.unwrap();
    world.session.execute("VERIFY SAMPLE s").await.unwrap();
}
