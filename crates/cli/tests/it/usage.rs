//! Exit statuses and messages.

use super::support::{command, failure, folder, stdout};
use std::io::Write;
use std::process::Stdio;

#[test]
fn exit_statuses_tell_kinds_of_failure_apart() {
    let folder = folder();
    let path = folder.path();
    let (code, text) = failure(path, &["query", "-c", "SELECT nothing FROM 'trips.csv'"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("there is no column named 'nothing'") && text.contains("Try:"), "{text}");
    let (_, text) = failure(path, &["query", "-c", "SELECT COUNT(*) FROM 'nowhere.csv' ERROR WITHIN 5%"]);
    assert!(text.contains("there is no file 'nowhere.csv'"), "{text}");
    assert_eq!(failure(path, &["query", "--bogus"]).0, 2);
    assert_eq!(
        failure(path, &["qurey"]),
        (2, "error: there is no command 'qurey'; did you mean 'query'?\nTry: plusminus --help\n".into())
    );
    assert_eq!(failure(path, &["query", "--table", "x", "-c", "SELECT 1"]).0, 2);
    assert_eq!(failure(path, &["here", "--store", "there", "query", "-c", "SELECT 1"]).0, 2);
    for args in [
        &["--store", "here", "query", "-c", "SELECT 1"][..],
        &["here", "query", "-c", "SELECT 1"],
        &["query", "-c", "SELECT 1", "--store", "here"],
    ] {
        stdout(path, args);
    }
    stdout(path, &["sample", "create", "trips.csv", "--size", "50"]);
    let missed = ["query", "-c", "SELECT SUM(miles) FROM 'trips.csv' WHERE miles > 90 ERROR WITHIN 0.1% ON MISS FAIL"];
    let output = super::support::run(path, &missed);
    assert_eq!(output.status.code(), Some(3));
    assert!(!output.stdout.is_empty(), "the best answer comes before the error");
    let sample = path.join("plusminus-store/samples/trips_uniform");
    let manifest =
        std::fs::read_dir(&sample).unwrap().flatten().find(|e| e.path().extension().is_some_and(|x| x == "json"));
    std::fs::write(manifest.unwrap().path(), "{}").unwrap();
    let (code, text) = failure(path, &["query", "-c", "SELECT COUNT(*) FROM 'trips.csv' ERROR WITHIN 5%"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("generation-00000001.json"), "{text}");
}

#[test]
fn a_batch_reads_files_and_stdin_and_stops_at_its_first_error() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("q.sql"), "SELECT 1 AS a; SELECT oops; SELECT 2 AS b;").unwrap();
    let output = super::support::run(path, &["query", "--format", "csv", "-f", "q.sql"]);
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap()), (Some(1), "a\n1\n".into()));
    let mut child =
        command(path).args(["query", "--format", "csv"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT 7 AS seven").unwrap();
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), "seven\n7\n");
}

#[test]
fn answers_go_to_a_file_with_o() {
    let folder = folder();
    let out = folder.path().join("out.csv");
    stdout(folder.path(), &["query", "--format", "csv", "-o", out.to_str().unwrap(), "-c", "SELECT 1 AS one"]);
    assert_eq!(std::fs::read_to_string(out).unwrap(), "one\n1\n");
}

