use crate::manifest::{BaseTable, Design, FORMAT_VERSION, Manifest, SampleSize};
use crate::store::{Store, decode_manifest};
use crate::strata::StrataColumns;
use crate::table::{FileFormat, TableDefinition};
use crate::{CatalogError, Draft, FileEntry, LearntCosts, LevelEntry, level_schema};
use arrow::array::{ArrayRef, Int64Array, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Publishes a family of two strata with one level of `rows` rows.
pub(crate) fn publish(store: &Store, name: &str, rows: u32) -> Manifest {
    publish_blocks(store, name, |draft| {
        vec![block_of(draft, "level-00-block-000.parquet", 0..rows, |row| u32::from(row >= rows / 2))]
    })
}

/// Publishes a family of one level with some blocks.
pub(crate) fn publish_blocks(store: &Store, name: &str, blocks: impl Fn(&Draft) -> Vec<FileEntry>) -> Manifest {
    let draft = store.begin(name, true).unwrap();
    let manifest = manifest_of(&draft, name, blocks(&draft));
    draft.publish(&manifest).unwrap();
    manifest
}

/// Writes a block of these rows, each with its number as `v`.
pub(crate) fn block_of(draft: &Draft, file: &str, rows: Range<u32>, stratum: impl Fn(u32) -> u32) -> FileEntry {
    let schema = level_schema(&Schema::new(vec![Field::new("v", DataType::Int64, false)]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.clone().map(i64::from))),
        Arc::new(UInt32Array::from_iter_values(rows.clone().map(stratum))),
        Arc::new(UInt64Array::from(vec![u64::from(rows.end); rows.len()])),
        Arc::new(UInt32Array::from_iter_values(rows.clone())),
        Arc::new(UInt64Array::from_iter_values(rows.map(u64::from))),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    draft.write(file, &schema, std::iter::once(Ok(batch))).unwrap()
}

fn manifest_of(draft: &Draft, name: &str, blocks: Vec<FileEntry>) -> Manifest {
    let strata = StrataColumns {
        keys: vec![(Field::new("g", DataType::Utf8, true), Arc::new(StringArray::from(vec![None, Some("a")])))],
        rows: vec![10, 20],
        caps: vec![5, 5],
        ..StrataColumns::default()
    };
    let (generation, parent) = draft.generation();
    Manifest {
        format_version: FORMAT_VERSION,
        name: name.to_owned(),
        generation,
        parent,
        dropped: false,
        created_unix_ms: 1,
        data_folder: draft.data_folder().to_owned(),
        design: Design {
            table: "t".into(),
            stratified_by: vec!["g".into()],
            universe: None,
            size: SampleSize::Cap(5),
            cap: 5,
            seed: 0,
            classes: Vec::new(),
            tail: Vec::new(),
        },
        base: BaseTable {
            rows: 30,
            columns: Vec::new(),
            files: None,
            options: Default::default(),
            left_out: Vec::new(),
            joined: Vec::new(),
        },
        strata: draft.add_strata(&strata.build().unwrap()).unwrap(),
        values: None,
        determined: Vec::new(),
        strata_count: 2,
        levels: vec![LevelEntry { rows: blocks.iter().map(|block| block.rows).sum(), blocks }],
        moments: Vec::new(),
        distinct: Vec::new(),
        keys: None,
        repeats_rows: false,
        joined: Vec::new(),
    }
}

pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

#[test]
fn what_is_published_is_read_back() {
    let (_folder, store) = store();
    let manifest = publish(&store, "s", 10);
    assert_eq!(store.families().unwrap(), std::slice::from_ref(&manifest));
    let strata = store.strata(&manifest, None).unwrap();
    assert_eq!((strata.rows(), strata.caps(), strata.len()), (&[10, 20][..], &[5, 5][..], 2));
    let batches = store.level(&manifest, 0, Some(&["v".to_owned()]), None, 1).unwrap();
    assert_eq!((batches[0].num_columns(), batches[0].num_rows()), (1, 10));
    assert!(store.verify(&manifest).damage.is_empty());
}

/// A column of φ that has the name of the tail's flags is not read as flags.
#[test]
fn tails_are_read_back_and_absent_without_one() {
    let strata = |name: &str, tails: Option<Vec<bool>>| {
        let flags: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![true, false]));
        let keys = vec![(Field::new(name, DataType::Boolean, false), flags)];
        StrataColumns { keys, rows: vec![8, 2], caps: vec![3, 2], tails, ..StrataColumns::default() }.build().unwrap()
    };
    let (_folder, store) = store();
    let template = publish(&store, "s", 4);
    for (name, tails) in
        [("g", None), ("g", Some(vec![false, true])), ("__tail", None), ("__tail", Some(vec![false, true]))]
    {
        let draft = store.begin("s", true).unwrap();
        let built = strata(name, tails.clone());
        let (strata, data_folder) = (draft.add_strata(&built).unwrap(), draft.data_folder().to_owned());
        let manifest = Manifest { strata, data_folder, ..template.clone() };
        let read = store.strata(&manifest, None).unwrap();
        assert_eq!((read.tails(), read.is_tail(1)), (tails.as_deref(), tails.is_some()));
        assert_eq!((read.rows(), read.caps(), read.is_tail(0)), (&[8, 2][..], &[3, 2][..], false));
        assert_eq!(read.key_columns().len(), 1);
    }
}

