//! Equal tables, seeds and queries give the same rows and the same answer on any number of threads.

use super::support::{open, rows, write_table};
use plusminus::Session;

async fn built(threads: usize, folder: &std::path::Path) -> Session {
    let session = open(folder, threads).await;
    let builders = vec![
        session.sample("t").name("u").size_percent(5.0).seed(3).replace(true),
        session.sample("t").name("s").stratified_by(["g", "rare"]).cap(120).seed(3).replace(true),
    ];
    session.build_samples(builders).await.unwrap();
    session
}

/// Rows, ranks and priorities of every block, in the order of the files.
async fn contents(session: &Session, sample: &str) -> Vec<String> {
    let folder = session.store_folder().join("samples").join(sample);
    let mut data: Vec<_> =
        std::fs::read_dir(&folder).unwrap().flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    data.sort();
    let mut files: Vec<_> = std::fs::read_dir(data.last().unwrap()).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files.iter().filter(|f| f.file_name().unwrap().to_string_lossy().starts_with("level")) {
        let answer = session.query(format!("SELECT * FROM '{}'", file.display())).run().await.unwrap();
        all.extend(rows(&answer));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn on_one_and_on_four_threads() {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), 40_000, 11);
    let sql = "SELECT g, SUM(x) AS s, AVG(n) AS a FROM t WHERE k < 77 GROUP BY g ORDER BY g WITHIN 60 SECONDS";
    let mut seen: Option<(Vec<String>, Vec<String>, Vec<f64>)> = None;
    for threads in [1, 4] {
        let session = built(threads, folder.path()).await;
        let found = (contents(&session, "u").await, contents(&session, "s").await);
        let answer = session.query(sql).run().await.unwrap();
        let numbers: Vec<f64> = ["s", "a"]
            .iter()
            .flat_map(|c| answer.cells(c).unwrap().into_iter().flat_map(|c| [c.estimate, c.lower, c.upper]))
            .collect();
        if let Some((u, s, before)) = &seen {
            assert!(*u == found.0, "the uniform sample differs");
            assert!(*s == found.1, "the stratified sample differs");
            assert!(!before.is_empty() && before.len() == numbers.len());
            for (a, b) in before.iter().zip(&numbers) {
                assert!((a - b).abs() <= 1e-9 * a.abs(), "{a} and {b}");
            }
        }
        seen = Some((found.0, found.1, numbers));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_seed_gives_other_rows() {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), 20_000, 11);
    let session = open(folder.path(), 2).await;
    let mut all = Vec::new();
    for seed in [1, 2] {
        session.sample("t").name("u").size_rows(500).seed(seed).replace(true).build().await.unwrap();
        let mut rows = contents(&session, "u").await;
        assert_eq!(rows.len(), 500);
        rows.sort();
        all.push(rows);
    }
    assert_ne!(all[0], all[1]);
}

/// Levels so large that they are cut in halves: the cut, and the order of additions, are those of one thread.
#[tokio::test(flavor = "multi_thread")]
async fn halves_add_up_alike_on_one_and_on_four_threads() {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("t.parquet"), 90_000, 5);
    let queries = [
        "SELECT g, SUM(x) AS s, AVG(n) AS a FROM t WHERE k < 190 GROUP BY g ORDER BY g",
        "SELECT rare % 50 AS d, SUM(x) AS s, SUM(x) / SUM(n) AS a FROM t GROUP BY rare % 50 ORDER BY d",
        "SELECT SUM(x) AS s, AVG(x) FILTER (WHERE n > 300) AS a FROM t",
        "SELECT k, CONCAT(g, ' and more text than is inlined') AS t, SUM(price) AS s, AVG(x) AS a FROM t GROUP BY k, 2 ORDER BY k, t",
        // So many groups that each is walked by itself.
        "SELECT k, rare, SUM(x) AS s, AVG(price) FILTER (WHERE n > 300) AS a, COUNT(x) AS c FROM t GROUP BY k, rare ORDER BY k, rare",
    ];
    let mut seen: Vec<Vec<u64>> = Vec::new();
    for threads in [1, 4] {
        let session = open(folder.path(), threads).await;
        let builders = vec![
            session.sample("t").name("u").size_percent(95.0).seed(3).replace(true),
            session.sample("t").name("by_g").stratified_by(["g"]).cap(20_000).seed(3).replace(true),
        ];
        session.build_samples(builders).await.unwrap();
        let mut numbers = Vec::new();
        for sample in ["u", "by_g"] {
            session.execute(&format!("SET plusminus.sample = '{sample}'")).await.unwrap();
            for sql in queries {
                let answer = session.execute(&format!("{sql} WITHIN 60 SECONDS")).await.unwrap().pop().unwrap();
                assert!(answer.report().rows_read > 60_000, "{sample}: {sql}");
                for column in ["s", "a"] {
                    let cells = answer.cells(column).unwrap_or_default();
                    numbers.extend(cells.iter().flat_map(|c| [c.estimate, c.lower, c.upper].map(f64::to_bits)));
                }
            }
        }
        seen.push(numbers);
    }
    assert!(seen[0].len() > 3_000, "{}", seen[0].len());
    assert!(seen[0] == seen[1], "threads change digits");
}
