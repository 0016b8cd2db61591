//! Error functions, settled choices, and aggregates above aggregates.

use super::support::{World, open, rows, write};
use arrow::array::{ArrayRef, Float64Array, StringArray};
use plusminus::{Mode, Trust};
use std::sync::Arc;

async fn stratified(rows: usize) -> World {
    let world = World::new(rows).await;
    world.session.sample("t").stratified_by(["g"]).cap(300).build().await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn error_functions_say_what_the_interval_says() {
    let world = stratified(60_000).await;
    let sql = "SELECT g, b AS a, lower_bound(b) AS lo, upper_bound(b) AS hi, relative_error(b) AS r, absolute_error(b) AS e, \
               lower_bound(c) AS c_lo FROM (SELECT g, AVG(x) AS b, COUNT(x) AS c FROM t GROUP BY g) WITHIN 60 SECONDS";
    let answer = world.session.query(sql).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Approximate, "{:?}", answer.report());
    let cells = answer.cells("a").unwrap();
    for (cell, row) in cells.iter().zip(rows(&answer)) {
        let said: Vec<f64> = row.split('|').skip(2).map(|v| v.parse().unwrap()).collect();
        assert!((said[0] - cell.lower).abs() < 1e-9 && (said[1] - cell.upper).abs() < 1e-9, "{row}: {cell:?}");
        let relative = ((cell.estimate - cell.lower) / cell.lower).max((cell.upper - cell.estimate) / cell.upper);
        let absolute = (cell.estimate - cell.lower).max(cell.upper - cell.estimate);
        assert!((said[2] - relative).abs() < 1e-9 && (said[3] - absolute).abs() < 1e-9, "{row}: {cell:?}");
        assert!(said[4] == said[4].floor());
    }
    let roles: Vec<String> = answer.columns().iter().map(|c| c.role.to_string()).collect();
    assert_eq!(roles, ["key", "estimate", "value", "value", "value", "value", "value"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn error_functions_choose_and_order_rows() {
    let world = stratified(60_000).await;
    let sql = "SELECT g, AVG(x) AS a FROM t GROUP BY g HAVING relative_error(AVG(x)) < 0.135 ORDER BY lower_bound(AVG(x)) DESC \
               WITHIN 60 SECONDS";
    let answer = world.session.query(sql).run().await.unwrap();
    let cells = answer.cells("a").unwrap();
    assert!(!cells.is_empty() && cells.len() < 13, "{}", cells.len());
    assert!(cells.windows(2).all(|w| w[0].lower >= w[1].lower), "{cells:?}");
    for cell in &cells {
        assert!(((cell.upper - cell.estimate) / cell.upper).max((cell.estimate - cell.lower) / cell.lower) < 0.135);
    }
    // The bound governs what an error function speaks of, shown or not.
    let hidden = "SELECT g, lower_bound(AVG(x)) AS lo FROM t GROUP BY g ERROR WITHIN 0.1%";
    assert_eq!(world.session.query(hidden).run().await.unwrap().report().met, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranks_that_intervals_settle_and_those_they_do_not() {
    let world = stratified(60_000).await;
    // Group sizes differ by a known factor, averages hardly at all.
    let sure = "SELECT g, SUM(n) AS s FROM t GROUP BY g ORDER BY s DESC LIMIT 2 WITHIN 60 SECONDS";
    let report = world.session.query(sure).run().await.unwrap().report().clone();
    assert!(report.unsettled_ranks.is_empty() && report.unsettled_members.is_empty(), "{report:?}");
    let open = "SELECT g, AVG(x) AS s FROM t GROUP BY g ORDER BY s DESC LIMIT 2 WITHIN 60 SECONDS";
    let report = world.session.query(open).run().await.unwrap().report().clone();
    assert_eq!((report.unsettled_ranks, report.unsettled_members), (vec![0, 1], vec![0, 1]));
    assert!(report.warnings.iter().any(|w| w.contains("rows 1-2")), "{:?}", report.warnings);
    let having = "SELECT g, AVG(x) AS a FROM t GROUP BY g HAVING AVG(x) > 1 WITHIN 60 SECONDS";
    let report = world.session.query(having).run().await.unwrap().report().clone();
    assert!(report.unsettled_members.is_empty(), "{report:?}");
    let close = "SELECT g, AVG(x) AS a FROM t GROUP BY g HAVING AVG(x) > 9.9 WITHIN 60 SECONDS";
    let report = world.session.query(close).run().await.unwrap().report().clone();
    assert!(!report.unsettled_members.is_empty(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_of_estimates_have_intervals_or_a_reason() {
    let world = stratified(60_000).await;
    let sql = "SELECT AVG(s) AS a, COUNT(*) AS groups FROM (SELECT g, SUM(x) AS s FROM t GROUP BY g) ERROR WITHIN 20%";
    let answer = world.session.query(sql).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Approximate, "{:?}", answer.report());
    assert_eq!(answer.cells("a").unwrap()[0].trust, Trust::Trusted);
    let groups = answer.cells("groups").unwrap()[0];
    assert_eq!((groups.estimate, groups.trust), (13.0, Trust::Exact));
    for (sql, reason) in [
        ("SELECT MAX(s) FROM (SELECT g, SUM(x) AS s FROM t GROUP BY g) ERROR WITHIN 20%", "MAX over estimates"),
        ("SELECT AVG(s) FROM (SELECT k, SUM(x) AS s FROM t GROUP BY k) ERROR WITHIN 20%", "may miss some"),
        (
            "SELECT AVG(s) FROM (SELECT g, SUM(x) AS s FROM t GROUP BY g HAVING SUM(x) > 5000) ERROR WITHIN 20%",
            "HAVING, LIMIT or DISTINCT chose",
        ),
        ("SELECT g, NTILE(3) OVER (ORDER BY SUM(x)) FROM t GROUP BY g ERROR WITHIN 20%", "ordered by estimates"),
    ] {
        let report = world.session.query(sql).run().await.unwrap().report().clone();
        assert!(report.mode == Mode::Exact && report.reason.contains(reason), "{sql}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extremes_are_bounds_and_never_plus_or_minus() {
    let world = stratified(60_000).await;
    let answer =
        world.session.query("SELECT MAX(n) AS m, MIN(n) AS l FROM t WHERE k < 50 ERROR WITHIN 1%").run().await.unwrap();
    let (max, min) = (answer.cells("m").unwrap()[0], answer.cells("l").unwrap()[0]);
    assert!(max.lower == max.estimate && max.upper == 999.0, "{max:?}");
    assert!(min.upper == min.estimate && min.lower == 0.0, "{min:?}");
    let known = world.session.query("SELECT MAX(n) AS m, MIN(x) AS l FROM t ERROR WITHIN 1%").run().await.unwrap();
    assert_eq!((known.report().mode, known.report().rows_read), (Mode::Exact, 0));
    let any = world
        .session
        .query("SELECT BOOL_OR(k = 3) AS y, BOOL_AND(k < 200) AS a FROM t ERROR WITHIN 1%")
        .run()
        .await
        .unwrap();
    assert_eq!(any.cells("y").unwrap()[0].trust, Trust::Exact);
    assert!(matches!(any.cells("a").unwrap()[0].trust, Trust::Trusted | Trust::Untrusted(_)));
    assert_eq!(any.report().met, Some(false));
}

async fn counted(world: &World, sql: &str) -> (plusminus::Cell, plusminus::Report) {
    let answer = world.session.query(sql).run().await.unwrap();
    (answer.cells("d").unwrap()[0], answer.report().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn distinct_values_come_from_strata_or_a_sketch_or_the_table() {
    let world = stratified(60_000).await;
    let (cell, report) = counted(&world, "SELECT COUNT(DISTINCT g) AS d FROM t ERROR WITHIN 5%").await;
    assert_eq!((cell.estimate, cell.trust, report.rows_read), (12.0, Trust::Exact, 0));
    let (cell, _) = counted(&world, "SELECT COUNT(DISTINCT k) AS d FROM t ERROR WITHIN 10%").await;
    assert_eq!((cell.estimate, cell.trust), (200.0, Trust::Exact), "few values are counted one by one");
    let (cell, report) = counted(&world, "SELECT COUNT(DISTINCT k) AS d FROM t WHERE n < 500 ERROR WITHIN 10%").await;
    assert!(cell.estimate == 200.0 && report.reason.contains("answered exactly"), "{report:?}");
}

/// Moments leave out what is no finite number, so they must not be taken for the column's extreme.
#[tokio::test(flavor = "multi_thread")]
async fn an_infinite_value_that_was_not_sampled_is_not_denied() {
    let folder = tempfile::tempdir().unwrap();
    let mut v: Vec<f64> = (0..5_000).map(f64::from).collect();
    v[4_321] = f64::INFINITY;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("g", Arc::new(StringArray::from_iter_values((0..5_000).map(|i| format!("g{}", i % 2))))),
        ("v", Arc::new(Float64Array::from(v))),
    ];
    write(&folder.path().join("t.parquet"), columns, 5_000);
    let session = open(folder.path(), 2).await;
    session.sample("t").stratified_by(["g"]).cap(50).build().await.unwrap();
    for sql in ["SELECT g, MAX(v) AS m FROM t GROUP BY g ORDER BY g DESC", "SELECT MAX(v) AS m FROM t"] {
        let answer = session.query(format!("{sql} WITHIN 60 SECONDS")).run().await.unwrap();
        let cell = answer.cells("m").unwrap()[0];
        let is_sure = matches!(cell.trust, Trust::Exact | Trust::Trusted);
        assert!(!is_sure || cell.estimate.is_infinite(), "{sql}: {cell:?}");
    }
}

/// A group that WHERE leaves no sampled row of may exist all the same: an average over groups is not exact without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_nobody_saw_leaves_no_aggregate_of_groups_exact() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("g", Arc::new(StringArray::from_iter_values((0..5_000).map(|i| if i < 40 { "small" } else { "large" })))),
        ("v", Arc::new(Float64Array::from_iter_values((0..5_000).map(|i| f64::from(i32::from(i < 40 || i == 4_321)))))),
    ];
    write(&folder.path().join("t.parquet"), columns, 5_000);
    let session = open(folder.path(), 2).await;
    session.sample("t").stratified_by(["g"]).cap(50).build().await.unwrap();
    let sql = "SELECT AVG(c) AS a FROM (SELECT g, COUNT(*) AS c FROM t WHERE v > 0 GROUP BY g) WITHIN 60 SECONDS";
    let cell = session.query(sql).run().await.unwrap().cells("a").unwrap()[0];
    assert!(cell.estimate == 20.5 || matches!(cell.trust, Trust::Untrusted(_)), "{cell:?}");
}
