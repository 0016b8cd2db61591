//! Asked again, rows are read in the order of their groups, and say what they said before.

use super::support::{World, open, write};
use arrow::array::{ArrayRef, Int64Array};
use futures::StreamExt;
use plusminus::{Answer, Interrupt, Session};
use std::sync::Arc;

/// Questions whose groups rows have to tell: keys of every kind, conditions that leave groups out, NULLs, FILTER, spreads and ratios.
const QUESTIONS: [&str; 11] = [
    "SELECT g, COUNT(*) AS a, SUM(x) AS b, AVG(x) AS c FROM t GROUP BY g ORDER BY g",
    "SELECT k AS g, AVG(n) AS a, SUM(price) AS b FROM t WHERE n < 900 GROUP BY k ORDER BY g",
    "SELECT rare AS g, COUNT(*) AS a FROM t WHERE n < 40 GROUP BY rare ORDER BY g",
    "SELECT g, k % 7 AS r, SUM(x) FILTER (WHERE n < 500) AS a, COUNT(x) AS b FROM t GROUP BY g, k % 7 ORDER BY g, r",
    "SELECT k AS g, STDDEV(x) AS a, CORR(n, x) AS b FROM t WHERE g <> 'group 01' GROUP BY k ORDER BY g",
    "SELECT rare AS g, SUM(x) / COUNT(*) AS a, SUM(n) AS b FROM t WHERE x > 1.0 GROUP BY rare HAVING COUNT(*) > 100 ORDER BY g",
    "SELECT upper(g) AS g, SUM(k) * 2 AS a FROM t GROUP BY upper(g) ORDER BY 1",
    "SELECT k AS g, k * AVG(x) AS a FROM t GROUP BY k ORDER BY g",
    "SELECT g, AVG(x) AS a FROM t WHERE n < 0 GROUP BY g ORDER BY g",
    "SELECT g AS g, SUM(x) AS a FROM t AS other WHERE other.k < 150 GROUP BY other.g ORDER BY g FOR ALL GROUPS",
    "SELECT k AS g, AVG(x) AS a FROM t GROUP BY k ORDER BY a DESC, g LIMIT 7",
];

/// Questions to a sample of so many strata that their rows are put side by side: groups that strata decide, some of them known whole, and
/// none at all.
const SCATTERED: [&str; 5] = [
    "SELECT COUNT(*) AS a, SUM(x) AS b, AVG(n) AS c FROM t WHERE n < 700",
    "SELECT AVG(x) FILTER (WHERE n > 500) AS a, SUM(x) / SUM(n) AS b, STDDEV(n) AS c FROM t WHERE g <> 'group 02'",
    "SELECT SUM(x) AS a FROM t WHERE n < 0",
    "SELECT price AS g, COUNT(*) AS a, SUM(x) AS b, SUM(price) AS c FROM t GROUP BY price ORDER BY g",
    "SELECT price AS g, k % 2 AS r, AVG(x) AS a, SUM(n) AS b FROM t WHERE n < 900 GROUP BY price, k % 2 ORDER BY g, r",
];

async fn ask(session: &Session, sql: &str) -> Answer {
    session.query(sql).error_percent(0.001).run().await.unwrap()
}

fn is_by_group(answer: &Answer) -> bool {
    answer.report().parts.iter().any(|(part, _)| *part == "evaluate rows by group")
}

/// Everything that an answer says, numbers apart from the rest.
fn said(answer: &Answer) -> (Vec<f64>, String) {
    let (mut numbers, mut rest) = (Vec::new(), String::new());
    for (at, field) in answer.batch().schema().fields().iter().enumerate() {
        match answer.cells(field.name()) {
            Ok(cells) => {
                for cell in cells {
                    numbers.extend([cell.estimate, cell.lower, cell.upper]);
                    rest.push_str(&format!("{:?} ", cell.trust));
                }
            }
            Err(_) => rest.push_str(&format!("{:?} ", answer.batch().column(at))),
        }
    }
    let report = answer.report();
    rest.push_str(&format!(
        "{:?} {} {:?} {:?}",
        report.level, report.rows_read, report.missing_groups_below, report.warnings
    ));
    (numbers, rest)
}

