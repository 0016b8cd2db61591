use super::generator::query;
use super::star::Star;
use crate::support::{assert_same, rows};
use plusminus::Mode;

/// Queries that are compared.
const QUERIES: u64 = 2_000;

/// Stars and snowflakes in any spelling, with keys that are NULL or lead nowhere, equal what DataFusion computes on the tables.
#[tokio::test(flavor = "multi_thread")]
async fn generated_joins_equal_datafusion_with_zero_width() {
    let star = Star::whole(6_000).await;
    star.create_views().await;
    let stratified = "CREATE SAMPLE strata ON sales JOIN customers ON s_customer = c_id JOIN products ON s_product = p_id \
                      STRATIFIED BY (c_segment, s_place) SIZE 100 %";
    star.session.execute(stratified).await.unwrap();
    let mut exactly: Vec<String> = Vec::new();
    for seed in 0..QUERIES {
        let sample = ["whole", "strata"][seed as usize % 2];
        star.session.execute(&format!("SET plusminus.sample = '{sample}'")).await.unwrap();
        let generated = query(seed);
        let sql = &generated.sql;
        let exact = star.session.query(sql).run().await.unwrap_or_else(|e| panic!("{seed}: {sql}: {e}"));
        let answer = star.session.query(sql).error_percent(0.0001).run().await.unwrap();
        let report = answer.report();
        let (mut own, mut theirs) = (rows(&answer), rows(&exact));
        own.sort();
        theirs.sort();
        assert_same(&own, &theirs, &format!("{seed}: {sql}: {report:?}"));
        assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{seed}: {sql}: {report:?}");
        match generated.fans_out {
            true => assert!(report.reason.contains("rows for v_customer"), "{seed}: {sql}: {report:?}"),
            false
                if !report.reason.contains(&format!("sample '{sample}'"))
                    && report.reason != "answered from the catalog's counts" =>
            {
                exactly.push(format!("{seed}: {sql}: {}", report.reason));
            }
            false => {}
        }
    }
    assert!(
        exactly.is_empty(),
        "{} queries were answered exactly: {}",
        exactly.len(),
        exactly[..exactly.len().min(20)].join("\n")
    );
}
