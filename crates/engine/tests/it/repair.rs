//! ON MISS REPAIR: groups that missed come from the table, once; the others stay estimates.

use super::support::{World, cells, rows, truth};
use plusminus::{Mode, Trust};
use std::collections::HashMap;

#[tokio::test(flavor = "multi_thread")]
async fn only_groups_that_missed_are_computed_again() {
    let world = World::new(60_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(1_500).build().await.unwrap();
    let plain = "SELECT g, COUNT(*) AS c, SUM(price) AS s, AVG(n) AS a FROM t WHERE k < 150 GROUP BY g";
    let exact = world.session.query(plain).run().await.unwrap();
    let key = |r: &String| r.split('|').next().unwrap().to_owned();
    let truth: HashMap<String, String> = rows(&exact).iter().map(|r| (key(r), r.clone())).collect();
    let answer = world.session.query(format!("{plain} ERROR WITHIN 4% ON MISS REPAIR")).run().await.unwrap();
    let report = answer.report();
    assert_eq!((report.mode, report.met), (Mode::Approximate, Some(true)), "{report:?}");
    assert_eq!(answer.batch().num_rows(), truth.len());
    let trust: Vec<Trust> = answer.cells("s").unwrap().iter().map(|c| c.trust).collect();
    assert!(trust.contains(&Trust::Exact) && trust.contains(&Trust::Trusted), "{trust:?}");
    for (row, trust) in rows(&answer).iter().zip(&trust) {
        let same = *row == truth[&key(row)];
        assert!(same || *trust != Trust::Exact, "{row}");
    }
    assert!(report.warnings.iter().any(|w| w.contains("computed on the table")), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_groups_the_table_answers() {
    let world = World::new(20_000).await;
    world.session.sample("t").size_rows(500).build().await.unwrap();
    let sql = "SELECT SUM(n) AS s FROM t WHERE k < 20";
    let answer = world.session.query(format!("{sql} ERROR WITHIN 0.5% ON MISS REPAIR")).run().await.unwrap();
    let cell = answer.cells("s").unwrap()[0];
    assert_eq!(
        (cell.estimate, cell.trust, answer.report().met),
        (truth(&world.session, sql).await, Trust::Exact, Some(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_rows_are_repaired_until_none_misses() {
    let world = World::new(60_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(200).build().await.unwrap();
    let sql = "SELECT g, AVG(x) AS a, lower_bound(AVG(x)) AS lo FROM t GROUP BY g ORDER BY a DESC LIMIT 3";
    let answer = world.session.query(format!("{sql} ERROR WITHIN 1% ON MISS REPAIR")).run().await.unwrap();
    let shown = rows(&answer);
    for cell in cells(&answer, "a") {
        assert_eq!(cell.trust, Trust::Exact, "{shown:?}");
    }
    for row in &shown {
        let parts: Vec<&str> = row.split('|').collect();
        assert_eq!(parts[1], parts[2], "the lower end of a number known exactly is the number: {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_of_aggregates_run_whole() {
    let world = World::new(20_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(60).build().await.unwrap();
    let sql = "SELECT AVG(s) AS a FROM (SELECT g, SUM(x) AS s FROM t GROUP BY g) ERROR WITHIN 0.1% ON MISS REPAIR";
    let report = world.session.query(sql).run().await.unwrap().report().clone();
    assert!(report.mode == Mode::Exact && report.reason.contains("so the table answered"), "{report:?}");
}
