//! A query reads the row groups of the strata that it asks for, whatever parts of the levels earlier queries left in memory.

use super::support::{World, assert_same, rows};
use plusminus::Session;

/// Queries on few strata, many, and all, that share columns and row groups.
const QUERIES: &[&str] = &[
    "SELECT COUNT(*), SUM(n) FROM t WHERE k = 17 AND n < 900",
    "SELECT k, SUM(price), AVG(n) FROM t WHERE k IN (17, 18, 150) AND n > 5 GROUP BY k ORDER BY k",
    "SELECT g, SUM(n) FROM t WHERE k = 150 GROUP BY g ORDER BY g",
    "SELECT g, SUM(n), SUM(price) FROM t WHERE k BETWEEN 10 AND 60 GROUP BY g ORDER BY g NULLS FIRST",
    "SELECT SUM(x), COUNT(x) FROM t WHERE k < 199 AND n < 500",
    "SELECT k, SUM(n) FROM t WHERE k IN (0, 199) AND n < 900 GROUP BY k ORDER BY k",
    "SELECT SUM(n), COUNT(*) FROM t WHERE k = 1000 AND n < 900",
    "SELECT k, SUM(x) FROM t WHERE k = 17 AND n < 900 GROUP BY k",
];

/// Each value of `k` is a stratum of about a thousand rows, so that a level has row groups of some strata each.
async fn world() -> World {
    let world = World::new(200_000).await;
    world.session.sample("t").name("whole").stratified_by(["k"]).size_percent(100.0).build().await.unwrap();
    world.session.execute("SET plusminus.sample = 'whole'").await.unwrap();
    world
}

async fn compared(session: &Session, sql: &str) {
    let exact = session.query(sql).run().await.unwrap();
    let answer = session.query(sql).error_percent(0.001).run().await.unwrap();
    assert!(answer.report().reason.contains("holds every row that matters"), "{sql}: {:?}", answer.report());
    assert_same(&rows(&answer), &rows(&exact), sql);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_do_not_depend_on_what_was_read_before() {
    let world = world().await;
    for order in 0..QUERIES.len() {
        // A new session has nothing in memory.
        let session = super::support::open(world.folder.path(), 2).await;
        session.execute("SET plusminus.sample = 'whole'").await.unwrap();
        for at in 0..QUERIES.len() {
            compared(&session, QUERIES[(order + at) % QUERIES.len()]).await;
        }
    }
}

/// Damage in a row group is an error of those who read it, where the sample alone may answer.
#[tokio::test(flavor = "multi_thread")]
async fn damage_elsewhere_does_not_matter() {
    let world = world().await;
    let folder = world.store().join("samples/whole/data-00000001");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with("level-"));
    files.sort();
    let last = files.last().unwrap();
    let mut bytes = std::fs::read(last).unwrap();
    // The last file is the last block of the highest level; its footer stays.
    let half = bytes.len() / 2;
    bytes[4..half].fill(0x55);
    std::fs::write(last, bytes).unwrap();
    let read = |k: u32| format!("SELECT COUNT(*), SUM(n), SUM(x) FROM t WHERE k = {k} AND n < 900");
    let session = super::support::open(world.folder.path(), 2).await;
    session.execute("SET plusminus.sample = 'whole'").await.unwrap();
    let mut strata = Vec::new();
    for k in 0..200 {
        strata.push(match session.query(read(k)).error_percent(0.001).run().await {
            Ok(answer) => answer.report().reason.contains("holds every row that matters"),
            Err(error) => {
                assert!(error.to_string().contains("checksum"), "{error}");
                false
            }
        });
    }
    let intact = strata.iter().filter(|is_read| **is_read).count();
    let damaged = strata.len() - intact;
    assert!(damaged > 0 && intact > 100, "{intact} intact, {damaged} damaged");
}
