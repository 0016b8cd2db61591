//! Tables that change, keys that are none, and what cannot be answered from a sample.

use super::star::{Star, open};
use crate::support::{assert_same, rows, write};
use arrow::array::{ArrayRef, Int64Array, StringArray};
use plusminus::Session;
use std::sync::Arc;

/// Every way in which a join cannot be answered from samples, with the words of the reason.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_why() {
    let star = Star::whole(3_000).await;
    star.session.execute("RESET plusminus.sample").await.unwrap();
    for (sql, reason) in [
        ("SELECT COUNT(*) FROM sales JOIN visits ON s_customer = v_customer", "rows for v_customer"),
        ("SELECT COUNT(*) FROM sales FULL JOIN customers ON s_customer = c_id", "its FULL join keeps rows of sales"),
        ("SELECT COUNT(*) FROM sales RIGHT JOIN customers ON s_customer = c_id", "there is no sample of 'customers'"),
        ("SELECT COUNT(*) FROM sales, nations", "nations is not joined to sales by equal keys"),
        (
            "SELECT COUNT(*) FROM sales JOIN customers ON s_customer < c_id",
            "customers is not joined to sales by equal keys",
        ),
        (
            "SELECT COUNT(*) FROM sales JOIN customers ON s_customer + 1 = c_id",
            "customers is not joined to sales by equal keys",
        ),
        (
            "SELECT COUNT(*) FROM sales JOIN customers ON s_customer IS NOT DISTINCT FROM c_id",
            "not joined to sales by equal keys",
        ),
        ("SELECT COUNT(*) FROM sales JOIN customers ON s_weight = c_balance", "not joined to sales by equal keys"),
        (
            "SELECT COUNT(*) FROM sales JOIN (SELECT DISTINCT c_id, c_segment FROM customers JOIN visits ON c_id = v_customer) \
             ON c_segment = 'car'",
            "is not joined to sales by equal keys",
        ),
        (
            "SELECT COUNT(*) FROM sales WHERE EXISTS (SELECT * FROM visits WHERE v_customer < s_customer)",
            "visits is not joined to sales by equal keys",
        ),
        (
            "SELECT COUNT(*) FROM sales JOIN (SELECT * FROM customers LIMIT 5) ON s_customer = c_id",
            "LIMIT below an aggregate",
        ),
        ("SELECT COUNT(*) FROM sales a JOIN sales b ON a.s_customer = b.s_customer", "rows for s_customer"),
        ("SELECT COUNT(*) FROM visits JOIN customers ON v_customer = c_id", "there is no sample of 'visits'"),
        ("SELECT COUNT(*) FROM customers JOIN nations ON c_nation = n_id", "there is no sample of 'customers'"),
        (
            "SELECT COUNT(DISTINCT c_segment) FROM sales JOIN customers ON s_customer = c_id",
            "distinct values of c_segment here",
        ),
        ("SELECT COUNT(*) FROM sales JOIN customers ON s_customer = c_id WHERE random() < 0.5", "at random"),
    ] {
        let exact = star.session.query(sql).run().await.unwrap();
        let answer = star.session.query(sql).error_percent(1.0).run().await.unwrap();
        let report = answer.report();
        assert!(report.reason.contains(reason), "{sql}: {}", report.reason);
        assert!(report.sample.is_none(), "{sql}: {report:?}");
        if !sql.contains("random") {
            assert_eq!(rows(&answer), rows(&exact), "{sql}");
        }
    }
}