fn same(first: &Answer, again: &Answer, sql: &str) {
    let ((a, rest), (b, again)) = (said(first), said(again));
    assert_eq!(rest, again, "{sql}");
    assert_eq!(a.len(), b.len(), "{sql}");
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() <= 1e-9 * a.abs().max(1e-3) || a.is_nan() && b.is_nan() || a == b, "{a} then {b}: {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_asked_for_again_say_the_same() {
    let world = World::new(60_000).await;
    let session = &world.session;
    session.sample("t").name("uniform").size_percent(50.0).build().await.unwrap();
    session.sample("t").name("few").stratified_by(["g"]).size_percent(60.0).build().await.unwrap();
    session.sample("t").name("tailed").tail(["x"]).size_percent(50.0).build().await.unwrap();
    session.sample("t").name("stratified").stratified_by(["price"]).cap(1).build().await.unwrap();
    let mut by_group = 0;
    for sample in ["uniform", "few", "tailed", "stratified"] {
        session.execute(&format!("SET plusminus.sample = '{sample}'")).await.unwrap();
        let scattered = SCATTERED.into_iter().filter(|_| sample == "stratified");
        for sql in QUESTIONS.into_iter().chain(scattered) {
            let first = ask(session, sql).await;
            // Made while it is asked for the second time, there for the third, which is another text.
            let second = ask(session, sql).await;
            let third = ask(session, &sql.replacen("SELECT", "SELECT /* again */", 1)).await;
            // Where strata decide the groups or which of them hold a row at all, rows are read as ever.
            let expected = is_by_group(&second);
            assert!(expected == is_by_group(&third) && (expected || sample != "uniform"), "{sample}: {sql}");
            by_group += usize::from(expected);
            same(&first, &second, sql);
            same(&first, &third, sql);
        }
    }
    assert!(by_group > 36, "{by_group}");
}

/// Strata decide these groups, or there are none; percentiles need more than sums.
#[tokio::test(flavor = "multi_thread")]
async fn where_it_would_not_help_rows_are_read_as_ever() {
    let world = World::new(60_000).await;
    let session = &world.session;
    session.sample("t").name("s").stratified_by(["g"]).cap(4_000).build().await.unwrap();
    for sql in [
        "SELECT g, AVG(x) AS a FROM t GROUP BY g",
        "SELECT AVG(x) AS a FROM t",
        "SELECT k, approx_percentile_cont(x, 0.5) AS a FROM t GROUP BY k",
    ] {
        for _ in 0..3 {
            assert!(!is_by_group(&ask(session, sql).await), "{sql}");
        }
    }
}

/// A sample that is built anew has other rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_sample_is_read_anew() {
    let world = World::new(60_000).await;
    let session = &world.session;
    let sql = "SELECT k, SUM(n) AS a FROM t GROUP BY k ORDER BY k";
    let mut before = None;
    for seed in [1, 2] {
        session.sample("t").name("s").size_percent(50.0).seed(seed).replace(true).build().await.unwrap();
        let first = ask(session, sql).await;
        assert!(!is_by_group(&first));
        for _ in 0..2 {
            let again = ask(session, sql).await;
            assert!(is_by_group(&again));
            same(&first, &again, sql);
        }
        let numbers = said(&first).0;
        assert_ne!(before.replace(numbers.clone()), Some(numbers));
    }
}

