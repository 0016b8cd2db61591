use super::*;

fn kind(sql: &str) -> StatementKind {
    match parse_statement(sql) {
        Ok(statement) => statement.kind,
        Err(error) => unreachable!("{error}"),
    }
}

fn check_class(sql: &str, class: SqlClass) {
    match kind(sql) {
        StatementKind::Sql(read) => assert_eq!((read.head.as_str(), read.class), (sql, class)),
        other => unreachable!("{sql}: {other:?}"),
    }
}

fn check_error(sql: &str, what: &str, next: &str) {
    let error = parse_statement(sql).expect_err(sql);
    assert!(error.what.contains(what), "{error}");
    assert!(error.next.contains(next), "{error}");
}

#[test]
fn plain_statements_pass_through() {
    for sql in [
        "SELECT * FROM sample",
        "SELECT sample, samples FROM t AS sample",
        "SELECT tablesample FROM t WHERE sample(a) > 1",
        "SELECT * FROM a JOIN sample ON sample.x = a.x",
        "SELECT * FROM a, sample (1)",
        "WITH sample AS (SELECT 1) SELECT * FROM sample",
        "(SELECT 1)",
        "VALUES (1)",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE VERBOSE WITH x AS (SELECT 1) SELECT * FROM x",
    ] {
        check_class(sql, SqlClass::Query);
    }
    for sql in [
        "CREATE TABLE sample (a INT)",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW sample AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x.csv' OPTIONS ('format.has_header' 'true')",
        "DROP TABLE sample",
        "INSERT INTO sample (a) VALUES (1)",
        "INSERT INTO sample SELECT error FROM t",
        "COPY t TO 'x.parquet' STORED AS PARQUET",
        "SHOW TABLES",
        "SHOW ALL",
        "DESCRIBE sample",
        "DESCRIBE sample.events",
        "DESCRIBE t",
        "SELECT a INTO b FROM t",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        "EXPLAIN FORMAT TREE SELECT 1",
        "EXPLAIN INSERT INTO t VALUES (1)",
        "not sql at all",
    ] {
        check_class(sql, SqlClass::Other);
    }
}

#[test]
fn samples_are_named_by_statements() {
    let name = || "s".to_owned();
    for (sql, expected) in [
        ("SHOW SAMPLES", StatementKind::ShowSamples),
        ("describe sample S", StatementKind::DescribeSample { name: name() }),
        ("VERIFY SAMPLE s", StatementKind::VerifySample { name: name() }),
        ("REFRESH SAMPLE s;", StatementKind::RefreshSample { name: name() }),
        ("DROP SAMPLE s", StatementKind::DropSample { name: name(), if_exists: false }),
        ("DROP SAMPLE IF EXISTS s", StatementKind::DropSample { name: name(), if_exists: true }),
    ] {
        assert_eq!(kind(sql), expected);
    }
    for (sql, what) in [
        ("SHOW SAMPLES x", "end of the statement"),
        ("VERIFY SAMPLE", "name of a sample"),
        ("DROP SAMPLE", "name of a sample"),
        ("DROP SAMPLE a b", "end of the statement"),
        ("DROP SAMPLE a.b", "end of the statement"),
        ("DESCRIBE SAMPLE s ERROR 5%", "end of the statement"),
        ("REFRESH SAMPLE '../x'", "name of a sample"),
    ] {
        check_error(sql, what, "SAMPLE");
    }
}

#[test]
fn sampling_inside_a_query_is_refused() {
    for sql in [
        "SELECT * FROM t TABLESAMPLE BERNOULLI (10)",
        "SELECT * FROM t TABLESAMPLE (10 PERCENT)",
        "SELECT * FROM t AS x TABLESAMPLE SYSTEM (1)",
        "SELECT * FROM (SELECT 1) TABLESAMPLE (1)",
        "SELECT * FROM t SAMPLE 0.1",
        "SELECT * FROM t SAMPLE (10) WHERE a > 1",
        "SELECT * FROM (a JOIN b SAMPLE (5))",
        "SELECT * FROM a WHERE x IN (SELECT y FROM b SAMPLE (5))",
        "INSERT INTO x SELECT * FROM t TABLESAMPLE (1)",
    ] {
        check_error(sql, "in a query is not supported", "CREATE SAMPLE name");
    }
}

