//! Checks of the files as a reader sees them.

mod distributions;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{GenerateError, Generator, Layout, model, places};

/// A generator with small blocks, so that small tables have several files.
fn small(rows: u64) -> Generator {
    Generator { layout: Layout { block_rows: 20_000, file_blocks: 2 }, ..Generator::new(rows, 7) }
}

fn read(paths: &[PathBuf]) -> RecordBatch {
    let schema = super::columns::schema();
    let batches: Vec<RecordBatch> = paths
        .iter()
        .flat_map(|path| {
            let file = File::open(path).unwrap();
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            assert_eq!(builder.schema().fields(), schema.fields());
            builder.build().unwrap().map(Result::unwrap)
        })
        .collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn files_do_not_depend_on_threads() {
    let write = |threads| {
        let folder = tempfile::tempdir().unwrap();
        let rows_seen = AtomicU64::new(0);
        let see = |rows| {
            rows_seen.fetch_max(rows, Ordering::Relaxed);
        };
        let paths = small(150_001).threads(threads).write(folder.path(), &see).unwrap();
        assert_eq!(rows_seen.into_inner(), 150_001);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), paths.len());
        paths.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let files = write(1);
    assert_eq!(files.len(), 4);
    assert!(files == write(3));
}

#[test]
fn seeds_differ() {
    let draw = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let paths = Generator::new(1_000, seed).write(folder.path(), &|_| ()).unwrap();
        read(&paths)
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn an_empty_table_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let paths = Generator::new(0, 1).write(folder.path(), &|_| ()).unwrap();
    assert_eq!(paths, [folder.path().join("part-000.parquet")]);
    assert_eq!(read(&paths).num_rows(), 0);
}

#[test]
fn parts_of_a_larger_table_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    small(50_000).write(folder.path(), &|_| ()).unwrap();
    small(50_000).write(folder.path(), &|_| ()).unwrap();
    let error = small(10).write(folder.path(), &|_| ()).unwrap_err();
    let GenerateError::Leftover { path } = &error else {
        panic!("{error}");
    };
    assert_eq!(path, &folder.path().join("part-001.parquet"));
}

#[test]
fn text_is_plain_text() {
    let schema = super::columns::schema();
    assert_eq!(schema.field_with_name("genre").unwrap().data_type(), &DataType::Utf8);
    assert!(schema.fields().iter().all(|field| field.name().to_lowercase() == *field.name()));
}

#[test]
fn names_are_distinct() {
    let ranks = 0..places::countries().len();
    let cities: Vec<String> = ranks.clone().flat_map(places::cities).collect();
    let providers: Vec<String> = ranks.flat_map(places::providers).collect();
    for names in [cities.clone(), providers.clone(), model::site_names()] {
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
    assert_eq!((cities.len(), providers.len()), (1_500, 300));
}
