//! The exact answer is one of the candidates of every bounded query.

use super::support::{World, rows, write_table};
use futures::StreamExt;
use plusminus::{Answer, Error, Mode, Session, SessionBuilder, Trust};
use plusminus_catalog::{LearntCosts, Store};
use std::path::Path;
use std::time::Duration;

/// A session with table `t`, and with what ON MISS says by default.
async fn open(folder: &Path) -> Session {
    let session = SessionBuilder::new(folder.join("store")).threads(2).open().await.unwrap();
    session.register("t", folder.join("t.parquet").to_str().unwrap()).await.unwrap();
    session
}

async fn world(rows: usize) -> World {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), rows, 7);
    let session = open(folder.path()).await;
    World { folder, session }
}

async fn asked(session: &Session, sql: &str) -> Answer {
    session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).pop().unwrap()
}

/// Exact answers take `factor` times what the reference machine needs.
fn teach(folder: &Path, factor: f64) {
    let scans = [("t".to_owned(), factor), (String::new(), factor)].into();
    let store = Store::open(folder.join("store")).unwrap();
    store.keep_costs(&LearntCosts { scans, ..LearntCosts::default() }).unwrap();
}

const SUMS: &str = "SELECT k % 4 AS d, SUM(x) AS s FROM t WHERE n < 900 GROUP BY k % 4 ORDER BY d";

#[tokio::test(flavor = "multi_thread")]
async fn time_enough_for_the_exact_answer_brings_it_after_an_estimate() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    let exact = rows(&asked(&world.session, SUMS).await);
    let query = world.session.query(SUMS).within(Duration::from_secs(60));
    let answers: Vec<Answer> = query.stream().await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].report().mode, Mode::Approximate);
    let report = answers[1].report();
    assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{report:?}");
    assert!(report.reason.contains("the time is enough for the exact answer"), "{}", report.reason);
    assert_eq!(rows(&answers[1]), exact);
    // Who prefers estimates gets one.
    let estimate = asked(&world.session, &format!("{SUMS} WITHIN 60 SECONDS ON MISS REPORT")).await;
    assert_eq!(estimate.report().mode, Mode::Approximate);
}

