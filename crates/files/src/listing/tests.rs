use super::*;
use std::fs;
use tempfile::TempDir;

fn folder(names: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in names {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
    }
    folder
}

/// The files below `folder` that a path in it means, or the error.
fn check(folder: &TempDir, path: &str, expected: &[&str]) {
    let found = Listing::new(&format!("{}/{path}", folder.path().display()), None);
    let names = |listing: Listing| {
        let name = |file: &DataFile| file.path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        listing.files.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(
        found.map(names).map_err(|e| e.to_string()),
        Ok(expected.iter().map(|e| (*e).to_owned()).collect()),
        "{path}"
    );
}

fn refused(folder: &TempDir, path: &str, expected: &str) {
    let error = Listing::new(&format!("{}/{path}", folder.path().display()), None).unwrap_err();
    assert!(error.what.contains(expected), "{path}: {error}");
}

#[test]
fn a_star_stays_within_a_name_and_two_cross_folders() {
    let all = folder(&["a.parquet", "b.parquet", "sub/c.parquet", "sub/deep/d.parquet", "sub/deep/note.txt"]);
    check(&all, "*.parquet", &["a.parquet", "b.parquet"]);
    check(&all, "?.parquet", &["a.parquet", "b.parquet"]);
    check(&all, "[b-z].parquet", &["b.parquet"]);
    check(&all, "*/*.parquet", &["sub/c.parquet"]);
    check(&all, "**/*.parquet", &["a.parquet", "b.parquet", "sub/c.parquet", "sub/deep/d.parquet"]);
    check(&all, "s*/**/d.parquet", &["sub/deep/d.parquet"]);
    check(&all, "", &["a.parquet", "b.parquet", "sub/c.parquet", "sub/deep/d.parquet"]);
    check(&all, "sub", &["sub/c.parquet", "sub/deep/d.parquet"]);
    check(&all, "sub/", &["sub/c.parquet", "sub/deep/d.parquet"]);
    refused(&all, "*.csv", "no file matches");
    refused(&all, "[.parquet", "is not a pattern");
    refused(&all, "none.parquet", "there is no file or folder");
}

#[test]
fn hidden_files_and_those_of_spark_are_left_out() {
    let all = folder(&[
        "a.parquet",
        "._a.parquet",
        ".hidden/b.parquet",
        ".ipynb_checkpoints/a-checkpoint.parquet",
        "_SUCCESS",
        "_temporary/0/part.parquet",
        ".a.parquet.crc",
        "_delta_log/0.json",
    ]);
    check(&all, "", &["a.parquet"]);
    check(&all, "*.parquet", &["a.parquet"]);
    check(&all, "**/*.parquet", &["a.parquet"]);
    // A pattern that writes out such a name means it.
    check(&all, "_temporary/0/*.parquet", &["_temporary/0/part.parquet"]);
    check(&all, "._a.parquet", &["._a.parquet"]);
    check(&all, ".hidden", &[".hidden/b.parquet"]);
}

#[test]
fn a_path_that_is_there_is_itself() {
    let all = folder(&["r[1].csv", "r1.csv", "what?.csv", "50%/a b.csv"]);
    check(&all, "r[1].csv", &["r[1].csv"]);
    check(&all, "what?.csv", &["what?.csv"]);
    check(&all, "50%/*.csv", &["50%/a b.csv"]);
    check(&all, "r[12].csv", &["r1.csv"]);
}

#[test]
fn files_of_one_kind_are_a_table_and_several_kinds_are_none() {
    let mixed = folder(&["a.parquet", "b.csv", "c.csv.gz", "notes.txt"]);
    refused(&mixed, "", "holds files of 2 kinds: .csv, .gz, .parquet");
    check(&mixed, "*.csv*", &["b.csv", "c.csv.gz"]);
    let notes = folder(&["notes.txt", "sub/more.md"]);
    refused(&notes, "", "no file in");
}

#[test]
fn empty_files_count_only_where_there_is_nothing_else() {
    let all = folder(&["a.csv"]);
    fs::write(all.path().join("empty.csv"), "").unwrap();
    check(&all, "", &["a.csv"]);
    fs::remove_file(all.path().join("a.csv")).unwrap();
    check(&all, "", &["empty.csv"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once() {
    let all = folder(&["sub/a.csv"]);
    std::os::unix::fs::symlink(all.path(), all.path().join("sub/circle")).unwrap();
    std::os::unix::fs::symlink(all.path().join("sub/a.csv"), all.path().join("link.csv")).unwrap();
    check(&all, "", &["link.csv", "sub/a.csv"]);
    let listing = Listing::new(&all.path().display().to_string(), None).unwrap();
    let link = listing.files.iter().find(|file| file.path.ends_with("link.csv")).unwrap();
    assert!(link.target.as_ref().is_some_and(|target| target.ends_with("sub/a.csv")));
}
