use super::*;
use crate::find_fault;
use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

async fn open(folder: &TempDir, path: &str, options: &[(&str, &str)]) -> Result<Arc<FileTable>, FileError> {
    let location = folder.path().join(path).display().to_string();
    let format = Listing::new(&location, None)?.format;
    let options: BTreeMap<_, _> = options.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let definition = TableDefinition { name: "t".to_owned(), location, format, options };
    let state = SessionContext::new().state();
    FileTable::open(&definition, None, &Arc::default(), &state).await.map(Arc::new)
}

/// The rows of a query on table `t`, on one thread and on three.
async fn rows(table: &Arc<FileTable>, sql: &str) -> Vec<String> {
    let mut found: Option<Vec<String>> = None;
    for threads in [1, 3] {
        let config = datafusion::prelude::SessionConfig::new().with_target_partitions(threads);
        let context = SessionContext::new_with_config(config);
        context.register_table("t", Arc::clone(table) as _).unwrap();
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let own: Vec<String> = batches.iter().flat_map(lines).collect();
        assert!(found.is_none_or(|found| found == own), "{sql}");
        found = Some(own);
    }
    found.unwrap()
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"))
        .collect()
}

fn write(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    let file = folder.path().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

fn write_parquet(file: &Path, columns: Vec<(&str, ArrayRef)>) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn columns_of_csv_files_are_found_by_name() {
    let folder = TempDir::new().unwrap();
    write(&folder, "0.csv", "a,b\n1,10\n");
    write(&folder, "1.csv", "b;a;c\n20,5;2;x\n");
    write(&folder, "2.csv", "a\n3\n");
    let table = open(&folder, "", &[]).await.unwrap();
    assert_eq!(rows(&table, "SELECT * FROM t ORDER BY a").await, ["1|10.0|NULL", "2|20.5|x", "3|NULL|NULL"]);
    assert_eq!(rows(&table, "SELECT SUM(b), COUNT(*), COUNT(c) FROM t WHERE a > 1").await, ["20.5|2|1"]);
    assert_eq!(rows(&table, "SELECT COUNT(*) FROM t").await, ["3"]);
}

#[tokio::test]
async fn columns_of_parquet_files_are_found_by_name_and_widened() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_parquet(
        &at("1.parquet"),
        vec![
            ("a", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
            ("s", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
        ],
    );
    write_parquet(
        &at("2.parquet"),
        vec![
            ("f", Arc::new(Float64Array::from(vec![0.5])) as ArrayRef),
            ("a", Arc::new(Int64Array::from(vec![1_i64 << 40])) as ArrayRef),
        ],
    );
    let table = open(&folder, "*.parquet", &[]).await.unwrap();
    let found = rows(&table, "SELECT a, s, f FROM t ORDER BY a").await;
    assert_eq!(found, ["1|x|NULL", "1099511627776|NULL|0.5"]);
    assert_eq!(rows(&table, "SELECT a FROM t WHERE f IS NULL AND a < 5").await, ["1"]);
}

#[tokio::test]
async fn folders_tell_columns() {
    let folder = TempDir::new().unwrap();
    for month in ["9", "10", "__HIVE_DEFAULT_PARTITION__"] {
        let file = folder.path().join(format!("month={month}/a.parquet"));
        write_parquet(&file, vec![("x", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]);
        write(&folder, &format!("csv/month={month}/a.csv"), "x,y\n1,2\n");
    }
    for path in ["*/*.parquet", "csv"] {
        let table = open(&folder, path, &[]).await.unwrap();
        let all = rows(&table, "SELECT MAX(month), COUNT(month), COUNT(*) / COUNT(DISTINCT x) FROM t").await;
        assert_eq!(all[0].split('|').next(), Some("10"), "{path}");
        let sql = "SELECT month, SUM(x) > 0 FROM t WHERE month IS NULL OR month = 9 GROUP BY month ORDER BY month";
        assert_eq!(rows(&table, sql).await, ["9|true", "NULL|true"], "{path}");
        assert_eq!(rows(&table, "SELECT COUNT(*) FROM t WHERE month > 10").await, ["0"], "{path}");
    }
}

#[tokio::test]
async fn text_files_may_be_compressed_and_json_may_be_an_array() {
    let folder = TempDir::new().unwrap();
    // gzip of "a,b\n1,2\n", written by hand: one stored block.
    let text = b"a,b\n1,2\n";
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1, 8, 0, 247, 255];
    gzip.extend_from_slice(text);
    gzip.extend_from_slice(&crc32(text).to_le_bytes());
    gzip.extend_from_slice(&8_u32.to_le_bytes());
    write(&folder, "z.csv.gz", gzip);
    write(&folder, "plain.csv", "b,a\n3,4\n");
    let table = open(&folder, "*.csv*", &[]).await.unwrap();
    assert_eq!(rows(&table, "SELECT SUM(a), SUM(b) FROM t").await, ["5|5"]);
    write(&folder, "array.json", "[{\"a\": 1, \"s\": \"x\"},\n {\"a\": 2}]");
    write(&folder, "lines.json", "{\"a\": 3}\n{\"s\": \"y\", \"a\": 4}\n");
    let table = open(&folder, "*.json", &[]).await.unwrap();
    assert_eq!(rows(&table, "SELECT SUM(a), COUNT(s), MAX(s) FROM t").await, ["10|2|y"]);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// A file large enough to be split between threads, with and without line breaks in quotes.
#[tokio::test]
async fn large_files_are_read_right_on_any_number_of_threads() {
    let folder = TempDir::new().unwrap();
    for (name, note) in [("breaks.csv", "\"x\n7,z,1000000,y\""), ("plain.csv", "\"x 7,z,1000000,y\"")] {
        let mut text = String::from("id,team,minutes,note\n");
        for i in 0..500_000 {
            let note = if i < 1_500 { "plain" } else { note };
            text.push_str(&format!("{i},{},{},{note}\n", ["a", "b"][i % 2], i % 90));
        }
        assert!(text.len() > 12 << 20);
        write(&folder, name, text);
        let table = open(&folder, name, &[]).await.unwrap();
        let found =
            rows(&table, "SELECT team, COUNT(*), MAX(minutes), SUM(id) FROM t GROUP BY team ORDER BY team").await;
        assert_eq!(found, ["a|250000|88|62499750000", "b|250000|89|62500000000"], "{name}");
    }
}

#[tokio::test]
async fn numbers_may_have_decimal_commas_and_texts_stand_for_null() {
    let folder = TempDir::new().unwrap();
    write(&folder, "p.csv", "name;price\nx;1.001,5\ny;2\nz;N/A\n");
    let table = open(&folder, "p.csv", &[("null", "N/A")]).await.unwrap();
    assert_eq!(rows(&table, "SELECT SUM(price), COUNT(price), COUNT(*) FROM t").await, ["1003.5|2|3"]);
    let error = open(&folder, "p.csv", &[("colour", "red")]).await.unwrap_err();
    assert!(error.to_string().contains("there is no option 'colour'"), "{error}");
}

#[tokio::test]
async fn every_fault_names_its_file_and_place() {
    let folder = TempDir::new().unwrap();
    let state = SessionContext::new().state();
    let rows: String = (0..30_000).map(|i| format!("{i},\"a\nb\"\n")).collect();
    write(&folder, "ok.csv", "a,b\n1,x\n");
    write(&folder, "x.csv", format!("a,b\n{rows}zebra,y\n"));
    let table = open(&folder, "*.csv", &[("sample_rows", "100")]).await.unwrap();
    let fault = find_fault(&table, &state).await.unwrap();
    assert!(fault.what.ends_with("x.csv, line 60002: 'zebra' in column 'a' is no Int64"), "{fault}");
    write(&folder, "l.ndjson", "{\"a\": 1}\n{\"a\": 2}\n{\"a\": \"x\"}\n");
    let table = open(&folder, "l.ndjson", &[("sample_rows", "2")]).await.unwrap();
    let fault = find_fault(&table, &state).await.unwrap();
    assert!(fault.what.contains("l.ndjson, record 3: "), "{fault}");
}

/// No bytes make a reader panic, and every error names the file.
#[tokio::test]
async fn no_bytes_bring_the_readers_down() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("seed.parquet");
    write_parquet(&file, vec![("x", Arc::new(Int64Array::from_iter_values(0..1_000)) as ArrayRef)]);
    let seed = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let mut random = 7_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap()
    };
    let text = b"a,b\n1,\"x\"\n2,y\n";
    let (mut errors, state) = (0, SessionContext::new().state());
    for round in 0..150 {
        let (name, from) = [("f.parquet", seed.as_slice()), ("f.csv", text), ("f.json", b"[{\"a\": 1}]")][round % 3];
        let mut bytes = from.to_vec();
        for _ in 0..=next() % 4 {
            let at = next() % bytes.len();
            bytes[at] = u8::try_from(next() % 256).unwrap();
        }
        bytes.truncate(bytes.len() - next() % (bytes.len() / 2));
        write(&folder, name, &bytes);
        let error = match open(&folder, name, &[]).await {
            Err(error) => Some(error),
            Ok(table) => find_fault(&table, &state).await,
        };
        if let Some(error) = error {
            assert!(error.what.contains(name), "{error}");
            errors += 1;
        }
    }
    assert!(errors > 50, "{errors}");
}