/// Fields that an older manifest lacks are read as empty, and a design prints as it was asked for.
#[test]
fn what_older_manifests_lack_is_empty() {
    let (_folder, store) = store();
    let manifest = publish(&store, "s", 4);
    let text = serde_json::to_string(&manifest).unwrap();
    assert!(!text.contains("tail") && !text.contains("distinct"));
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
    assert_eq!(manifest.design.to_string(), "STRATIFIED BY (g) CAP 5 SEED 0");
    let distinct = crate::DistinctCount { column: "v".into(), count: 3, relative_error: 0.0 };
    let design = Design { stratified_by: Vec::new(), tail: vec!["v".into(), "w".into()], ..manifest.design.clone() };
    let tailed = Manifest { design, distinct: vec![distinct], ..manifest };
    let read: Manifest = serde_json::from_str(&serde_json::to_string(&tailed).unwrap()).unwrap();
    assert_eq!(read, tailed);
    assert_eq!(read.design.to_string(), "uniform CAP 5 TAIL (v, w) SEED 0");
    assert_eq!(read.column_distinct("v").map(|d| d.count), Some(3));
}

#[test]
fn generations_follow_each_other_and_the_parent_stays_for_readers() {
    let (_folder, store) = store();
    let first = publish(&store, "s", 4);
    let second = publish(&store, "s", 6);
    assert_eq!((second.generation, second.parent), (2, Some(1)));
    assert_eq!(store.level(&first, 0, None, None, 1).unwrap()[0].num_rows(), 4);
    let third = publish(&store, "s", 8);
    assert!(store.level(&first, 0, None, None, 1).is_err(), "the grandparent is gone");
    assert_eq!(store.family("s").unwrap(), third);
    store.drop_family("s").unwrap();
    assert!(matches!(store.family("s"), Err(CatalogError::NotFound { .. })));
    assert_eq!(publish(&store, "s", 2).generation, 5);
}

#[test]
fn an_unpublished_draft_leaves_nothing_and_a_second_builder_is_told() {
    let (folder, store) = store();
    let draft = store.begin("s", false).unwrap();
    assert!(matches!(store.begin("s", true), Err(CatalogError::Busy { .. })));
    std::fs::write(draft.folder().join("half.parquet"), "x").unwrap();
    drop(draft);
    assert!(store.families().unwrap().is_empty());
    assert!(!folder.path().join("store/samples/s/data-00000001").exists());
}

#[test]
fn files_of_a_killed_build_are_cleared_by_the_next() {
    let (folder, store) = store();
    publish(&store, "s", 4);
    let orphan = folder.path().join("store/samples/s/data-00000009");
    std::fs::create_dir_all(&orphan).unwrap();
    let torn = folder.path().join("store/samples/s/.generation-00000002.json.1.tmp");
    std::fs::write(&torn, "{").unwrap();
    publish(&store, "s", 4);
    assert!(!orphan.exists() && !torn.exists());
}

