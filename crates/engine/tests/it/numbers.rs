//! Numbers of every type under a bound: what is exact is right to the last digit, what is not is never called so.

use super::support::{Random, rows, write};
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int8Array, Int32Array, Int64Array, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use plusminus::{Session, SessionBuilder, Trust};
use std::path::Path;
use std::sync::Arc;

const ROWS: i64 = 20_000;

/// A column of every type, most of them with values that no float holds.
fn write_wide(file: &Path) {
    let mut random = Random(3);
    let g: Vec<i64> = (0..ROWS).map(|_| random.below(5) as i64).collect();
    let ids = || (0..ROWS).map(|i| 1_700_000_000_000_000_001 + i);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("g", Arc::new(Int64Array::from(g))),
        ("id", Arc::new(ids().collect::<Int64Array>())),
        ("top", Arc::new((0..ROWS).map(|i| i64::MAX - i).collect::<Int64Array>())),
        ("u", Arc::new((0..ROWS as u64).map(|i| u64::MAX - i).collect::<UInt64Array>())),
        ("tiny", Arc::new((0..ROWS).map(|i| (i % 100) as i8).collect::<Int8Array>())),
        ("n", Arc::new((0..ROWS).map(|i| (i * 7 % 1000) as i32).collect::<Int32Array>())),
        ("d18", decimal(ids().map(i128::from), 19, 2)),
        ("d38", decimal((0..ROWS).map(|i| 10_i128.pow(37) + i128::from(i)), 38, 10)),
        ("day", Arc::new((0..ROWS).map(|i| Some((10_000 + i % 700) as i32)).collect::<Date32Array>())),
        ("us", Arc::new((0..ROWS).map(|i| Some(1_600_000_000_000_000 + i)).collect::<TimestampMicrosecondArray>())),
        ("ns", Arc::new(ids().map(Some).collect::<TimestampNanosecondArray>())),
        ("x", Arc::new((0..ROWS).map(|i| i as f64 / 3.0).collect::<Float64Array>())),
        ("nan", Arc::new((0..ROWS).map(|i| if i == 17 { f64::NAN } else { i as f64 }).collect::<Float64Array>())),
        ("inf", Arc::new((0..ROWS).map(|i| if i == 17 { f64::INFINITY } else { i as f64 }).collect::<Float64Array>())),
    ];
    write(file, columns, 6_000);
}

fn decimal(values: impl Iterator<Item = i128>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(values.map(Some).collect::<Decimal128Array>().with_precision_and_scale(precision, scale).unwrap())
}

const COLUMNS: [&str; 13] = ["id", "top", "u", "tiny", "n", "d18", "d38", "day", "us", "ns", "x", "nan", "inf"];

async fn session(folder: &tempfile::TempDir) -> Session {
    write_wide(&folder.path().join("t.parquet"));
    let session = SessionBuilder::new(folder.path().join("store")).threads(2).open().await.unwrap();
    session.register("t", folder.path().join("t.parquet").to_str().unwrap()).await.unwrap();
    session
}