fn whole(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

const SEGMENTS: &str =
    "SELECT c_segment, COUNT(*) AS n FROM sales JOIN customers ON s_customer = c_id GROUP BY 1 ORDER BY 1";

async fn reopened(star: &Star) -> plusminus::Session {
    let session = open(star.path("sales").parent().unwrap()).await;
    session.execute("SET plusminus.sample = 'whole'").await.unwrap();
    session
}

/// The rows of [`SEGMENTS`] under a bound, which are those of the exact answer, and the reason.
async fn answered(session: &plusminus::Session) -> (Vec<String>, String) {
    let exact = session.query(SEGMENTS).run().await.unwrap();
    let answer = session.query(SEGMENTS).error_percent(1.0).run().await.unwrap();
    assert_eq!(rows(&answer), rows(&exact));
    (rows(&answer), answer.report().reason.clone())
}

/// A table that is written anew has other columns by itself, in the same process and in the next one; one whose key is none any more is
/// refused.
#[tokio::test(flavor = "multi_thread")]
async fn columns_follow_the_data_of_their_tables() {
    let star = Star::whole(3_000).await;
    let write_customers = |segment: &str, repeated: Option<i64>| {
        let ids: Vec<i64> = (0..200).chain(repeated).collect();
        let segments = ids.iter().map(|id| Some(if id % 2 == 0 { segment } else { "other" }));
        let columns: Vec<(&str, ArrayRef)> =
            vec![("c_id", whole(ids.iter().copied())), ("c_segment", Arc::new(segments.collect::<StringArray>()))];
        write(&star.path("customers"), columns, 50);
    };
    let (before, reason) = answered(&star.session).await;
    assert!(reason.contains("sample 'whole'") && before.len() == 4, "{before:?} {reason}");
    write_customers("first", None);
    // The schema of a registered table is that of its files when it was registered.
    let session = reopened(&star).await;
    let (after, reason) = answered(&session).await;
    assert!(after[0].starts_with("first|") && reason.contains("sample 'whole'"), "{after:?} {reason}");
    write_customers("again", None);
    let (after, reason) = answered(&session).await;
    assert!(after[0].starts_with("again|") && reason.contains("sample 'whole'"), "{after:?} {reason}");
    let (again, reason) = answered(&reopened(&star).await).await;
    assert!(again == after && reason.contains("sample 'whole'"), "{again:?} {reason}");
    write_customers("again", Some(17));
    let (_, reason) = answered(&session).await;
    assert!(reason.contains("customers has 2 rows for c_id 17"), "{reason}");
}

/// What is stored of other tables is checked like everything else, and fetched again where it is damaged.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_columns_are_fetched_again() {
    let star = Star::whole(3_000).await;
    let (exact, reason) = answered(&star.session).await;
    assert!(reason.contains("sample 'whole'"), "{reason}");
    let folder = star.path("sales").parent().unwrap().join("store/samples/whole/data-00000001");
    let mut damaged = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("joined-") && name.ends_with(".parquet") {
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[4..60].fill(0x55);
            std::fs::write(&file, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    let session = reopened(&star).await;
    let verified = session.execute("VERIFY SAMPLE whole").await;
    assert!(verified.is_err(), "{verified:?}");
    assert_eq!(answered(&session).await.0, exact);
    let (again, reason) = answered(&session).await;
    assert!(again == exact && reason.contains("sample 'whole'"), "{reason}");
}

/// DataFusion mixes up keys where NULL equals NULL with others; exact answers do not.
#[tokio::test(flavor = "multi_thread")]
async fn null_safe_keys_beside_others_are_counted_right() {
    let star = Star::new(10).await;
    for (sql, count) in [
        (
            "SELECT COUNT(*) FROM (SELECT column1 AS x FROM (VALUES (NULL),(1))) a JOIN \
             (SELECT column1 AS x, column2 AS y FROM (VALUES (NULL,1),(1,2))) b ON a.x IS NOT DISTINCT FROM b.x \
             JOIN (SELECT column1 AS y FROM (VALUES (1),(2))) c ON b.y = c.y",
            "2",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT column1 AS y FROM (VALUES (1),(NULL))) c JOIN \
             (SELECT column1 AS x, column2 AS y FROM (VALUES (NULL,1),(1,NULL))) b ON b.y = c.y \
             JOIN (SELECT column1 AS x FROM (VALUES (NULL),(1))) a ON a.x IS NOT DISTINCT FROM b.x",
            "1",
        ),
        (
            "SELECT COUNT(*) FROM (VALUES (1),(NULL)) a(x), (VALUES (1, 1),(NULL, 2)) b(x, y), (VALUES (1),(2)) c(y) \
             WHERE a.x IS NOT DISTINCT FROM b.x AND b.y = c.y",
            "2",
        ),
    ] {
        for bound in ["", " ERROR WITHIN 5%"] {
            let answers = star.session.execute(&format!("{sql}{bound}")).await.unwrap();
            assert_eq!(rows(&answers[0]), [count], "{sql}{bound}");
        }
    }
}

/// Columns that cost too much beside the exact answer are fetched behind it, and the next such query is answered from the sample.
#[tokio::test(flavor = "multi_thread")]
async fn columns_are_fetched_behind_an_exact_answer() {
    let star = Star::new(20_000).await;
    star.session.sample("sales").name("tenth").size_percent(10.0).build().await.unwrap();
    let sql = "SELECT COUNT(*) AS n FROM sales WHERE EXISTS (SELECT * FROM visits WHERE v_customer = s_customer)";
    let asked = async |session: &Session| {
        let query = session.query(sql).error_percent(50.0).on_miss(plusminus::OnMiss::Repair);
        query.run().await.unwrap().report().clone()
    };
    let first = asked(&star.session).await;
    assert!(first.reason.contains("too much beside the exact answer"), "{first:?}");
    assert!(first.warnings.iter().any(|warning| warning.contains("fetched in the background")), "{first:?}");
    assert!(star.session.finish().await);
    for session in [&star.session, &open(star.path("sales").parent().unwrap()).await] {
        let report = asked(session).await;
        assert_eq!(report.sample.as_deref(), Some("tenth"), "{report:?}");
        assert!(report.warnings.is_empty(), "{report:?}");
    }
}

/// A key of two columns in a table larger than the sampled one takes longer to prove than the exact answer allows.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_proven_behind_an_exact_answer() {
    let star = Star::new(20_000).await;
    star.session.sample("sales").name("tenth").size_percent(10.0).build().await.unwrap();
    let prices = "SELECT value % 400 AS r_product, value / 400 AS r_place, value % 91 AS price FROM range(0, 400000)";
    let file = star.path("sales").with_file_name("prices.parquet").display().to_string();
    let copy = format!("COPY ({prices}) TO '{file}'");
    star.session.context().sql(&copy).await.unwrap().collect().await.unwrap();
    star.session.register("prices", &file).await.unwrap();
    let sql = "SELECT COUNT(*) AS n FROM sales JOIN prices ON s_product = r_product AND s_quantity = r_place";
    let asked = async || star.session.query(sql).error_percent(80.0).run().await.unwrap().report().clone();
    let first = asked().await;
    assert!(first.reason.contains("is a key of prices must be found out first"), "{first:?}");
    assert!(first.warnings.iter().any(|warning| warning.contains("in the background")), "{first:?}");
    assert!(star.session.finish().await);
    let later = asked().await;
    assert!(!later.reason.contains("must be found out first"), "{later:?}");
}

