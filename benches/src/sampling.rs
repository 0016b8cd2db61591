//! One pass for four families, beside a plain scan of the same columns.

use crate::{lineitem, memory};
use datafusion::physical_plan::execute_stream_partitioned;
use futures::StreamExt;
use plusminus::{Clock, Manifest, Session, SystemClock};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

pub(crate) async fn run(scale: f64, folder: &Path) -> Result<(), Box<dyn Error>> {
    let clock = SystemClock::default();
    let data = lineitem::generate(scale, folder)?;
    println!("lineitem at scale {scale}: {:.1} s to write or find", clock.elapsed().as_secs_f64());
    let session = Session::open(folder.join("store")).await?;
    session.register("lineitem", &data.to_string_lossy()).await?;
    // The first scan warms the file cache for what follows.
    let cold = scan(&session, &clock).await?;
    let plain = scan(&session, &clock).await?;
    println!("plain scan, all columns: {:.1} s first, {:.1} s second", cold.1.as_secs_f64(), plain.1.as_secs_f64());
    let before = memory::peak_mib();
    let start = clock.elapsed();
    let by = |name: &str, columns: &[&str]| {
        session.sample("lineitem").name(name).stratified_by(columns.iter().copied()).size_percent(1.0).replace(true)
    };
    let builders = vec![
        by("uniform", &[]),
        by("by_flags", &["l_returnflag", "l_linestatus"]),
        by("by_shipdate", &["l_shipdate"]),
        by("by_supplier", &["l_suppkey"]),
    ];
    let built = session.build_samples(builders).await?;
    let took = clock.elapsed() - start;
    let rows = plain.0;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = rows as f64 / took.as_secs_f64() / 1e6;
    println!("4 families of {rows} rows: {:.1} s, {rate:.2} million rows/s", took.as_secs_f64());
    println!("ratio to the plain scan: {:.2}", took.as_secs_f64() / plain.1.as_secs_f64());
    println!("peak memory: {:?} MiB before, {:?} MiB after", before, memory::peak_mib());
    for manifest in &built {
        println!("  {}", line(manifest));
    }
    Ok(())
}

fn line(m: &Manifest) -> String {
    format!(
        "{}: {} rows, {} strata, {} levels, {:.1} MB",
        m.name,
        m.sampled_rows(),
        m.strata_count,
        m.levels.len(),
        m.bytes() as f64 / 1e6
    )
}

/// Reads every column of every row and drops it.
async fn scan(session: &Session, clock: &SystemClock) -> Result<(usize, Duration), Box<dyn Error>> {
    let start = clock.elapsed();
    let context = session.context();
    let plan = context.sql("SELECT * FROM lineitem").await?.create_physical_plan().await?;
    let streams = execute_stream_partitioned(plan, context.task_ctx())?;
    let count = |mut stream: datafusion::execution::SendableRecordBatchStream| async move {
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            rows += batch?.num_rows();
        }
        Ok::<usize, datafusion::error::DataFusionError>(rows)
    };
    let tasks: Vec<_> = streams.into_iter().map(|s| tokio::spawn(count(s))).collect();
    let mut rows = 0;
    for task in tasks {
        rows += task.await??;
    }
    Ok((rows, clock.elapsed() - start))
}