/// Rows keep their own strata where those at both ends of a batch are the same and WHERE leaves rows out.
#[tokio::test(flavor = "multi_thread")]
async fn rows_keep_their_strata() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    // One row of ten is of stratum 1, which only five of fifty groups have; few of the others are sampled.
    let column =
        |of: fn(i64) -> i64| Arc::new((0..200_000).map(|row| Some(of(row))).collect::<Int64Array>()) as ArrayRef;
    let columns = [
        ("b", column(|row| i64::from(row % 10 == 0))),
        ("k", column(|row| if row % 10 == 0 { row / 10 % 5 } else { row % 50 })),
        ("n", column(|row| row * 7_919 % 1_000)),
    ];
    write(&file, columns.to_vec(), 100_000);
    let session = open(folder.path(), 2).await;
    session.sample("t").name("s").stratified_by(["b"]).cap(15_000).build().await.unwrap();
    let sql = "SELECT k, SUM(n) AS a, COUNT(*) AS c FROM t WHERE n < 800 GROUP BY k ORDER BY k";
    let first = ask(&session, sql).await;
    for _ in 0..2 {
        let again = ask(&session, sql).await;
        assert!(is_by_group(&again));
        same(&first, &again, sql);
    }
}

/// GROUP BY may fail on rows that WHERE leaves out; then rows are read as ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_fails_elsewhere_is_no_error() {
    let world = World::new(60_000).await;
    let session = &world.session;
    session.sample("t").name("s").size_percent(50.0).build().await.unwrap();
    let sql = "SELECT 100 / k AS g, SUM(n) AS a FROM t WHERE k <> 0 GROUP BY 100 / k ORDER BY g";
    let first = ask(session, sql).await;
    for _ in 0..3 {
        let again = ask(session, sql).await;
        assert!(!is_by_group(&again));
        same(&first, &again, sql);
    }
}

/// Whoever stops a query that climbs from a projection gets a level that was finished, with its own keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_is_left_is_returned_to() {
    let world = World::new(200_000).await;
    let session = &world.session;
    session.sample("t").name("s").size_percent(90.0).build().await.unwrap();
    // The first numbered group of the higher level is another one: keys would change places.
    let sql = "SELECT g, COUNT(*) AS a, AVG(x) AS b FROM t GROUP BY g";
    let levels = ask(session, sql).await.report().levels.unwrap();
    for level in 0..levels {
        session.execute(&format!("SET plusminus.level = {level}")).await.unwrap();
        for _ in 0..2 {
            ask(session, sql).await;
        }
        session.execute("RESET plusminus.level").await.unwrap();
        for _ in 0..3 {
            let interrupt = Interrupt::new();
            let query = session.query(sql).error_percent(0.001).interruptible(&interrupt);
            let mut answers = query.stream().await.unwrap();
            let mut seen = Vec::new();
            while let Some(answer) = answers.next().await {
                let answer = answer.unwrap();
                if answer.report().level == Some(level) {
                    interrupt.request();
                }
                seen.push(answer);
            }
            let last = seen.last().unwrap();
            let exact = session.query(sql).run().await.unwrap();
            let counts = |answer: &Answer| -> std::collections::BTreeMap<String, f64> {
                let keys = arrow::compute::cast(answer.batch().column(0), &arrow::datatypes::DataType::Utf8).unwrap();
                let keys: &arrow::array::StringArray = keys.as_any().downcast_ref().unwrap();
                let estimates =
                    arrow::compute::cast(answer.batch().column(1), &arrow::datatypes::DataType::Float64).unwrap();
                let estimates: &arrow::array::Float64Array = estimates.as_any().downcast_ref().unwrap();
                keys.iter()
                    .map(|key| key.unwrap_or("NULL").to_owned())
                    .zip(estimates.values().iter().copied())
                    .collect()
            };
            let (found, exact) = (counts(last), counts(&exact));
            for (key, exact) in exact {
                let found = found.get(&key).copied().unwrap_or(0.0);
                assert!((found - exact).abs() <= 0.6 * exact, "{key}: {found} of {exact} at level {level}");
            }
        }
    }
}
