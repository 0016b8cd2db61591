use super::*;
use crate::{BoundedSql, StatementKind, SyntaxError, parse_statement};

mod properties;

pub(super) fn read(sql: &str) -> Result<BoundedSql, SyntaxError> {
    match parse_statement(sql)?.kind {
        StatementKind::Sql(sql) => Ok(sql),
        other => unreachable!("{other:?} is not SQL"),
    }
}

/// The head, ` // `, and the bounds in canonical form.
fn check(sql: &str, expected: &str) {
    let read = read(sql).unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(format!("{} // {}", read.head, read.bounds), expected);
}

fn check_error(sql: &str, what: &str, marked: &str, next: &str) {
    let error = read(sql).expect_err(sql);
    assert!(error.what.contains(what), "{error}");
    assert!(error.next.contains(next), "{error}");
    let rest = &sql[error.location.offset..];
    assert!(rest.starts_with(marked), "the caret is at {rest:?}: {error}");
}

#[test]
fn every_bound_in_every_spelling() {
    for (bound, canonical) in [
        ("ERROR 10%", "ERROR WITHIN 10%"),
        ("error within 10 %", "ERROR WITHIN 10%"),
        ("ERROR 2.5", "ERROR WITHIN 2.5"),
        ("ERROR .5%", "ERROR WITHIN 0.5%"),
        ("ERROR WITHIN 10% AT CONFIDENCE 95%", "ERROR WITHIN 10% AT CONFIDENCE 95%"),
        ("ERROR 10 AT CONFIDENCE 99", "ERROR WITHIN 10 AT CONFIDENCE 99%"),
        ("ERROR $1 % AT CONFIDENCE $2 %", "ERROR WITHIN $1% AT CONFIDENCE $2%"),
        ("WITHIN 5 SECONDS", "WITHIN 5 SECONDS"),
        ("WITHIN 1 second", "WITHIN 1 SECONDS"),
        ("WITHIN 5s", "WITHIN 5 SECONDS"),
        ("WITHIN 500ms", "WITHIN 500 MILLISECONDS"),
        ("WITHIN 1 MILLISECOND", "WITHIN 1 MILLISECONDS"),
        ("WITHIN 0.5 MINUTES", "WITHIN 0.5 MINUTES"),
        ("WITHIN $1 MINUTE", "WITHIN $1 MINUTES"),
        ("CONFIDENCE 99.9%", "CONFIDENCE 99.9%"),
        ("FOR ALL GROUPS", "FOR ALL GROUPS"),
        ("ON MISS exact", "ON MISS EXACT"),
    ] {
        check(&format!("SELECT a FROM t {bound}"), &format!("SELECT a FROM t // {canonical}"));
    }
}

#[test]
fn bounds_come_in_any_order() {
    let all = "ERROR WITHIN 5% AT CONFIDENCE 90% WITHIN 2 SECONDS FOR ALL GROUPS ON MISS FAIL";
    for tail in [
        all,
        "ON MISS FAIL FOR ALL GROUPS CONFIDENCE 90% WITHIN 2s ERROR 5%",
        "WITHIN 2 SECONDS ERROR WITHIN 5% FOR ALL GROUPS CONFIDENCE 90% ON MISS FAIL",
        "-- note\nWITHIN /* x */ 2 SECONDS ERROR 5% CONFIDENCE 90% ON MISS FAIL FOR\r\nALL GROUPS;",
    ] {
        check(&format!("SELECT a FROM t {tail}"), &format!("SELECT a FROM t // {all}"));
    }
}

