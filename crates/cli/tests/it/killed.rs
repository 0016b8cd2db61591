//! A build that is killed at any moment leaves the old state or the new one.

use super::support::{command, folder, stdout};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn twenty_times_during_a_build() {
    let folder = folder();
    let path = folder.path();
    stdout(path, &["demo", "--yes", "--rows", "150000", "--quiet"]);
    let data = path.join("plusminus-store/demo/sessions-150000-seed-0");
    let table = format!("s={}", data.display());
    let build = |seed: &str| {
        let mut build = command(path);
        build.args([
            "sample",
            "create",
            "--store",
            "killed",
            "--table",
            &table,
            "s",
            "--quiet",
            "--replace",
            "--seed",
            seed,
        ]);
        build.args(["--stratified-by", "city", "--size", "20%", "--name", "by_city"]);
        build.stdout(Stdio::null()).stderr(Stdio::null());
        build
    };
    // How long a build takes here tells when to kill the next ones.
    let mut whole = build("0");
    let took = time(|| assert!(whole.status().unwrap().success()));
    let first = generation(path);
    assert_eq!(first, 1);
    let (mut last, mut killed) = (first, 0);
    for round in 1_u32..=20 {
        let mut child = build(&round.to_string()).spawn().unwrap();
        // Spread over the build and, since publication comes last, more densely at its end.
        let part = f64::from(round) / 18.0;
        std::thread::sleep(took.mul_f64(part.sqrt()));
        let _ = child.kill();
        killed += u32::from(!child.wait().unwrap().success());
        let now = generation(path);
        assert!(now == last || now == last + 1, "generation {now} after {last}");
        last = now;
        stdout(path, &["sample", "verify", "by_city", "--store", "killed"]);
        let sql = "SELECT os, AVG(bytes) FROM s GROUP BY os WITHIN 60 SECONDS ON MISS REPORT";
        let answer = stdout(path, &["query", "--store", "killed", "--table", &table, "-c", sql]);
        assert!(answer.contains("sample by_city"), "{answer}");
    }
    assert!(killed > 0, "no build was killed in time");
    assert!(build("99").status().unwrap().success());
    assert_eq!(generation(path), last + 1);
    // Nothing of the killed builds is left.
    let entries = std::fs::read_dir(path.join("killed/samples/by_city")).unwrap().flatten();
    let folders = entries.filter(|e| e.path().is_dir()).count();
    assert!(folders <= 2, "{folders} data folders");
}

fn generation(path: &std::path::Path) -> u64 {
    let list = stdout(path, &["sample", "list", "--store", "killed", "--format", "csv"]);
    let fields = |line: usize| list.lines().nth(line).unwrap().split(',').collect::<Vec<_>>();
    let column = fields(0).iter().position(|name| *name == "generation").unwrap();
    fields(1)[column].parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test that has to know how long a process runs")]
fn time(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}