#[test]
fn tables_are_remembered_and_names_checked() {
    let (_folder, store) = store();
    let table = TableDefinition {
        name: "t".into(),
        location: "/data/t.csv".into(),
        format: FileFormat::Csv,
        options: Default::default(),
    };
    store.put_table(&table).unwrap();
    store.put_table(&TableDefinition { location: "/data/u.csv".into(), ..table.clone() }).unwrap();
    assert_eq!(store.tables().unwrap()[0].location, "/data/u.csv");
    assert!(matches!(store.begin("../x", false), Err(CatalogError::Name { .. })));
    assert!(matches!(store.begin("", false), Err(CatalogError::Name { .. })));
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let (folder, store) = store();
    let manifest = Manifest { format_version: FORMAT_VERSION + 1, ..publish(&store, "s", 4) };
    let file = folder.path().join("store/samples/s/generation-00000002.json");
    std::fs::write(&file, crate::seal::seal(&manifest, &file).unwrap()).unwrap();
    let error = store.family("s").unwrap_err();
    assert!(
        matches!(error, CatalogError::Version { .. }) && error.to_string().contains("generation-00000002"),
        "{error}"
    );
}

#[test]
fn formats_are_told_by_extensions() {
    for (path, format) in [
        ("a.parquet", Some(FileFormat::Parquet)),
        ("/x/*.CSV", Some(FileFormat::Csv)),
        ("b.txt", None),
        ("noext", None),
    ] {
        assert_eq!(FileFormat::from_path(path), format, "{path}");
    }
}

/// The corpus of the fuzz target: no input may panic, and only whole manifests decode.
#[test]
fn corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        assert_eq!(crate::decode_manifest_bytes(&bytes).is_ok(), name.starts_with("whole"), "{name}");
        seen += 1;
    }
    assert!(seen >= 6);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decode_manifest(&bytes, Path::new("m.json")).is_err());
    }

    /// A manifest with one byte changed is never taken for whole.
    #[test]
    fn any_changed_byte_is_seen(at in 0.0_f64..1.0, flip in 1_u8..=255) {
        let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/whole.json")).unwrap();
        let mut damaged = text.clone();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = ((text.len() as f64 * at) as usize).min(text.len() - 1);
        damaged[at] ^= flip;
        let decoded = decode_manifest(&damaged, Path::new("m.json"));
        prop_assert!(decoded.is_err() || decoded.unwrap() == decode_manifest(&text, Path::new("m.json")).unwrap());
    }
}

/// Writes the corpus anew after a change of the format.
#[test]
fn corpus_is_of_this_format() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/whole.json");
    if std::env::var_os("PLUSMINUS_REWRITE").is_some() {
        let (_folder, store) = store();
        let manifest = publish(&store, "s", 10);
        std::fs::write(file, crate::seal::seal(&manifest, Path::new(file)).unwrap()).unwrap();
    }
    let manifest = crate::decode_manifest_bytes(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(manifest.format_version, FORMAT_VERSION);
}

/// A store of every format version that this program claims to read; `PLUSMINUS_REWRITE=1` writes the current one.
#[test]
fn frozen_stores_are_readable() {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/frozen");
    for version in crate::OLDEST_READABLE_VERSION..=FORMAT_VERSION {
        let folder = frozen.join(format!("format-{version}"));
        if version == FORMAT_VERSION && std::env::var_os("PLUSMINUS_REWRITE").is_some() {
            let _ = std::fs::remove_dir_all(&folder);
            publish(&Store::open(&folder).unwrap(), "s", 10);
            std::fs::remove_file(folder.join("samples/s/build.lock")).unwrap();
        }
        let store = Store::open(&folder).unwrap();
        let manifest = store.family("s").unwrap();
        assert_eq!(store.strata(&manifest, None).unwrap().rows(), [10, 20]);
        let rows: usize = store.level(&manifest, 0, None, None, 2).unwrap().iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 10);
        assert!(store.verify(&manifest).damage.is_empty());
    }
}

/// A process that ends while it writes its learnt costs leaves a file that the next one removes.
#[test]
fn what_was_learnt_replaces_what_others_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    std::fs::create_dir_all(store.folder()).unwrap();
    let left = store.folder().join(".costs.json.1.7.tmp");
    let other = store.folder().join(".other.json.1.7.tmp");
    std::fs::write(&left, b"half of it").unwrap();
    std::fs::write(&other, b"another's").unwrap();
    let learnt = LearntCosts { scans: [("t".to_owned(), 2.0)].into(), ..LearntCosts::default() };
    store.keep_costs(&learnt).unwrap();
    assert_eq!(store.costs(), Some(learnt));
    assert!(!left.exists() && other.exists());
}
