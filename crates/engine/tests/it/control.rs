//! Queries that are stopped, watched and refined.

use super::support::{World, rows};
use futures::StreamExt;
use plusminus::{Error, Interrupt, Mode, OnMiss};
use plusminus_catalog::{LearntCosts, LearntLine, Store};
use std::time::Duration;

const GROUPED: &str = "SELECT k % 4 AS d, AVG(n) AS a, SUM(price) AS s FROM t WHERE n < 900 GROUP BY k % 4 ORDER BY d";
/// A join of the table with itself that would run for minutes.
const ENDLESS: &str = "SELECT COUNT(*) FROM t a JOIN t b ON a.n <> b.n JOIN t c ON b.n <> c.n WHERE a.x + b.x > c.x";

async fn world() -> World {
    let world = World::new(100_000).await;
    world.session.sample("t").name("s").size_percent(60.0).build().await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_an_answer_for_every_level_and_ends_like_the_query() {
    let world = world().await;
    let query = || world.session.query(GROUPED).error_percent(3.0);
    let answers: Vec<_> = query().stream().await.unwrap().collect::<Vec<_>>().await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.len() >= 3, "{}", answers.len());
    let levels: Vec<_> = answers.iter().map(|a| a.report().level.unwrap()).collect();
    assert!(levels.windows(2).all(|pair| pair[0] < pair[1]), "{levels:?}");
    let width = |answer: &plusminus::Answer| -> f64 {
        answer.cells("s").unwrap().iter().map(|c| c.upper - c.lower).filter(|w| w.is_finite()).sum()
    };
    assert!(width(&answers[0]) > 2.0 * width(answers.last().unwrap()));
    assert_eq!(rows(answers.last().unwrap()), rows(&query().run().await.unwrap()));
    // An exact query has one answer, an impossible one an error.
    assert_eq!(world.session.query("SELECT COUNT(*) FROM t").stream().await.unwrap().count().await, 1);
    let mut wrong = world.session.query("SELECT nothing FROM t").stream().await.unwrap();
    assert!(wrong.next().await.unwrap().is_err());
    assert!(wrong.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_brings_the_best_answer_so_far_or_ends_the_query() {
    let world = world().await;
    let interrupt = Interrupt::new();
    // The bound is out of reach, and the miss is to be mended by a join that takes minutes: only the levels answer.
    let slow = "SELECT AVG(n) AS a FROM t WHERE n < (SELECT MAX(n) FROM t)";
    let query = world.session.query(slow).error_percent(0.001).on_miss(OnMiss::Exact).interruptible(&interrupt);
    let mut levels = query.stream().await.unwrap();
    let first = levels.next().await.unwrap().unwrap();
    interrupt.request();
    let mut last = first.clone();
    while let Some(next) = levels.next().await {
        last = next.unwrap();
    }
    let was_told = last.report().warnings.iter().any(|w| w.starts_with("interrupted"));
    assert!(last.report().mode == Mode::Exact || was_told && last.report().level >= first.report().level);
    // Asked before it began: no level is finished yet.
    let asked = world.session.query(ENDLESS).interruptible(&interrupt).run().await;
    assert!(matches!(asked, Err(Error::Interrupted)), "{asked:?}");
    let later = Interrupt::new();
    let query = world.session.query(ENDLESS).interruptible(&later).run();
    let press = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        later.request();
    };
    let (ended, ()) = tokio::join!(query, press);
    assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_ends_every_query() {
    let world = world().await;
    let exact = world.session.query(ENDLESS).within(Duration::from_millis(60)).run().await;
    let Err(Error::BoundMissed { what, answer: None, .. }) = exact else { panic!("{exact:?}") };
    assert!(what.contains("no answer within 60 ms") && what.contains("takes about many hours"), "{what}");
    let long = Duration::from_secs(60);
    let answer =
        world.session.query(GROUPED).within(long).error_percent(0.01).on_miss(OnMiss::Exact).run().await.unwrap();
    assert_eq!((answer.report().mode, answer.report().met), (Mode::Exact, Some(true)));
    // A nanosecond is too little for anything: no answer, or one that says that it is late.
    let none = world.session.query(GROUPED).within(Duration::from_nanos(1)).run().await;
    let is_late = none.as_ref().is_ok_and(|answer| answer.report().met == Some(false));
    assert!(is_late || matches!(none, Err(Error::BoundMissed { answer: None, .. })), "{none:?}");
}

/// Every query has a first level that fits, whatever was learnt of the cost of others.
#[tokio::test(flavor = "multi_thread")]
async fn what_looks_cost_is_learnt_and_kept() {
    let world = world().await;
    for _ in 0..40 {
        let answer = world.session.query(GROUPED).within(Duration::from_secs(20)).run().await.unwrap();
        let report = answer.report();
        assert_eq!(
            (report.met, report.level, report.rows_read),
            (Some(true), Some(report.levels.unwrap() - 1), 60_000)
        );
    }
    for _ in 0..100 {
        // It is written aside.
        if world.store().join("costs.json").is_file() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(world.store().join("costs.json").is_file());
    // What cannot be read is learnt anew.
    std::fs::write(world.store().join("costs.json"), "nonsense").unwrap();
    let again = super::support::open(world.folder.path(), 2).await;
    let answer = again.query(GROUPED).within(Duration::from_secs(20)).run().await.unwrap();
    assert_eq!(answer.report().rows_read, 60_000);
}

/// Also where the time is up before the query ends, an explanation is one.
#[tokio::test(flavor = "multi_thread")]
async fn explanations_are_not_cut_short() {
    let world = world().await;
    for within in ["WITHIN 60 SECONDS", "WITHIN 1 MS", "ERROR WITHIN 0.001% ON MISS EXACT"] {
        let answer = world.session.execute(&format!("EXPLAIN ANALYZE {GROUPED} {within}")).await.unwrap();
        let text = rows(&answer[0]);
        assert!(text[0].starts_with("mode|") && text.iter().any(|r| r.starts_with("met|")), "{text:?}");
    }
}

/// The session is as good as before after a query was dropped, and its work stops.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_query_is_cancelled() {
    let world = world().await;
    for _ in 0..3 {
        let query = world.session.query(ENDLESS).run();
        assert!(tokio::time::timeout(Duration::from_millis(30), query).await.is_err());
    }
    let answer = world.session.query(GROUPED).within(Duration::from_secs(60)).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Approximate);
}

/// Work on whole tables, which may not yield for long, keeps no thread from samples.
#[tokio::test(flavor = "multi_thread")]
async fn samples_answer_beside_queries_on_tables() {
    let world = world().await;
    let endless: Vec<_> = (0..3)
        .map(|_| {
            let session = world.session.clone();
            tokio::spawn(async move { session.query(ENDLESS).run().await.is_ok() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..3 {
        let answer = world.session.query(GROUPED).within(Duration::from_secs(20)).run().await.unwrap();
        assert_eq!((answer.report().mode, answer.report().met), (Mode::Approximate, Some(true)));
    }
    endless.iter().for_each(tokio::task::JoinHandle::abort);
}

/// The report says which bound ended a query that has both.
#[tokio::test(flavor = "multi_thread")]
async fn the_report_says_which_bound_came_first() {
    let world = world().await;
    let long = Duration::from_secs(60);
    let ask = |percent: f64| world.session.query(GROUPED).error_percent(percent).within(long).run();
    let met = ask(20.0).await.unwrap();
    assert!(met.report().reason.ends_with("the error was met before the time was up"), "{}", met.report().reason);
    let ended = ask(0.001).await.unwrap();
    assert!(ended.report().reason.ends_with("the sample ended before the error was met"), "{}", ended.report().reason);
}

/// Queries also run where the caller has one thread and no large stack.
#[test]
fn a_small_runtime_suffices() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(world());
    let small = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = small.block_on(world.session.query(GROUPED).error_percent(5.0).run()).unwrap();
    assert_eq!(answer.report().met, Some(true));
}

/// The time to read files is known before they are read: a level that would not be there in time is not begun.
#[tokio::test(flavor = "multi_thread")]
async fn levels_that_take_too_long_to_read_are_not_begun() {
    let world = World::new(60_000).await;
    world.session.sample("t").name("s").size_percent(50.0).build().await.unwrap();
    // Levels take no time worth the name; reading a value takes a millisecond, and no level here weighs as much as what was learnt before.
    let line = |slope: f64| {
        let sum = |of: &dyn Fn(f64) -> f64| (1..=8).map(|step| of(1e3 * f64::from(step))).sum::<f64>();
        let sums = [8.0, sum(&|x| x), sum(&|x| slope * x), sum(&|x| x * x), sum(&|x| slope * x * x)];
        LearntLine { sums: sums.map(|sum| 1e15 * sum), seen: 8.0 }
    };
    let costs = LearntCosts { levels: line(1e-9), answers: line(1e-9), loads: line(1e-3), ..LearntCosts::default() };
    Store::open(world.store()).unwrap().keep_costs(&costs).unwrap();
    let sql = "SELECT g, SUM(x) AS s FROM t GROUP BY g WITHIN 60 SECONDS";
    let cold = super::support::open(world.folder.path(), 2).await;
    let answer = cold.query(sql).run().await.unwrap();
    let (level, levels) = (answer.report().level.unwrap(), answer.report().levels.unwrap());
    assert!(level + 1 < levels, "level {level} of {levels}");
    // What is in memory costs nothing to read.
    cold.query("SELECT g, SUM(x) AS s FROM t GROUP BY g").error_percent(0.001).run().await.unwrap();
    let answer = cold.query(sql).run().await.unwrap();
    assert_eq!(answer.report().level, Some(levels - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_that_make_many_rows_end_when_they_are_given_up() {
    let world = world().await;
    // Pairs that all pass, that none pass, of equal keys, and that are written to a table.
    for endless in [
        "SELECT COUNT(DISTINCT a.value * b.value) FROM range(100000) a, range(100000) b",
        "SELECT COUNT(*) FROM range(1000000) a JOIN range(1000000) b ON a.value * b.value = -1",
        "SELECT COUNT(*) FROM (SELECT value % 2 AS k, value AS v FROM range(1000000)) a \
         JOIN (SELECT value % 2 AS k, value AS v FROM range(1000000)) b ON a.k = b.k AND a.v * b.v = -1",
        "CREATE TABLE pairs AS SELECT a.value FROM range(100000) a, range(100000) b WHERE a.value * b.value = -1",
    ] {
        let given_up = tokio::time::timeout(Duration::from_millis(300), world.session.execute(endless)).await;
        assert!(given_up.is_err(), "{endless}");
        // Its workers are free again: other queries need all of them.
        let next = world.session.query("SELECT SUM(n) FROM t").run();
        assert!(tokio::time::timeout(Duration::from_secs(60), next).await.is_ok(), "{endless}");
    }
}
