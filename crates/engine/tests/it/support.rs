//! Tables to test on, made from a seed.

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use plusminus::{Answer, Cell, Session, SessionBuilder};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder with a table and a store.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) session: Session,
}

impl World {
    /// A session with table `t` of `rows` rows; see [`write_table`].
    pub(crate) async fn new(rows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_table(&folder.path().join("t.parquet"), rows, 7);
        let session = open(folder.path(), 2).await;
        Self { folder, session }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

/// A session on `folder`/store with `folder`/t.parquet as table `t`, which prefers estimates: the tables here are so small that the
/// exact answer would always be in time.
pub(crate) async fn open(folder: &Path, threads: usize) -> Session {
    let session = SessionBuilder::new(folder.join("store")).threads(threads).open().await.unwrap();
    session.register("t", folder.join("t.parquet").to_str().unwrap()).await.unwrap();
    prefer_estimates(&session).await;
    session
}

/// Unless a statement says otherwise, what no sample can meet is reported and not computed on the table.
pub(crate) async fn prefer_estimates(session: &Session) {
    session.execute("SET plusminus.on_miss = 'report'").await.unwrap();
}

/// splitmix64, so that tests need no generator crate.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Columns: `g` text of 12 values, the k-th with weight 1/k, NULL in 1 %; `k` 0..200; `x` exponential with mean 10, NULL in
/// 5 %; `n` integers 0..1000; `price` decimal; `rare` one of 500 keys, about a third of them with fewer than 5 rows.
pub(crate) fn write_table(file: &Path, rows: usize, seed: u64) {
    let mut random = Random(seed);
    let mut g = Vec::new();
    let (mut k, mut x, mut n, mut price, mut rare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let total: f64 = (1..=12).map(|i| 1.0 / f64::from(i)).sum();
    for _ in 0..rows {
        let mut at = random.unit() * total;
        let mut pick = 1;
        while pick < 12 && at > 1.0 / f64::from(pick) {
            at -= 1.0 / f64::from(pick);
            pick += 1;
        }
        g.push((random.below(100) > 0).then(|| format!("group {pick:02}")));
        k.push(random.below(200) as i64);
        x.push((random.below(20) > 0).then(|| -10.0 * (1.0 - random.unit()).ln()));
        n.push(random.below(1000) as i64);
        price.push(i128::from(random.below(100_000)));
        rare.push((500.0 * random.unit().powi(4)) as i64);
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("g", Arc::new(StringArray::from(g))),
        ("k", Arc::new(Int64Array::from(k))),
        ("x", Arc::new(Float64Array::from(x))),
        ("n", Arc::new(Int64Array::from(n))),
        ("price", Arc::new(Decimal128Array::from(price).with_precision_and_scale(12, 2).unwrap())),
        ("rare", Arc::new(Int64Array::from(rare))),
    ];
    write(file, columns, rows / 3 + 1);
}

/// Writes columns as Parquet with the given row-group size.
pub(crate) fn write(file: &Path, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, a)| Field::new(*name, a.data_type().clone(), nullable(a))).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, a)| a).collect()).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows.max(1)))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(file).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn nullable(array: &ArrayRef) -> bool {
    array.null_count() > 0 || matches!(array.data_type(), DataType::Utf8)
}

/// The only number of a one-row, one-column exact answer.
pub(crate) async fn truth(session: &Session, sql: &str) -> f64 {
    let answer = session.query(sql).run().await.unwrap();
    let name = answer.columns()[0].name.clone();
    answer.cells(&name).unwrap()[0].estimate
}

/// The cells of a column, of which there has to be one.
pub(crate) fn cells(answer: &Answer, column: &str) -> Vec<Cell> {
    let cells = answer.cells(column).unwrap();
    assert!(!cells.is_empty(), "no row of {column}: {:?}", answer.report());
    cells
}

/// The cells of a column beside those of the exact answer, which has to have as many rows.
pub(crate) fn beside(answer: &Answer, exact: &Answer, column: &str) -> Vec<(Cell, Cell)> {
    let (cells, truths) = (cells(answer, column), cells(exact, column));
    assert_eq!(cells.len(), truths.len(), "rows of {column}: {:?}", answer.report());
    cells.into_iter().zip(truths).collect()
}

/// Text of every row, columns separated by `|`.
pub(crate) fn rows(answer: &plusminus::Answer) -> Vec<String> {
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let batch = answer.batch();
    let formatters: Vec<_> = batch
        .columns()
        .iter()
        .map(|c| arrow::util::display::ArrayFormatter::try_new(c.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| formatters.iter().map(|f| f.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

/// Equal but for the order of additions of floating-point numbers.
pub(crate) fn assert_same(answer: &[String], exact: &[String], sql: &str) {
    assert_eq!(answer.len(), exact.len(), "{sql}\n{answer:?}\n{exact:?}");
    for (a, e) in answer.iter().flat_map(|r| r.split('|')).zip(exact.iter().flat_map(|r| r.split('|'))) {
        let close = match (a.parse::<f64>(), e.parse::<f64>()) {
            (Ok(a), Ok(e)) => (a - e).abs() <= 1e-9 * e.abs().max(1e-6),
            _ => a == e,
        };
        assert!(close, "{sql}: {a} is not {e}\n{answer:?}\n{exact:?}");
    }
}