#[test]
fn the_shell_reads_a_script_from_a_pipe() {
    let folder = folder();
    let mut child = command(folder.path())
        .args(["mystore", "--format", "csv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"CREATE SAMPLE s ON 'trips.csv' SIZE 100 ROWS; SHOW SAMPLES;").unwrap();
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(text.contains("s,") && folder.path().join("mystore/samples/s").is_dir(), "{text}");
}

#[test]
fn every_file_format_and_globs_can_be_queried() {
    let folder = folder();
    let path = folder.path();
    std::fs::write(path.join("a.ndjson"), "{\"k\": 1}\n{\"k\": 2}\n").unwrap();
    std::fs::create_dir_all(path.join("parts/day=1")).unwrap();
    std::fs::create_dir_all(path.join("parts/day=2")).unwrap();
    std::fs::write(path.join("parts/day=1/a.csv"), "v\n1\n2\n").unwrap();
    std::fs::write(path.join("parts/day=2/b.csv"), "v\n4\n").unwrap();
    let value = |sql: &str, tables: &[&str]| {
        let mut args = vec!["query", "--format", "csv", "-c", sql];
        args.extend(tables);
        stdout(path, &args).lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(value("SELECT SUM(k) FROM 'a.ndjson'", &[]), "3");
    for name in ["a", "b"] {
        std::fs::create_dir_all(path.join("more").join(name)).unwrap();
        std::fs::write(path.join("more").join(name).join("x.csv"), "v\n3\n").unwrap();
    }
    assert_eq!(value("SELECT SUM(v) FROM p", &["--table", "p=more/*/*.csv"]), "6");
    assert_eq!(value("SELECT SUM(v) FROM p WHERE day = '2'", &["--table", "p=parts"]), "4");
    stdout(path, &["query", "-c", "COPY (SELECT * FROM 'trips.csv') TO 'trips.parquet'"]);
    stdout(path, &["query", "-c", "COPY (SELECT * FROM 'trips.csv') TO 'trips.arrow'"]);
    assert_eq!(value("SELECT COUNT(*) FROM 'trips.parquet'", &[]), "6000");
    assert_eq!(value("SELECT COUNT(*) FROM 'trips.arrow'", &[]), "6000");
    for file in ["trips.parquet", "trips.arrow", "trips.csv", "a.ndjson"] {
        stdout(path, &["sample", "create", file, "--size", "100", "--name", &file.replace('.', "_")]);
        let report = stdout(path, &["query", "-c", &format!("SELECT COUNT(*) FROM '{file}' ERROR WITHIN 5%")]);
        assert!(report.contains("catalog"), "{report}");
    }
    stdout(path, &["sample", "create", "--table", "p=parts", "p", "--stratified-by", "day"]);
    // A table that was sampled is known to later processes without --table.
    assert!(
        stdout(path, &["query", "-c", "SELECT day, COUNT(*) FROM p GROUP BY day ERROR WITHIN 5%"]).contains("catalog")
    );
}

#[test]
fn traces_are_written_where_they_are_asked_for_and_change_no_answer() {
    let folder = folder();
    let path = folder.path();
    stdout(path, &["sample", "create", "trips.csv", "--stratified-by", "region", "--cap", "400", "--name", "s"]);
    let sql = "SELECT region, AVG(miles) FROM 'trips.csv' GROUP BY region ORDER BY region ERROR WITHIN 20%";
    let args = ["query", "--format", "csv", "-c", sql];
    let with = |filter: &str| command(path).args(args).env("PLUSMINUS_LOG", filter).output().unwrap();
    let (quiet, traced) = (super::support::run(path, &args), with("plusminus=debug"));
    assert!(traced.status.success() && quiet.stdout == traced.stdout && !quiet.stdout.is_empty());
    let (quiet, lines) = (String::from_utf8(quiet.stderr).unwrap(), String::from_utf8(traced.stderr).unwrap());
    assert!(!quiet.contains("DEBUG"), "{quiet}");
    for expected in
        ["query{number=1}", "sql=\"SELECT region", "level{sample=s level=0 rows=", "phase=\"plan\"", "time.busy="]
    {
        assert!(lines.contains(expected), "{expected} is not in\n{lines}");
    }
    for filter in ["plusminus=loud", "loud", "debug,verbose"] {
        let wrong = with(filter);
        assert_eq!(wrong.status.code(), Some(2), "{filter}");
        let wrong = String::from_utf8(wrong.stderr).unwrap();
        assert!(wrong.contains("PLUSMINUS_LOG does not say what to trace") && wrong.contains("Try: "), "{wrong}");
    }
}
