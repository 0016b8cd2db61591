//! Messages as people see them.

use super::support::World;

async fn message(world: &World, sql: &str) -> String {
    match world.session.execute(sql).await {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn say_what_is_wrong_and_what_to_do_next() {
    let world = World::new(1_000).await;
    let mut page = String::new();
    for sql in [
        "SELECT COUNT(*) FROM tt ERROR WITHIN 5%",
        "SELECT SUM(k > 3) FROM t",
        "SELECT MEDIAN(DATE '2024-01-01') FROM t ERROR WITHIN 5%",
        "SELECT k + (9223372036854775807 + 1) FROM t",
        "SELECT COUNT(*) FROM 'x.parqet' ERROR WITHIN 5%",
        "SELECT COUNT(*) FROM t WHERE kk = 1 ERROR WITHIN 5%",
        "SELECT COUNT(*) FROM t ERROR WITHIN 0%",
        "SELECT COUNT(*) FROM t WITHIN 5 HOURS",
        "SELECT COUNT(*) FROM t ERROR WITHIN 5% CONFIDENCE 0.95",
        "SELECT COUNT(*) FROM t CONFIDENCE 95%",
        "SELECT COUNT(*) FROM (SELECT * FROM t WITHIN 5 SECONDS)",
        "SELECT COUNT(*) FROM t TABLESAMPLE BERNOULLI (10)",
        "CREATE SAMPLE s ON t STRATIFIED BY (gg)",
        "CREATE SAMPLE s ON nowhere CAP 10",
        "CREATE SAMPLE s ON t UNIVERSE ON (x)",
        "CREATE SAMPLE s ON t UNIVERSE ON (k) CAP 5",
        "CREATE SAMPLE s ON t TAIL (xx)",
        "CREATE SAMPLE s ON t TAIL (g)",
        "CREATE SAMPLE s ON t JOIN u ON t.k = u.k CAP 5",
        "CREATE SAMPLES ON t FOR WORKLOAD 'q.sql' BUDGET 5 %",
        "REFRESH SAMPLE s",
        "DROP SAMPLE s",
        "SELECT lower_bound(x) FROM t ERROR WITHIN 5%",
        "SELECT SUM(upper_bound(x)) FROM t",
        "SELECT relative_error(MAX(g)) FROM t",
        "SET plusminus.eror = '5%'",
        "SELEC 1",
    ] {
        page.push_str(&format!("> {sql}\n{}\n\n", message(&world, sql).await));
    }
    insta::assert_snapshot!(page);
    for block in page.split("\n\n").filter(|b| !b.trim().is_empty()) {
        assert!(block.contains("\nTry: "), "no next step in: {block}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_statements_are_refused_and_do_not_crash() {
    let world = World::new(10).await;
    let or = format!("SELECT COUNT(*) FROM t WHERE k = 1{}", " OR k = 1".repeat(100_000));
    let nested = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let union = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(10_000));
    for sql in [or, nested, union] {
        let error = message(&world, &sql).await;
        assert!(error.contains("Try: "), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_statements_within_the_caps_are_answered() {
    let world = World::new(10).await;
    let or = format!("SELECT COUNT(*) FROM t WHERE k = 1{} WITHIN 60 SECONDS", " OR k = 1".repeat(450));
    let union = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(200));
    let nested = format!("SELECT {}1{}", "(".repeat(40), ")".repeat(40));
    for sql in [or, union, nested] {
        assert_eq!(message(&world, &sql).await, "no error");
    }
}
