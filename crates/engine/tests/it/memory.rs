//! Samples live within the session's memory, and what does not fit says so.

use super::support::{World, rows};
use plusminus::{Error, Session, SessionBuilder};

async fn session(world: &World, memory_bytes: u64) -> Session {
    let session = SessionBuilder::new(world.store()).memory_bytes(memory_bytes).threads(2).open().await.unwrap();
    session.register("t", world.folder.path().join("t.parquet").to_str().unwrap()).await.unwrap();
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_does_not_fit_is_a_clean_error() {
    let world = World::new(100_000).await;
    world.session.sample("t").name("s").size_percent(60.0).build().await.unwrap();
    let sql = "SELECT k % 4 AS d, AVG(n) AS a, SUM(price) AS s FROM t WHERE n < 900 GROUP BY k % 4 ORDER BY d";
    let long = std::time::Duration::from_secs(60);
    let small = session(&world, 1 << 20).await;
    super::support::prefer_estimates(&small).await;
    let error = small.query(sql).within(long).run().await.unwrap_err();
    assert!(matches!(&error, Error::Data { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("memory") && text.contains("--memory"), "{text}");
    // Few rows fit, before and after.
    for _ in 0..2 {
        let answer = small.query(sql).error_percent(40.0).run().await.unwrap();
        assert_eq!(answer.report().met, Some(true));
    }
    let large = session(&world, 1 << 30).await;
    super::support::prefer_estimates(&large).await;
    assert_eq!(large.query(sql).within(long).run().await.unwrap().report().rows_read, 60_000);
}

/// Several samples of which only one fits take each other's place, and answer as with plenty of memory.
#[tokio::test(flavor = "multi_thread")]
async fn samples_take_turns_in_a_small_memory() {
    let world = World::new(100_000).await;
    let names = ["a", "b", "c"];
    for (seed, name) in names.iter().enumerate() {
        world.session.sample("t").name(*name).size_percent(40.0).seed(seed as u64).build().await.unwrap();
    }
    let tight = session(&world, 6 << 20).await;
    for round in 0..2 {
        for name in names {
            let ask = async |session: &Session| {
                session.execute(&format!("SET plusminus.sample = '{name}'")).await.unwrap();
                let sql = "SELECT COUNT(*), SUM(x), AVG(n) FROM t WHERE k < 150 WITHIN 60 SECONDS";
                rows(&session.execute(sql).await.unwrap()[0])
            };
            assert_eq!(ask(&tight).await, ask(&world.session).await, "{name}, round {round}");
        }
    }
}

/// Totals of many groups, and 64 replicates of them, are within the memory or told.
#[tokio::test(flavor = "multi_thread")]
async fn totals_of_many_groups_are_within_the_memory() {
    let world = World::new(60_000).await;
    world.session.sample("t").name("s").stratified_by(["k"]).cap(250).build().await.unwrap();
    let within = " WITHIN 60 SECONDS";
    let plain = "SELECT x, SUM(n) AS a, SUM(k) AS b, SUM(price) AS c, AVG(n) AS d FROM t GROUP BY x";
    let nested = "SELECT AVG(s) AS v FROM (SELECT k, n, SUM(price) AS s FROM t GROUP BY k, n)";
    let large = session(&world, 1 << 30).await;
    for sql in [plain, nested] {
        large.query(format!("{sql}{within}")).run().await.unwrap();
        let mut was_refused = false;
        for memory in [1 << 20, 4 << 20, 16 << 20] {
            match session(&world, memory).await.query(format!("{sql}{within}")).run().await {
                Ok(answer) => assert!(answer.batch().num_rows() > 0),
                Err(error) => {
                    was_refused = true;
                    assert!(error.to_string().contains("memory"), "{error}");
                }
            }
        }
        assert!(was_refused, "{sql} fits into one MiB");
    }
}
