//! Intervals of the same questions over many draws of the samples.

use super::cells::{Counts, compared};
use super::{Options, data, is_estimated, recipe, session};
use plusminus::OnMiss;
use std::error::Error;

/// Intervals of all draws.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) scale: f64,
    pub(crate) seeds: u64,
    /// By question: answers that were estimates, and their cells.
    pub(crate) questions: Vec<(String, usize, Counts)>,
}

/// Draws the samples of a workload anew, and compares every estimate with the truth.
pub(crate) async fn measured(
    options: &Options,
    workload: &str,
    queries: &[(String, String)],
) -> Result<Coverage, Box<dyn Error>> {
    let tables = data(workload, options.coverage_scale, &options.folder).await?;
    let store = options.folder.join(format!("coverage-{workload}-{}", options.coverage_scale));
    if store.is_dir() {
        std::fs::remove_dir_all(&store)?;
    }
    let session = session(&store, &tables).await?;
    let mut found =
        Coverage { scale: options.coverage_scale, seeds: options.seeds, questions: Vec::with_capacity(queries.len()) };
    let mut truths = Vec::with_capacity(queries.len());
    for (name, sql) in queries {
        let truth = session.query(sql.as_str()).run().await;
        truths.push(truth.inspect_err(|error| eprintln!("{workload} {name}: {error}")).ok());
        found.questions.push((name.clone(), 0, Counts::default()));
    }
    for seed in 1..=options.seeds {
        eprintln!("{workload}: draw {seed} of {}", options.seeds);
        for statement in recipe(workload)? {
            session.execute(&format!("{statement} SEED {seed}")).await?;
        }
        for (((_, sql), truth), (_, answers, counts)) in queries.iter().zip(&truths).zip(&mut found.questions) {
            let Some(truth) = truth else { continue };
            let query = session.query(sql.as_str()).error_percent(options.percent).on_miss(OnMiss::Report);
            let answer = query.run().await?;
            if is_estimated(&answer) {
                *answers += 1;
                counts.add(&compared(&answer, truth, options.percent / 100.0));
            }
        }
    }
    Ok(found)
}
