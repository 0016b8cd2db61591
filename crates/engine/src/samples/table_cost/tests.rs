use super::*;
use crate::api::Session;
async fn ns(session: &Session, sql: &str) -> f64 {
    let state = session.context().state();
    let plan = state.create_logical_plan(sql).await.unwrap();
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).unwrap();
    table_work(&session.env, &plan, &state).await.unwrap().ns
}

/// More columns, conditions, groups and rows are more work, and a text file is more work than a Parquet file.
#[tokio::test]
async fn work_grows_with_what_is_read_and_computed() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(folder.path().join("store")).await.unwrap();
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for (name, rows) in [("small.parquet", 10_000), ("large.parquet", 200_000), ("large.csv", 200_000)] {
        let rows = format!("SELECT value AS v, value % 7 AS g, 'text ' || value AS t FROM range(0, {rows})");
        let copy = format!("COPY ({rows}) TO '{}'", file(name));
        session.context().sql(&copy).await.unwrap().collect().await.unwrap();
    }
    session.register("small", &file("small.parquet")).await.unwrap();
    session.register("large", &file("large.parquet")).await.unwrap();
    session.register("csv", &file("large.csv")).await.unwrap();
    let pairs = [
        ("SELECT SUM(v) FROM small", "SELECT SUM(v) FROM large"),
        ("SELECT SUM(v) FROM large", "SELECT SUM(v), MAX(t) FROM large"),
        ("SELECT SUM(v) FROM large", "SELECT g, SUM(v) FROM large GROUP BY g"),
        ("SELECT SUM(v) FROM large", "SELECT COUNT(DISTINCT v) FROM large"),
        ("SELECT SUM(v) FROM large", "SELECT SUM(v) FROM large WHERE t LIKE '%7%'"),
        ("SELECT SUM(v) FROM large", "SELECT SUM(v) FROM csv"),
        ("SELECT g, SUM(v) FROM large GROUP BY g", "SELECT g, v, SUM(v) FROM large GROUP BY ROLLUP (g, v)"),
        ("SELECT SUM(v) FROM large", "SELECT SUM(v) FROM large WHERE v > (SELECT AVG(v) FROM large)"),
        ("SELECT SUM(v) FROM large", "SELECT SUM(large.v) FROM large JOIN small ON large.g = small.g"),
        (
            "SELECT SUM(large.v) FROM large JOIN small ON large.g = small.g",
            "SELECT SUM(large.v) FROM large JOIN small ON large.g < small.g",
        ),
        (
            "SELECT large.t, SUM(large.v) FROM large, small WHERE large.v = small.v AND small.g = 3 GROUP BY large.t",
            "SELECT large.t, SUM(large.v) FROM large, small WHERE large.v = small.v GROUP BY large.t",
        ),
    ];
    for (less, more) in pairs {
        let (less_ns, more_ns) = (ns(&session, less).await, ns(&session, more).await);
        assert!(less_ns < 0.9 * more_ns, "{less}: {less_ns}, {more}: {more_ns}");
    }
}

/// Rows that are not read take their share of the work with them, but not that of starting; more rows than predicted change nothing.
#[test]
fn work_follows_the_rows_that_were_read() {
    let work = TableWork { tables: "t".to_owned(), rows: 1000, ns: BASE_NS + 1e6, has_conditions: true };
    for (rows, ns) in [(0, BASE_NS), (50, BASE_NS + 5e4), (1000, BASE_NS + 1e6), (2000, BASE_NS + 1e6)] {
        assert!((work.reading(rows).ns - ns).abs() < 1e-6, "{rows}");
    }
    let unknown = TableWork { rows: 0, ..work };
    assert!((unknown.reading(5).ns - unknown.ns).abs() < 1e-6);
}
