//! EXPLAIN with bounds: the choice that will be made, or the reason for an exact run.

use super::support::{World, rows};

#[tokio::test(flavor = "multi_thread")]
async fn shows_the_choice_or_the_reason() {
    let world = World::new(50_000).await;
    let session = &world.session;
    session.sample("t").name("uniform").size_percent(10.0).build().await.unwrap();
    session.sample("t").name("by_g").stratified_by(["g"]).cap(500).build().await.unwrap();
    let mut page = String::new();
    for sql in [
        "SELECT g, AVG(n) FROM t GROUP BY g ERROR WITHIN 5%",
        "SELECT AVG(n) FROM t WHERE k < 20 WITHIN 2 SECONDS",
        "SELECT MAX(n) FROM t ERROR WITHIN 5%",
        "SELECT COUNT(DISTINCT k) FROM t ERROR WITHIN 5%",
        "SELECT a.g, COUNT(*) FROM t a JOIN t b ON a.k = b.k GROUP BY a.g ERROR WITHIN 5%",
        "SELECT g, CASE WHEN COUNT(*) > 5 THEN 'many' ELSE 'few' END AS how FROM t GROUP BY g ERROR WITHIN 5%",
        "SELECT AVG(n) FROM t WHERE random() < 0.5 ERROR WITHIN 5%",
        "SELECT * FROM t ERROR WITHIN 5%",
    ] {
        let answer = session.execute(&format!("EXPLAIN {sql}")).await.unwrap().pop().unwrap();
        let shown: Vec<String> =
            rows(&answer).into_iter().filter(|r| !r.starts_with("plan|") && !r.starts_with(' ')).collect();
        page.push_str(&format!("> {sql}\n{}\n\n", shown.join("\n")));
    }
    insta::assert_snapshot!(page);
}

#[tokio::test(flavor = "multi_thread")]
async fn analyze_runs_the_query() {
    let world = World::new(50_000).await;
    world.session.sample("t").size_percent(10.0).build().await.unwrap();
    let answer =
        world.session.execute("EXPLAIN ANALYZE SELECT AVG(n) FROM t ERROR WITHIN 5%").await.unwrap().pop().unwrap();
    let text = rows(&answer).join("\n");
    assert!(text.contains("met|true") && text.contains("rows read|"), "{text}");
    for part in ["evaluate rows", "estimate", "above the aggregate"] {
        assert!(text.contains(&format!("spent on|{part}: ")), "{part} is missing in\n{text}");
    }
    let (_, errors) = text.split_once("\nerror|error ").unwrap();
    let number = |text: &str| text.split_whitespace().next().unwrap().parse::<f64>().unwrap();
    let (found, predicted) = (number(errors), number(errors.split_once("predicted error ").unwrap().1));
    assert!((0.5..2.0).contains(&(predicted / found)), "{predicted} predicted, {found} found");
}
