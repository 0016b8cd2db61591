//! Queries of several blocks: UNION ALL, ROLLUP, CUBE and GROUPING SETS.

use super::support::{World, beside, rows};
use plusminus::{Answer, Mode, Trust};

async fn stratified(rows: usize) -> World {
    let world = World::new(rows).await;
    world.session.sample("t").stratified_by(["g"]).cap(300).build().await.unwrap();
    world
}

/// The estimates of all columns, and the query's rows without them.
fn keys_of(answer: &Answer) -> Vec<String> {
    let estimates: Vec<bool> = answer.columns().iter().map(|c| c.bounds.is_some()).collect();
    let keep = |row: String| {
        let parts = row.split('|').map(str::to_owned).collect::<Vec<_>>();
        parts.into_iter().zip(&estimates).filter(|(_, is)| !**is).map(|(part, _)| part).collect::<Vec<_>>().join("|")
    };
    let mut all: Vec<String> = rows(answer).into_iter().map(keep).collect();
    all.sort();
    all
}

/// Fails unless the rows are those of the exact answer, and intervals that hold for nine cells of ten or more, of which few are without width.
async fn holds(world: &World, sql: &str) -> Answer {
    let exact = world.session.query(sql).run().await.unwrap();
    let answer = world.session.query(format!("{sql} ERROR WITHIN 0.001% ON MISS REPORT")).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Approximate, "{sql}: {:?}", answer.report());
    assert_eq!(keys_of(&answer), keys_of(&exact), "{sql}");
    let (mut cells, mut held, mut open) = (0, 0, 0);
    for column in answer.columns().iter().filter(|c| c.bounds.is_some()) {
        // Rows are told apart by their keys, which are sorted alike.
        let ordered = |answer: &Answer| {
            let at = answer.columns().iter().position(|c| c.name == column.name).unwrap();
            let order: Vec<String> = rows(answer);
            let key = |row: &String| {
                let parts = row.split('|').enumerate();
                parts
                    .filter(|(i, _)| answer.columns()[*i].bounds.is_none())
                    .map(|(_, p)| p.to_owned())
                    .collect::<Vec<_>>()
            };
            let cells = answer.cells(&answer.columns()[at].name).unwrap();
            let mut all: Vec<_> = order.iter().map(key).zip(cells).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        for ((key, cell), (own, truth)) in ordered(&answer).into_iter().zip(ordered(&exact)) {
            assert_eq!(key, own);
            cells += 1;
            held += usize::from(
                cell.lower <= truth.estimate && truth.estimate <= cell.upper
                    || cell.trust != Trust::Trusted && cell.trust != Trust::Exact,
            );
            open += usize::from(cell.trust == Trust::Trusted);
            assert!(cell.trust != Trust::Exact || cell.estimate == truth.estimate, "{sql}: {key:?} {cell:?} {truth:?}");
        }
    }
    assert!(10 * held >= 9 * cells && open > 0, "{sql}: {held} of {cells}, {open} trusted");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn grouping_sets_are_blocks() {
    let world = stratified(60_000).await;
    for sql in [
        "SELECT g, GROUPING(g) AS gg, COUNT(*) AS c, AVG(x) AS a FROM t WHERE n < 700 GROUP BY ROLLUP(g)",
        "SELECT g, k < 100 AS low, GROUPING(g) AS gg, SUM(n) AS s FROM t GROUP BY CUBE(g, k < 100)",
        "SELECT g, k % 3 AS m, GROUPING(g) AS gg, GROUPING(g, k % 3) AS both, AVG(n) AS a FROM t WHERE x > 1 \
         GROUP BY GROUPING SETS ((g, k % 3), (k % 3), (g), ())",
        "SELECT k % 4 AS m, g, GROUPING(g) AS own, COUNT(*) AS c FROM t WHERE x < 20 GROUP BY k % 4, ROLLUP(g) ORDER BY 1, 2, 3",
        "SELECT g, AVG(x) * 2 AS a FROM t WHERE g IS NOT NULL GROUP BY ROLLUP(g) HAVING COUNT(*) > 10 ORDER BY g NULLS FIRST, a",
        "SELECT UPPER(g) AS u, CASE WHEN GROUPING(g) = 1 THEN 'all' ELSE 'one' END AS what, SUM(x) AS s FROM t GROUP BY ROLLUP(g)",
    ] {
        holds(&world, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_of_a_union_are_blocks() {
    let world = stratified(60_000).await;
    for sql in [
        "SELECT 'low' AS part, COUNT(*) AS c, AVG(x) AS a FROM t WHERE n < 300 UNION ALL SELECT 'high', COUNT(*), AVG(x) FROM t WHERE n >= 300",
        "SELECT g, AVG(x) AS a FROM t GROUP BY g UNION ALL SELECT 'all', AVG(x) FROM t ORDER BY 1",
        "SELECT g AS what, SUM(n) AS s FROM t WHERE k < 90 GROUP BY g UNION SELECT 'all', SUM(n) FROM t WHERE k < 90",
        "WITH a AS (SELECT g, SUM(x) AS s FROM t WHERE n < 500 GROUP BY g), b AS (SELECT g || '!' AS g, SUM(x) AS s FROM t WHERE n > 500 GROUP BY g) \
         SELECT g, s / 2 AS half FROM (SELECT * FROM a UNION ALL SELECT * FROM b UNION ALL SELECT 'none', 0) ORDER BY half DESC",
        "SELECT 'x' AS what, AVG(x) AS a FROM t UNION ALL (SELECT g, AVG(x) FROM t GROUP BY g) UNION ALL SELECT CAST(k % 2 AS VARCHAR), AVG(x) FROM t GROUP BY k % 2",
    ] {
        holds(&world, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_over_blocks_hold_for_all_rows_at_once() {
    let world = stratified(60_000).await;
    let union = "SELECT g, AVG(x) AS a FROM t GROUP BY g UNION ALL SELECT 'all', AVG(x) FROM t";
    let each = world.session.query(format!("{union} ORDER BY a DESC ERROR 0.001% ON MISS REPORT")).run().await.unwrap();
    let cut = world
        .session
        .query(format!("{union} ORDER BY a DESC LIMIT 3 ERROR 0.001% ON MISS REPORT"))
        .run()
        .await
        .unwrap();
    assert_eq!((cut.batch().num_rows(), each.batch().num_rows()), (3, 14));
    let width = |answer: &Answer| answer.cells("a").unwrap().iter().map(|c| c.upper - c.lower).take(3).sum::<f64>();
    assert!(width(&cut) > 1.3 * width(&each), "{} {}", width(&cut), width(&each));
    // Averages of groups hardly differ.
    let report = cut.report();
    assert_eq!(report.unsettled_members, [0, 1, 2], "{report:?}");
    assert!(report.unsettled_absent > 0 && report.warnings.iter().any(|w| w.contains("rows 1-3")), "{report:?}");
    // Sums of group sizes do.
    let sums = "SELECT g, SUM(n) AS s FROM t GROUP BY ROLLUP(g) ORDER BY s DESC LIMIT 2 ERROR 0.001% ON MISS REPORT";
    let report = world.session.query(sums).run().await.unwrap().report().clone();
    assert!(report.unsettled_members.is_empty() && report.unsettled_ranks.is_empty(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_of_blocks_are_kept() {
    let world = stratified(60_000).await;
    let rollup = "SELECT g, AVG(x) AS a FROM t GROUP BY ROLLUP(g)";
    let met = world.session.query(format!("{rollup} ERROR WITHIN 40%")).run().await.unwrap();
    assert_eq!((met.report().met, met.report().mode), (Some(true), Mode::Approximate), "{:?}", met.report());
    // Both blocks are of one table.
    assert_eq!(met.report().rows_total, Some(60_000));
    // One scan answers all blocks.
    let kept = world.session.query(format!("{rollup} ERROR WITHIN 0.01% ON MISS REPAIR")).run().await.unwrap();
    let report = kept.report();
    assert_eq!((report.met, report.mode), (Some(true), Mode::Exact), "{report:?}");
    assert_eq!(report.rows_read, 60_000, "{report:?}");
    // Of a union, what misses is read alone.
    let union = "SELECT 'some' AS w, AVG(x) AS a FROM t WHERE k < 2 UNION ALL SELECT 'all', AVG(x) FROM t UNION ALL \
                 SELECT 'more', AVG(x) FROM t WHERE n < 800 ERROR WITHIN 12% ON MISS REPAIR";
    let larger = stratified(500_000).await;
    let report = larger.session.query(union).run().await.unwrap().report().clone();
    assert_eq!((report.met, report.mode), (Some(true), Mode::Approximate), "{report:?}");
    assert!(report.rows_read > 500_000 && report.rows_read < 600_000, "{report:?}");
    let missed = world.session.query(format!("{rollup} ERROR WITHIN 0.01% ON MISS OMIT")).run().await.unwrap();
    assert!(missed.cells("a").unwrap().iter().all(|c| c.estimate.is_nan()), "{missed:?}");
    let failed = world.session.query(format!("{rollup} ERROR WITHIN 0.01% ON MISS FAIL")).run().await;
    assert!(matches!(failed, Err(plusminus::Error::BoundMissed { answer: Some(_), .. })), "{failed:?}");
    // Under a time, the exact answer where it fits, else all blocks in time.
    let timed = world.session.query(format!("{rollup} WITHIN 60 SECONDS ON MISS REPAIR")).run().await.unwrap();
    assert_eq!((timed.report().met, timed.report().mode), (Some(true), Mode::Exact));
    let timed = world.session.query(format!("{rollup} WITHIN 60 SECONDS ON MISS REPORT")).run().await.unwrap();
    assert_eq!((timed.report().met, timed.report().mode), (Some(true), Mode::Approximate), "{:?}", timed.report());
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_lists_blocks() {
    let world = stratified(60_000).await;
    let sql = "EXPLAIN SELECT g, AVG(x) FROM t GROUP BY ROLLUP(g) ERROR WITHIN 20%";
    let lines = rows(&world.session.query(sql).run().await.unwrap());
    assert!(
        lines.iter().any(|l| l.starts_with("block|1 of 2")) && lines.iter().any(|l| l.starts_with("block|2 of 2")),
        "{lines:?}"
    );
    assert!(
        lines.iter().filter(|l| l.starts_with("candidate|t_by_g, level")).count() >= 4
            || lines.iter().filter(|l| l.starts_with("candidate|")).count() >= 4,
        "{lines:?}"
    );
}

/// A wide table, of which one aggregate that no sample tells reads next to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn aggregates_that_no_sample_tells_are_computed_beside_the_others() {
    let world = World::new(400_000).await;
    world.session.sample("t").stratified_by(["g"]).cap(1_000).build().await.unwrap();
    let others = "AVG(x) AS a, SUM(price * n) AS p, STDDEV(x) AS d, AVG(n * x) AS nx, SUM(CASE WHEN n > 500 THEN x ELSE 0 END) AS c";
    for sql in [
        format!("SELECT g, {others}, SUM(DISTINCT k) AS odd FROM t GROUP BY g ORDER BY g"),
        format!("SELECT {others}, COUNT(DISTINCT k) AS odd FROM t WHERE n > 7"),
        format!(
            "SELECT {others}, MAX(k) - MIN(k) AS odd, g FROM t WHERE n > 7 GROUP BY g HAVING MAX(k) > 3 ORDER BY odd, g LIMIT 5"
        ),
    ] {
        let exact = world.session.query(&sql).run().await.unwrap();
        let answer = world.session.query(format!("{sql} ERROR WITHIN 0.001% ON MISS REPORT")).run().await.unwrap();
        let report = answer.report();
        assert!(report.mode == Mode::Approximate && report.reason.contains("beside it the table"), "{sql}: {report:?}");
        assert!(report.rows_read > 400_000 && report.rows_read < 430_000, "{sql}: {report:?}");
        let (odd, truth) = (answer.cells("odd").unwrap(), exact.cells("odd").unwrap());
        assert_eq!(odd.len(), truth.len(), "{sql}");
        assert!(odd.iter().zip(&truth).all(|(a, b)| a.trust == Trust::Exact && a.estimate == b.estimate), "{sql}");
        let (mut held, mut all) = (0, 0);
        for name in ["a", "p", "d", "nx", "c"] {
            for (cell, truth) in beside(&answer, &exact, name) {
                all += usize::from(cell.trust == Trust::Trusted);
                held += usize::from(
                    cell.trust == Trust::Trusted && cell.lower <= truth.estimate && truth.estimate <= cell.upper,
                );
            }
        }
        assert!(all > 0 && 10 * held >= 8 * all, "{sql}: {held} of {all}");
        let kept = world.session.query(format!("{sql} ERROR WITHIN 1% ON MISS REPAIR")).run().await.unwrap();
        assert_eq!(kept.report().met, Some(true), "{sql}: {:?}", kept.report());
    }
    // Where that would be about as much work as all of it, the table answers at once.
    let alike = "SELECT g, COUNT(*) AS c, SUM(DISTINCT n) AS s FROM t GROUP BY g ERROR WITHIN 0.001% ON MISS REPORT";
    assert_eq!(world.session.query(alike).run().await.unwrap().report().mode, Mode::Exact);
}

#[tokio::test(flavor = "multi_thread")]
async fn ranks_by_estimates_have_intervals() {
    let world = stratified(60_000).await;
    let top = |bound: &str| {
        format!("SELECT g, SUM(n) AS s, RANK() OVER (ORDER BY SUM(n) DESC) AS r FROM t GROUP BY g ORDER BY r {bound}")
    };
    let exact = world.session.query(top("")).run().await.unwrap();
    let answer = world.session.query(top("ERROR WITHIN 0.01% ON MISS REPORT")).run().await.unwrap();
    assert_eq!(answer.report().mode, Mode::Approximate, "{:?}", answer.report());
    let truth: std::collections::HashMap<String, f64> = rows(&exact)
        .iter()
        .zip(exact.cells("r").unwrap())
        .map(|(row, cell)| (row.split('|').next().unwrap().to_owned(), cell.estimate))
        .collect();
    let cells = answer.cells("r").unwrap();
    let mut open = 0;
    for (row, cell) in rows(&answer).iter().zip(&cells) {
        let truth = truth[row.split('|').next().unwrap()];
        assert!(cell.lower <= truth && truth <= cell.upper, "{row}: {cell:?} {truth}");
        assert!(
            cell.lower <= cell.estimate && cell.estimate <= cell.upper && cell.trust == Trust::Trusted,
            "{row}: {cell:?}"
        );
        open += usize::from(cell.lower < cell.upper);
    }
    // The first groups differ by a factor, the last hardly.
    assert!(cells[0].lower == 1.0 && cells[0].upper == 1.0 && open > 2 && open < 13, "{cells:?}");
    // The first of each class, some of which are settled.
    let first = "SELECT * FROM (SELECT g < 'group 03' AS low, g, SUM(n) AS s, ROW_NUMBER() OVER (PARTITION BY g < 'group 03' ORDER BY SUM(n) DESC) AS r \
                 FROM t WHERE g IS NOT NULL GROUP BY g) WHERE r <= 1 ORDER BY low, r";
    let exact = world.session.query(first).run().await.unwrap();
    for (bound, mode) in
        [("ERROR WITHIN 25% ON MISS REPAIR", Mode::Approximate), ("ERROR WITHIN 1% ON MISS REPAIR", Mode::Exact)]
    {
        let answer = world.session.query(format!("{first} {bound}")).run().await.unwrap();
        assert_eq!((answer.report().met, answer.report().mode), (Some(true), mode), "{bound}: {:?}", answer.report());
        assert_eq!(keys_of(&answer), keys_of(&exact), "{bound}");
    }
    let close =
        "SELECT * FROM (SELECT g, AVG(x) AS a, DENSE_RANK() OVER (ORDER BY AVG(x)) AS r FROM t GROUP BY g) WHERE r < 4";
    let report =
        world.session.query(format!("{close} ERROR WITHIN 1% ON MISS REPORT")).run().await.unwrap().report().clone();
    assert!(
        !report.unsettled_members.is_empty() && report.unsettled_absent > 0 && report.met == Some(false),
        "{report:?}"
    );
}

/// Shares need no sample that is stratified by their groups: sums of totals are unbiased whichever groups were seen.
#[tokio::test(flavor = "multi_thread")]
async fn shares_of_totals_need_no_strata_of_their_own() {
    let world = stratified(60_000).await;
    for sql in [
        "SELECT k % 5 AS m, 100.0 * COUNT(*) / SUM(COUNT(*)) OVER () AS v FROM t WHERE n < 700 GROUP BY 1",
        "SELECT k % 5 AS m, SUM(x) / SUM(SUM(x)) OVER () AS v, SUM(SUM(n)) OVER (ORDER BY k % 5) AS run FROM t WHERE n < 700 GROUP BY 1",
        "SELECT m % 10 AS o, SUM(c) AS v FROM (SELECT k % 20 AS m, SUM(n) AS c FROM t WHERE n < 900 GROUP BY k % 20) GROUP BY 1",
    ] {
        holds(&world, sql).await;
    }
    // An average of groups does.
    let sql = "SELECT AVG(c) AS v FROM (SELECT k, SUM(n) AS c FROM t GROUP BY k) ERROR WITHIN 5%";
    assert_eq!(world.session.query(sql).run().await.unwrap().report().mode, Mode::Exact);
}

/// Blocks that the catalog knows need no table, however much time there is.
#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_the_catalog_knows_are_not_computed() {
    let world = stratified(60_000).await;
    let sql = "SELECT g, COUNT(*) AS c FROM t GROUP BY ROLLUP(g)";
    for bound in ["WITHIN 60 SECONDS ON MISS REPAIR", "ERROR WITHIN 1% ON MISS REPAIR"] {
        let answer = world.session.query(format!("{sql} {bound}")).run().await.unwrap();
        let report = answer.report();
        assert_eq!((report.mode, report.met, report.rows_read), (Mode::Exact, Some(true), 0), "{bound}: {report:?}");
        assert_eq!(answer.batch().num_rows(), 14, "{bound}");
    }
}

/// Nothing behind OFFSET is no answer within an error while groups may be missing.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_cut_over_blocks_is_not_met_while_groups_may_be_missing() {
    let world = World::new(60_000).await;
    world.session.sample("t").size_percent(5.0).build().await.unwrap();
    let sql = "SELECT k, AVG(x) AS a FROM t WHERE n < 990 GROUP BY ROLLUP(k) ORDER BY k LIMIT 5 OFFSET 5000";
    let reported = world.session.query(format!("{sql} ERROR WITHIN 90% ON MISS REPORT")).run().await.unwrap();
    assert_eq!((reported.batch().num_rows(), reported.report().met), (0, Some(false)), "{:?}", reported.report());
    let kept = world.session.query(format!("{sql} ERROR WITHIN 90% ON MISS REPAIR")).run().await.unwrap();
    assert_eq!((kept.batch().num_rows(), kept.report().met), (0, Some(true)), "{:?}", kept.report());
}
