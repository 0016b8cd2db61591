//! Answers in each format.

use super::support::{folder, stdout};

/// Times differ from run to run.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let parts = line.split(" · ").map(|p| if p.ends_with(" ms") && !p.contains(':') { "TIME" } else { p });
        out.push_str(&parts.collect::<Vec<_>>().join(" · "));
        out.push('\n');
    }
    out
}

#[test]
fn tables_csv_and_tsv() {
    let folder = folder();
    let path = folder.path();
    stdout(
        path,
        &["sample", "create", "--table", "trips=trips.csv", "trips", "--stratified-by", "region", "--cap", "400"],
    );
    let sql = "SELECT region, COUNT(*) AS trips, AVG(miles) AS miles, SUM(miles) AS \"all\" FROM trips WHERE miles > 20 \
               GROUP BY region ORDER BY region ERROR WITHIN 30%";
    let mut page = String::new();
    for options in [
        &["--format", "table"][..],
        &["--format", "csv", "--errors", "columns"],
        &["--format", "tsv"],
        &["--errors", "none"],
    ] {
        let mut args = vec!["query", "-c", sql];
        args.extend(options);
        page.push_str(&format!("{}\n{}\n", options.join(" "), without_times(&stdout(path, &args))));
    }
    insta::assert_snapshot!(page);
}

#[test]
fn json_is_one_document_per_statement_with_exact_tokens() {
    let folder = folder();
    let sql = "SELECT 1 AS i, CAST(12.340 AS DECIMAL(20, 3)) AS d, 0.1 AS f, NULL AS n, TIMESTAMP '2026-01-02T03:04:05' AS t, 'a\"b' AS s; \
               SET plusminus.error = '5%'; SELECT COUNT(*) AS c FROM 'trips.csv'";
    let text = stdout(folder.path(), &["query", "--format", "json", "-c", sql]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains(r#""rows":[[1,12.340,0.1,null,"2026-01-02T03:04:05","a\"b"]]"#), "{}", lines[0]);
    for line in &lines {
        let document: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            document["columns"].is_array() && document["rows"].is_array() && document["report"]["mode"].is_string()
        );
    }
    let last: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(last["columns"][0]["role"], "estimate");
    let cell = &last["rows"][0][0];
    assert_eq!((cell["est"].as_u64(), cell["lo"].as_u64(), cell["hi"].as_u64()), (Some(6000), Some(6000), Some(6000)));
    assert_eq!(cell["trust"], "exact");
    assert!(last["report"]["reason"].as_str().unwrap().contains("no sample"), "{}", last["report"]);
}
