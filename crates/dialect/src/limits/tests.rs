use super::*;
use crate::{SyntaxError, parse_script};

/// Reads on a stack as large as those of the command's threads; an unoptimised sqlparser needs more than 2 MiB.
fn read(sql: String) -> Result<usize, SyntaxError> {
    std::thread::Builder::new()
        .stack_size(16 * 1024 * 1024)
        .spawn(move || parse_script(&sql).map(|statements| statements.len()))
        .expect("a thread starts")
        .join()
        .expect("no text overflows the stack")
}

fn check_accepted(sql: String) {
    assert_eq!(read(sql).map_err(|error| error.to_string()), Ok(1));
}

fn check_refused(sql: String, what: &str) {
    let error = read(sql).expect_err(what);
    assert!(error.what.contains(what), "{error}");
    assert!(!error.next.is_empty());
    assert!(error.location.offset > 0 || what.contains("END"));
}

#[test]
fn nesting_is_capped() {
    for (open, close) in [("(", ")"), ("[", "]"), ("CASE WHEN a THEN ", " END"), ("f(", ")")] {
        let nested = |n: usize| format!("SELECT {}1{} ERROR 5%", open.repeat(n), close.repeat(n));
        check_accepted(nested(20));
        check_refused(nested(NESTING_MAX + 1), "levels deep");
        check_refused(nested(10_000), "levels deep");
    }
    check_refused("(".repeat(90_000), "levels deep");
    check_accepted(format!("SELECT {}1{} ERROR 5%", "(".repeat(100), ")".repeat(100)));
}

#[test]
fn types_nest_without_parentheses() {
    let sql = format!("SELECT CAST(x AS {}INT{})", "ARRAY<".repeat(200), ">".repeat(200));
    check_refused(sql, "type nests");
}

#[test]
fn what_is_read_again_and_again_is_capped() {
    for word in ["POSITION", "OVERLAY", "CAST", "SUBSTRING", "CURRENT_DATE", "NOT ", "CASE "] {
        let nested = |n: usize| format!("SELECT {}a b{} ERROR 5%", format!("{word}(").repeat(n), ")".repeat(n));
        check_refused(nested(9), "expected");
        check_refused(nested(60), "takes too long");
    }
    let relations = |n: usize| {
        let (open, close) = ("((SELECT * FROM ".repeat(n), ") a JOIN b ON c)".repeat(n));
        format!("SELECT * FROM {open}t{close} ERROR 5%")
    };
    check_accepted(relations(8));
    check_refused(relations(40), "takes too long");
    check_refused(format!("SELECT {}1", "CASE WHEN a THEN ".repeat(50)), "has no END");
    check_refused(format!("EXPLAIN {} SELECT 1", "EXPLAIN ".repeat(900)), "EXPLAIN words");
    check_refused(format!("SELECT {}'1'", "INTERVAL ".repeat(900)), "INTERVAL in a row");
    check_refused(format!("COPY {}SELECT 1 ERROR 5%", "PREPARE a AS ".repeat(900)), "not allowed");
    check_refused(format!("{}SELECT 1 ERROR 5%", "PREPARE a AS ".repeat(900)), "not allowed");
}

#[test]
fn chains_are_capped() {
    for operator in [" OR ", " AND ", " + ", " || ", " - ", "::INT + ", " = ", " NOT "] {
        let chain = |n: usize| format!("SELECT a{}", format!("{operator}a").repeat(n));
        check_accepted(chain(400));
        check_refused(chain(CHAIN_MAX + 1), "operators in one chain");
        check_refused(chain(20_000), "operators in one chain");
    }
    check_accepted(format!("SELECT a{} ERROR 5%", " OR a".repeat(CHAIN_MAX - 1)));
    check_refused(format!("SELECT {}a", "NOT ".repeat(50_000)), "operators in one chain");
    check_refused(format!("SELECT {}a", "- ".repeat(50_000)), "operators in one chain");
    check_refused(format!("SELECT a{}", "[1]".repeat(5_000)), "operators in one chain");
}

#[test]
fn lists_are_no_chains() {
    let list = "a + 1, ".repeat(5_000);
    check_accepted(format!("SELECT {list} 1 FROM t"));
    let branches = "WHEN a > 1 THEN 1 ".repeat(2_000);
    check_accepted(format!("SELECT CASE {branches} END"));
}

#[test]
fn operations_between_queries_are_capped() {
    let unions = |n: usize| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(n));
    check_accepted(unions(SET_OPERATIONS_MAX) + " ERROR 5%");
    check_refused(unions(10_000), "UNION");
    check_refused(format!("SELECT * FROM t{}", " JOIN t ON a = b".repeat(251)), "joins");
    check_refused(format!("SELECT * FROM t{}", ", t".repeat(5_000)), "joins");
    let named = ", a AS (SELECT 1)".repeat(300);
    check_refused(format!("WITH b AS (SELECT 1){named} SELECT 1"), "named queries");
}

#[test]
fn tokens_are_capped() {
    check_refused(format!("SELECT {}1", "1,".repeat(60_000)), "tokens");
    let error = read(format!("SELECT a{}", " OR a".repeat(100_000))).expect_err("too many");
    assert!(error.what.contains("tokens"), "{error}");
}

#[test]
fn each_statement_has_its_own_caps() {
    let unions = format!("SELECT 1{};", " UNION ALL SELECT 1".repeat(200));
    assert_eq!(read(unions.repeat(10)), Ok(10));
}

#[test]
fn parentheses_match() {
    check_refused("SELECT (1".to_owned(), "never closed");
    check_refused("SELECT (CASE WHEN a THEN 1".to_owned(), "never closed");
    check_refused("SELECT 1)".to_owned(), "closes nothing");
    check_accepted("SELECT (CASE WHEN a THEN 1 END)".to_owned());
    check_accepted("SELECT t.case, t.end FROM t".to_owned());
}
