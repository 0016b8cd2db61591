//! Plans above the aggregate, evaluated directly and by DataFusion's planner: the same rows from random plans.

use super::{Upper, run};
use crate::api::Session;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::cell::Cell;
use std::sync::{Arc, OnceLock};

/// Expressions over the key `k`, the sum `s` and the count `c`.
const EXPRESSIONS: [&str; 10] = [
    "k",
    "s",
    "c",
    "s + c",
    "s / c",
    "-s * 2.0",
    "round(s, 1)",
    "CASE WHEN c > 3 THEN s ELSE 0.0 END",
    "COALESCE(s, -1.0)",
    "k || '!'",
];

const CONDITIONS: [&str; 6] =
    ["c > 2", "s > 10.0", "s IS NOT NULL", "k <> 'b'", "NOT (c = 1 OR s < 0.0)", "s / c BETWEEN -5.0 AND 50.0"];

/// A query over `t`: columns, HAVING, sort keys with their directions, DISTINCT and LIMIT with OFFSET.
#[derive(Debug, Clone)]
struct Plan {
    columns: Vec<usize>,
    having: Vec<usize>,
    order: Vec<(usize, bool, bool)>,
    is_distinct: bool,
    limit: Option<(usize, usize)>,
    is_nested: bool,
}

impl Plan {
    fn sql(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().enumerate().map(|(at, e)| format!("{} AS c{at}", EXPRESSIONS[*e])).collect();
        let distinct = if self.is_distinct { "DISTINCT " } else { "" };
        let conditions: Vec<&str> = self.having.iter().map(|at| CONDITIONS[*at]).collect();
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let key = |(at, ascends, first): &(usize, bool, bool)| {
            let (way, nulls) = (if *ascends { "ASC" } else { "DESC" }, if *first { "FIRST" } else { "LAST" });
            format!("c{} {way} NULLS {nulls}", at % self.columns.len())
        };
        // All columns at the end, so that no two rows that differ are alike to the order.
        let mut order: Vec<String> = self.order.iter().map(key).collect();
        order.extend((0..self.columns.len()).map(|at| format!("c{at}")));
        let limit = self.limit.map_or(String::new(), |(skip, fetch)| format!(" LIMIT {fetch} OFFSET {skip}"));
        let inner = "SELECT k, SUM(x) AS s, COUNT(*) AS c FROM t GROUP BY k";
        let query = format!("SELECT {distinct}{} FROM ({inner}){filter}", columns.join(", "));
        let query = if self.is_nested { format!("SELECT * FROM ({query}) AS q") } else { query };
        format!("{query} ORDER BY {}{limit}", order.join(", "))
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let columns = prop::collection::vec(0..EXPRESSIONS.len(), 1..5);
    let having = prop::collection::vec(0..CONDITIONS.len(), 0..3);
    let order = prop::collection::vec((0_usize..5, any::<bool>(), any::<bool>()), 0..3);
    let limit = prop::option::of((0_usize..4, 0_usize..12));
    let rest = (prop::bool::weighted(0.2), limit, any::<bool>());
    (columns, having, order, rest).prop_map(|(columns, having, order, (is_distinct, limit, is_nested))| Plan {
        columns,
        having,
        order,
        is_distinct,
        limit,
        is_nested,
    })
}

/// Keys, sums (one of them NULL) and counts of eight groups.
fn aggregated() -> Vec<ArrayRef> {
    let sums = [Some(12.5), Some(-3.0), None, Some(0.0), Some(12.5), Some(99.25), Some(-0.04), Some(7.0)];
    vec![
        Arc::new(StringArray::from(vec!["a", "b", "c", "d", "e", "f", "g", "h"])),
        Arc::new(Float64Array::from(sums.to_vec())),
        Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5, 6, 7, 8])),
    ]
}

async fn session(folder: &std::path::Path) -> Session {
    let context = SessionContext::new();
    let schema = Schema::new(vec![Field::new("k", DataType::Utf8, true), Field::new("x", DataType::Float64, true)]);
    let table = MemTable::try_new(Arc::new(schema), vec![Vec::new()]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    Session::from_context(folder.join("store"), context).await.unwrap()
}

/// The rows as text, and the numbers of their groups in ascending order.
fn shown(upper: &Upper) -> (String, Vec<u32>) {
    let mut groups = upper.groups.clone();
    groups.sort_unstable();
    (pretty_format_batches(std::slice::from_ref(&upper.batch)).unwrap().to_string(), groups)
}

#[test]
fn direct_evaluation_finds_what_datafusion_finds() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let session = runtime.block_on(session(folder.path()));
    let config = Config { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(19), ..Config::default() };
    let (compared, direct) = (Cell::new(0), Cell::new(0));
    let done = TestRunner::new(config).run(&plans(), |plan| {
        let sql = plan.sql();
        let planned = runtime.block_on(session.plans.get(&session.env, &sql)).unwrap();
        // Plans that no sample answers, such as one without an estimate, have nothing above an aggregate.
        let Ok(query) = &planned.query else { return Ok(()) };
        let evaluate = |compiled: &OnceLock<_>| {
            runtime.block_on(run(query, planned.state(), compiled, aggregated(), 8)).map(|upper| shown(&upper))
        };
        let compiled = OnceLock::new();
        let own = evaluate(&compiled).unwrap();
        direct.set(direct.get() + usize::from(compiled.get().is_some_and(Option::is_some)));
        compared.set(compared.get() + 1);
        let other = evaluate(&OnceLock::from(None)).unwrap();
        prop_assert_eq!(&own.0, &other.0, "{}", sql);
        // Rows that are shown alike may be of other groups where LIMIT cuts between them, or DISTINCT keeps one.
        if plan.limit.is_none() && !plan.is_distinct {
            prop_assert_eq!(&own.1, &other.1, "{}", sql);
        }
        Ok(())
    });
    done.unwrap();
    assert!(direct.get() > 60 && direct.get() <= compared.get(), "{} of {} directly", direct.get(), compared.get());
}
