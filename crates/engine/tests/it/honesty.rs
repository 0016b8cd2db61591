//! Queries and stores that could make a careless engine say more than it knows.

use super::support::{World, open, rows, truth, write_table};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::prelude::SessionContext;
use plusminus::{Mode, Session, SessionBuilder};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_text_count_what_is_not_null() {
    let world = World::new(20_000).await;
    world.session.sample("t").size_percent(100.0).build().await.unwrap();
    let sql = "SELECT COUNT(g) AS c FROM t WHERE k < 50";
    let answer = world.session.query(sql).error_percent(0.0001).run().await.unwrap();
    assert_eq!(answer.cells("c").unwrap()[0].estimate, truth(&world.session, sql).await);
    world.session.sample("t").size_percent(20.0).replace(true).build().await.unwrap();
    let cell = world.session.query(sql).error_percent(50.0).run().await.unwrap().cells("c").unwrap()[0];
    assert!(cell.lower <= truth(&world.session, sql).await && truth(&world.session, sql).await <= cell.upper);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_chosen_by_an_estimate_are_never_called_exact() {
    let world = World::new(50_000).await;
    world.session.sample("t").name("u").size_percent(10.0).build().await.unwrap();
    let hidden = "SELECT g FROM t GROUP BY g HAVING COUNT(*) > 3000 ERROR WITHIN 20%";
    let answer = world.session.execute(hidden).await.unwrap().pop().unwrap();
    assert!(answer.report().reason.contains("no estimate is selected"), "{:?}", answer.report());
    world.session.execute("DROP SAMPLE u").await.unwrap();
    world.session.sample("t").stratified_by(["g"]).cap(200).build().await.unwrap();
    let chosen = "SELECT g, COUNT(*) AS c FROM t GROUP BY g HAVING AVG(n) > 500 ERROR WITHIN 20%";
    let report = world.session.execute(chosen).await.unwrap().pop().unwrap().report().clone();
    assert_eq!((report.mode, report.met), (Mode::Approximate, Some(false)), "{report:?}");
    assert!(report.warnings[0].contains("chosen by an estimate"), "{report:?}");
    let unsampled = "SELECT g, AVG(x) AS a FROM t GROUP BY g ORDER BY SUM(n) DESC LIMIT 5 ERROR WITHIN 50%";
    let report = world.session.execute(unsampled).await.unwrap().pop().unwrap().report().clone();
    assert_eq!(report.mode, Mode::Approximate, "{report:?}");
    assert!(report.warnings[0].contains("chosen by an estimate"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_added_to_a_folder_is_seen_in_the_same_session() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("parts");
    std::fs::create_dir(&table).unwrap();
    write_table(&table.join("a.parquet"), 5_000, 1);
    let session = SessionBuilder::new(folder.path().join("store")).open().await.unwrap();
    session.register("p", table.to_str().unwrap()).await.unwrap();
    session.sample("p").size_percent(20.0).build().await.unwrap();
    let sql = "SELECT COUNT(*) AS c FROM p";
    assert_eq!(
        session.query(sql).error_percent(5.0).run().await.unwrap().report().reason,
        "answered from the catalog's counts"
    );
    write_table(&table.join("b.parquet"), 5_000, 2);
    let answer = session.query(sql).error_percent(5.0).run().await.unwrap();
    assert!(answer.report().reason.contains("stale"), "{:?}", answer.report());
    assert_eq!(answer.cells("c").unwrap()[0].estimate, 10_000.0);
    session.sample("p").size_percent(20.0).replace(true).build().await.unwrap();
    assert_eq!(session.query(sql).error_percent(5.0).run().await.unwrap().cells("c").unwrap()[0].estimate, 10_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_memory_are_only_trusted_as_long_as_they_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let session = Session::open(&store).await.unwrap();
    session
        .execute("CREATE TEMP TABLE m AS SELECT value % 7 AS g, value AS v FROM generate_series(1, 5000)")
        .await
        .unwrap();
    session.sample("m").size_rows(500).build().await.unwrap();
    let sql = "SELECT COUNT(*) AS c FROM m ERROR WITHIN 5%";
    assert!(session.execute(sql).await.unwrap()[0].report().reason.contains("catalog"));
    session.execute("INSERT INTO m VALUES (1, 1)").await.unwrap();
    let answer = session.execute(sql).await.unwrap().pop().unwrap();
    assert_eq!(answer.cells("c").unwrap()[0].estimate, 5001.0);
    assert!(answer.report().reason.contains("stale"), "{:?}", answer.report());
    let other = Session::open(&store).await.unwrap();
    other
        .execute("CREATE TEMP TABLE m AS SELECT value % 7 AS g, value AS v FROM generate_series(1, 10)")
        .await
        .unwrap();
    let answer = other.execute(sql).await.unwrap().pop().unwrap();
    assert_eq!(answer.cells("c").unwrap()[0].estimate, 10.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_keeps_its_own_tables() {
    let world = World::new(5_000).await;
    world.session.sample("t").size_rows(500).build().await.unwrap();
    let context = SessionContext::new();
    context.sql("CREATE TABLE t AS SELECT 1 AS k").await.unwrap().collect().await.unwrap();
    let session = Session::from_context(world.store(), context).await.unwrap();
    assert_eq!(truth(&session, "SELECT COUNT(*) FROM t").await, 1.0);
    let bounded = session.query("SELECT COUNT(*) AS c FROM t").error_percent(5.0).run().await.unwrap();
    assert_eq!(bounded.cells("c").unwrap()[0].estimate, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rounding_casting_and_whole_division() {
    let world = World::new(60_000).await;
    world.session.sample("t").size_percent(20.0).build().await.unwrap();
    let exact = truth(&world.session, "SELECT ROUND(AVG(x), 1) FROM t WHERE k < 150").await;
    for seed in 0..10 {
        world.session.sample("t").size_percent(20.0).seed(seed).replace(true).build().await.unwrap();
        let answer = world
            .session
            .query("SELECT ROUND(AVG(x), 1) AS r FROM t WHERE k < 150")
            .error_percent(20.0)
            .run()
            .await
            .unwrap();
        let cell = answer.cells("r").unwrap()[0];
        assert!((cell.lower * 10.0).fract().abs() < 1e-6 && cell.lower <= cell.estimate && cell.estimate <= cell.upper);
        assert!(seed > 0 || (cell.lower <= exact && exact <= cell.upper), "{cell:?}, truly {exact}");
    }
    for sql in
        ["SELECT SUM(n) / COUNT(*) AS r FROM t WHERE k < 9", "SELECT CAST(AVG(x) AS INT) * 100 AS r FROM t WHERE k < 9"]
    {
        assert_eq!(
            world.session.query(sql).error_percent(50.0).run().await.unwrap().report().mode,
            Mode::Exact,
            "{sql}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_where_keeps_out_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = || Int64Array::from_iter_values(0..20_000);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(numbers())),
        ("b", Arc::new(Int64Array::from_iter_values((0..20_000).map(|i| i % 5)))),
        (
            "s",
            Arc::new(StringArray::from_iter_values(
                (0..20_000).map(|i| if i % 2 == 0 { "x".to_owned() } else { i.to_string() }),
            )),
        ),
    ];
    super::support::write(&folder.path().join("t.parquet"), columns, 5_000);
    let session = open(folder.path(), 2).await;
    session.sample("t").size_percent(20.0).build().await.unwrap();
    for sql in ["SELECT AVG(a / b) AS v FROM t WHERE b <> 0", "SELECT SUM(CAST(s AS INT)) AS v FROM t WHERE a % 2 = 1"]
    {
        let exact = truth(&session, sql).await;
        let cell = session.query(sql).error_percent(50.0).run().await.unwrap().cells("v").unwrap()[0];
        assert!(cell.lower <= exact && exact <= cell.upper, "{sql}: {cell:?}, truly {exact}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn correlated_subqueries_run_exactly_and_others_read_the_table() {
    let world = World::new(20_000).await;
    world.session.sample("t").size_percent(30.0).build().await.unwrap();
    let correlated = "SELECT SUM(n) AS s FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.k = t.k AND u.n = 5)";
    let answer = world.session.query(correlated).error_percent(50.0).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Exact);
    let plain = "SELECT SUM(n) AS s FROM t WHERE n > (SELECT AVG(n) FROM t)";
    let answer = world.session.query(plain).error_percent(20.0).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Approximate, "{:?}", answer.report());
    let (cell, exact) = (answer.cells("s").unwrap()[0], truth(&world.session, plain).await);
    assert!(cell.lower <= exact && exact <= cell.upper);
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_without_rows_keep_the_columns_read_before() {
    let world = World::new(2_000).await;
    world.session.execute("CREATE SAMPLE s ON t STRATIFIED BY (g) CAP 4 LEVELS 6").await.unwrap();
    for sql in ["SELECT SUM(n) FROM t WHERE k > 5", "SELECT SUM(n), SUM(price) FROM t WHERE k > 5"] {
        let answer = world.session.query(sql).error_percent(0.01).run().await.unwrap();
        assert_eq!(rows(&answer).len(), 1);
    }
    assert!(world.session.execute("CREATE SAMPLE u ON t CAP 4 LEVELS 4294967295").await.is_err());
}
