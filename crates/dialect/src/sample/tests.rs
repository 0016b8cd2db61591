use super::*;
use crate::{StatementKind, parse_statement};

fn read(sql: &str) -> CreateSample {
    match parse_statement(sql).map(|statement| statement.kind) {
        Ok(StatementKind::CreateSample(sample)) => sample,
        other => unreachable!("{sql}: {other:?}"),
    }
}

fn check(options: &str, expected: SampleOptions) {
    let sample = read(&format!("CREATE SAMPLE s ON t {options}"));
    assert_eq!((sample.relation.as_str(), sample.options), ("t", expected));
}

fn check_error(sql: &str, what: &str, next: &str) {
    let error = parse_statement(sql).expect_err(sql);
    assert!(error.what.contains(what), "{error}");
    assert!(error.next.contains(next), "{error}");
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn options_come_in_any_order() {
    let none = SampleOptions::default();
    check("", none.clone());
    check("CAP 500", SampleOptions { size: Some(SampleSize::Cap(500)), ..none.clone() });
    check("SIZE 10 ROWS", SampleOptions { size: Some(SampleSize::Rows(10)), ..none.clone() });
    check("size 0.5%", SampleOptions { size: Some(SampleSize::Percent(0.5)), ..none.clone() });
    check("UNIFORM", none.clone());
    check("UNIFORM SIZE 3 %", SampleOptions { size: Some(SampleSize::Percent(3.0)), ..none.clone() });
    check("CAP 500 uniform", SampleOptions { size: Some(SampleSize::Cap(500)), ..none.clone() });
    check("UNIVERSE ON (Id)", SampleOptions { design: Design::Universe("id".into()), ..none });
    let all = SampleOptions {
        design: Design::Stratified(owned(&["os", "Land"])),
        size: Some(SampleSize::Cap(7)),
        tail: owned(&["delay", "t.cost"]),
        levels: Some(5),
        seed: Some(0),
    };
    check("STRATIFIED BY (OS, \"Land\") CAP 7 TAIL (delay, t.cost) LEVELS 5 SEED 0", all.clone());
    check("SEED 0 LEVELS 5 TAIL (delay, t.cost) CAP 7 STRATIFIED BY (OS, \"Land\")", all);
}

#[test]
fn the_relation_is_source_text() {
    for (relation, rest) in [
        ("t", "CAP 5"),
        ("\"Big Table\"", "SIZE 1 %"),
        ("schema.t AS x", "SEED 1"),
        ("a uniform JOIN b ON uniform.id = b.id", "UNIFORM"),
        ("a JOIN b ON a.id = b.id", "STRATIFIED BY (b.name)"),
        ("a JOIN b USING (id)", "UNIVERSE ON (id)"),
        ("'data/*.parquet'", ""),
        ("(SELECT size FROM t) x", "CAP 5"),
    ] {
        let sample = read(&format!("CREATE SAMPLE s ON {relation} {rest}"));
        assert_eq!(sample.relation, relation);
        assert_eq!(sample.relation_start.column, 20);
    }
}

#[test]
fn names_are_normalised() {
    assert_eq!(read("CREATE SAMPLE MySample ON t").name, "mysample");
    assert_eq!(read("CREATE SAMPLE \"My-Sample\" ON t").name, "My-Sample");
    assert!(read("CREATE OR REPLACE SAMPLE s ON t").or_replace);
    assert!(read("CREATE SAMPLE IF NOT EXISTS s ON t").if_not_exists);
    let long = "a".repeat(129);
    for name in ["\"a b\"", "\"../x\"", "\"\"", "é", "\"a/b\"", long.as_str()] {
        check_error(&format!("CREATE SAMPLE {name} ON t"), "cannot name a sample", "a-z");
    }
}

#[test]
fn mistakes_are_explained() {
    for (sql, what, next) in [
        ("CREATE SAMPLE", "name of a sample", "CREATE SAMPLE name"),
        ("CREATE SAMPLE ON t", "name of the sample", "CREATE SAMPLE name"),
        ("CREATE SAMPLE s", "ON and a table", "ON table"),
        ("CREATE SAMPLE s ON", "a table or a join", "ON table"),
        ("CREATE SAMPLE s ON CAP 5", "a table or a join", "ON table"),
        ("CREATE SAMPLE s ON t CAP 0", "CAP 0 would keep nothing", "from 1 on"),
        ("CREATE SAMPLE s ON t CAP -5", "whole number for CAP", "CAP 500"),
        ("CREATE SAMPLE s ON t CAP 1.5", "whole number for CAP", "CAP 500"),
        ("CREATE SAMPLE s ON t CAP many", "expected the end", "CAP 500"),
        ("CREATE SAMPLE s ON t SIZE 0 ROWS", "SIZE 0", "from 1 on"),
        ("CREATE SAMPLE s ON t SIZE 0 %", "above 0 %", "1 %"),
        ("CREATE SAMPLE s ON t SIZE 101 %", "at most 100 %", "1 %"),
        ("CREATE SAMPLE s ON t SIZE 5", "ROWS or %", "SIZE 1 %"),
        ("CREATE SAMPLE s ON t SIZE 1.5 ROWS", "whole number for SIZE", "SIZE"),
        ("CREATE SAMPLE s ON t LEVELS 0", "LEVELS 0", "from 1 on"),
        ("CREATE SAMPLE s ON t LEVELS 99999999999", "too many", "LEVELS 5"),
        ("CREATE SAMPLE s ON t CAP 5 SIZE 1 %", "CAP or SIZE is given twice", "keep one"),
        ("CREATE SAMPLE s ON t SEED 1 SEED 2", "SEED is given twice", "keep one"),
        ("CREATE SAMPLE s ON t TAIL (a) TAIL (b)", "TAIL is given twice", "keep one"),
        ("CREATE SAMPLE s ON t UNIVERSE ON (a) STRATIFIED BY (a)", "given twice", "keep one"),
        ("CREATE SAMPLE s ON t UNIVERSE ON (a, b)", "takes one column", "UNIVERSE ON (column)"),
        ("CREATE SAMPLE s ON t STRATIFIED BY ()", "name of a column", "(country, os)"),
        ("CREATE SAMPLE s ON t STRATIFIED BY a", "( and column names", "(country, os)"),
        ("CREATE SAMPLE s ON t STRATIFIED BY (a, A)", "listed twice", "once"),
        ("CREATE SAMPLE s ON t CAP 5 WHERE a > 1", "an option of the sample", "any of"),
        ("CREATE SAMPLE s ON t WHERE a > 1", "expected the end", "ON table"),
        ("CREATE SAMPLE s ON t WITHIN 5 SECONDS", "not allowed on CREATE SAMPLE", "queries"),
        ("CREATE OR REPLACE SAMPLE IF NOT EXISTS s ON t", "contradict", "keep one"),
    ] {
        check_error(sql, what, next);
    }
}

#[test]
fn the_advisor_takes_a_workload() {
    let sql = "CREATE SAMPLES ON Flights FOR WORKLOAD 'queries/*.sql' BUDGET 10 %";
    let kind = parse_statement(sql).map(|statement| statement.kind);
    let expected =
        CreateSamples { table: "Flights".to_owned(), workload: "queries/*.sql".to_owned(), budget_percent: 10.0 };
    assert_eq!(kind, Ok(StatementKind::CreateSamples(expected)));
    for (sql, what) in [
        ("CREATE SAMPLES", "ON and a table"),
        ("CREATE SAMPLES ON FOR WORKLOAD 'x' BUDGET 1 %", "name of a table"),
        ("CREATE SAMPLES ON t", "FOR WORKLOAD"),
        ("CREATE SAMPLES ON t FOR WORKLOAD x", "in quotes"),
        ("CREATE SAMPLES ON t FOR WORKLOAD 'x'", "BUDGET"),
        ("CREATE SAMPLES ON t FOR WORKLOAD 'x' BUDGET 10", "%"),
        ("CREATE SAMPLES ON t FOR WORKLOAD 'x' BUDGET 0 %", "above 0 %"),
        ("CREATE SAMPLES ON t FOR WORKLOAD 'x' BUDGET 5 % CAP 3", "end of the statement"),
    ] {
        check_error(sql, what, "");
    }
}