#[test]
fn names_stay_free() {
    for (sql, expected) in [
        ("SELECT a FROM t ORDER BY error WITHIN 5 SECONDS", "SELECT a FROM t ORDER BY error // WITHIN 5 SECONDS"),
        ("SELECT a FROM t ORDER BY error ERROR 5%", "SELECT a FROM t ORDER BY error // ERROR WITHIN 5%"),
        ("SELECT a FROM within WITHIN 5s", "SELECT a FROM within // WITHIN 5 SECONDS"),
        ("SELECT a FROM t within WITHIN 5s", "SELECT a FROM t within // WITHIN 5 SECONDS"),
        ("SELECT a AS error ERROR 1%", "SELECT a AS error // ERROR WITHIN 1%"),
        ("SELECT a % 10 ERROR 10%", "SELECT a % 10 // ERROR WITHIN 10%"),
        ("SELECT INTERVAL '5 seconds' WITHIN 5 SECONDS", "SELECT INTERVAL '5 seconds' // WITHIN 5 SECONDS"),
        ("SELECT a FROM t LIMIT 10 WITHIN 5 SECONDS", "SELECT a FROM t LIMIT 10 // WITHIN 5 SECONDS"),
        ("(SELECT 1) UNION ALL (SELECT 2) ERROR 1%", "(SELECT 1) UNION ALL (SELECT 2) // ERROR WITHIN 1%"),
        ("WITH c AS (SELECT 1) SELECT * FROM c ERROR 1%", "WITH c AS (SELECT 1) SELECT * FROM c // ERROR WITHIN 1%"),
        ("SELECT * FROM a JOIN b ON miss ON MISS OMIT", "SELECT * FROM a JOIN b ON miss // ON MISS OMIT"),
        (
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY error) FROM t WITHIN 1 MINUTE",
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY error) FROM t // WITHIN 1 MINUTES",
        ),
    ] {
        check(sql, expected);
    }
}

#[test]
fn sql_without_bounds_is_left_alone() {
    for sql in [
        "SELECT x error FROM t",
        "SELECT error, within, confidence FROM t within ORDER BY error, confidence",
        "SELECT within - 5 FROM t",
        "SELECT error % 5 FROM error",
        "SELECT 'WITHIN 5 SECONDS'",
        "SELECT \"ERROR 5%\" FROM t -- WITHIN 5 SECONDS",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM t",
        "SELECT * FROM a JOIN b ON miss",
        "SELECT nonsense FROM FROM",
        "TABLE t",
        "VALUES (1), (2)",
    ] {
        let read = read(sql).unwrap_or_else(|error| unreachable!("{error}"));
        assert!(read.bounds.is_empty(), "{sql}");
        assert!(sql.starts_with(&read.head), "{sql}");
    }
}

#[test]
fn a_bound_is_given_once() {
    let sql = |tail: &str| format!("SELECT 1 {tail}");
    for (tail, what, marked) in [
        ("ERROR 5% ERROR 6%", "ERROR is given twice", "ERROR 6"),
        ("WITHIN 1s ERROR 5% WITHIN 2s", "WITHIN is given twice", "WITHIN 2"),
        ("CONFIDENCE 90% CONFIDENCE 95%", "CONFIDENCE is given twice", "CONFIDENCE 95"),
        ("ERROR 5% AT CONFIDENCE 90% CONFIDENCE 95%", "CONFIDENCE is given twice", "CONFIDENCE 95"),
        ("CONFIDENCE 95% ERROR 5% AT CONFIDENCE 90%", "CONFIDENCE is given twice", "CONFIDENCE 90"),
        ("FOR ALL GROUPS FOR ALL GROUPS", "FOR ALL GROUPS is given twice", "FOR"),
        ("ON MISS FAIL ON MISS OMIT", "ON MISS is given twice", "ON MISS OMIT"),
    ] {
        check_error(&sql(tail), what, marked, "keep one");
    }
}

