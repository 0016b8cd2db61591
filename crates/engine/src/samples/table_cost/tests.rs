use super::*;
use crate::api::Session;
use std::sync::Arc;

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

/// A table of 100,000 rows by day, ten days to a row group, and 1,000 days.
async fn days(folder: &std::path::Path) -> Session {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(1_000)).build();
        let file = std::fs::File::create(folder.join(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let numbers =
        |of: &dyn Fn(i64) -> i64, count: i64| Arc::new(Int64Array::from_iter_values((0..count).map(of))) as ArrayRef;
    write("days.parquet", vec![("d", numbers(&|n| n, 1_000)), ("year", numbers(&|n| n / 100, 1_000))]);
    let (by_day, by_place) = (numbers(&|n| n / 100, 100_000), numbers(&|n| n % 50, 100_000));
    write("sales.parquet", vec![("day", by_day), ("place", by_place), ("m", numbers(&|n| n, 100_000))]);
    write("places.parquet", vec![("p", numbers(&|n| n, 50)), ("kind", numbers(&|n| n % 7, 50))]);
    let session = Session::open(folder.join("store")).await.unwrap();
    for name in ["days", "sales", "places"] {
        let file = folder.join(format!("{name}.parquet"));
        session.register(name, &file.to_string_lossy()).await.unwrap();
    }
    session
}

/// The rows that keys leave are those that the exact answer then reads.
#[tokio::test]
async fn keys_of_filtered_tables_spare_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let session = days(folder.path()).await;
    let all = 101_000;
    for (sql, expected) in [
        // A year of ten: row groups 10 to 19 of 100.
        ("SELECT SUM(m) FROM sales JOIN days ON day = d WHERE year = 1", Some(all - 90_000)),
        ("SELECT SUM(m) FROM sales WHERE day IN (SELECT d FROM days WHERE year >= 8)", Some(all - 80_000)),
        (
            "SELECT SUM(m) FROM days, sales, places WHERE day = d AND place = p AND year = 3 AND kind = 2",
            Some(all + 50 - 90_000),
        ),
        (
            "SELECT SUM(m) FROM (SELECT day + 0 AS x, day AS y, m FROM sales) JOIN days ON y = d WHERE year = 1",
            Some(all - 90_000),
        ),
        ("SELECT SUM(m) FROM sales JOIN days ON day = d WHERE year = 77", Some(all - 100_000)),
        ("SELECT SUM(m) FROM sales JOIN days ON day = d", None),
        ("SELECT SUM(m) FROM sales JOIN places ON place = p WHERE kind = 2", None),
        ("SELECT SUM(m) FROM sales LEFT JOIN days ON day = d AND year = 1", None),
        ("SELECT SUM(m) FROM sales WHERE day NOT IN (SELECT d FROM days WHERE year = 1)", None),
    ] {
        let state = session.context().state();
        let plan = state.create_logical_plan(sql).await.unwrap();
        let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).unwrap();
        assert_eq!(rows_by_keys(&session.env, &plan, &state).await.unwrap(), expected, "{sql}");
        let read = session.query(sql).run().await.unwrap().report().rows_read;
        let expected = expected.unwrap_or(read);
        assert!(read.abs_diff(expected) <= 1_000, "{sql}: {read} rows are read, {expected} expected");
    }
}
