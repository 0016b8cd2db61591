//! A table in a session of its own, whose samples are drawn anew.

use crate::campaign::Failure;
use crate::dataset::{Dataset, Sample};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use plusminus::{Answer, Manifest, OnMiss, Session, SessionBuilder};
use std::path::Path;
use std::time::Duration;

/// So much time that it is no bound.
const AN_HOUR: Duration = Duration::from_secs(3_600);
const MEMORY_BYTES: u64 = 2 << 30;

pub(crate) struct World {
    pub(crate) session: Session,
}

impl World {
    /// The table `t` of a dataset, with a store below `folder` that belongs to one thread.
    pub(crate) async fn open(file: &Path, folder: &Path, thread: u64) -> Result<Self, Failure> {
        let store = folder.join(format!("store-{thread}"));
        if store.exists() {
            std::fs::remove_dir_all(&store)?;
        }
        let session = SessionBuilder::new(store).threads(1).memory_bytes(MEMORY_BYTES).open().await?;
        session.register("t", &file.to_string_lossy()).await?;
        Ok(Self { session })
    }

    /// Draws every sample of the dataset in one pass.
    pub(crate) async fn draw(&self, dataset: &Dataset, seed: u64) -> Result<Vec<Manifest>, Failure> {
        let builder = |sample: &Sample| {
            let builder = self.session.sample("t").name(sample.name).seed(seed).replace(true);
            let builder = sample.by.map_or_else(|| builder.clone(), |by| builder.clone().stratified_by([by]));
            match sample.size {
                plusminus::SampleSize::Cap(rows) => builder.cap(rows),
                plusminus::SampleSize::Rows(rows) => builder.size_rows(rows),
                plusminus::SampleSize::Percent(percent) => builder.size_percent(percent),
            }
        };
        Ok(self.session.build_samples(dataset.samples.iter().map(builder).collect()).await?)
    }

    /// Uses one sample, at one level or at any.
    pub(crate) async fn pin(&self, sample: &str, level: Option<usize>) -> Result<(), Failure> {
        let level = level.map_or_else(|| "'none'".to_owned(), |level| level.to_string());
        let script = format!("SET plusminus.sample = '{sample}'; SET plusminus.level = {level}");
        self.session.execute(&script).await?;
        Ok(())
    }

    /// The estimate of the pinned sample.
    pub(crate) async fn estimate(&self, sql: &str, confidence: u32) -> Result<Answer, Failure> {
        Ok(self
            .session
            .query(sql)
            .within(AN_HOUR)
            .on_miss(OnMiss::Report)
            .confidence_percent(f64::from(confidence))
            .run()
            .await?)
    }

    /// The exact answer.
    pub(crate) async fn exact(&self, sql: &str) -> Result<Answer, Failure> {
        Ok(self.session.query(sql).run().await?)
    }
}

/// The first column as text.
pub(crate) fn keys(answer: &Answer) -> Result<Vec<String>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let names = ArrayFormatter::try_new(answer.batch().column(0).as_ref(), &options)?;
    Ok((0..answer.batch().num_rows()).map(|row| names.value(row).to_string()).collect())
}

/// Where a clause goes, or nothing.
pub(crate) fn filtered(predicate: &str) -> String {
    if predicate.is_empty() { String::new() } else { format!(" WHERE {predicate}") }
}
