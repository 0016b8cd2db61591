//! A sample answers as long as its table is what it was, and no longer; views and their samples.

use super::support::{World, beside, open, rows, write_table};
use plusminus::{Mode, Session, SessionBuilder};
use std::fs;
use std::path::Path;

async fn session(folder: &Path) -> Session {
    SessionBuilder::new(folder.join("store")).threads(2).open().await.unwrap()
}

/// Whether a sample answers, and why not.
async fn answers(session: &Session, sql: &str) -> Result<(), String> {
    let answer = session.query(sql).error_percent(50.0).run().await.unwrap();
    match answer.report().mode == Mode::Approximate || answer.report().reason.contains("catalog") {
        true => Ok(()),
        false => Err(answer.report().reason.clone()),
    }
}

async fn state(session: &Session, name: &str) -> String {
    let answer = session.execute("SHOW SAMPLES").await.unwrap().pop().unwrap();
    let row = rows(&answer).into_iter().find(|row| row.starts_with(&format!("{name}|"))).unwrap();
    row.rsplit('|').next().unwrap().to_owned()
}

const SQL: &str = "SELECT AVG(n) FROM t WHERE k < 190";

/// Every way in which the files of a table become others without a new size or time.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_others_are_noticed() {
    type Change = fn(&Path);
    let turned: Change = |at| {
        fs::remove_file(at.join("t.parquet")).unwrap();
        std::os::unix::fs::symlink(at.join("other.parquet"), at.join("t.parquet")).unwrap();
    };
    let rewritten: Change = |at| {
        let file = at.join("one.parquet");
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        fs::write(&file, fs::read(&file).unwrap()).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    };
    let replaced: Change = |at| {
        let time = fs::metadata(at.join("one.parquet")).unwrap().modified().unwrap();
        fs::copy(at.join("one.parquet"), at.join("copy")).unwrap();
        fs::rename(at.join("copy"), at.join("one.parquet")).unwrap();
        fs::File::options().write(true).open(at.join("one.parquet")).unwrap().set_modified(time).unwrap();
    };
    for (name, change) in [("turned", turned), ("rewritten", rewritten), ("replaced", replaced)] {
        let folder = tempfile::tempdir().unwrap();
        write_table(&folder.path().join("one.parquet"), 5_000, 1);
        write_table(&folder.path().join("other.parquet"), 5_000, 2);
        std::os::unix::fs::symlink(folder.path().join("one.parquet"), folder.path().join("t.parquet")).unwrap();
        let session = open(folder.path(), 2).await;
        session.sample("t").name("s").size_percent(20.0).build().await.unwrap();
        assert_eq!((answers(&session, SQL).await, state(&session, "s").await), (Ok(()), "fresh".to_owned()), "{name}");
        change(folder.path());
        let why = answers(&session, SQL).await.unwrap_err();
        assert!(why.contains("stale") && why.contains("changed"), "{name}: {why}");
        assert!(state(&session, "s").await.starts_with("stale: file"), "{name}");
        let verified = session.execute("VERIFY SAMPLE s").await.unwrap();
        assert!(rows(&verified[0])[0].contains("it is stale"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_options_make_another_table() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..3_000).map(|i| format!("{};{}\n", i % 7, i % 50)).collect();
    fs::write(folder.path().join("x.csv"), format!("k;n\n{text}")).unwrap();
    let session = session(folder.path()).await;
    let place = folder.path().join("x.csv").display().to_string();
    session.execute(&format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{place}'")).await.unwrap();
    session.sample("t").name("s").size_percent(30.0).build().await.unwrap();
    assert_eq!(answers(&session, "SELECT AVG(n) FROM t WHERE k < 6").await, Ok(()));
    let again = format!("DROP TABLE t; CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{place}' OPTIONS ('null' '3')");
    session.execute(&again).await.unwrap();
    let why = answers(&session, "SELECT AVG(n) FROM t WHERE k < 6").await.unwrap_err();
    assert!(why.contains("other options"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_change_ends_samples_of_tables_in_memory() {
    for change in ["UPDATE t SET n = n + 1 WHERE k = 3", "INSERT INTO t VALUES (1, 2)", "DELETE FROM t WHERE k = 3"] {
        let folder = tempfile::tempdir().unwrap();
        let session = session(folder.path()).await;
        let made = "CREATE TEMP TABLE t AS SELECT value % 7 AS k, value % 50 AS n FROM generate_series(1, 4000)";
        session.execute(made).await.unwrap();
        session.sample("t").name("s").size_percent(30.0).build().await.unwrap();
        let sql = "SELECT AVG(n), MIN(n) FROM t WHERE k < 6";
        assert_eq!(answers(&session, sql).await, Ok(()), "{change}");
        session.execute(change).await.unwrap();
        let why = answers(&session, sql).await.unwrap_err();
        assert!(why.contains("stale"), "{change}: {why}");
        let exact = session.query(sql).run().await.unwrap();
        let bounded = session.query(sql).error_percent(50.0).run().await.unwrap();
        assert_eq!(rows(&bounded), rows(&exact), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_build_takes_the_sample_of_another_table() {
    let folder = tempfile::tempdir().unwrap();
    for year in ["2023", "2024"] {
        fs::create_dir_all(folder.path().join(year)).unwrap();
        write_table(&folder.path().join(year).join("trips.parquet"), 2_000, 1);
    }
    let session = session(folder.path()).await;
    let path = |year: &str| folder.path().join(year).join("trips.parquet").display().to_string();
    let mut names = Vec::new();
    for year in ["2023", "2024", "2024"] {
        let built = session.sample(path(year)).size_percent(10.0).replace(true).build().await.unwrap();
        names.push((built.name, built.generation));
    }
    let expected = [("trips_uniform", 1), ("2024_trips_uniform", 1), ("2024_trips_uniform", 2)];
    assert_eq!(names, expected.map(|(name, generation)| (name.to_owned(), generation)));
    let taken = session.sample(path("2024")).name("trips_uniform").replace(true).build().await.unwrap_err();
    assert!(taken.to_string().contains("is of another table"), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_views_answer_queries_on_the_view() {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), 20_000, 7);
    let first = open(folder.path(), 2).await;
    first.session_views().await;
    let sql = "SELECT big, AVG(n) AS a, COUNT(*) AS c FROM v WHERE n < 950 GROUP BY big ORDER BY big";
    let why = answers(&first, sql).await.unwrap_err();
    assert!(why.contains("there is no sample"), "{why}");
    first.sample("v").name("by_big").stratified_by(["big"]).cap(800).build().await.unwrap();
    // The view, and what stands on it, are known to a later process, and so is the sample.
    first.sample("t").name("base").size_percent(5.0).build().await.unwrap();
    drop(first);
    let session = session(folder.path()).await;
    for sql in [sql, "SELECT big, AVG(n) FROM v AS x WHERE n < 950 GROUP BY big"] {
        let answer = session.query(sql).error_percent(10.0).run().await.unwrap();
        assert_eq!(answer.report().sample.as_deref(), Some("by_big"), "{sql}: {:?}", answer.report());
    }
    // A view on a view is answered by samples of the view below, at any depth, else by those of the table.
    session.execute("CREATE VIEW x AS SELECT n, big FROM w WHERE n > 10").await.unwrap();
    for view in ["w", "x"] {
        let sql = format!("SELECT AVG(n) AS a FROM {view} WHERE n < 950");
        let answer = session.query(&sql).error_percent(10.0).run().await.unwrap();
        assert_eq!(answer.report().sample.as_deref(), Some("by_big"), "{view}: {:?}", answer.report());
        let exact = session.query(&sql).run().await.unwrap().cells("a").unwrap()[0].estimate;
        let found = answer.cells("a").unwrap()[0].estimate;
        assert!((found - exact).abs() < 0.2 * exact, "{view}: {found} {exact}");
    }
    let exact = session.query(sql).run().await.unwrap();
    let answer = session.query(sql).error_percent(10.0).run().await.unwrap();
    for (cell, truth) in beside(&answer, &exact, "a") {
        assert!((cell.estimate - truth.estimate).abs() < 0.2 * truth.estimate, "{cell:?} {truth:?}");
    }
    // Another view under the same name is another table.
    session.execute("CREATE OR REPLACE VIEW v AS SELECT *, k > 150 AS big FROM t").await.unwrap();
    let answer = session.query(sql).error_percent(10.0).run().await.unwrap();
    assert_ne!(answer.report().sample.as_deref(), Some("by_big"));
    assert!(state(&session, "by_big").await.contains("the view is defined otherwise"));
    write_table(&folder.path().join("t.parquet"), 20_000, 8);
    assert!(state(&session, "base").await.contains("changed since"));
}

trait Views {
    async fn session_views(&self);
}

impl Views for Session {
    async fn session_views(&self) {
        self.sample("t").name("keeps_the_table").size_rows(10).build().await.unwrap();
        self.execute("CREATE VIEW v AS SELECT *, k > 100 AS big FROM t; CREATE VIEW w AS SELECT * FROM v")
            .await
            .unwrap();
        self.execute("DROP SAMPLE keeps_the_table").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_table_name_can_be_sampled_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), 2_000, 7);
    let names = ["sales 2024", "größe/€", "a.b", "..", &"x".repeat(300)];
    let at = folder.path().join("t.parquet").display().to_string();
    let first = session(folder.path()).await;
    for (number, name) in names.iter().enumerate() {
        first.register(name, &at).await.unwrap();
        first.sample(*name).name(format!("s{number}")).size_percent(20.0).build().await.unwrap();
    }
    drop(first);
    let session = session(folder.path()).await;
    let known = session.table_names();
    for name in names {
        assert!(known.iter().any(|table| table == name), "{name}: {known:?}");
    }
}

/// Views whose plans exchange rows between partitions, join, sort or cut: their samples hold what the view holds.
#[tokio::test(flavor = "multi_thread")]
async fn samples_of_any_view_stand_for_its_rows() {
    let world = World::new(20_000).await;
    for (number, body) in [
        "SELECT * FROM t WHERE k < 120",
        "SELECT g, k, n FROM t WHERE n IN (SELECT n FROM t WHERE k = 7)",
        "SELECT a.g, a.k, a.n FROM t a JOIN (SELECT DISTINCT k FROM t WHERE k < 90) b ON a.k = b.k",
        "SELECT g, k, SUM(n) AS n FROM t GROUP BY g, k",
        "SELECT DISTINCT g, k, n FROM t",
        "SELECT g, k, n FROM t ORDER BY n, k, g LIMIT 5000",
        "SELECT g, k, n FROM t WHERE k < 50 UNION ALL SELECT g, k, n FROM t WHERE k > 150",
    ]
    .into_iter()
    .enumerate()
    {
        let script = async |sql: String| world.session.execute(&sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        script(format!("CREATE VIEW v{number} AS {body}")).await;
        let sums = format!("SELECT COUNT(*) AS c, SUM(n) AS s FROM v{number}");
        let exact = rows(&world.session.query(&sums).run().await.unwrap());
        for design in ["SIZE 100 %", "STRATIFIED BY (g) CAP 1000000", "UNIVERSE ON (k) SIZE 100 %"] {
            script(format!("CREATE OR REPLACE SAMPLE s{number} ON v{number} {design}")).await;
            let answer = world.session.query(&sums).error_percent(0.0001).run().await.unwrap();
            assert_eq!(rows(&answer), exact, "{body}, {design}: {}", answer.report().reason);
        }
        script(format!("CREATE OR REPLACE SAMPLE s{number} ON v{number} SIZE 30 %")).await;
        let answer = world.session.query(format!("SELECT SUM(k) AS v FROM v{number} WHERE n >= 0")).error_percent(90.0);
        let answer = answer.run().await.unwrap();
        let cell = answer.cells("v").unwrap()[0];
        let truth = world.session.query(format!("SELECT SUM(k) AS v FROM v{number}")).run().await.unwrap();
        let truth = truth.cells("v").unwrap()[0].estimate;
        assert!((cell.estimate / truth - 1.0).abs() < 0.15, "{body}: {cell:?}, truly {truth}");
    }
}
