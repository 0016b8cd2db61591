//! Intervals through the whole engine, redrawn by seed.

use super::support::World;
use plusminus::Trust;
use std::collections::HashMap;

/// Trusted intervals that hold the truth, of how many, over `seeds` samples of the same table.
async fn coverage(world: &World, sql: &str, column: &str, stratified: bool, seeds: u64) -> (usize, usize) {
    let key = |answer: &plusminus::Answer| -> Vec<String> {
        super::support::rows(answer).iter().map(|r| r.split('|').next().unwrap().to_owned()).collect()
    };
    // The truth of every group, also of those that a sample wrongly puts among the first.
    let exact = world.session.query(sql.split(" ORDER BY").next().unwrap()).run().await.unwrap();
    let truth: HashMap<String, f64> =
        key(&exact).into_iter().zip(exact.cells(column).unwrap().into_iter().map(|c| c.estimate)).collect();
    let (mut held, mut all) = (0, 0);
    for seed in 0..seeds {
        let sample = world.session.sample("t").name("drawn").seed(seed).replace(true);
        let sample = if stratified { sample.stratified_by(["g"]).cap(150) } else { sample.size_rows(1_800) };
        sample.build().await.unwrap();
        let answer = world.session.query(format!("{sql} WITHIN 60 SECONDS")).run().await.unwrap();
        for (key, cell) in key(&answer).into_iter().zip(answer.cells(column).unwrap()) {
            if cell.trust == Trust::Trusted {
                all += 1;
                held += usize::from(cell.lower <= truth[&key] && truth[&key] <= cell.upper);
            }
        }
    }
    (held, all)
}

/// 40 samples of 12 or 13 groups are some 500 intervals, of which those of one sample are independent. At a true coverage of
/// 95 % fewer than 92 % hold with a probability below 0.2 %; seeds are fixed, so that the test always sees the same draws.
async fn check(sql: &str, column: &str, stratified: bool) {
    let world = World::new(60_000).await;
    let (held, all) = coverage(&world, sql, column, stratified, 40).await;
    assert!(all >= 200, "only {all} trusted intervals");
    assert!(held * 100 >= all * 92, "{sql}: {held} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn averages_of_strata() {
    check("SELECT g, AVG(x) AS v FROM t GROUP BY g", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_sums_of_strata() {
    check("SELECT g, SUM(n) AS v FROM t WHERE k < 120 GROUP BY g", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_counts_outside_the_strata() {
    check("SELECT k % 8 AS d, COUNT(*) AS v FROM t WHERE n < 700 GROUP BY k % 8", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uniform_averages() {
    check("SELECT g, AVG(price) AS v FROM t GROUP BY g", "v", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ratios_and_arithmetic() {
    check("SELECT k % 8 AS d, SUM(x) / COUNT(*) + 2 AS v FROM t GROUP BY k % 8", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variances_of_strata() {
    check("SELECT g, VAR(x) AS v FROM t GROUP BY g", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deviations_under_a_filter() {
    check("SELECT k % 8 AS d, STDDEV(n) AS v FROM t WHERE n < 700 GROUP BY k % 8", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn covariances_and_correlations() {
    check("SELECT g, COVAR(n, n + k) AS v FROM t GROUP BY g", "v", true).await;
    check("SELECT g, CORR(n, n + 3 * k) AS v FROM t GROUP BY g", "v", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn medians_and_percentiles() {
    check("SELECT g, MEDIAN(x) AS v FROM t GROUP BY g", "v", true).await;
    check("SELECT k % 6 AS d, percentile_cont(n, 0.9) AS v FROM t GROUP BY k % 6", "v", true).await;
}

/// 100 intervals of one number: at 95 % fewer than 88 hold with a probability of 0.2 %.
#[tokio::test(flavor = "multi_thread")]
async fn averages_of_sums_and_shares_of_the_whole() {
    let world = World::new(60_000).await;
    let averages = "SELECT 1 AS one, AVG(s) AS v FROM (SELECT g, SUM(x) AS s FROM t GROUP BY g)";
    let (held, all) = coverage(&world, averages, "v", true, 100).await;
    assert!(all >= 95 && held * 100 >= all * 88, "{held} of {all}");
    let shares = "SELECT g, 100 * SUM(x) / SUM(SUM(x)) OVER () AS v FROM t GROUP BY g";
    let (held, all) = coverage(&world, shares, "v", true, 40).await;
    assert!(all >= 200 && held * 100 >= all * 92, "{held} of {all}");
}

/// ORDER BY … LIMIT and HAVING leave the luckiest of the groups: only intervals for all at once hold for it.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_an_estimate_chose() {
    check("SELECT k % 12 AS d, AVG(n) AS v FROM t GROUP BY k % 12 ORDER BY v DESC LIMIT 6", "v", false).await;
}

/// Where pilots choose between samples, the one that looks best has not the luckiest interval: of 80 draws of three samples fewer
/// than 11 break what they claim; at a true rate of 5 % more do so with a probability below 0.2 %.
#[tokio::test(flavor = "multi_thread")]
async fn answers_of_samples_that_pilots_chose() {
    let world = World::new(60_000).await;
    let session = &world.session;
    let sql = "SELECT AVG(x) AS a, SUM(x) AS s, COUNT(*) AS c FROM t WHERE n < 500";
    let exact = session.query(sql).run().await.unwrap();
    let truth = ["a", "s", "c"].map(|column| exact.cells(column).unwrap()[0].estimate);
    let mut broken = [0; 3];
    let (mut met, mut chosen) = (0, std::collections::HashSet::new());
    for seed in 0..80 {
        let by = |name: &str, column: &str, cap| {
            session.sample("t").name(name).stratified_by([column]).cap(cap).seed(seed).replace(true)
        };
        let uniform = session.sample("t").name("uniform").size_rows(6_000).seed(seed).replace(true);
        session.build_samples(vec![uniform, by("by_g", "g", 500), by("by_rare", "rare", 15)]).await.unwrap();
        let answer = session.query(sql).error_percent(8.0).run().await.unwrap();
        chosen.insert(answer.report().sample.clone());
        if answer.report().met != Some(true) {
            continue;
        }
        met += 1;
        for (at, column) in ["a", "s", "c"].iter().enumerate() {
            let cell = answer.cells(column).unwrap()[0];
            broken[at] += usize::from(!(cell.lower..=cell.upper).contains(&truth[at]));
        }
    }
    assert!(met >= 60, "only {met} answers met the bound");
    assert!(broken.iter().all(|broken| *broken <= 10), "{broken:?} of {met} intervals miss, chosen from {chosen:?}");
}
