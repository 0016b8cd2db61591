//! Every scalar function of a session, in every place where an expression may stand, under a bound as without one.

use super::support::{Random, rows, write};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use plusminus::{Session, SessionBuilder};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Functions for which no arguments are made here: they take what no column of the table is or can be cast to.
const WITHOUT_ARGUMENTS: &[&str] = &["union_extract", "union_tag"];

/// A table with a column of every common type, a tenth of the values NULL.
fn write_typed_table(file: &Path, count: i64) {
    let mut random = Random(11);
    let mut valid = move || random.below(10) > 0;
    let mut with_nulls = |of: &dyn Fn(i64) -> i64| (0..count).map(|i| valid().then(|| of(i))).collect::<Vec<_>>();
    let (k, d, t) = (with_nulls(&|i| i % 7 + 1), with_nulls(&|i| 19_000 + i % 40), with_nulls(&|i| i % 1_000));
    let (x, b, m) = (with_nulls(&|i| i % 50), with_nulls(&|i| i % 2), with_nulls(&|i| i % 90));
    let s: Vec<Option<String>> = with_nulls(&|i| i % 9).into_iter().map(|v| v.map(|v| format!("ab {v}-é"))).collect();
    let small = |days: &i64| i32::try_from(*days).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("k", Arc::new(Int64Array::from(k))),
        ("x", Arc::new(x.iter().map(|v| v.map(|v| v as f64 / 64.0)).collect::<Float64Array>())),
        ("s", Arc::new(StringArray::from(s))),
        ("d", Arc::new(d.iter().map(|v| v.as_ref().map(small)).collect::<Date32Array>())),
        (
            "ts",
            Arc::new(
                t.iter()
                    .map(|v| v.map(|v| 1_700_000_000_000_000 + v * 86_399_000_000))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
        ("b", Arc::new(b.iter().map(|v| v.map(|v| v == 1)).collect::<BooleanArray>())),
        (
            "m",
            Arc::new(
                m.iter()
                    .map(|v| v.map(i128::from))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
    ];
    write(file, columns, 200);
}

/// An expression of the table that has this type.
fn of_type(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Int64 => "k".to_owned(),
        DataType::Float64 => "x".to_owned(),
        DataType::Utf8 => "s".to_owned(),
        DataType::Date32 => "d".to_owned(),
        DataType::Boolean => "b".to_owned(),
        DataType::Null => "NULL".to_owned(),
        DataType::Interval(_) => "INTERVAL '1' DAY".to_owned(),
        DataType::Timestamp(..) | DataType::Date64 => format!("arrow_cast(ts, '{data_type}')"),
        t if t.is_numeric() => format!("arrow_cast(k, '{t}')"),
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            format!("arrow_cast(s, '{data_type}')")
        }
        DataType::List(_) => "make_array(k, 3)".to_owned(),
        _ => return None,
    })
}

/// Lists of arguments worth a try: those of the signature, then combinations of columns and literals.
fn candidates(function: &ScalarUDF) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for types in function.signature().type_signature.get_example_types() {
        if let Some(arguments) = types.iter().map(of_type).collect::<Option<Vec<_>>>() {
            found.push(arguments.join(", "));
        }
    }
    found.push(String::new());
    let one = ["k", "x", "s", "d", "ts", "b", "make_array(k, 3)", "make_array(make_array(k), make_array(2))", "m"];
    found.extend(one.iter().map(|a| (*a).to_owned()));
    let two = [
        "k",
        "x",
        "s",
        "d",
        "ts",
        "2",
        "'a'",
        "'[a-c]'",
        "'day'",
        "'Int64'",
        "'%Y'",
        "make_array(k, 3)",
        "INTERVAL '1' DAY",
    ];
    found.extend(two.iter().flat_map(|a| two.iter().map(move |b| format!("{a}, {b}"))));
    for more in [
        "s, 'a', 'b'",
        "s, 1, 2",
        "k, 1, 2",
        "x, 1, 2",
        "s, '-', 1",
        "'-', s, s",
        "make_array(k, 3), 3, 4",
        "make_array(k, 3), 1, 2",
        "make_array(k, 3), 3, 4, 1",
        "make_array('a'), '-', 'x'",
        "k, 1, 10, 5",
        "s, 'x', 2, 1",
        "2024, 1, k",
        "s, 'hex'",
        "encode(s, 'hex'), 'hex'",
        "k, 1, 1",
        "INTERVAL '1' DAY, ts, TIMESTAMP '2000-01-01T00:00:00'",
        "make_array('a', 'b'), make_array(k, 3)",
        "named_struct('a', k), 'a'",
        "map(['a'], [k]), 'a'",
        "map(['a'], [k])",
        "'a', k",
        "k, 'b'",
        "union_value('a', k)",
    ] {
        found.push(more.to_owned());
    }
    found
}

