//! Any text is read or refused, and bounds survive being printed and read again.
//!
//! Start from the files the tests use: `cargo fuzz run parse corpus/parse ../corpus`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plusminus_dialect::{Bounds, StatementKind, parse_script, parse_statement};

fuzz_target!(|text: &str| {
    let statements = match parse_script(text) {
        Ok(statements) => statements,
        Err(error) => {
            assert!(!error.next.is_empty());
            assert!(text.is_char_boundary(error.location.offset));
            let _ = error.to_string();
            return;
        }
    };
    for statement in statements {
        assert!(text[statement.start.offset..].starts_with(&statement.text));
        let StatementKind::Sql(sql) = statement.kind else {
            continue;
        };
        if sql.bounds.is_empty() {
            continue;
        }
        let printed = format!("{} {}", sql.head, sql.bounds);
        let again = parse_statement(&printed).expect("printed text parses");
        let StatementKind::Sql(again) = again.kind else {
            unreachable!("SQL stays SQL");
        };
        let strip = |bounds: Bounds| Bounds { tail_start: None, ..bounds };
        assert_eq!(strip(again.bounds), strip(sql.bounds));
    }
});
