//! Columns of other tables are fetched for the lowest levels first; those of more levels follow where the error seems within reach.

use super::star::{Star, open};
use crate::support::{assert_same, rows};
use plusminus::{Answer, OnMiss, Session};
use std::collections::BTreeSet;

const SQL: &str = "SELECT c_segment, SUM(s_amount) AS s, SUM(s_weight) AS w, SUM(s_quantity) AS q, COUNT(*) AS n \
                   FROM sales JOIN customers ON s_customer = c_id GROUP BY c_segment ORDER BY 1 NULLS FIRST";

/// A star of 400,000 sales with a sample of so many percent of them.
async fn star(name: &str, percent: f64) -> Star {
    let star = Star::new(400_000).await;
    star.session.sample("sales").name(name).size_percent(percent).build().await.unwrap();
    star
}

/// The levels that have columns of other tables beside them.
fn fetched(star: &Star, sample: &str) -> BTreeSet<usize> {
    let folder = star.path("sales").parent().unwrap().join("store/samples").join(sample).join("data-00000001");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let level = |name: String| name.strip_prefix("joined-")?.split_once("-level-")?.1.split('.').next()?.parse().ok();
    names.filter_map(level).collect()
}

async fn asked(session: &Session, sql: &str, percent: f64, on_miss: OnMiss) -> Answer {
    session.query(sql).error_percent(percent).on_miss(on_miss).run().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_levels_are_fetched_as_the_error_needs() {
    let star = star("most", 90.0).await;
    let answer = asked(&star.session, SQL, 20.0, OnMiss::Report).await;
    assert_eq!((answer.report().sample.as_deref(), answer.report().met), (Some("most"), Some(true)));
    let pilot = fetched(&star, "most");
    let levels = answer.report().levels.unwrap();
    assert!(pilot.iter().copied().eq(0..pilot.len()) && pilot.len() + 1 < levels, "{pilot:?} of {levels}");
    // What no level would meet costs no more than the pilot.
    let answer = asked(&star.session, SQL, 0.0001, OnMiss::Repair).await;
    let exact = star.session.query(SQL).run().await.unwrap();
    assert_same(&rows(&answer), &rows(&exact), SQL);
    assert!(answer.report().reason.contains("no sample is within the error"), "{:?}", answer.report());
    assert_eq!(fetched(&star, "most"), pilot);
    star.session.execute("SET plusminus.sample = 'most'").await.unwrap();
    let answer = asked(&star.session, SQL, 0.9, OnMiss::Report).await;
    assert_eq!((answer.report().sample.as_deref(), answer.report().met), (Some("most"), Some(true)));
    assert!(answer.report().warnings.iter().any(|warning| warning.contains("were fetched first")));
    let more = fetched(&star, "most");
    assert!(more.len() > pilot.len() && answer.report().level < Some(more.len()), "{pilot:?} {more:?}");
    // Another session finds what was fetched.
    let session = open(star.path("sales").parent().unwrap()).await;
    session.execute("SET plusminus.sample = 'most'").await.unwrap();
    let again = asked(&session, SQL, 0.9, OnMiss::Report).await;
    assert_eq!(rows(&again), rows(&answer));
    assert!(again.report().warnings.is_empty(), "{:?}", again.report());
}

/// A sample of every row is exact once all of its levels have the columns, whichever of them earlier queries left beside some levels.
#[tokio::test(flavor = "multi_thread")]
async fn columns_of_all_levels_give_the_exact_answer() {
    let star = star("whole", 100.0).await;
    star.session.execute("SET plusminus.sample = 'whole'").await.unwrap();
    for (sql, percent) in [
        (SQL, 20.0),
        (
            "SELECT SUM(c_balance) AS b FROM sales LEFT JOIN customers ON s_customer = c_id WHERE c_segment = 'car'",
            0.0001,
        ),
        (SQL, 0.0001),
        (
            "SELECT n_name, COUNT(*) AS n FROM sales JOIN customers ON s_customer = c_id JOIN nations ON c_nation = n_id GROUP BY n_name ORDER BY 1",
            30.0,
        ),
        (
            "SELECT n_name, SUM(s_amount) AS s FROM sales JOIN customers ON s_customer = c_id JOIN nations ON c_nation = n_id WHERE c_balance > 9 GROUP BY n_name ORDER BY 1",
            0.0001,
        ),
        (
            "SELECT n_name, COUNT(*) AS n FROM sales JOIN customers ON s_customer = c_id JOIN nations ON c_nation = n_id GROUP BY n_name ORDER BY 1",
            0.0001,
        ),
    ] {
        let answer = asked(&star.session, sql, percent, OnMiss::Report).await;
        assert_eq!(answer.report().met, Some(true), "{sql}: {:?}", answer.report());
        if percent < 1.0 {
            let exact = star.session.query(sql).run().await.unwrap();
            assert!(answer.report().reason.contains("holds every row that matters"), "{:?}", answer.report());
            assert_same(&rows(&answer), &rows(&exact), sql);
        }
    }
}
