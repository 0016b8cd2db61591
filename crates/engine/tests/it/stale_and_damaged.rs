//! A stale or damaged sample never answers in silence.

use super::support::{World, open, rows, write_table};
use arrow::array::{ArrayRef, Int64Array};
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use plusminus::{Error, Mode, Session};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

const SQL: &str = "SELECT g, AVG(n) FROM t WHERE k < 50 GROUP BY g ERROR WITHIN 10%";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_makes_the_sample_stale() {
    let world = World::new(20_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(200).build().await.unwrap();
    assert_eq!(world.session.query(SQL).run().await.unwrap().report().mode, Mode::Approximate);
    write_table(&world.folder.path().join("t.parquet"), 20_001, 8);
    let session = open(world.folder.path(), 2).await;
    let report = session.query(SQL).run().await.unwrap().report().clone();
    assert_eq!(report.mode, Mode::Exact);
    assert!(report.reason.contains("stale"), "{}", report.reason);
}

/// A pinned sample that is stale says so, whatever other samples there are; a name that is none says that.
#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_sample_says_why_it_does_not_answer() {
    let world = World::new(20_000).await;
    world.session.sample("t").name("old").stratified_by(["g"]).cap(200).build().await.unwrap();
    write_table(&world.folder.path().join("t.parquet"), 20_001, 8);
    let session = open(world.folder.path(), 2).await;
    session.sample("t").name("new").stratified_by(["g"]).cap(200).build().await.unwrap();
    for (pinned, expected) in
        [("old", "sample 'old' is stale: file"), ("other", "names 'other', which is no sample of 't'")]
    {
        session.execute(&format!("SET plusminus.sample = '{pinned}'")).await.unwrap();
        let report = session.query(SQL).run().await.unwrap().report().clone();
        assert_eq!(report.mode, Mode::Exact);
        assert!(report.reason.contains(expected), "{}", report.reason);
    }
    session.execute("SET plusminus.sample = 'new'").await.unwrap();
    assert_eq!(session.query(SQL).run().await.unwrap().report().mode, Mode::Approximate);
}

/// One flipped byte anywhere in any file of the store: either nothing was lost on the way to the answer (the file was not
/// needed), or the error names the file.
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_any_file_is_found_and_named() {
    let world = World::new(20_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(200).levels(2).build().await.unwrap();
    let whole = world.session.query(SQL).run().await.unwrap();
    let mut found = 0;
    for file in files(&world.store().join("samples")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name == "build.lock" {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&file, &damaged).unwrap();
            let session = open(world.folder.path(), 2).await;
            match session.query(SQL).run().await {
                Err(error @ Error::DamagedStore(_)) => {
                    assert!(error.to_string().contains(&name), "{error}");
                    assert_eq!(error.exit_code(), 4);
                    found += 1;
                }
                // In a column that the query does not read.
                Ok(answer) if name.starts_with("level-") => {
                    assert_eq!(super::support::rows(&answer), super::support::rows(&whole), "byte {at} of {name}");
                    let verified = session.execute("VERIFY SAMPLE t_by_g").await;
                    assert!(verified.is_err_and(|error| error.exit_code() == 4), "byte {at} of {name} went unseen");
                }
                other => panic!("byte {at} of {name} went unseen: {other:?}"),
            }
        }
        std::fs::write(&file, &bytes).unwrap();
    }
    assert!(found >= 4 * 3, "only {found} flipped bytes were found by the query");
    let again = open(world.folder.path(), 2).await.query(SQL).run().await.unwrap();
    assert_eq!(super::support::rows(&again), super::support::rows(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_cut_block_is_named() {
    let world = World::new(20_000).await;
    world.session.sample("t").size_percent(20.0).build().await.unwrap();
    let block =
        files(&world.store().join("samples")).into_iter().find(|f| f.to_string_lossy().contains("level-00")).unwrap();
    let bytes = std::fs::read(&block).unwrap();
    std::fs::write(&block, &bytes[..bytes.len() / 2]).unwrap();
    let error = open(world.folder.path(), 1).await.query(SQL).run().await.unwrap_err();
    assert!(error.to_string().contains("level-00"), "{error}");
    std::fs::remove_file(&block).unwrap();
    let error = open(world.folder.path(), 1).await.query(SQL).run().await.unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    assert_eq!(error.exit_code(), 4);
    let verify = open(world.folder.path(), 1).await.execute("VERIFY SAMPLE t_uniform").await.unwrap_err();
    assert_eq!(verify.exit_code(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_other_things_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let error = plusminus::Session::open(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("not a PlusMinus store"), "{error}");
}

/// A table in memory that grew since it was sampled is answered exactly, and why is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_memory_that_grew_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let column = Arc::new(Int64Array::from_iter_values(0..5_000)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let context = SessionContext::new();
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    context.register_table("m", Arc::new(table)).unwrap();
    let session = Session::from_context(folder.path().join("store"), context).await.unwrap();
    session.sample("m").name("s").size_percent(50.0).build().await.unwrap();
    let ask = async || session.query("SELECT SUM(n) AS s FROM m").error_percent(50.0).run().await.unwrap();
    assert_eq!(ask().await.report().sample.as_deref(), Some("s"));
    session.context().sql("INSERT INTO m VALUES (7)").await.unwrap().collect().await.unwrap();
    let answer = ask().await;
    assert_eq!((answer.report().mode, rows(&answer).join("")), (Mode::Exact, "12497507".to_owned()));
    assert!(answer.report().reason.contains("the number of rows changed"), "{}", answer.report().reason);
}
