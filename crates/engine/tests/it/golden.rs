//! SQL files with expected rows, run on PlusMinus over samples of five designs and on plain DataFusion without the bounds.

use super::support::{World, open, rows};
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
    PlusMinus(Box<Twice>),
    DataFusion(SessionContext),
}

/// Two sessions on one store: one meets every statement for the first time, the other has seen its like.
#[derive(Clone)]
struct Twice {
    new: Session,
    known: Session,
    /// Whether the sample is too small for the bounds, so that the table has to be asked.
    is_small: bool,
}

impl Twice {
    /// The rows of a statement in a new form, in a known form, and in the same words; all three have to agree.
    async fn lines(&self, sql: &str) -> Result<Vec<String>, Failed> {
        let sql = match self.is_small && without_bounds(sql) != sql.trim_end() {
            true => format!("{}\nERROR WITHIN 0.0001%\nON MISS EXACT", without_bounds(sql)),
            false => sql.to_owned(),
        };
        let run = async |session: &Session| {
            let answers = session.execute(&sql).await.map_err(|e| Failed(e.to_string()))?;
            Ok::<_, Failed>(answers.last().map(rows).unwrap_or_default())
        };
        let new = run(&self.new).await?;
        // What it answers does not matter: only its form has to be known.
        let _ = self.known.execute(&with_other_numbers(&sql)).await;
        for way in ["in a known form", "in the same words"] {
            let lines = run(&self.known).await?;
            if !alike(&new, &lines) {
                return Err(Failed(format!("{way} {lines:?} instead of {new:?}")));
            }
        }
        Ok(new)
    }
}

/// The statement with other numbers behind its comparisons.
fn with_other_numbers(sql: &str) -> String {
    let mut other = String::with_capacity(sql.len());
    let mut is_compared = false;
    for word in sql.split_inclusive(' ') {
        match word.trim().parse::<u64>() {
            Ok(number) if is_compared => other.push_str(&format!("{} ", number + 1)),
            _ => other.push_str(word),
        }
        is_compared = matches!(word.trim(), "<" | ">" | "=" | "<=" | ">=" | "BETWEEN" | "AND");
    }
    other
}

/// Rows that are the same but for the order of additions of floating-point numbers.
fn alike(one: &[String], other: &[String]) -> bool {
    let cells = |rows: &[String]| {
        rows.iter().flat_map(|row| row.split(['|', ' ']).map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let (one, other) = (cells(one), cells(other));
    let same = |(a, b): (&String, &String)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1e-6),
        _ => a == b,
    };
    one.len() == other.len() && one.iter().zip(&other).all(same)
}

fn validator(_: sqllogictest::Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    let actual: Vec<String> = actual.iter().map(|row| row.join(" ")).collect();
    alike(&actual, expected)
}

impl Engine {
    async fn lines(&self, sql: &str) -> Result<Vec<String>, Failed> {
        match self {
            Self::PlusMinus(sessions) => sessions.lines(sql).await,
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

/// Samples of every kind; all but the small one hold every row.
const DESIGNS: [(&str, &str); 5] = [
    ("stratified", "STRATIFIED BY (g) CAP 1000000"),
    ("uniform", "SIZE 100 %"),
    ("tail", "SIZE 100 % TAIL (price)"),
    ("universe", "UNIVERSE ON (rare) SIZE 100 %"),
    ("small", "STRATIFIED BY (g) CAP 40"),
];

/// Runs a file on both engines; PLUSMINUS_REWRITE=1 writes DataFusion's rows into it as the expected ones.
#[tokio::test(flavor = "multi_thread")]
async fn files_hold_on_both_engines() {
    for file in files() {
        let world = World::new(5_000).await;
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
        for (name, design) in DESIGNS {
            let create = format!("CREATE OR REPLACE SAMPLE s ON t {design}");
            world.session.execute(&create).await.unwrap_or_else(|e| panic!("{name}: {e}"));
            let sessions = || async { open(world.folder.path(), 2).await };
            let twice = Twice { new: sessions().await, known: sessions().await, is_small: name == "small" };
            let mut ours = Runner::new(|| async { Ok(Engine::PlusMinus(Box::new(twice.clone()))) });
            ours.with_validator(validator);
            ours.run_file_async(&file).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
