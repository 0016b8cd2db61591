//! The demo's table and samples.

use crate::args::Global;
use crate::failure::Failure;
use crate::progress;
use crate::sessions::Generator;
use plusminus::{Manifest, Session};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Compressed size of a row, about.
pub(crate) const BYTES_PER_ROW: u64 = 45;

/// The generated table.
pub(crate) struct Generated {
    pub(crate) folder: PathBuf,
    pub(crate) bytes: u64,
    /// `None` when an earlier demo's files were used.
    pub(crate) took: Option<Duration>,
}

/// The samples, built in one pass.
pub(crate) struct Built {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) took: Duration,
}

/// Writes the table, or finds it from an earlier demo with the same rows and seed.
pub(crate) async fn generate(global: &Global, rows: u64, home: &Path) -> Result<Generated, Failure> {
    let folder = home.join("demo").join(format!("sessions-{rows}-seed-{}", global.seed));
    if folder.is_dir() {
        return Ok(Generated { bytes: size(&folder), folder, took: None });
    }
    let bar = progress::bar(global, "generating", rows);
    let unfinished = folder.with_extension("unfinished");
    let start = now();
    let generator = Generator::new(rows, global.seed).threads(global.threads());
    let (target, finished) = (unfinished.clone(), bar.clone());
    let written = tokio::task::spawn_blocking(move || generator.write(&target, &|rows| finished.set_position(rows)));
    written.await.map_err(|e| Failure::internal(e.to_string()))?.map_err(|e| Failure::io("generating", e))?;
    bar.finish_and_clear();
    std::fs::rename(&unfinished, &folder).map_err(|e| Failure::io(folder.display(), e))?;
    Ok(Generated { bytes: size(&folder), folder, took: Some(now().saturating_sub(start)) })
}

/// The samples: what they are stratified by, and their part of the rows; together no more than 5 %.
const SAMPLES: [(&str, &[&str], f64); 3] = [
    ("sessions_by_genre_os", &["genre", "os"], 1.2),
    ("sessions_by_country", &["country"], 2.5),
    ("sessions_uniform", &[], 1.2),
];

/// Draws the samples that the statements suggest by what they group and filter on, in one pass.
pub(crate) async fn sample(session: &Session) -> Result<Built, Failure> {
    let start = now();
    let builder = |(name, columns, percent): &(&str, &[&str], f64)| {
        let sample = session.sample("sessions").name(*name).stratified_by(columns.iter().copied());
        sample.size_percent(*percent).replace(true)
    };
    let manifests = session.build_samples(SAMPLES.iter().map(builder).collect()).await?;
    Ok(Built { manifests, took: now().saturating_sub(start) })
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum()
}

/// Time since some fixed moment, from the engine's clock.
fn now() -> Duration {
    use plusminus::Clock;
    static CLOCK: std::sync::OnceLock<plusminus::SystemClock> = std::sync::OnceLock::new();
    CLOCK.get_or_init(plusminus::SystemClock::default).elapsed()
}
