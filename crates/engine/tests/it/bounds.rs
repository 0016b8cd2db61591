//! Bounds, and what reports say of them.

use super::support::{World, truth};
use plusminus::{Error, Mode, OnMiss, Trust};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn no_bound_means_the_exact_answer() {
    let world = World::new(20_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(500).build().await.unwrap();
    let answer = world.session.query("SELECT g, COUNT(*) FROM t GROUP BY g").run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Exact);
    assert_eq!(answer.report().met, None);
    assert_eq!(answer.report().rows_read, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_whole_strata_come_from_the_catalog() {
    let world = World::new(20_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(100).build().await.unwrap();
    let sql = "SELECT g, COUNT(*) AS c, COUNT(x) AS cx FROM t WHERE g <> 'group 02' GROUP BY g ORDER BY g";
    let exact = world.session.query(sql).run().await.unwrap();
    let answer = world.session.query(sql).error_percent(1.0).run().await.unwrap();
    assert_eq!(super::support::rows(&answer), super::support::rows(&exact));
    let report = answer.report();
    assert_eq!((report.mode, report.rows_read, report.met), (Mode::Exact, 0, Some(true)));
    assert!(answer.cells("c").unwrap().iter().all(|c| c.trust == Trust::Exact && c.lower == c.upper));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_bound_stops_at_a_lower_level_than_a_narrow_one() {
    let world = World::new(200_000).await;
    world.session.sample("t").size_percent(50.0).build().await.unwrap();
    let sql = "SELECT AVG(n) AS a FROM t WHERE k < 100";
    let mut read = Vec::new();
    for percent in [20.0, 0.5] {
        let answer = world.session.query(sql).error_percent(percent).run().await.unwrap();
        let report = answer.report();
        assert_eq!(report.met, Some(true), "{report:?}");
        let cell = answer.cells("a").unwrap()[0];
        assert!(cell.upper - cell.estimate <= percent / 100.0 * cell.upper);
        read.push(report.rows_read);
    }
    assert!(read[0] * 4 < read[1], "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_bound_is_reported_omitted_run_exactly_or_failed() {
    let world = World::new(50_000).await;
    world.session.sample("t").size_rows(2_000).build().await.unwrap();
    let sql = "SELECT COUNT(*) AS c, SUM(price) AS s FROM t WHERE k = 7";
    let ask = |choice| world.session.query(sql).error_percent(0.1).on_miss(choice).run();
    let report = ask(OnMiss::Report).await.unwrap();
    assert_eq!(report.report().met, Some(false));
    let omitted = ask(OnMiss::Omit).await.unwrap();
    assert_eq!(super::support::rows(&omitted), ["NULL|NULL"]);
    let exact = ask(OnMiss::Exact).await.unwrap();
    assert_eq!((exact.report().mode, exact.report().met), (Mode::Exact, Some(true)));
    assert_eq!(
        exact.cells("c").unwrap()[0].estimate,
        truth(&world.session, "SELECT COUNT(*) FROM t WHERE k = 7").await
    );
    let Err(Error::BoundMissed { answer: Some(best), .. }) = ask(OnMiss::Fail).await else { panic!("no failure") };
    assert_eq!(super::support::rows(&best), super::support::rows(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exact_query_past_its_time_is_an_error_and_not_an_overrun() {
    let world = World::new(30_000).await;
    let sql = "SELECT COUNT(*) FROM t a, t b WHERE a.n + b.n < 17 AND a.k <> b.k";
    let error = world.session.query(sql).within(Duration::from_millis(30)).run().await.unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("no answer within 30 ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_hold_until_reset_and_a_stated_bound_replaces_them() {
    let world = World::new(50_000).await;
    world.session.sample("t").size_percent(20.0).build().await.unwrap();
    let sql = "SELECT AVG(n) FROM t";
    let mode = async |script: &str| world.session.execute(script).await.unwrap().pop().unwrap().report().clone();
    assert_eq!(mode(&format!("SET plusminus.error = '5%'; {sql}")).await.error_bound, Some(0.05));
    let stated = mode(&format!("{sql} WITHIN 10 SECONDS")).await;
    assert_eq!((stated.error_bound, stated.within_ms), (None, Some(10_000.0)));
    assert_eq!(mode(&format!("RESET plusminus.error; {sql}")).await.mode, Mode::Exact);
    assert!(world.session.execute(&format!("{sql} CONFIDENCE 90%")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn higher_confidence_and_all_groups_are_wider() {
    let world = World::new(50_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(300).build().await.unwrap();
    let sql = "SELECT g, SUM(n) AS s FROM t WHERE k < 150 GROUP BY g ORDER BY g";
    let width = async |query: plusminus::Query| -> f64 {
        let answer = query.within(Duration::from_secs(10)).run().await.unwrap();
        answer.cells("s").unwrap().iter().map(|c| c.upper - c.lower).sum()
    };
    let plain = width(world.session.query(sql)).await;
    let sure = width(world.session.query(sql).confidence_percent(99.0)).await;
    let all = width(world.session.query(sql).for_all_groups()).await;
    assert!(plain < sure && plain < all, "{plain} {sure} {all}");
}
