use super::*;
use crate::tests::{counts, floats, table_of};
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use plusminus_catalog::{RANK, STRATUM, STRATUM_ROWS, SampleSize, Strata};
use std::collections::BTreeMap;

const ROWS: i64 = 20_000;

/// In five partitions: `id`; `g`, one of four texts; `x`, Pareto with exponent 1, every 50th NULL and some NaN; `y`,
/// symmetric about zero; `z` like `x`, a number in every row.
fn table() -> Arc<dyn TableProvider> {
    let part = |part: i64| {
        let ids = || (0..ROWS).filter(move |id| id % 5 == part);
        let unit = |id: i64| ((id * 7_919 + 13) % ROWS) as f64 / ROWS as f64;
        let x = ids().map(|id| match id {
            _ if id % 50 == 0 => None,
            _ if id % 777 == 0 => Some(f64::NAN),
            _ => Some(1.0 / (1.0 - unit(id))),
        });
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from_iter_values(ids()))),
            ("g", Arc::new(StringArray::from_iter_values(ids().map(|id| format!("g{}", id * id % 7))))),
            ("x", Arc::new(x.collect::<Float64Array>())),
            ("y", Arc::new(Float64Array::from_iter_values(ids().map(|id| unit(id * 31 + 7) - 0.5)))),
            ("z", Arc::new(Float64Array::from_iter_values(ids().map(|id| 1.0 / (1.0 - unit(id * 17 + 3)))))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
    };
    table_of((0..5).map(part).collect())
}

fn request(by: &[&str], size: SampleSize, tail: &[&str]) -> SampleRequest {
    SampleRequest {
        name: "s".into(),
        stratified_by: by.iter().map(|c| (*c).to_owned()).collect(),
        universe: None,
        size,
        tail: tail.iter().map(|c| (*c).to_owned()).collect(),
        levels: None,
        seed: 5,
        replace: false,
    }
}

/// A family as it can be read back.
struct Built {
    manifest: Manifest,
    strata: Strata,
    rows: Vec<RecordBatch>,
    /// The store lives as long as this.
    _folder: tempfile::TempDir,
}

async fn build(request: &SampleRequest, threads: usize) -> Result<Built, SamplingError> {
    build_within(request, threads, 1 << 30).await
}

async fn build_within(request: &SampleRequest, threads: usize, memory_bytes: u64) -> Result<Built, SamplingError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let state = SessionContext::new().state();
    let options = DrawOptions { threads, memory_bytes, now_unix_ms: 1, progress: Arc::new(|_| ()) };
    let source = Source::open(&table(), &state).await.unwrap();
    let manifest = draw(source, "t", std::slice::from_ref(request), &store, &state, &options).await?.remove(0);
    let strata = store.strata(&manifest, None).unwrap();
    let levels = 0..manifest.levels.len();
    let rows = levels.flat_map(|level| store.level(&manifest, level, None, None, 1).unwrap()).collect();
    Ok(Built { manifest, strata, rows, _folder: folder })
}

/// Kept rows by stratum: how many, and their N as it stands beside each.
fn kept(built: &Built) -> BTreeMap<u64, (u64, u64)> {
    let (strata, rows) = (counts(&built.rows, STRATUM), counts(&built.rows, STRATUM_ROWS));
    let mut kept = BTreeMap::new();
    for (stratum, rows) in strata.into_iter().zip(rows) {
        let entry = kept.entry(stratum).or_insert((0, rows));
        entry.0 += 1;
        assert_eq!(entry.1, rows);
    }
    kept
}