/// Cells that are called exact are those of the exact answer, to the digit.
async fn check(session: &Session, sql: &str) {
    let truth = session.query(sql).run().await;
    let answer = session.query(sql).error_percent(10.0).run().await;
    let (truth, answer) = match (truth, answer) {
        (Ok(truth), Ok(answer)) => (truth, answer),
        // What overflows, or is no number, does so on both ways, and in the same words.
        (Err(truth), Err(answer)) => return assert_eq!(answer.to_string(), truth.to_string(), "{sql}"),
        (truth, answer) => panic!("{sql}: {truth:?} {answer:?}"),
    };
    let (expected, found) = (rows(&truth), rows(&answer));
    assert_eq!(found.len(), expected.len(), "{sql}");
    for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
        for (at, (found, expected)) in found.split('|').zip(expected.split('|')).enumerate() {
            let column = &answer.columns()[at];
            let is_exact = column.bounds.as_ref().is_none_or(|bounds| bounds.trust[row] == Trust::Exact);
            let close = match (found.parse::<f64>(), expected.parse::<f64>()) {
                (Ok(a), Ok(b)) if found.contains('.') && column.data_type.is_floating() => {
                    (a - b).abs() <= 1e-9 * b.abs() || a.is_nan() && b.is_nan()
                }
                _ => found == expected,
            };
            assert!(close || !is_exact, "{sql}: {} is {found}, not {expected}: {:?}", column.name, answer.report());
            let is_null = found == "NULL" && expected != "NULL";
            let is_trusted = column.bounds.as_ref().is_some_and(|bounds| bounds.trust[row] == Trust::Trusted);
            assert!(!is_null || !is_trusted, "{sql}: {} is NULL and trusted", column.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_cells_of_every_type_are_right_to_the_digit() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    session.sample("t").name("few").size_percent(10.0).build().await.unwrap();
    // Row 17 is larger than all others, of which the last is 19,999; statistics of its row group do not know.
    for sql in ["SELECT COUNT(*) FROM t WHERE nan > 19998", "SELECT COUNT(*) FILTER (WHERE nan > 19998) FROM t"] {
        let exact = session.query(sql).run().await.unwrap();
        assert_eq!(rows(&exact), ["2"], "{sql}");
    }
    session.sample("t").name("whole").size_percent(100.0).levels(1).build().await.unwrap();
    session.sample("t").name("strata").stratified_by(["g"]).cap(500).build().await.unwrap();
    let calls = |c: &str| {
        let mut calls = vec![format!("MIN({c}), MAX({c})"), format!("COUNT({c}), COUNT(*)")];
        if !["day", "us", "ns"].contains(&c) {
            calls.extend(["SUM", "AVG", "MEDIAN"].map(|f| format!("{f}({c})")));
            calls.push(format!("percentile_cont(0.9) WITHIN GROUP (ORDER BY {c})"));
        }
        calls
    };
    for sample in ["few", "whole", "strata"] {
        session.execute(&format!("SET plusminus.sample = '{sample}'")).await.unwrap();
        for call in COLUMNS.into_iter().flat_map(calls) {
            check(&session, &format!("SELECT {call} FROM t")).await;
            check(&session, &format!("SELECT {call} FROM t WHERE tiny < 50")).await;
            check(&session, &format!("SELECT g, {call} FROM t GROUP BY g ORDER BY g")).await;
        }
        for call in ["SUM(n) * 1000000000000", "MAX(id) + 1", "MIN(top) - 9223372036854775807", "SUM(tiny) + MAX(u)"] {
            check(&session, &format!("SELECT {call} AS v FROM t WHERE n < 900")).await;
        }
    }
}

/// The extremes of numbers and times that floats hold come from the catalog, and with a WHERE from the sample, as bounds.
#[tokio::test(flavor = "multi_thread")]
async fn extremes_of_times_are_those_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    session.sample("t").name("few").size_percent(10.0).build().await.unwrap();
    super::support::prefer_estimates(&session).await;
    for column in ["day", "us", "n", "x"] {
        let answer =
            session.query(format!("SELECT MIN({column}), MAX({column}) FROM t")).error_percent(1.0).run().await;
        let answer = answer.unwrap();
        assert_eq!(answer.report().rows_read, 0, "{column}: {:?}", answer.report());
    }
    let sql = "SELECT MAX(us) AS stamp, MIN(ns) AS no_float FROM t WHERE n < 500";
    let answer = session.query(sql).within(std::time::Duration::from_secs(60)).run().await.unwrap();
    assert_eq!(answer.cells("no_float").unwrap()[0].trust, Trust::Exact);
    let answer = session.query("SELECT MAX(us) AS stamp, MAX(day) AS last FROM t WHERE n < 500");
    let answer = answer.within(std::time::Duration::from_secs(60)).run().await.unwrap();
    let cell = answer.cells("stamp").unwrap()[0];
    assert!(cell.trust == Trust::Trusted && cell.lower == cell.estimate && cell.upper > cell.estimate, "{cell:?}");
}

/// NaN is larger than any number wherever MAX looks: statistics of files, catalog, samples and rows.
#[tokio::test(flavor = "multi_thread")]
async fn not_a_number_means_the_same_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(&folder).await;
    let (plain, filtered) = ("SELECT MAX(nan), MIN(nan) FROM t", "SELECT MAX(nan), MIN(nan) FROM t WHERE n >= 0");
    for sql in [plain, filtered] {
        let exact = session.query(sql).run().await.unwrap();
        assert_eq!(rows(&exact), ["NaN|0.0"], "{sql}");
    }
    session.sample("t").name("whole").size_percent(100.0).levels(1).build().await.unwrap();
    for condition in
        ["nan > 19998", "nan >= 19999", "nan = CAST('NaN' AS DOUBLE)", "nan <> 5", "nan < 20", "inf > 19998"]
    {
        for call in
            [format!("COUNT(*) FROM t WHERE {condition}"), format!("COUNT(*) FILTER (WHERE {condition}) FROM t")]
        {
            let sql = format!("SELECT {call}");
            let exact = session.query(&sql).run().await.unwrap();
            let sampled = session.query(&sql).error_percent(0.001).run().await.unwrap();
            assert_eq!(rows(&sampled), rows(&exact), "{sql}: {}", sampled.report().reason);
        }
    }
    for sql in [plain, filtered] {
        let answer = session.query(sql).error_percent(1.0).run().await.unwrap();
        assert_eq!(rows(&answer), ["NaN|0.0"], "{sql}");
    }
}
