//! SQL files with expected rows, run on PlusMinus over samples that hold every row and on plain DataFusion without the bounds.

use super::support::{World, rows};
use datafusion::prelude::SessionContext;
use plusminus::Session;
use sqllogictest::{DBOutput, DefaultColumnType, Runner};
use std::path::PathBuf;

#[derive(Debug)]
struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

enum Engine {
    PlusMinus(Session),
    DataFusion(SessionContext),
}

impl Engine {
    async fn lines(&self, sql: &str) -> Result<Vec<String>, Failed> {
        match self {
            Self::PlusMinus(session) => {
                let answers = session.execute(sql).await.map_err(|e| Failed(e.to_string()))?;
                Ok(answers.last().map(rows).unwrap_or_default())
            }
            Self::DataFusion(context) => {
                // A session without samples and without bounds is DataFusion itself; only the bounds have to go.
                let plain = without_bounds(sql);
                let frame = context.sql(&plain).await.map_err(|e| Failed(e.to_string()))?;
                let batches = frame.collect().await.map_err(|e| Failed(e.to_string()))?;
                Ok(batches.iter().flat_map(lines_of).collect())
            }
        }
    }
}

/// In these files bounds stand on a line of their own.
fn without_bounds(sql: &str) -> String {
    let is_bound =
        |line: &&str| !["ERROR", "WITHIN", "CONFIDENCE", "FOR ALL GROUPS"].iter().any(|w| line.starts_with(w));
    sql.lines().filter(is_bound).collect::<Vec<_>>().join("\n")
}

fn lines_of(batch: &arrow::record_batch::RecordBatch) -> Vec<String> {
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let formatter = |c: &arrow::array::ArrayRef| {
        let texts = arrow::util::display::ArrayFormatter::try_new(c.as_ref(), &options).unwrap();
        (0..batch.num_rows()).map(|row| texts.value(row).to_string()).collect::<Vec<_>>()
    };
    let columns: Vec<_> = batch.columns().iter().map(formatter).collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|c| c[row].clone()).collect::<Vec<_>>().join("|")).collect()
}

#[async_trait::async_trait]
impl sqllogictest::AsyncDB for Engine {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        let lines = self.lines(sql).await?;
        let width = lines.first().map_or(1, |l| l.split('|').count());
        Ok(DBOutput::Rows {
            types: vec![DefaultColumnType::Any; width],
            rows: lines.iter().map(|l| l.split('|').map(str::to_owned).collect()).collect(),
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        match self {
            Self::PlusMinus(_) => "plusminus",
            Self::DataFusion(_) => "datafusion",
        }
    }
}

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Runs a file on both engines; PLUSMINUS_REWRITE=1 writes DataFusion's rows into it as the expected ones.
#[tokio::test(flavor = "multi_thread")]
async fn files_hold_on_both_engines() {
    for file in files() {
        let world = World::new(5_000).await;
        world.session.sample("t").name("strata").stratified_by(["g"]).cap(1_000_000).build().await.unwrap();
        let context = SessionContext::new();
        let table = world.folder.path().join("t.parquet");
        context.register_parquet("t", table.to_str().unwrap(), Default::default()).await.unwrap();
        if std::env::var_os("PLUSMINUS_REWRITE").is_some() {
            let mut runner = Runner::new(|| async { Ok(Engine::DataFusion(context.clone())) });
            runner
                .update_test_file(
                    &file,
                    " ",
                    sqllogictest::default_validator,
                    sqllogictest::default_normalizer,
                    sqllogictest::default_column_validator,
                )
                .await
                .unwrap();
        }
        let mut plain = Runner::new(|| async { Ok(Engine::DataFusion(context.clone())) });
        plain.run_file_async(&file).await.unwrap_or_else(|e| panic!("DataFusion: {e}"));
        let mut ours = Runner::new(|| async { Ok(Engine::PlusMinus(world.session.clone())) });
        ours.run_file_async(&file).await.unwrap_or_else(|e| panic!("PlusMinus: {e}"));
    }
}
