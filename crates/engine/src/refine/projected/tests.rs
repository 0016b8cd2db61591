use super::*;
use crate::api::Session;
use crate::bounds::{Defaults, Goal, Listeners, Watch};
use crate::execution::{ExecutionMode, QueryExecution};
use crate::runtime::Timings;
use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use plusminus_dialect::Bounds;
use std::sync::atomic::{AtomicBool, Ordering};

/// A million rows of two columns take at most 0.16 s.
#[test]
fn a_bound_of_time_is_not_spent_on_order() {
    let ms = Duration::from_millis;
    assert!(has_time(None, u64::MAX, 50));
    assert!(has_time(Some(ms(1_601)), 1_000_000, 2) && !has_time(Some(ms(1_599)), 1_000_000, 2));
    assert!(!has_time(Some(Duration::ZERO), 16_384, 0));
}

/// A table `t` of 60,000 rows in seven groups `k`, and a sample of 90 % of them.
async fn session(folder: &std::path::Path) -> Session {
    let column = |of: fn(i64) -> i64| Arc::new((0..60_000).map(of).collect::<Int64Array>()) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("k", column(|row| row * 31 % 7)), ("n", column(|row| row % 100))]);
    let batch = batch.unwrap();
    let context = SessionContext::new();
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let session = Session::from_context(folder.join("store"), context).await.unwrap();
    session.sample("t").name("s").size_percent(90.0).build().await.unwrap();
    session
}

/// A finished level keeps its groups, rows and keys while a higher level is begun and not finished in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_outlives_a_higher_level_that_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path()).await;
    let clock = Arc::clone(&session.env.clock);
    let sql = "SELECT k, SUM(n) AS s FROM t WHERE n < 90 GROUP BY k";
    let mut goal = Goal::new(&Bounds::default(), &Defaults::default()).unwrap();
    goal.within = Some(Duration::from_secs(1_000));
    let running = QueryExecution {
        prepared: session.plans.get(&session.env, sql).await.unwrap(),
        env: session.env,
        goal,
        start: Duration::ZERO,
        watch: Arc::new(Watch::new(&Listeners::default(), true)),
        timings: Timings::new(clock, Duration::ZERO),
        subqueries: super::super::subqueries::Subqueries::default(),
        is_part: false,
        fetching: crate::execution::Fetching::default(),
    };
    let ExecutionMode::Sample(query, binding) = running.execution_mode().await.unwrap() else {
        panic!("no sample answers")
    };
    let is_late = AtomicBool::new(false);
    let elapsed = || Duration::from_secs(if is_late.load(Ordering::Relaxed) { 2_000 } else { 0 });
    let table = running.table();
    let context = running.context(&elapsed, &table);
    let level = binding[0].cumulative.len() - 2;
    let new = || ProgressiveScan::new(&query, &context, &binding[0], Vec::new()).unwrap();
    assert!(new().read_to(level, true).await.unwrap());
    let mut levels = new();
    assert!(levels.read_to(level, true).await.unwrap() && levels.projected.is_some());
    let evaluated = levels.estimate_level(level).await.unwrap();
    let estimates = |levels: &mut ProgressiveScan<'_>| {
        let keys = levels.keys_of(&evaluated).unwrap();
        (keys[0].as_primitive::<Int64Type>().values().to_vec(), levels.rows_read, levels.pieces.len())
    };
    let before = estimates(&mut levels);
    assert_eq!((before.0.len(), before.1), (7, binding[0].cumulative[level]));
    is_late.store(true, Ordering::Relaxed);
    assert!(!levels.read_to(level + 1, true).await.unwrap());
    assert!(levels.projected.is_some());
    assert_eq!(estimates(&mut levels), before);
    // With time again the higher level is read, and each row is counted once.
    is_late.store(false, Ordering::Relaxed);
    assert!(levels.read_to(level + 1, true).await.unwrap());
    assert_eq!(levels.rows_read, binding[0].cumulative[level + 1]);
}