async fn exact(session: &Session, sql: &str) -> Option<Vec<String>> {
    session.query(sql).run().await.ok().map(|answer| sorted(rows(&answer)))
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

/// The six places, given a call.
fn places(call: &str) -> Vec<String> {
    vec![
        format!("SELECT COUNT(*), SUM(k) FROM t WHERE {call} IS NOT NULL"),
        format!("SELECT COUNT({call}) AS n FROM t"),
        format!("SELECT COUNT(*) FILTER (WHERE CAST({call} AS VARCHAR) > 'a') AS n FROM t"),
        format!("SELECT {call} AS g, COUNT(*) AS n, SUM(k) FROM t GROUP BY 1"),
        format!(
            "SELECT k, x, s, d, ts, b, m, COUNT(*) AS n FROM t GROUP BY k, x, s, d, ts, b, m HAVING {call} IS NULL"
        ),
        format!(
            "WITH v AS (SELECT *, {call} AS f FROM t) SELECT k, x, s, d, ts, b, m, {call} AS above, COUNT(f) AS n \
                 FROM v GROUP BY k, x, s, d, ts, b, m ORDER BY {call}, n LIMIT 100000"
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_answers_under_a_bound_as_without() {
    let folder = tempfile::tempdir().unwrap();
    write_typed_table(&folder.path().join("t.parquet"), 300);
    let session = SessionBuilder::new(folder.path().join("store")).threads(2).open().await.unwrap();
    session.register("t", folder.path().join("t.parquet").to_str().unwrap()).await.unwrap();
    session.sample("t").name("whole").size_percent(100.0).build().await.unwrap();
    let state = session.context().state();
    let functions: BTreeMap<String, Arc<ScalarUDF>> =
        state.scalar_functions().values().map(|f| (f.name().to_owned(), Arc::clone(f))).collect();
    let errors = ["lower_bound", "upper_bound", "relative_error", "absolute_error"];
    let (mut without, mut tried) = (Vec::new(), 0);
    for (name, function) in &functions {
        if function.signature().volatility == Volatility::Volatile || errors.contains(&name.as_str()) {
            continue;
        }
        let mut call = None;
        for arguments in candidates(function) {
            let text = format!("{name}({arguments})");
            if exact(&session, &format!("SELECT {text} FROM t")).await.is_some() {
                call = Some(text);
                break;
            }
        }
        let Some(call) = call else {
            without.push(name.as_str());
            continue;
        };
        for sql in places(&call) {
            // What DataFusion does not evaluate exactly need not be evaluated under a bound.
            let Some(expected) = exact(&session, &sql).await else { continue };
            let answer = session.query(&sql).error_percent(1.0).run().await;
            let answer = answer.unwrap_or_else(|e| panic!("{sql}: {e}"));
            let found = sorted(rows(&answer));
            let different = found.iter().zip(&expected).find(|(found, expected)| found != expected);
            // The time goes on between the two.
            let is_timeless = function.signature().volatility == Volatility::Immutable;
            assert!(different.is_none() || !is_timeless, "{sql}: {different:?}");
            assert_eq!(found.len(), expected.len(), "{sql}");
            let reason = &answer.report().reason;
            assert!(!reason.contains("samples cannot answer it"), "{sql}: {reason}");
            tried += 1;
        }
    }
    assert_eq!(without, WITHOUT_ARGUMENTS);
    assert!(tried > 5 * functions.len(), "only {tried} queries for {} functions", functions.len());
}