/// Where the exact answer was seen to take long, time is spent on samples.
#[tokio::test(flavor = "multi_thread")]
async fn time_too_short_for_the_exact_answer_brings_the_best_estimate() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    teach(world.folder.path(), 20.0);
    let session = open(world.folder.path()).await;
    let answer = asked(&session, &format!("{SUMS} WITHIN 60 MS")).await;
    assert_eq!((answer.report().mode, answer.report().met), (Mode::Approximate, Some(true)), "{:?}", answer.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_no_sample_meets_is_met_by_the_table_and_the_note_says_which_sample_would_do() {
    let world = world(200_000).await;
    world.session.sample("t").size_percent(1.0).build().await.unwrap();
    for bounded in [
        "SELECT AVG(x) AS v FROM t WHERE k < 150 ERROR WITHIN 3%",
        "SELECT SUM(n) AS v FROM t WHERE n < 700 ERROR WITHIN 3%",
        "SELECT g, COUNT(*) AS v FROM t WHERE n < 800 GROUP BY g HAVING COUNT(*) > 20000 ORDER BY v ERROR WITHIN 8%",
    ] {
        let (plain, _) = bounded.split_once(" ERROR").unwrap();
        let exact = rows(&asked(&world.session, plain).await);
        let answer = asked(&world.session, bounded).await;
        let report = answer.report();
        assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{bounded}: {report:?}");
        assert_eq!(rows(&answer), exact, "{bounded}");
        let note = report.warnings.iter().find(|warning| warning.contains("no sample met the bound")).unwrap();
        assert!(note.contains("200,000 rows"), "{note}");
        // The statement in the note does what it says.
        let (_, statement) =
            note.split_once("a sample would answer after: ").unwrap_or_else(|| panic!("{bounded}: {note}"));
        asked(&world.session, statement).await;
        let again = asked(&world.session, bounded).await;
        assert_eq!(
            (again.report().mode, again.report().met),
            (Mode::Approximate, Some(true)),
            "{statement}: {:?}",
            again.report()
        );
    }
}

/// Groups that missed come from one scan, whatever their number.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_read_once() {
    let world = world(60_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(1_500).build().await.unwrap();
    let answer = asked(
        &world.session,
        "SELECT g, COUNT(*) AS c, SUM(price) AS s FROM t WHERE k < 150 GROUP BY g ERROR WITHIN 4%",
    )
    .await;
    let trust: Vec<Trust> = answer.cells("s").unwrap().iter().map(|cell| cell.trust).collect();
    let sampled: u64 = 12 * 1_500;
    let read = answer.report().rows_read;
    assert!(
        answer.report().met == Some(true) && trust.contains(&Trust::Exact) && trust.contains(&Trust::Trusted),
        "{trust:?}"
    );
    assert!(read <= 60_000 + sampled + 12_000, "{read} rows read");
    let chosen = "SELECT g, AVG(x) AS a FROM t GROUP BY g ORDER BY a DESC LIMIT 3 ERROR WITHIN 1%";
    let answer = asked(&world.session, chosen).await;
    assert_eq!((answer.report().mode, answer.report().met), (Mode::Exact, Some(true)));
    assert!(answer.report().rows_read <= 60_000, "{:?}", answer.report());
}

/// Without WITHIN nothing that was measured decides.
#[tokio::test(flavor = "multi_thread")]
async fn choices_do_not_depend_on_what_was_learnt() {
    let world = world(100_000).await;
    world.session.sample("t").size_percent(30.0).build().await.unwrap();
    let questions = [
        "SELECT AVG(x) AS v FROM t ERROR WITHIN 2%",
        "SELECT AVG(x) AS v FROM t WHERE k < 3 ERROR WITHIN 2%",
        "SELECT rare, COUNT(*) AS v FROM t GROUP BY rare ERROR WITHIN 5%",
        "SELECT AVG(s) AS v FROM (SELECT k, SUM(x) AS s FROM t GROUP BY k) ERROR WITHIN 1%",
    ];
    let mut all = Vec::new();
    for factor in [0.02, 1.0, 50.0] {
        teach(world.folder.path(), factor);
        let session = open(world.folder.path()).await;
        let mut found = Vec::new();
        for question in questions {
            let report = asked(&session, question).await.report().clone();
            found.push((report.mode, report.level, report.rows_read, report.met));
        }
        all.push(found);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[1], all[2]);
    assert!(all[0].iter().all(|found| found.3 == Some(true)), "{:?}", all[0]);
}

/// An exact answer is not begun when it cannot end in time.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_end_in_time_is_an_error_at_once() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    teach(world.folder.path(), 100.0);
    let session = open(world.folder.path()).await;
    let sql = "SELECT a.g, COUNT(*) FROM t a JOIN t b ON a.k = b.k GROUP BY a.g WITHIN 40 MS";
    let Err(Error::BoundMissed { what, next, answer: None }) = session.execute(sql).await else { panic!() };
    assert!(what.contains("is a key of t") && what.contains("the exact answer takes about"), "{what}");
    assert!(next.starts_with("WITHIN "), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_beyond_reach_within_a_time_too_short_for_the_table_is_reported() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    let enough = asked(&world.session, &format!("{SUMS} ERROR WITHIN 0.1% WITHIN 60 SECONDS")).await;
    assert_eq!((enough.report().mode, enough.report().met), (Mode::Exact, Some(true)));
    teach(world.folder.path(), 100.0);
    let session = open(world.folder.path()).await;
    let answer = asked(&session, &format!("{SUMS} ERROR WITHIN 0.1% WITHIN 100 MS")).await;
    let report = answer.report();
    assert_eq!((report.mode, report.met), (Mode::Approximate, Some(false)), "{report:?}");
    assert!(report.reason.contains("before the error was met"), "{}", report.reason);
}

/// A pinned sample or level leaves the table out.
#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_sample_answers_although_the_table_would_be_better() {
    let world = world(60_000).await;
    world.session.sample("t").name("u").size_percent(10.0).build().await.unwrap();
    asked(&world.session, "SET plusminus.sample = 'u'").await;
    let answer = asked(&world.session, &format!("{SUMS} WITHIN 60 SECONDS")).await;
    assert_eq!(answer.report().sample.as_deref(), Some("u"));
}

/// A sample of nearly the whole table costs more than the table where replicates are needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_costs_more_than_the_table_is_not_made() {
    let world = world(200_000).await;
    world.session.sample("t").stratified_by(["k"]).size_percent(90.0).levels(1).build().await.unwrap();
    let sql = "SELECT AVG(s) AS v FROM (SELECT k, SUM(x) AS s FROM t GROUP BY k) ERROR WITHIN 5%";
    let report = asked(&world.session, sql).await.report().clone();
    assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{report:?}");
    assert!(report.reason.contains("costs no more than an estimate"), "{}", report.reason);
}

