//! Columns of other tables are fetched for the lowest levels first; those of more levels follow where the error seems within reach.

use super::star::{Star, open};
use crate::support::{assert_same, rows};
use plusminus::OnMiss;
use std::collections::BTreeSet;

const SQL: &str = "SELECT c_segment, SUM(s_amount) AS s, SUM(s_weight) AS w, SUM(s_quantity) AS q, COUNT(*) AS n \
                   FROM sales JOIN customers ON s_customer = c_id GROUP BY c_segment ORDER BY 1 NULLS FIRST";

/// The levels that have columns of other tables beside them.
fn fetched(star: &Star, sample: &str) -> BTreeSet<usize> {
    let folder = star.path("sales").parent().unwrap().join("store/samples").join(sample).join("data-00000001");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let level = |name: String| name.strip_prefix("joined-")?.split_once("-level-")?.1.split('.').next()?.parse().ok();
    names.filter_map(level).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_levels_are_fetched_as_the_error_needs() {
    let star = Star::new(400_000).await;
    star.session.sample("sales").name("most").size_percent(90.0).build().await.unwrap();
    let asked = |percent: f64, on_miss: OnMiss| star.session.query(SQL).error_percent(percent).on_miss(on_miss).run();
    let answer = asked(20.0, OnMiss::Report).await.unwrap();
    println!("{:?} {:?}", fetched(&star, "most"), answer.report());
    let answer = asked(0.9, OnMiss::Report).await.unwrap();
    println!("{:?} {:?}", fetched(&star, "most"), answer.report());
    let answer = asked(0.0001, OnMiss::Repair).await.unwrap();
    println!("{:?} {:?}", fetched(&star, "most"), answer.report());
    let exact = star.session.query(SQL).run().await.unwrap();
    assert_same(&rows(&answer), &rows(&exact), SQL);
    let _ = open;
}
