use super::{Monotone, monotone};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::Expr;

async fn of(sql: &str) -> Option<Monotone> {
    let context = SessionContext::new();
    let table = "CREATE TABLE t AS SELECT 1 AS g, CAST(2 AS DOUBLE) AS x, 3 AS n";
    context.sql(table).await.unwrap().collect().await.unwrap();
    let state = context.state();
    let plan = state.create_logical_plan(&sql.replace('S', "(SELECT avg(x) FROM t)")).await.unwrap();
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).unwrap();
    monotone(&plan, &|expr| matches!(expr, Expr::ScalarSubquery(_)))
}

#[tokio::test]
async fn arithmetic_and_one_comparison_are_steady() {
    for (sql, rows) in [
        ("select g, avg(x) / S from t group by g", false),
        ("select 100.0 * sum(x) / S + 1 as v, count(*) from t", false),
        ("select sum(n / cast(S as double)) from t", false),
        ("select S from t group by g limit 3", false),
        ("select avg((x - S) * n) from t", false),
        ("select sum(case when x > S then n else 0 end) from t", false),
        ("select sum(x) filter (where x <= S) from t", false),
        ("select sum(d) from (select x - S as d, g from t) group by g", false),
        ("select count(*) from t where x > S", true),
        ("select g, avg(n) from t where g > 1 and not (x + 1 < S * 2 or n = 4) group by g", true),
        ("select g from t group by g having avg(x) > S", true),
        ("select x > S as large, count(*) from t group by 1", true),
    ] {
        let found = of(sql).await;
        assert_eq!(found.map(|m| m.rows), Some(rows), "{sql}");
    }
    assert_eq!(of("select g, avg(x) / S, count(*) from t group by g").await.unwrap().columns, [false, true, false]);
    assert!(of("select avg(x) / S from t").await.unwrap().divides);
}

#[tokio::test]
async fn turns_steps_and_several_comparisons_are_not() {
    for sql in [
        "select count(*) from t where x = S",
        "select count(*) from t where abs(x - S) < 1",
        "select count(*) from t where S between 1 and 2",
        "select count(*) from t where x between S - 1 and S + 1",
        "select count(*) from t where x > S - 1 and x < S + 1",
        "select case when S > 2 then 'in' else 'out' end, count(*) from t",
        "select sum(sin(x * S)) from t",
        "select round(avg(x) - S) from t",
        "select (avg(x) - S) * (avg(x) - S) from t",
        "select d * d from (select avg(x) - S as d from t)",
        "select avg(x) - S from t where x > S",
        "select stddev(x - S) from t",
        "select g, avg(x) from t group by g having abs(avg(x) - S) < 1",
        "select x - S as d, count(*) from t group by 1",
        "select cast(avg(x) - S as int) from t",
        "select count(*) / (S - 3) from t",
        "select sum(x / (S * n)) from t",
        "select count(*) from t where x > 10 / (S - 3)",
    ] {
        assert_eq!(of(sql).await, None, "{sql}");
    }
}
