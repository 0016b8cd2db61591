use super::*;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use std::sync::Arc;

/// `city` 0..20, `country` by city (NULL for one), `code` the same but for one row, `x` a number.
fn batch(from: i64, to: i64) -> RecordBatch {
    let ids = || from..to;
    let country = |i: i64| (i % 20 != 7).then(|| format!("c{}", i % 20 / 5));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("city", Arc::new(Int64Array::from_iter_values(ids().map(|i| i % 20)))),
        ("country", Arc::new(ids().map(country).collect::<StringArray>())),
        ("code", Arc::new(Int64Array::from_iter_values(ids().map(|i| i64::from(i == 1_234) + i % 20 / 10)))),
        ("x", Arc::new(Float64Array::from_iter_values(ids().map(|i| (i % 20) as f64)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn seen(from: i64, to: i64) -> Determined {
    let batch = batch(from, to);
    let mut seen = Determined::new(&batch.schema(), &[0], true);
    for start in (0..batch.num_rows()).step_by(100) {
        let part = batch.slice(start, 100.min(batch.num_rows() - start));
        let strata: Vec<usize> =
            (0..part.num_rows()).map(|row| (usize::try_from(from).unwrap() + start + row) % 20).collect();
        seen.add(&part, &strata, 20).unwrap();
    }
    seen
}

#[test]
fn columns_of_one_value_in_each_stratum() {
    // Floats are never determined; one row of `code` has another value, whichever worker sees it.
    assert_eq!(seen(0, 2_000).columns(&[100; 20]), [1]);
    assert_eq!(seen(0, 1_000).columns(&[50; 20]), [1, 2]);
    let places: Vec<u32> = (0..20).collect();
    for parts in [[(0, 1_000), (1_000, 2_000)], [(1_000, 2_000), (0, 1_000)]] {
        let parts = parts.map(|(from, to)| seen(from, to));
        let mut all = parts[0].without_strata();
        parts.iter().for_each(|part| all.merge(part, &places, 20));
        assert_eq!(all.columns(&[100; 20]), [1]);
    }
}

/// Strata of few rows, none, or too many of them.
#[test]
fn where_nothing_is_told() {
    assert_eq!(seen(0, 40).columns(&[2; 20]), [] as [usize; 0]);
    assert_eq!(seen(0, 1_000).columns(&[50; 21]), [] as [usize; 0]);
    let batch = batch(0, 100);
    let mut unstratified = Determined::new(&batch.schema(), &[], false);
    unstratified.add(&batch, &[0; 100], 1).unwrap();
    assert_eq!(unstratified.columns(&[100]), [] as [usize; 0]);
    let mut many = Determined::new(&batch.schema(), &[0], true);
    many.add(&batch, &[0; 100], STRATA_MAX + 1).unwrap();
    assert_eq!(many.columns(&[100]), [] as [usize; 0]);
}

/// A stratum whose value one worker alone saw differently.
#[test]
fn workers_have_to_agree() {
    let (one, mut other) = (seen(0, 1_000), seen(0, 1_000));
    other.columns[0].1[3] ^= 1;
    let places: Vec<u32> = (0..20).collect();
    let mut all = one.without_strata();
    all.merge(&one, &places, 20);
    all.merge(&other, &places, 20);
    assert_eq!(all.columns(&[100; 20]), [2]);
}
