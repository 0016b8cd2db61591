use super::*;
use crate::source::base_files;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::prelude::SessionContext;
use plusminus_catalog::{FileFormat, TableDefinition};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

pub(crate) async fn table(location: &str) -> Arc<dyn TableProvider> {
    let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)]));
    let (location, options) = (location.to_owned(), BTreeMap::new());
    let definition = TableDefinition { name: "t".to_owned(), location, format: FileFormat::Parquet, options };
    let state = SessionContext::new().state();
    Arc::new(FileTable::open(&definition, Some(schema), &Arc::default(), &state).await.unwrap())
}

/// A folder with files at its top and below.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in [
        "b.parquet",
        "a.parquet",
        "a-1.parquet",
        "notes.txt",
        "day=1/a.parquet",
        "day=1/c.parquet",
        "empty.parquet",
        "größe 1.parquet",
        ".~lock.a#",
    ] {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, if name == "empty.parquet" { "" } else { name }).unwrap();
    }
    folder
}

/// A change to a folder: its name, the change itself, and whether the table is another one afterwards.
pub(crate) type Change = (&'static str, fn(&Path), bool);

pub(crate) const CHANGES: [Change; 10] = [
    (
        "a longer file of a strange name",
        |at| fs::write(at.join("größe 1.parquet"), "much longer than it was").unwrap(),
        true,
    ),
    ("nothing", |_| {}, false),
    ("a note", |at| fs::write(at.join("notes.txt"), "more").unwrap(), false),
    ("an empty file", |at| fs::write(at.join("none.parquet"), "").unwrap(), false),
    ("a new file", |at| fs::write(at.join("c.parquet"), "new").unwrap(), true),
    ("a new file below", |at| fs::write(at.join("day=1/b.parquet"), "new").unwrap(), true),
    ("a file gone", |at| fs::remove_file(at.join("a.parquet")).unwrap(), true),
    ("a file below gone", |at| fs::remove_file(at.join("day=1/c.parquet")).unwrap(), true),
    ("a longer file", |at| fs::write(at.join("day=1/c.parquet"), "much longer than it was").unwrap(), true),
    (
        "a touched file",
        |at| {
            let file = fs::File::options().write(true).open(at.join("b.parquet")).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(60)).unwrap();
        },
        true,
    ),
];

#[tokio::test]
async fn changes_are_seen_as_the_long_way_sees_them() {
    let state = SessionContext::new().state();
    for (name, change, is_other) in CHANGES {
        let folder = folder();
        let table = table(&format!("{}/", folder.path().display())).await;
        let then = base_files(&table, &state).await.unwrap().unwrap();
        assert_eq!(then.len(), 6);
        change(folder.path());
        let now = base_files(&table, &state).await.unwrap().unwrap();
        assert_eq!((now != then, are_unchanged(&then, &table)), (is_other, !is_other), "{name}");
    }
}

#[tokio::test]
async fn a_pattern_and_a_single_file_are_tables_too() {
    let state = SessionContext::new().state();
    let folder = folder();
    let at = |name: &str| format!("{}/{name}", folder.path().display());
    let all = base_files(&table(&at("")).await, &state).await.unwrap().unwrap();
    for name in ["a*.parquet", "b.parquet"] {
        let table = table(&at(name)).await;
        let then = base_files(&table, &state).await.unwrap().unwrap();
        assert!(are_unchanged(&then, &table), "{name}");
        // Files of another pattern are another table, though none of them changed.
        assert!(!are_unchanged(&all, &table), "{name}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed() {
    let state = SessionContext::new().state();
    let (folder, elsewhere) = (folder(), TempDir::new().unwrap());
    let real = elsewhere.path().join("real");
    fs::write(&real, "linked").unwrap();
    std::os::unix::fs::symlink(&real, folder.path().join("link.parquet")).unwrap();
    let table = table(&format!("{}/", folder.path().display())).await;
    let then = base_files(&table, &state).await.unwrap().unwrap();
    assert_eq!(then.len(), 7);
    assert!(are_unchanged(&then, &table));
    fs::write(&real, "another content").unwrap();
    assert!(!are_unchanged(&then, &table));
}