/// Subqueries in WHERE are computed once for all levels and for the exact answer, which then reads the table once more.
#[tokio::test(flavor = "multi_thread")]
async fn subqueries_are_computed_once() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    for condition in [
        "n > (SELECT AVG(n) FROM t)",
        "g IN (SELECT g FROM t GROUP BY g HAVING COUNT(*) > 3000)",
        "n > (SELECT AVG(n) FROM t) AND EXISTS (SELECT 1 FROM t WHERE k = 3)",
        "(k NOT IN (SELECT k FROM t WHERE n = 7 AND k < 50) OR x > (SELECT MAX(x) - 1 FROM t))",
        // Plans that print alike are not the same.
        "k IN (SELECT v FROM (VALUES (1), (2), (3), (4), (5), (6)) AS a(v)) AND NOT k IN (SELECT v FROM (VALUES (1), (2), (3), (4), (5), (7)) AS a(v))",
        // Names of columns that occur twice.
        "EXISTS (SELECT a.k, b.k FROM t a JOIN t b ON a.n = b.n WHERE a.k = 1 AND b.k = 2)",
        "NOT EXISTS (SELECT k FROM t WHERE n = 5000)",
        "k > (SELECT MAX(k) FROM t WHERE n = 5000) IS NOT TRUE",
    ] {
        let sql = format!("SELECT g, SUM(price) AS s, COUNT(*) AS c FROM t WHERE {condition} GROUP BY g ORDER BY g");
        let exact = asked(&world.session, &sql).await;
        for bound in ["ERROR WITHIN 0.5%", "WITHIN 60 SECONDS", "ERROR WITHIN 40%"] {
            let answer = asked(&world.session, &format!("{sql} {bound}")).await;
            let report = answer.report();
            assert_eq!(report.met, Some(true), "{sql} {bound}: {report:?}");
            if report.mode == Mode::Exact {
                assert_eq!(rows(&answer), rows(&exact), "{sql} {bound}");
                let scans = 1 + ["FROM t", "JOIN t"].iter().map(|t| condition.matches(t).count()).sum::<usize>();
                assert!(report.rows_read <= 60_000 * scans as u64, "subqueries of {sql} were read again: {report:?}");
            }
        }
    }
}

/// Costs that only look large: LIMIT ends early, and conditions may be the keys of a join.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_soon_is_not_refused() {
    let world = world(200_000).await;
    world.session.sample("t").size_percent(5.0).build().await.unwrap();
    teach(world.folder.path(), 10.0);
    let session = open(world.folder.path()).await;
    for sql in [
        "SELECT * FROM t LIMIT 10 WITHIN 60 MS",
        "SELECT n, x FROM t WHERE k = 3 LIMIT 5 WITHIN 60 MS",
        "SELECT COUNT(*) FROM (SELECT DISTINCT g FROM t LIMIT 5) a, (SELECT DISTINCT k FROM t) b WHERE a.g = CAST(b.k AS VARCHAR) WITHIN 5 SECONDS",
        "SELECT 1 WITHIN 100 MS",
    ] {
        let answer = asked(&session, sql).await;
        assert_eq!(answer.report().mode, Mode::Exact, "{sql}");
    }
}

/// Groups by an expression over a column of many values may be few.
#[tokio::test(flavor = "multi_thread")]
async fn few_groups_of_a_column_of_many_values_are_estimated() {
    let world = world(100_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    for key in ["x > 10", "floor(x / 20)", "n % 3", "CASE WHEN price > 500 THEN 'dear' ELSE 'cheap' END"] {
        let sql =
            format!("SELECT {key} AS d, COUNT(*) AS c FROM t WHERE n < 900 AND x < 40 GROUP BY {key} ERROR WITHIN 40%");
        let answer = asked(&world.session, &sql).await;
        assert_eq!(
            (answer.report().mode, answer.report().met),
            (Mode::Approximate, Some(true)),
            "{sql}: {:?}",
            answer.report()
        );
    }
}

/// Groups that the sample never showed are there once the table was read.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_answers_lacks_no_group() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(2.0).build().await.unwrap();
    for sql in [
        "SELECT rare, COUNT(*) AS c FROM t GROUP BY rare ORDER BY rare DESC LIMIT 7",
        "SELECT rare, COUNT(*) AS c FROM t GROUP BY rare HAVING rare % 7 = 1 ORDER BY rare LIMIT 40 OFFSET 3",
        "SELECT CAST(rare AS VARCHAR) AS r, COUNT(*) AS c FROM t GROUP BY CAST(rare AS VARCHAR) ORDER BY r",
    ] {
        let exact = rows(&asked(&world.session, sql).await);
        let answer = asked(&world.session, &format!("{sql} ERROR WITHIN 60%")).await;
        assert_eq!((answer.report().met, rows(&answer)), (Some(true), exact), "{sql}: {:?}", answer.report());
    }
}

