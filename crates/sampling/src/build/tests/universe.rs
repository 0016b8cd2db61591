//! Samples that hold all rows of a key or none.

use super::*;
use std::collections::{BTreeSet, HashMap};

/// In three partitions: `id`; `who`, one of 1,000 keys of 1 to 40 rows, every 37th row NULL; `name`, the key as text.
fn keyed() -> (Arc<dyn TableProvider>, HashMap<i64, u64>, u64) {
    let mut whos: Vec<Option<i64>> = Vec::new();
    for key in 0..1_000_i64 {
        whos.extend(std::iter::repeat_n(Some(key * 7_919), usize::try_from(key % 40 + 1).unwrap()));
    }
    let mut rows: HashMap<i64, u64> = HashMap::new();
    for (at, who) in whos.iter_mut().enumerate() {
        if at % 37 == 0 {
            *who = None;
        }
        if let Some(who) = who {
            *rows.entry(*who).or_default() += 1;
        }
    }
    let nulls = whos.iter().filter(|w| w.is_none()).count() as u64;
    let part = |part: usize| {
        let own: Vec<(usize, Option<i64>)> =
            whos.iter().copied().enumerate().filter(|(at, _)| at % 3 == part).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from_iter_values(own.iter().map(|(at, _)| *at as i64)))),
            ("who", Arc::new(Int64Array::from_iter(own.iter().map(|(_, who)| *who)))),
            ("name", Arc::new(StringArray::from_iter(own.iter().map(|(_, who)| who.map(|w| format!("key {w}")))))),
            ("flag", Arc::new(arrow::array::BooleanArray::from_iter(own.iter().map(|_| Some(true))))),
            ("x", Arc::new(Float64Array::from_iter_values(own.iter().map(|(at, _)| *at as f64)))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
    };
    (table_of((0..3).map(part).collect()), rows, nulls)
}

fn on(column: &str, size: SampleSize, seed: u64) -> SampleRequest {
    SampleRequest { universe: Some(column.into()), seed, ..request(&[], size, &[]) }
}

async fn build_keyed(request: &SampleRequest, threads: usize) -> Result<Built, SamplingError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let state = SessionContext::new().state();
    let options = DrawOptions { threads, memory_bytes: 1 << 30, now_unix_ms: 1, progress: Arc::new(|_| ()) };
    let source = Source::open(&keyed().0, &state).await.unwrap();
    let manifest = draw(source, "t", std::slice::from_ref(request), &store, &state, &options).await?.remove(0);
    let strata = store.strata(&manifest, None).unwrap();
    let levels = 0..manifest.levels.len();
    let rows = levels.flat_map(|level| store.level(&manifest, level, None, None, 1).unwrap()).collect();
    Ok(Built { manifest, strata, rows, _folder: folder })
}

fn whos(rows: &[RecordBatch]) -> Vec<Option<i64>> {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    let column = |batch: &RecordBatch| batch.column_by_name("who").unwrap().as_primitive::<Int64Type>().clone();
    rows.iter().flat_map(|b| column(b).iter().collect::<Vec<_>>()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rows_of_a_key_are_kept_or_none() {
    let (_, rows_of, nulls) = keyed();
    for column in ["who", "name"] {
        let built = build_keyed(&on(column, SampleSize::Percent(20.0), 1), 2).await.unwrap();
        let mut kept: HashMap<i64, u64> = HashMap::new();
        whos(&built.rows).into_iter().flatten().for_each(|who| *kept.entry(who).or_default() += 1);
        assert!(kept.iter().all(|(who, rows)| rows_of[who] == *rows));
        // 1,000 keys at 20 %: 200 ± 51 is four standard errors.
        assert!((150..=250).contains(&kept.len()), "{}", kept.len());
        assert_eq!(built.strata.units(), [rows_of.len() as u64 + nulls]);
        assert_eq!(built.strata.rows(), [rows_of.values().sum::<u64>() + nulls]);
        let lone = whos(&built.rows).iter().filter(|w| w.is_none()).count() as u64;
        assert_eq!(built.strata.caps(), [kept.len() as u64 + lone]);
        assert!(built.strata.is_universe());
    }
}

/// A rank is a key's, its rows share level and rank, and levels end where readers think they do.
#[tokio::test(flavor = "multi_thread")]
async fn ranks_are_of_keys() {
    let request = SampleRequest { levels: Some(3), ..on("who", SampleSize::Percent(30.0), 2) };
    let built = build_keyed(&request, 2).await.unwrap();
    let (whos, ranks) = (whos(&built.rows), counts(&built.rows, RANK));
    let mut rank_of: HashMap<i64, u64> = HashMap::new();
    for (who, rank) in whos.iter().zip(&ranks) {
        if let Some(who) = who {
            assert_eq!(*rank_of.entry(*who).or_insert(*rank), *rank);
        }
    }
    let all: BTreeSet<u64> = ranks.iter().copied().collect();
    let units = built.strata.caps()[0];
    assert_eq!(all, (0..units).collect());
    let (mut start, mut seen) = (0, 0);
    for (level, entry) in built.manifest.levels.iter().enumerate() {
        let end = start + usize::try_from(entry.rows).unwrap();
        let held = units.div_ceil(1 << (2 - level));
        assert!(ranks[start..end].iter().all(|rank| (seen..held).contains(rank)), "level {level}");
        (start, seen) = (end, held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_on_any_number_of_threads_and_other_keys_under_another_seed() {
    let draw =
        |seed, threads| async move { build_keyed(&on("who", SampleSize::Rows(4_000), seed), threads).await.unwrap() };
    let (one, four) = (draw(1, 1).await, draw(1, 4).await);
    assert_eq!(one.rows, four.rows);
    assert_eq!(one.strata.units(), four.strata.units());
    let keys = |built: &Built| whos(&built.rows).into_iter().flatten().collect::<BTreeSet<_>>();
    assert_ne!(keys(&one), keys(&draw(2, 1).await));
    let whole = build_keyed(&on("who", SampleSize::Percent(100.0), 1), 2).await.unwrap();
    assert_eq!(whole.manifest.sampled_rows(), whole.strata.rows()[0]);
    assert_eq!(whole.strata.caps(), whole.strata.units());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_refused() {
    let both = SampleRequest { tail: vec!["x".into()], ..on("who", SampleSize::Percent(5.0), 1) };
    for (request, what) in [
        (on("x", SampleSize::Percent(5.0), 1), "'x' is Float64"),
        (on("flag", SampleSize::Percent(5.0), 1), "'flag' is Boolean"),
        (on("nobody", SampleSize::Percent(5.0), 1), "no column 'nobody'"),
        (on("who", SampleSize::Cap(5), 1), "CAP is of strata"),
        (both, "STRATIFIED BY and TAIL would divide"),
    ] {
        let error = build_keyed(&request, 1).await.err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
    }
}
