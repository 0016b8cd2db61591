//! Every command that the README shows works.

use super::support::{command, folder};

/// The `$` lines of the README's console blocks.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    text.lines().filter_map(|l| l.strip_prefix("$ ")).map(str::to_owned).collect()
}

/// Words of a command line; double quotes hold a word together, and a backslash keeps the shell from reading `$`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.replace("\\$", "$").chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.into_iter().filter(|w| !w.is_empty()).collect()
}

#[test]
fn every_command_in_it_works() {
    let folder = folder();
    let mut ran = 0;
    for line in commands() {
        let args: Vec<String> = if let Some(rest) = line.strip_prefix("cargo run -- ") {
            // The demo itself, on a table that a test can wait for.
            words(rest).into_iter().chain(["--rows".to_owned(), "100000".to_owned()]).collect()
        } else if let Some(rest) = line.strip_prefix("plusminus ") {
            words(rest)
        } else {
            assert_eq!(line, "cargo test", "an unknown kind of command");
            continue;
        };
        let output = command(folder.path()).args(&args).stdin(std::process::Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let file = args.iter().position(|arg| arg == "-o").map(|at| folder.path().join(&args[at + 1]));
        match file {
            Some(file) => assert!(file.metadata().unwrap().len() > 0, "{line}: nothing was written"),
            None => assert!(!output.stdout.is_empty(), "{line}: no output"),
        }
        ran += 1;
    }
    assert!(ran >= 10, "only {ran} commands");
}