/// The few large groups among many thin ones are found in a sample; asked for all, only the table can tell.
#[tokio::test(flavor = "multi_thread")]
async fn large_groups_among_thin_ones_are_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.parquet");
    let session = SessionBuilder::new(folder.path().join("store")).threads(2).open().await.unwrap();
    let rows =
        "SELECT CASE WHEN value % 2 = 0 THEN value % 6 ELSE value END AS id, value % 100 AS v FROM range(0, 600000)";
    session.context().sql(&format!("COPY ({rows}) TO '{}'", file.display())).await.unwrap().collect().await.unwrap();
    session.register("t", file.to_str().unwrap()).await.unwrap();
    session.sample("t").size_percent(2.0).build().await.unwrap();
    let chosen = "SELECT id, COUNT(*) AS n FROM t GROUP BY id ORDER BY n DESC LIMIT 3 ERROR WITHIN 20%";
    let answer = asked(&session, chosen).await;
    assert_eq!((answer.report().mode, answer.report().met), (Mode::Approximate, Some(true)), "{:?}", answer.report());
    let all = asked(&session, "SELECT id, COUNT(*) AS n FROM t GROUP BY id ERROR WITHIN 20%").await;
    assert_eq!((all.report().mode, all.report().met), (Mode::Exact, Some(true)), "{:?}", all.report());
}

/// A pinned level is replayed as it is, met or missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_level_is_not_repaired() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    asked(&world.session, "SET plusminus.level = 1").await;
    let report = asked(&world.session, &format!("{SUMS} ERROR WITHIN 0.1%")).await.report().clone();
    assert_eq!((report.mode, report.level, report.met), (Mode::Approximate, Some(1), Some(false)), "{report:?}");
}

/// HAVING that leaves nothing of a group whose interval may hold it is not an answer within the error.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_of_an_open_choice_is_repaired() {
    let world = world(60_000).await;
    world.session.sample("t").size_percent(5.0).build().await.unwrap();
    for sql in [
        "SELECT AVG(x) AS v FROM t HAVING AVG(x) > 9.9",
        "SELECT AVG(x) AS v FROM t HAVING AVG(x) < 10.1",
        "SELECT k % 3 AS m, AVG(x) AS v FROM t GROUP BY 1 HAVING AVG(x) > 10.12",
    ] {
        let exact = asked(&world.session, sql).await;
        let answer = asked(&world.session, &format!("{sql} ERROR WITHIN 15%")).await;
        assert_eq!(answer.report().met, Some(true), "{sql}: {:?}", answer.report());
        assert!(answer.batch().num_rows() > 0 || exact.batch().num_rows() == 0, "{sql}: {:?}", answer.report());
    }
}

/// Samples are chosen between by pilots, unless opening the files of all of them is more than the choice may cost beside the table.
#[tokio::test(flavor = "multi_thread")]
async fn pilots_of_wide_tables_cost_no_more_than_their_choice_is_worth() {
    use super::support::{open, write};
    use arrow::array::{ArrayRef, Int64Array};
    use std::sync::Arc;
    for (columns, expected) in [(3_usize, true), (250, false)] {
        let folder = tempfile::tempdir().unwrap();
        let column = |of: i64, modulo: i64| -> ArrayRef {
            Arc::new((0..20_000_i64).map(|row| (row * of) % modulo).collect::<Int64Array>())
        };
        let names: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
        let mut all = vec![("g", column(7, 4)), ("h", column(11, 5)), ("k", column(13, 6))];
        all.extend(names.iter().map(String::as_str).zip((17..).map(|of| column(of, 997))));
        write(&folder.path().join("t.parquet"), all, 20_000);
        let session = open(folder.path(), 2).await;
        for phi in ["g", "h", "k"] {
            session.sample("t").name(phi).stratified_by([phi]).size_percent(10.0).build().await.unwrap();
        }
        let sql = "SELECT AVG(c1) FROM t WHERE c2 > 300";
        let answer = session.query(sql).error_percent(20.0).run().await.unwrap();
        let parts = &answer.report().parts;
        let are_piloted = parts.iter().any(|(part, _)| *part == "pilots");
        assert_eq!(are_piloted, expected, "{columns} columns: {parts:?}");
        assert_eq!(answer.report().mode, Mode::Approximate, "{}", answer.report().reason);
    }
}
