//! What the parts of an answer cost: cells, one by one and side by side, totals, intervals, and whole answers from a small sample.
//!
//! `cargo bench -p plusminus-benches`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plusminus::{Session, SessionBuilder};
use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{
    Cell, Cells, Confidence, Counts, DomainFactors, Population, Quantiles, StratumSize, Total, Unsampled,
    VariancePolynomial, count_interval, mean_interval, sum_interval, unsampled_weight,
};
use std::fmt::Write;
use std::hint::black_box;
use tokio::runtime::Runtime;

fn values(count: u32) -> Vec<f64> {
    (0..count).map(|i| f64::from(i.wrapping_mul(2_654_435_761) % 10_000)).collect()
}

fn cells(c: &mut Criterion) {
    let all = values(65_536);
    let mask: Vec<bool> = all.iter().map(|v| *v < 9_000.0).collect();
    let mut group = c.benchmark_group("cell, 65,536 rows");
    group.throughput(Throughput::Elements(all.len() as u64));
    group.bench_function("one by one", |b| {
        b.iter(|| {
            let mut cell = Cell::default();
            all.iter().for_each(|v| cell.add(*v));
            black_box(cell)
        });
    });
    group.bench_function("all at a time", |b| {
        b.iter(|| {
            let mut cell = Cell::default();
            cell.add_all(&all);
            black_box(cell)
        });
    });
    group.bench_function("under a filter", |b| {
        b.iter(|| {
            let mut cell = Cell::default();
            cell.add_masked(&all, &mask);
            black_box(cell)
        });
    });
    group.finish();
}

/// The values of the column.
const BOUNDS: ValueRange = ValueRange { low: 0.0, high: 10_000.0 };

/// A total of `strata` strata, what could hold its rows, and what one of them could change.
fn total(strata: u32) -> (Total, Population, Unsampled) {
    let mut cell = Cell::default();
    cell.add_all(&values(100));
    let size = StratumSize::new(10_000, 200);
    let (mut total, mut population) = (Total::default(), Population::default());
    for _ in 0..strata {
        total.fold(size, 0.0, &cell);
        population.add(size);
    }
    (total, population, Unsampled::of(unsampled_weight(size), BOUNDS))
}

fn intervals(c: &mut Criterion) {
    let mut group = c.benchmark_group("statistics");
    let size = StratumSize::new(10_000, 200);
    let mut cell = Cell::default();
    cell.add_all(&values(100));
    group.bench_function("fold a cell", |b| {
        let mut total = Total::default();
        b.iter(|| total.fold(black_box(size), 0.0, black_box(&cell)));
    });
    let quantiles = Quantiles::new(Confidence::default());
    let (total, population, unsampled) = total(20);
    group.bench_function("interval of a count", |b| {
        b.iter(|| count_interval(black_box(&total), &population, &quantiles));
    });
    group.bench_function("interval of a sum", |b| {
        b.iter(|| sum_interval(black_box(&total), false, unsampled, BOUNDS, &population, &quantiles));
    });
    group.bench_function("interval of a mean", |b| {
        b.iter(|| mean_interval(5_000.0, black_box(&total), &total, unsampled, BOUNDS, &population, &quantiles));
    });
    group.bench_function("quantiles from scratch", |b| {
        b.iter(|| Quantiles::new(Confidence::default()).t(black_box(12.5)));
    });
    group.finish();
}

/// Cells of a group side by side, of so many rows each: what a run of one stratum costs, from its place among the rows on.
fn side_by_side(c: &mut Criterion) {
    const RUNS: u32 = 1_024;
    let mut group = c.benchmark_group("cells side by side, 1,024 strata");
    group.throughput(Throughput::Elements(u64::from(RUNS)));
    for rows in [1, 2, 9, 100] {
        let values = values(rows * RUNS);
        let begins: Vec<u32> = (0..=RUNS).map(|run| run * rows).collect();
        let of = |number: u32| vec![f64::from(number); RUNS as usize];
        let (counts, all, sampled) = (of(rows), of(20 * rows + 3), of(2 * rows + 1));
        let counts = Counts { rows: &counts, all: &all, sampled: &sampled, starts: &[0, RUNS as usize / 4] };
        let (mut domain_factors, mut cells) = (DomainFactors::default(), Cells::default());
        group.bench_function(BenchmarkId::new("sum", format!("{rows} rows each")), |b| {
            b.iter(|| {
                let mut total = Total::default();
                domain_factors.fill(&counts);
                cells.fill(&values, &begins);
                domain_factors.fold_values(&cells, std::iter::once(&mut total));
                black_box(total)
            });
        });
        group.bench_function(BenchmarkId::new("sum and average", format!("{rows} rows each")), |b| {
            b.iter(|| {
                let (mut total, mut form) = (Total::default(), VariancePolynomial::default());
                domain_factors.fill(&counts);
                cells.fill(&values, &begins);
                domain_factors.fold_values_and_polynomial(&cells, &mut total, &mut form);
                let scale = 1.0 / total.weighted_rows;
                black_box((total, form.spread(scale, -scale * scale * total.inexact_estimate)))
            });
        });
    }
    group.finish();
}

/// A session on half a million rows and three samples, and the folder it lives in.
async fn session() -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::from("g,k,x,n\n");
    for i in 0..500_000_u32 {
        let bits = i.wrapping_mul(2_654_435_761);
        let _ = writeln!(text, "group {},{},{},{}", bits % 100, i % 1_000, bits % 10_007, i % 97);
    }
    let file = folder.path().join("t.csv");
    std::fs::write(&file, text).expect("a file");
    let session = SessionBuilder::new(folder.path().join("store")).open().await.expect("a session");
    session.register("t", &file.to_string_lossy()).await.expect("a table");
    let builders = vec![
        session.sample("t").name("uniform").size_rows(50_000),
        session.sample("t").name("by_g").stratified_by(["g"]).cap(500),
        session.sample("t").name("by_k").stratified_by(["k"]).cap(50),
    ];
    session.build_samples(builders).await.expect("samples");
    (folder, session)
}

fn answers(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (_folder, session) = runtime.block_on(session());
    let mut group = c.benchmark_group("answer, the same words again");
    for (name, sql) in [
        ("the catalog alone", "SELECT g, COUNT(*) FROM t GROUP BY g WITHIN 1 SECOND"),
        ("50,000 rows, one group", "SELECT AVG(x), SUM(n) FROM t WHERE n < 90 WITHIN 1 SECOND"),
        ("50,000 rows, 100 groups", "SELECT g, AVG(x), SUM(n) FROM t WHERE n < 90 GROUP BY g WITHIN 1 SECOND"),
        ("50,000 rows, 1,000 groups", "SELECT k, AVG(x), SUM(n) FROM t WHERE n < 90 GROUP BY k WITHIN 1 SECOND"),
        (
            "50,000 rows, 1,000 groups, HAVING and ORDER BY",
            "SELECT k, AVG(x) AS a FROM t WHERE n < 90 GROUP BY k HAVING AVG(x) > 10 ORDER BY a DESC WITHIN 1 SECOND",
        ),
    ] {
        let statement = session.parse(sql).expect("SQL").remove(0);
        group.bench_with_input(BenchmarkId::from_parameter(name), &statement, |b, statement| {
            b.iter(|| runtime.block_on(session.run(statement)).expect("an answer"));
        });
    }
    group.finish();
}

criterion_group!(parts, cells, intervals, side_by_side, answers);
criterion_main!(parts);
