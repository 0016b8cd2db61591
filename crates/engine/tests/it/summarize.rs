//! SUMMARIZE, and COPY of a query with bounds.

use super::support::{World, rows};
use plusminus::{Answer, Mode, Role, Trust};

async fn asked(world: &World, sql: &str) -> Answer {
    world.session.execute(sql).await.unwrap().pop().unwrap()
}

/// The text of a column in the row of `name`.
fn at(answer: &Answer, name: &str, column: &str) -> String {
    let index = answer.columns().iter().position(|own| own.name == column).unwrap();
    let all = rows(answer);
    let row = all.iter().find(|row| row.split('|').next() == Some(name)).expect(name);
    row.split('|').nth(index).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_is_summarised_exactly_without_a_bound() {
    let world = World::new(20_000).await;
    let summary = asked(&world, "SUMMARIZE t").await;
    assert_eq!((summary.report().mode, summary.report().met), (Mode::Exact, None));
    let names: Vec<&str> = summary.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "column_name",
            "column_type",
            "min",
            "max",
            "distinct",
            "avg",
            "std",
            "q25",
            "q50",
            "q75",
            "count",
            "null_percentage"
        ]
    );
    let all = asked(&world, "SELECT * FROM t LIMIT 0").await;
    assert_eq!(summary.batch().num_rows(), all.batch().num_columns());
    for column in ["n", "x"] {
        let sql = format!(
            "SELECT MIN({column}), MAX({column}), AVG(CAST({column} AS DOUBLE)), stddev(CAST({column} AS DOUBLE)), \
             percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST({column} AS DOUBLE)), COUNT({column}), \
             100.0 * (1.0 - COUNT({column}) / CAST(COUNT(*) AS DOUBLE)) FROM t"
        );
        let truth = rows(&asked(&world, &sql).await).remove(0);
        let found =
            ["min", "max", "avg", "std", "q50", "count", "null_percentage"].map(|name| at(&summary, column, name));
        for (own, truth) in found.iter().zip(truth.split('|')) {
            let (own, truth): (f64, f64) = (own.parse().unwrap(), truth.parse().unwrap());
            assert!((own - truth).abs() <= 1e-9 * truth.abs().max(1.0), "{column}: {own} {truth}");
        }
    }
    assert_eq!(at(&summary, "g", "column_type"), "VARCHAR");
    let distinct = rows(&asked(&world, "SELECT COUNT(DISTINCT g), COUNT(DISTINCT x) FROM t").await).remove(0);
    assert_eq!(format!("{}|{}", at(&summary, "g", "distinct"), at(&summary, "x", "distinct")), distinct);
    // Nothing in it is an estimate.
    for column in summary.columns().iter().filter_map(|column| column.bounds.as_ref()) {
        assert!(column.trust.iter().all(|trust| *trust == Trust::Exact));
    }
    assert!(at(&summary, "g", "min") < at(&summary, "g", "max"));
    // A query, with a filter, and a name that has to be quoted.
    let some = asked(&world, "SUMMARIZE SELECT n AS \"N of t\", g FROM t WHERE k < 10").await;
    let count = asked(&world, "SELECT COUNT(*) FROM t WHERE k < 10").await;
    assert_eq!(rows(&some)[0].split('|').nth(10), Some(rows(&count)[0].as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_bound_a_sample_summarises_with_intervals() {
    let world = World::new(60_000).await;
    world.session.sample("t").size_rows(4_000).seed(5).build().await.unwrap();
    let exact = asked(&world, "SUMMARIZE t").await;
    let answer = asked(&world, "SUMMARIZE t ERROR WITHIN 50% ON MISS REPORT").await;
    assert_eq!(answer.report().mode, Mode::Approximate);
    assert!(answer.report().rows_read <= 4_000 && answer.report().sample.is_some(), "{:?}", answer.report());
    // What a sample does not know is left out, and a note says so.
    assert!(answer.columns().iter().all(|column| column.name != "distinct"));
    assert!(answer.report().warnings.iter().any(|note| note.contains("left out")), "{:?}", answer.report());
    // A bound that no sample meets is met by the table, which knows everything.
    let met = asked(&world, "SUMMARIZE t ERROR WITHIN 0.01%").await;
    assert_eq!(
        (met.report().mode, met.report().met, met.report().error_bound),
        (Mode::Exact, Some(true), Some(0.0001))
    );
    assert_eq!(rows(&met), rows(&exact));
    let (mut inside, mut all) = (0, 0);
    for name in ["avg", "std", "q25", "q50", "q75", "count", "null_percentage"] {
        let column = answer.columns().iter().find(|column| column.name == name).unwrap();
        assert_eq!(column.role, Role::Estimate);
        for (cell, truth) in answer.cells(name).unwrap().iter().zip(exact.cells(name).unwrap()) {
            if cell.trust == Trust::Trusted {
                all += 1;
                inside += usize::from(cell.lower <= truth.estimate && truth.estimate <= cell.upper);
            }
        }
    }
    assert!(all >= 8 && inside + 2 >= all, "{inside} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_keeps_its_error_bars() {
    let world = World::new(20_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(200).build().await.unwrap();
    let file = world.folder.path().join("means.parquet");
    let query = "SELECT g, AVG(x) AS a FROM t GROUP BY g ORDER BY g ERROR WITHIN 30% ON MISS REPORT";
    let written = asked(&world, &format!("COPY ({query}) TO '{}'", file.display())).await;
    assert_eq!(rows(&written), [format!("13 rows written to '{}'", file.display())]);
    assert_eq!(written.report().mode, Mode::Approximate);
    let answer = asked(&world, query).await;
    let copy = asked(&world, &format!("SELECT * FROM '{}' ORDER BY g", file.display())).await;
    let names: Vec<&str> = copy.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["g", "a", "a_lo", "a_hi", "a_trust"]);
    for (row, cell) in rows(&copy).iter().zip(answer.cells("a").unwrap()) {
        let cells: Vec<&str> = row.split('|').collect();
        let numbers: Vec<f64> = cells[1..4].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(numbers, [cell.estimate, cell.lower, cell.upper], "{row}");
    }
    // A session has no table of what was copied, and without a bound COPY is exact.
    assert!(
        world.session.table_names().iter().all(|name| !name.starts_with("__")),
        "{:?}",
        world.session.table_names()
    );
    let plain = world.folder.path().join("plain.csv");
    asked(&world, &format!("COPY (SELECT g, AVG(x) AS a FROM t GROUP BY g) TO '{}'", plain.display())).await;
    let copy = asked(&world, &format!("SELECT * FROM '{}'", plain.display())).await;
    assert_eq!(copy.columns().len(), 2);
}

/// Columns have the names that were written, in every format of the library.
#[tokio::test(flavor = "multi_thread")]
async fn columns_are_named_as_they_were_written() {
    let world = World::new(5_000).await;
    world.session.sample("t").size_rows(500).build().await.unwrap();
    for bound in ["", " WITHIN 60 SECONDS ON MISS REPORT"] {
        let sql =
            format!("SELECT t.g, COUNT(*), AVG(t.x), Sum(n) / 2 AS half, MAX(n) - MIN(n) FROM t GROUP BY g{bound}");
        let answer = asked(&world, &sql).await;
        let names: Vec<&str> = answer.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["g", "count(*)", "avg(t.x)", "half", "max(n) - min(n)"], "{sql}");
        assert_eq!(answer.batch().schema().field(2).name(), "avg(t.x)");
        assert_eq!(answer.cells("count(*)").unwrap().len(), answer.batch().num_rows());
    }
    let estimated = asked(&world, "SELECT AVG(x) FROM t WITHIN 60 SECONDS ON MISS REPORT").await;
    let flat = &estimated.batches()[0];
    let names: Vec<String> = flat.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["avg(x)", "avg(x)_lo", "avg(x)_hi", "avg(x)_trust"]);
    assert_eq!(flat.schema().field(1).metadata()["plusminus.of"], "avg(x)");
    assert!(flat.schema().metadata()["plusminus.report"].contains("\"mode\":\"approximate\""));
    let reached = estimated.error_reached().unwrap();
    let cell = estimated.cells("avg(x)").unwrap()[0];
    let expected = ((cell.estimate - cell.lower) / cell.lower).max((cell.upper - cell.estimate) / cell.upper);
    assert!((reached - expected).abs() < 1e-12, "{reached} {expected}");
}