#[test]
fn what_would_be_read_otherwise_is_refused() {
    for (sql, what, next) in [
        ("SELECT 1_000_000", "an underscore within a number", "1000000, without underscores"),
        ("SELECT a FROM t EXCEPT ALL SELECT b FROM u", "EXCEPT ALL", "COUNT(*)"),
        ("SELECT a FROM t intersect all SELECT b FROM u ERROR WITHIN 5%", "INTERSECT ALL", "COUNT(*)"),
        ("SELECT * FROM t POSITIONAL JOIN u", "POSITIONAL JOIN", "row number"),
        ("SELECT a SIMILAR TO 'x' FROM t", "SIMILAR TO", "'^(pattern)$'"),
    ] {
        check_error(sql, what, next);
    }
    for sql in [
        "SELECT 1 _000, a1_000 FROM t",
        "SELECT * EXCEPT (a) FROM t UNION ALL SELECT 1",
        "FROM t SELECT a",
        "SELECT EXTRACT(year FROM d) FROM t",
        "SELECT '1_000', positional FROM t AS positional",
    ] {
        assert!(parse_statement(sql).is_ok(), "{sql}");
    }
}

#[test]
fn scripts_are_split_at_semicolons() {
    let script = ";; SELECT ';' ;\r\n -- é; \n SELECT \"a;b\" WITHIN 5s ; /* ; */";
    let statements = parse_script(script).expect("valid");
    let texts: Vec<_> = statements.iter().map(|s| (s.text.as_str(), s.start.line)).collect();
    assert_eq!(texts, [("SELECT ';'", 1), ("SELECT \"a;b\" WITHIN 5s", 3)]);
    for statement in &statements {
        assert!(script[statement.start.offset..].starts_with(&statement.text));
    }
    assert_eq!(parse_script(" -- nothing\n;"), Ok(Vec::new()));
}

#[test]
fn errors_count_lines_of_the_script() {
    let error = parse_script("SELECT 1;\nSELECT 'é' WITHIN 5 HOURS").expect_err("no unit");
    assert_eq!((error.location.line, error.location.column), (2, 21));
    assert_eq!(error.source_line, "SELECT 'é' WITHIN 5 HOURS");
}

#[test]
fn one_statement_means_one() {
    assert!(parse_statement("SELECT 1;").is_ok());
    check_error("", "there is no statement", "SELECT 1");
    check_error(" ; -- x", "there is no statement", "SELECT 1");
    check_error("SELECT 1; SELECT 2", "another one follows", "one by one");
}

#[test]
fn messages_read_well() {
    let message = |sql: &str| parse_statement(sql).expect_err(sql).to_string();
    insta::assert_snapshot!(message("SELECT avg(x)\nFROM t\tWITHIN 5 HOURS"));
    insta::assert_snapshot!(message("SELECT * FROM (SELECT a FROM t ERROR 5%) s"));
    insta::assert_snapshot!(message("SELECT count(*) FROM t WHERE ERROR WITHIN 5%"));
    insta::assert_snapshot!(message("CREATE SAMPLE s ON t WHERE a > 1"));
    insta::assert_snapshot!(message("SELECT 'never closed"));
}

#[test]
fn a_copied_query_may_have_bounds() {
    let sql = "COPY (SELECT g, AVG(x) FROM t GROUP BY g ERROR WITHIN 5%) TO 'a.parquet' STORED AS PARQUET";
    let StatementKind::Sql(copy) = parse_statement(sql).unwrap().kind else { unreachable!("{sql}") };
    assert_eq!(copy.head, "SELECT g, AVG(x) FROM t GROUP BY g");
    assert_eq!(copy.copy_to.as_deref(), Some("TO 'a.parquet' STORED AS PARQUET"));
    assert_eq!((copy.bounds.error.unwrap().relative_fraction(), copy.class), (Some(0.05), SqlClass::Query));
    for plain in ["COPY (SELECT 1) TO 'a.csv'", "COPY t TO 'a.csv'"] {
        let StatementKind::Sql(copy) = parse_statement(plain).unwrap().kind else { unreachable!("{plain}") };
        assert_eq!((copy.head.as_str(), copy.copy_to, copy.class), (plain, None, SqlClass::Other));
    }
    let outside = parse_statement("COPY (SELECT AVG(x) FROM t) TO 'a.csv' ERROR WITHIN 5%").unwrap_err().to_string();
    assert!(outside.contains("bounds end a query"), "{outside}");
    let both = parse_statement("COPY (SELECT 1 WITHIN 5 SECONDS WITHIN 6 SECONDS) TO 'a.csv'").unwrap_err().to_string();
    assert!(both.contains("WITHIN"), "{both}");
}
