//! The demo's page.

use super::support::{folder, stdout};
use std::path::Path;

/// The page without what depends on the machine: times, speed-ups, and the estimate that came first under a time bound.
fn page(folder: &Path, rows: u64) -> String {
    let page = stdout(folder, &["demo", "--yes", "--rows", &rows.to_string()]);
    let mut shown = String::new();
    let mut is_timed = false;
    for line in page.lines() {
        if line.starts_with("── ") {
            is_timed = line.contains("what the time allows");
        }
        if is_timed && !line.starts_with("── ") && !line.starts_with("SELECT") {
            continue;
        }
        shown.push_str(without_times(line).trim_end());
        shown.push('\n');
    }
    shown
}

/// Numbers in front of `ms`, `s`, `MB` and `×` become `#`.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_number = |word: &str| word.trim_start_matches('(').starts_with(|c: char| c.is_ascii_digit());
    let is_unit = |word: Option<&&str>| {
        word.is_some_and(|word| ["ms", "s", "MB"].contains(&word.trim_end_matches(|c: char| !c.is_ascii_alphabetic())))
    };
    let shown = |(at, word): (usize, &&str)| match word {
        word if word.contains('×') && is_number(word) => "#×".to_owned(),
        word if is_number(word) && is_unit(words.get(at + 1)) => "#".to_owned(),
        word => (*word).to_owned(),
    };
    words.iter().enumerate().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn small() {
    insta::assert_snapshot!(page(folder().path(), 200_000));
}

/// A sample meets every bound, also that of the statement which the page suggests next.
#[test]
fn a_million_rows() {
    let folder = folder();
    let page = page(folder.path(), 1_000_000);
    let (_, next) = page.rsplit_once("-c \"").unwrap();
    let answer = stdout(folder.path(), &["query", "-c", next.trim_end().trim_end_matches('"')]);
    assert!(answer.contains("sample sessions_") && answer.contains("met"), "{answer}");
    assert!(
        !page.contains("MISSED") && !page.contains("table was read") && !page.contains("computed on the table"),
        "{page}"
    );
    assert!(page.contains("WITHIN 5 SECONDS") && page.contains("ERROR WITHIN 10% AT CONFIDENCE 95%"), "{page}");
    assert!(!page.contains("WRONG") && !page.contains("no such row"), "{page}");
    assert_eq!(page.matches("× faster").count(), 5, "{page}");
    insta::assert_snapshot!(page);
}