#[test]
fn numbers_are_checked() {
    for (tail, what, marked, next) in [
        ("ERROR 0%", "above 0", "0%", "ERROR WITHIN"),
        ("ERROR -5%", "above 0", "-5", "ERROR WITHIN"),
        ("ERROR 1e999", "above 0", "1e999", "ERROR WITHIN"),
        ("WITHIN 0 SECONDS", "above 0", "0 S", "WITHIN 5"),
        ("WITHIN -5 SECONDS", "above 0", "-5", "WITHIN 5"),
        ("WITHIN '5s'", "without quotes", "'5s'", "WITHIN 5"),
        ("WITHIN 5 HOURS", "unknown unit of time HOURS", "HOURS", "SECONDS"),
        ("WITHIN 5 SECOND5", "unknown unit of time SECOND5", "SECOND5", "SECONDS"),
        ("WITHIN 5", "lacks its unit", "WITHIN 5", "MS"),
        ("ERROR 5% WITHIN 5 HOURS", "unknown unit", "HOURS", "SECONDS"),
        ("ERROR 5% CONFIDENCE 0.95", "50 to 99.9", "0.95", "did you mean 95%?"),
        ("CONFIDENCE 100%", "50 to 99.9", "100", "exact"),
        ("CONFIDENCE 20%", "50 to 99.9", "20", "95%"),
        ("ERROR 5% AT 95%", "AT must be followed by CONFIDENCE", "AT", "AT CONFIDENCE"),
        ("ERROR ?", "cannot stand", "?", "$1"),
        ("ERROR $0", "cannot stand", "$0", "$1"),
        ("ERROR 5% ON MISS EXAKT", "ON MISS cannot EXAKT", "EXAKT", "EXACT"),
        ("ERROR 5% ON MISS", "lacks what to do", "ON MISS", "REPORT"),
        ("GROUP BY a ERROR WITHN 5%", "no keyword WITHN", "WITHN", "did you mean WITHIN?"),
        ("ERORR WITHIN 5%", "no keyword ERORR", "ERORR", "did you mean ERROR?"),
        ("LIMIT 3 WITHN 5 SECONDS", "no keyword WITHN", "WITHN", "did you mean WITHIN?"),
        ("WHERE a > 3 ERROR WITHIN 5% ON MISSS FAIL", "no keyword MISSS", "MISSS", "did you mean MISS?"),
        ("ERROR 5% FOR ALL GRUOPS", "no keyword GRUOPS", "GRUOPS", "did you mean GROUPS?"),
        ("LIMIT 3 ERROR 5% ATT CONFIDENCE 90%", "no keyword ATT", "ATT", "did you mean AT?"),
        ("ERROR 5% CONFIDENZE 90%", "CONFIDENZE", "CONFIDENZE", "CONFIDENCE"),
    ] {
        check_error(&format!("SELECT a FROM t {tail}"), what, marked, next);
    }
}

#[test]
fn a_bound_ends_the_statement() {
    for (sql, what, marked) in [
        ("SELECT * FROM (SELECT a FROM t WITHIN 5 SECONDS) s", "inside parentheses", "WITHIN"),
        ("WITH c AS (SELECT a FROM t ERROR 5%) SELECT * FROM c ERROR 5%", "inside parentheses", "ERROR 5%) S"),
        ("(SELECT a FROM t WITHIN 5 SECONDS)", "inside parentheses", "WITHIN"),
        ("SELECT a FROM t WITHIN 5 SECONDS LIMIT 10", "but LIMIT follows", "WITHIN"),
        ("SELECT a FROM t ERROR 5% UNION ALL SELECT 1", "but UNION follows", "ERROR"),
        ("SELECT a FROM t ORDER BY error WITHIN 5 SECONDS LIMIT 3", "but LIMIT follows", "WITHIN"),
        ("CREATE VIEW v AS SELECT 1 ERROR 5%", "not allowed on CREATE VIEW", "ERROR"),
        ("CREATE TABLE v AS SELECT 1 ERROR 5%", "not allowed on CREATE TABLE", "ERROR"),
        ("INSERT INTO v SELECT 1 FROM t WITHIN 5s", "not allowed on INSERT INTO", "WITHIN"),
        ("SELECT a INTO v FROM t WITHIN 5s", "not allowed on SELECT", "WITHIN"),
        ("COPY (SELECT a FROM t) TO 'x.csv' ERROR 5%", "not allowed on COPY", "ERROR"),
        ("COPY t TO 'x.csv' WITHIN 5 SECONDS", "not allowed on COPY", "WITHIN"),
        ("EXPLAIN INSERT INTO v SELECT 1 ERROR 5%", "not allowed on EXPLAIN", "ERROR"),
    ] {
        check_error(sql, what, marked, "");
    }
}