fn requests() -> Vec<SampleRequest> {
    vec![
        request(&[], SampleSize::Rows(1_000), &["x"]),
        request(&["g"], SampleSize::Percent(7.0), &["x", "y"]),
        request(&["g"], SampleSize::Cap(300), &["x"]),
        request(&[], SampleSize::Cap(300), &["y"]),
        request(&["g"], SampleSize::Percent(100.0), &["x", "id"]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_the_same_on_one_and_on_four_threads() {
    for request in requests() {
        let (one, four) = (build(&request, 1).await.unwrap(), build(&request, 4).await.unwrap());
        assert_eq!(one.rows, four.rows, "{request:?}");
        assert_eq!(one.strata.tails(), four.strata.tails());
        assert_eq!(one.strata.rows(), four.strata.rows());
        assert_eq!(one.manifest.moments, four.manifest.moments);
        assert_eq!(one.manifest.distinct, four.manifest.distinct);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_kept_whole_within_its_share() {
    for request in requests() {
        let built = build(&request, 3).await.unwrap();
        let strata = &built.strata;
        let kept = kept(&built);
        let tail: u64 = (0..strata.len()).filter(|h| strata.is_tail(*h)).map(|h| strata.rows()[h]).sum();
        let all = built.manifest.sampled_rows();
        assert!(tail > 0 && tail * 10 <= all + 10, "{request:?}: {tail} of {all}");
        if let SampleSize::Rows(n) = request.size {
            assert!(all <= n && all * 10 > n * 9, "{all} of {n}");
        }
        assert_eq!(strata.rows().iter().sum::<u64>(), ROWS.unsigned_abs());
        for stratum in 0..strata.len() {
            let (rows, cap) = (strata.rows()[stratum], strata.caps()[stratum]);
            assert_eq!(kept[&(stratum as u64)], (rows.min(cap), rows));
            assert!(!strata.is_tail(stratum) || cap == rows);
        }
    }
}

/// Every row whose value exceeds the smallest one in the tail is in the sample, and the body's range ends below.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_values_are_in_the_tail_and_not_in_the_body() {
    let built = build(&request(&["g"], SampleSize::Rows(1_000), &["x"]), 2).await.unwrap();
    let all = build(&request(&[], SampleSize::Percent(100.0), &[]), 2).await.unwrap();
    let mut values: Vec<f64> = floats(&all.rows, "x").into_iter().flatten().filter(|v| !v.is_nan()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let strata = counts(&built.rows, STRATUM);
    let kept = floats(&built.rows, "x");
    let in_tail = strata.iter().map(|h| built.strata.is_tail(usize::try_from(*h).unwrap()));
    let mut tail: Vec<f64> = kept.iter().zip(in_tail).filter(|(_, t)| *t).map(|(v, _)| v.unwrap()).collect();
    tail.sort_by(|a, b| b.total_cmp(a));
    assert_eq!(tail.len(), 100);
    assert_eq!(tail, values[..100]);
    assert_eq!(built.manifest.column_moments("x").unwrap().count, values.len() as u64);
    assert!(all.strata.tails().is_none());
    // The range of the sampled strata ends where the tail begins.
    let ends = built.strata.extremes("x", true).unwrap();
    let body = (0..built.strata.len()).filter(|h| !built.strata.is_tail(*h)).map(|h| ends.value(h));
    assert_eq!(body.fold(f64::NEG_INFINITY, f64::max).to_bits(), values[100].to_bits());
}

/// Unasked, the values farthest from the median of a heavy-tailed column are held whole by all levels together and in part by the
/// lowest, on any number of threads; a column without tails has none.
#[tokio::test(flavor = "multi_thread")]
async fn classes_are_chosen_by_the_build() {
    for request in [
        request(&[], SampleSize::Rows(1_000), &[]),
        request(&["g"], SampleSize::Percent(7.0), &[]),
        SampleRequest { levels: Some(3), ..request(&["g"], SampleSize::Cap(300), &[]) },
    ] {
        let (one, four) = (build(&request, 1).await.unwrap(), build(&request, 4).await.unwrap());
        // A column with values that are no numbers has none.
        assert_eq!(one.manifest.design.classes, ["z"], "{request:?}");
        assert!(one.manifest.design.tail.is_empty());
        assert_eq!(one.rows, four.rows, "{request:?}");
        assert_eq!(one.strata.tails(), four.strata.tails());
        assert_eq!(one.strata.rows(), four.strata.rows());
        let of_class =
            |strata: &[u64]| strata.iter().filter(|h| one.strata.is_tail(usize::try_from(**h).unwrap())).count() as u64;
        let whole: u64 = (0..one.strata.len()).filter(|h| one.strata.is_tail(*h)).map(|h| one.strata.rows()[h]).sum();
        assert!(whole > 0);
        let lowest = counts(&one.rows[..1], STRATUM);
        assert!((1..whole).contains(&of_class(&lowest)), "{request:?}");
        assert_eq!(of_class(&counts(&one.rows, STRATUM)), whole);
    }
    let by_heavy = build(&request(&["z"], SampleSize::Rows(1_000), &[]), 2).await.unwrap();
    assert!(by_heavy.manifest.design.classes.is_empty());
}

/// Levels of every stratum follow the rule that readers compute n_h by.
#[tokio::test(flavor = "multi_thread")]
async fn levels_of_a_tail_follow_the_rule_of_all_strata() {
    let request = SampleRequest { levels: Some(4), ..request(&["g"], SampleSize::Rows(2_000), &["x", "y"]) };
    let built = build(&request, 2).await.unwrap();
    let mut start = 0;
    let mut ranks: BTreeMap<u64, u64> = BTreeMap::new();
    let (strata, rank) = (counts(&built.rows, STRATUM), counts(&built.rows, RANK));
    for (level, entry) in built.manifest.levels.iter().enumerate() {
        let end = start + usize::try_from(entry.rows).unwrap();
        for at in start..end {
            let highest = ranks.entry(strata[at]).or_default();
            *highest = (*highest).max(rank[at] + 1);
        }
        start = end;
        for stratum in 0..built.strata.len() {
            let (rows, cap) = (built.strata.rows()[stratum], built.strata.caps()[stratum]);
            let held = cap.div_ceil(1 << (3 - level)).max(2).min(cap).min(rows);
            assert_eq!(ranks[&(stratum as u64)], held, "stratum {stratum} at level {level}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_without_numbers_have_no_tail() {
    for (tail, what, next) in [("g", "'g' is Utf8", "one of: id, x, y, z"), ("w", "no column 'w'", "one of: id, g")] {
        let error = build(&request(&[], SampleSize::Rows(100), &[tail]), 1).await.err().unwrap().to_string();
        assert!(error.contains(what) && error.contains(next), "{error}");
    }
}

mod universe;

/// The state of each stratum counts against the memory, too, however few of its rows are kept.
#[tokio::test(flavor = "multi_thread")]
async fn many_strata_count_against_the_memory() {
    let mut request = request(&["id"], SampleSize::Rows(100), &[]);
    request.levels = Some(1);
    // Each of 20,000 strata takes at least 16 bytes, and the ranges of its two measures 128.
    let Err(error) = build_within(&request, 1, 2 << 20).await else { panic!("the strata were not counted") };
    assert!(matches!(error, SamplingError::Memory { limit_mib: 2 }), "{error}");
    assert!(build_within(&request, 1, 64 << 20).await.is_ok());
}