/// A table in memory that takes the place of another one has columns of its own, though its rows may lie where those of the other one lay.
#[tokio::test(flavor = "multi_thread")]
async fn tables_in_memory_are_told_apart() {
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::MemTable;
    let star = Star::whole(2_000).await;
    let schema = Arc::new(Schema::new(vec![
        Field::new("m_id", DataType::Int64, false),
        Field::new("m_value", DataType::Int64, false),
    ]));
    let sql = "SELECT SUM(m_value) AS v FROM sales JOIN memory ON s_customer = m_id";
    for round in 0..6 {
        let columns = vec![whole(0..300), whole((0..300).map(|id| id * round))];
        let batch = arrow::record_batch::RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let table = MemTable::try_new(Arc::clone(&schema), vec![vec![batch]]).unwrap();
        star.session.context().deregister_table("memory").unwrap();
        star.session.context().register_table("memory", Arc::new(table)).unwrap();
        for _ in 0..2 {
            let exact = star.session.query(sql).run().await.unwrap();
            let answer = star.session.query(sql).error_percent(1.0).run().await.unwrap();
            assert!(answer.report().reason.contains("sample 'whole'"), "{:?}", answer.report());
            assert_eq!(rows(&answer), rows(&exact), "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outer_join_of_which_nothing_is_read_still_repeats_rows() {
    let star = Star::whole(3_000).await;
    for sql in [
        "SELECT COUNT(*) FROM sales LEFT JOIN visits ON s_customer = v_customer",
        "SELECT SUM(s_quantity) FROM sales LEFT JOIN visits ON s_customer = v_customer WHERE s_quantity > 3",
        "SELECT s_place, COUNT(*) FROM visits RIGHT JOIN sales ON s_customer = v_customer GROUP BY s_place ORDER BY 1 NULLS FIRST",
        "WITH both AS (SELECT s_amount AS a FROM sales LEFT JOIN visits ON s_customer = v_customer) SELECT COUNT(*), SUM(a) FROM both",
    ] {
        let exact = star.session.query(sql).run().await.unwrap();
        let answer = star.session.query(sql).error_percent(5.0).run().await.unwrap();
        assert_same(&rows(&answer), &rows(&exact), sql);
        assert!(answer.report().reason.contains("visits has"), "{sql}: {:?}", answer.report());
    }
}