#[test]
fn a_broken_head_is_reported_with_bounds() {
    check_error("SELECT a FROM t WHERE ERROR 5%", "expected", "", "before its bounds");
    check_error("SELECT a FRM t JOIN WITHIN 5s", "expected", "t JOIN", "before its bounds");
}

#[test]
fn explain_is_taken_off_bounded_queries() {
    let sql = read("EXPLAIN ANALYZE VERBOSE SELECT 1 ERROR 5%").expect("valid");
    assert_eq!((sql.head.as_str(), sql.head_start.column), ("SELECT 1", 25));
    let explain = sql.explain.expect("explained");
    assert!(explain.analyze && explain.verbose);
    let sql = read("EXPLAIN SELECT 1").expect("valid");
    assert_eq!((sql.head.as_str(), sql.query()), ("EXPLAIN SELECT 1", "SELECT 1"));
    assert!(sql.explain.is_some());
}

#[test]
fn accessors_convert_units() {
    let bounds = read("SELECT 1 ERROR 10% CONFIDENCE 95% WITHIN 1.5 MINUTES").expect("valid").bounds;
    assert_eq!(bounds.within(), Some(Duration::from_secs(90)));
    assert_eq!(bounds.confidence_level(), Some(0.95));
    assert!(!bounds.needs_target() && !bounds.is_empty());
    let error = bounds.error.expect("stated");
    assert_eq!((error.relative_fraction(), error.absolute()), (Some(0.1), None));
    let lone = read("SELECT 1 CONFIDENCE 95%").expect("valid").bounds;
    assert!(lone.needs_target());
    let endless = read("SELECT 1 WITHIN 1e300 MINUTES").expect("valid").bounds;
    assert_eq!(endless.within(), Some(Duration::MAX));
}

#[test]
fn parameters_are_bound() {
    let sql = "SELECT 1 ERROR $2 % CONFIDENCE $1 WITHIN $2 SECONDS";
    let mut bounds = read(sql).expect("valid").bounds;
    assert_eq!((bounds.within(), bounds.confidence_level()), (None, None));
    let unbound = bounds.clone();
    for (params, what) in [
        (&[95.0][..], "$2 has no number"),
        (&[95.0, 0.0], "above 0"),
        (&[95.0, f64::NAN], "above 0"),
        (&[0.95, 1.0], "50 to 99.9"),
    ] {
        let error = bounds.bind(params).expect_err(what);
        assert!(error.what.contains(what), "{error}");
        assert_eq!(bounds, unbound);
    }
    bounds.bind(&[95.0, 2.0]).expect("in range");
    assert_eq!(bounds.to_string(), "ERROR WITHIN 2% AT CONFIDENCE 95% WITHIN 2 SECONDS");
}

/// Errors of frequent slips say what to type.
#[test]
fn slips_are_answered_with_what_to_type() {
    for (sql, what) in [
        ("SELECT 1 FROM t WITHIN FIVE SECONDS", "a number in digits, not FIVE"),
        ("SELECT 1 FROM t WITH ERROR 5%", "without WITH"),
        ("SELECT 1 FROM t ERROR WITHIN 5 PERCENTS", "PERCENTS"),
    ] {
        let error = read(sql).expect_err(what);
        assert!(error.to_string().contains(what), "{sql}: {error}");
    }
    let percent = read("SELECT 1 FROM t ERROR WITHIN 5 PERCENT").expect("valid").bounds;
    assert_eq!(percent.error.expect("stated").relative_fraction(), Some(0.05));
}
