//! Statements that are no queries: tables that stay, what they say they did, and files that are written.

use super::support::rows;
use plusminus::{Answer, Error, Session};
use std::path::Path;

async fn session(folder: &Path) -> Session {
    Session::open(folder.join("store")).await.unwrap()
}

async fn asked(session: &Session, sql: &str) -> Vec<String> {
    rows(session.execute(sql).await.unwrap().last().unwrap())
}

async fn failed(session: &Session, sql: &str) -> String {
    session.execute(sql).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_stays_and_changes() {
    let folder = tempfile::tempdir().unwrap();
    let first = session(folder.path()).await;
    let made = "CREATE TABLE t AS SELECT value AS a, value % 3 AS b, count(*) OVER () FROM range(6)";
    assert_eq!(asked(&first, made).await, ["table 't' created: 6 rows, 3 columns, kept in the store"]);
    let names = first.query("FROM t LIMIT 0").run().await.unwrap();
    let names: Vec<&str> = names.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "count(*) OVER ()"]);
    assert!(failed(&first, "CREATE TABLE t (a INT)").await.contains("CREATE OR REPLACE TABLE t"));
    assert_eq!(asked(&first, "CREATE TABLE IF NOT EXISTS t (a INT)").await, ["there is a table 't' already"]);
    assert_eq!(asked(&first, "INSERT INTO t VALUES (10, 1, 6), (11, NULL, 6)").await, ["2 rows inserted into 't'"]);
    drop(first);
    let second = session(folder.path()).await;
    assert_eq!(asked(&second, "SELECT count(*), sum(a), max(b) FROM t").await, ["8|36|2"]);
    assert_eq!(asked(&second, "UPDATE t SET b = 7 WHERE a >= 10").await, ["2 rows updated in 't'"]);
    assert_eq!(asked(&second, "DELETE FROM t WHERE a < 2").await, ["2 rows deleted from 't'"]);
    assert_eq!(asked(&second, "SELECT a, b FROM t").await, ["2|2", "3|0", "4|1", "5|2", "10|7", "11|7"]);
    asked(&second, "CREATE OR REPLACE TABLE t AS SELECT a FROM t WHERE a > 4").await;
    let third = session(folder.path()).await;
    assert_eq!(asked(&third, "FROM t").await, ["5", "10", "11"]);
    assert!(failed(&third, "UPDATE t SET a = a / 0").await.to_lowercase().contains("divide by zero"));
    assert_eq!(asked(&third, "FROM t").await, ["5", "10", "11"], "a change that fails changes nothing");
    assert_eq!(asked(&third, "DROP TABLE t").await, ["table 't' dropped"]);
    assert!(failed(&session(folder.path()).await, "FROM t").await.contains("there is no table named 't'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_a_kept_table_are_stale_once_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let sql = "SELECT AVG(n) FROM t WHERE k < 6 ERROR WITHIN 50%";
    for change in ["INSERT INTO t VALUES (1, 2)", "UPDATE t SET n = n + 1 WHERE k = 3", "DELETE FROM t WHERE k = 3"] {
        let made = "CREATE OR REPLACE TABLE t AS SELECT value % 7 AS k, value % 50 AS n FROM generate_series(1, 4000)";
        asked(&session, made).await;
        asked(&session, "CREATE OR REPLACE SAMPLE s ON t SIZE 30 %").await;
        let sampled = session.execute(sql).await.unwrap();
        assert_eq!(sampled[0].report().sample.as_deref(), Some("s"), "{change}");
        asked(&session, change).await;
        let answer = session.execute(sql).await.unwrap();
        assert!(answer[0].report().reason.contains("stale"), "{change}: {}", answer[0].report().reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_tables_and_views_end_with_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let first = session(folder.path()).await;
    asked(&first, "CREATE TEMP TABLE t AS SELECT 1 AS a; CREATE TEMPORARY VIEW v AS SELECT a + 1 AS a FROM t").await;
    assert_eq!(asked(&first, "SELECT t.a, v.a FROM t, v").await, ["1|2"]);
    let second = session(folder.path()).await;
    assert!(second.table_names().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_without_its_table_says_so_and_can_be_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let first = session(folder.path()).await;
    asked(&first, "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a FROM t; DROP TABLE t").await;
    let second = session(folder.path()).await;
    let error = failed(&second, "FROM v").await;
    assert!(error.contains("view 'v' cannot be read: there is no table named 't'"), "{error}");
    assert_eq!(asked(&second, "DROP VIEW v").await, ["view 'v' dropped"]);
    assert!(failed(&second, "FROM v").await.contains("there is no table named 'v'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_a_tables_also_where_a_folder_has_it() {
    // Tests of this crate run in its folder, which has one called src.
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let error = failed(&session, "FROM src").await;
    assert!(error.contains("no table named 'src', but a folder") && error.contains("FROM 'src/'"), "{error}");
    asked(&session, "CREATE TABLE src AS SELECT 5 AS a").await;
    assert_eq!(asked(&session, "FROM src").await, ["5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_have_written_names_options_and_endings() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let query = "SELECT value % 2 AS k, count(*), sum(value) FROM range(5) GROUP BY 1 ORDER BY 1";
    for (name, options, expected) in [
        ("a.csv", "", "k,count(*),sum(value)\n0,3,6\n1,2,4\n"),
        ("b.txt", "(FORMAT csv, HEADER false, DELIMITER '|')", "0|3|6\n1|2|4\n"),
        ("c.tsv", "WITH CSV HEADER", "k\tcount(*)\tsum(value)\n0\t3\t6\n1\t2\t4\n"),
        ("d.jsonl", "", "{\"k\":0,\"count(*)\":3,\"sum(value)\":6}\n{\"k\":1,\"count(*)\":2,\"sum(value)\":4}\n"),
    ] {
        let file = folder.path().join(name);
        let said = asked(&session, &format!("COPY ({query}) TO '{}' {options}", file.display())).await;
        assert_eq!(said, [format!("2 rows written to '{}'", file.display())]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected, "{name}");
    }
    let packed = folder.path().join("e.csv.gz");
    asked(&session, &format!("COPY ({query}) TO '{}'", packed.display())).await;
    assert_eq!(asked(&session, &format!("FROM '{}'", packed.display())).await, ["0|3|6", "1|2|4"]);
    let error = failed(&session, "COPY (SELECT 1) TO 'rows.xlsx'").await;
    assert!(error.contains("stands for no format") && error.contains(".csv"), "{error}");
    let device = if cfg!(unix) { "/dev/null" } else { "NUL" };
    assert!(failed(&session, &format!("COPY (SELECT 1) TO '{device}'")).await.contains("neither a file nor a folder"));
    let stdout = session.execute("COPY (SELECT 1) TO STDOUT").await;
    assert!(matches!(stdout, Err(Error::Unsupported { .. })), "{stdout:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_scan_come_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    // Long enough that several threads read it.
    let lines: String =
        (0..400_000).map(|row| format!("{row},a text that makes the line long enough {row}\n")).collect();
    std::fs::write(&file, format!("row,text\n{lines}")).unwrap();
    let session = session(folder.path()).await;
    let ordered = |answer: &Answer| {
        let found: Vec<u64> = rows(answer).iter().map(|row| row.parse().unwrap()).collect();
        (found.is_sorted(), found.len())
    };
    for (sql, count) in [
        ("SELECT row FROM 'FILE'", 400_000),
        ("SELECT row FROM 'FILE' WHERE row % 3 = 1", 133_333),
        ("SELECT row FROM 'FILE' LIMIT 7", 7),
        ("SELECT row FROM 'FILE' WHERE row > 1000 LIMIT 20000 OFFSET 10", 20_000),
    ] {
        let answer = session.query(sql.replace("FILE", file.to_str().unwrap())).run().await.unwrap();
        assert_eq!(ordered(&answer), (true, count), "{sql}");
    }
    let first = asked(&session, &format!("SELECT row FROM '{}' WHERE row > 1000 LIMIT 1", file.display())).await;
    assert_eq!(first, ["1001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_changes_are_those_of_queries() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    asked(
        &session,
        "CREATE TABLE o AS SELECT 2 AS id, 20.6 AS v; CREATE TEMP TABLE m AS SELECT value AS id FROM range(6)",
    )
    .await;
    for (change, expected) in [
        ("DELETE FROM t WHERE id IN (SELECT id FROM o)", "1 row deleted|0,1,3,4,5"),
        ("DELETE FROM t WHERE id NOT IN (SELECT id FROM o)", "5 rows deleted|2"),
        ("DELETE FROM t WHERE EXISTS (SELECT 1 FROM o WHERE o.id = t.id)", "1 row deleted|0,1,3,4,5"),
        ("DELETE FROM t x USING o WHERE x.id = o.id + 1", "1 row deleted|0,1,2,4,5"),
        ("DELETE FROM t WHERE id > 3 AND id IN (SELECT id FROM o)", "0 rows deleted|0,1,2,3,4,5"),
        ("UPDATE t SET id = id + 100 WHERE id IN (SELECT id FROM o)", "1 row updated|0,1,3,4,5,102"),
        ("UPDATE t SET id = o.v FROM o WHERE o.id = t.id", "1 row updated|0,1,3,4,5,21"),
    ] {
        asked(&session, "CREATE OR REPLACE TABLE t AS SELECT value AS id FROM range(6)").await;
        let said = asked(&session, change).await.remove(0);
        let left = asked(&session, "SELECT id FROM t ORDER BY id").await.join(",");
        let (count, rows) = expected.split_once('|').unwrap();
        assert!(said.starts_with(count) && left == rows, "{change}: {said}, {left}");
    }
    assert_eq!(asked(&session, "DELETE FROM m WHERE id IN (SELECT id FROM o)").await, ["1 row deleted from 'm'"]);
    assert!(failed(&session, "DELETE FROM t LIMIT 1").await.contains("neither ORDER BY, LIMIT"));
    assert!(failed(&session, "UPDATE t SET idd = 1").await.contains("did you mean 'id'?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    asked(&session, "CREATE TABLE t AS SELECT value AS x FROM range(20000)").await;
    let late = "SELECT CAST(CASE WHEN value = 200000 THEN 'bad' ELSE '1' END AS BIGINT) AS x FROM range(300000)";
    failed(&session, &format!("INSERT INTO t {late}")).await;
    assert_eq!(asked(&session, "SELECT count(*) FROM t").await, ["20000"]);
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, "precious\n").unwrap();
    failed(&session, &format!("COPY ({late}) TO '{}'", file.display())).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious\n");
    let others = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(others, 2, "the store and the file");
    assert_eq!(asked(&session, "SELECT x FROM t LIMIT 2 OFFSET 8191").await, ["8191", "8192"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_store_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    asked(&session(folder.path()).await, "CREATE TABLE t AS SELECT 0 AS x").await;
    let writers = (1..=4).map(|writer| {
        let folder = folder.path().to_path_buf();
        tokio::spawn(async move {
            // Each has a session of its own, as another process has.
            let session = session(&folder).await;
            for number in 0..5 {
                asked(&session, &format!("INSERT INTO t VALUES ({})", writer * 100 + number)).await;
                asked(&session, &format!("UPDATE t SET x = x + 1000 WHERE x = {}", writer * 100 + number)).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let last = session(folder.path()).await;
    assert_eq!(asked(&last, "SELECT count(*), count(DISTINCT x), min(x) FROM t WHERE x > 0").await, ["20|20|1100"]);
}
