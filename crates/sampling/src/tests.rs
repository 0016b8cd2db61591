use crate::layout::lay_out;
use crate::merge::Kept;
use crate::priority::Priorities;
use crate::reservoir::{Quota, Reservoir};
use crate::source::common_folder;
use crate::stratum_moments::StratumMoments;
use arrow::array::{AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use plusminus_statistics::Moments;
use std::sync::Arc;

/// Offers `rows` rows of strata `row % strata` (and stratum 0 for every second row), and returns the values kept.
fn kept(rows: u64, strata: usize, quota: Quota, batch_rows: u64) -> (Vec<u64>, Vec<u64>) {
    let schema = Arc::new(Schema::new(vec![Field::new("row", DataType::Int64, false)]));
    let mut reservoir = Reservoir::new(Arc::clone(&schema), quota);
    let mut counts = vec![0; strata];
    let priorities = Priorities::new(1, 2);
    let mut from = 0;
    while from < rows {
        let to = (from + batch_rows).min(rows);
        let values = Int64Array::from_iter_values((from..to).map(|r| i64::try_from(r).unwrap()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(values)]).unwrap();
        let ids: Vec<usize> = (from..to).map(|r| stratum_of(r, strata)).collect();
        ids.iter().for_each(|s| counts[*s] += 1);
        let priority: Vec<u64> = (from..to).map(|r| priorities.of(r)).collect();
        reservoir.offer(&batch, &ids, &priority, &counts).unwrap();
        from = to;
    }
    reservoir.compact(&counts).unwrap();
    reservoir.finish().unwrap();
    let chunks = reservoir.chunks.iter();
    let mut found: Vec<u64> = chunks
        .flat_map(|c| c.column(0).as_primitive::<Int64Type>().values().iter().map(|v| u64::try_from(*v).unwrap()))
        .collect();
    assert_eq!(found.len(), reservoir.entries.len());
    found.sort_unstable();
    (found, counts)
}

fn stratum_of(row: u64, strata: usize) -> usize {
    if row.is_multiple_of(2) { 0 } else { usize::try_from(row).unwrap() % strata }
}

/// A reservoir keeps just the rows that sorting the whole table by (stratum, priority) would keep.
#[test]
fn a_reservoir_keeps_the_lowest_priorities_of_every_stratum() {
    for (rows, strata, quota) in [
        (300_000, 7, Quota::Rows(5_000)),
        (300_000, 7, Quota::Cap(900)),
        (1_000, 50, Quota::Cap(3)),
        (400_000, 1, Quota::Rows(100)),
    ] {
        let (found, counts) = kept(rows, strata, quota, 7_919);
        let cap = usize::try_from(quota.cap(&counts)).unwrap();
        let priorities = Priorities::new(1, 2);
        let mut expected = Vec::new();
        for stratum in 0..strata {
            let mut own: Vec<u64> = (0..rows).filter(|r| stratum_of(*r, strata) == stratum).collect();
            own.sort_by_key(|r| priorities.of(*r));
            expected.extend(own.into_iter().take(cap));
        }
        expected.sort_unstable();
        assert_eq!(found, expected, "{rows} rows, {strata} strata, {quota:?}");
    }
}

#[test]
fn a_size_is_shared_evenly_and_every_stratum_keeps_two_rows() {
    assert_eq!(Quota::Rows(10).cap(&[1, 100, 100]), 4);
    assert_eq!(Quota::Rows(1).cap(&[50, 50]), 2);
    assert_eq!(Quota::Cap(1).cap(&[50]), 2);
}

fn sorted_rows(sizes: &[u32]) -> Vec<Kept> {
    let strata = sizes.iter().enumerate();
    strata
        .flat_map(|(stratum, size)| {
            (0..*size).map(move |rank| Kept {
                stratum: u32::try_from(stratum).unwrap(),
                priority: u64::from(rank),
                chunk: 0,
                row: 0,
            })
        })
        .collect()
}

#[test]
fn levels_double_and_blocks_share_each_level_at_random() {
    let rows = sorted_rows(&[800, 800, 30, 1]);
    let levels = lay_out(&rows, 800, 4, 5);
    let held: Vec<u64> = levels.iter().map(|l| l.rows).collect();
    assert_eq!(held, [100 + 100 + 30 + 1, 200, 400, 800]);
    let rows = sorted_rows(&[200_000]);
    let levels = lay_out(&rows, 200_000, 1, 5);
    assert_eq!(levels[0].blocks.len(), 12);
    for block in &levels[0].blocks {
        assert!((16_666..=16_667).contains(&block.len()));
        assert!(block.windows(2).all(|w| w[0].rank < w[1].rank));
    }
}

#[test]
fn moments_of_strata_equal_direct_ones() {
    let values: Vec<f64> = (0..5_000).map(|i| 1e6 + f64::from(i % 97).powi(2)).collect();
    let strata: Vec<usize> = (0..5_000).map(|i| i % 3).collect();
    let mut moments = StratumMoments::new(1);
    moments.add(0, &Float64Array::from(values.clone()), &strata, 3);
    for stratum in 0..3 {
        let mut direct = Moments::default();
        values.iter().zip(&strata).filter(|(_, s)| **s == stratum).for_each(|(v, _)| direct.add(*v));
        let found = moments.get(stratum, 0).unwrap();
        assert_eq!(found.count, direct.count);
        for (a, b) in [(found.mean, direct.mean), (found.m2, direct.m2), (found.m3, direct.m3), (found.m4, direct.m4)] {
            assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} and {b}");
        }
    }
}

#[test]
fn files_are_known_by_their_place_below_the_table() {
    for (paths, folder) in [
        (&["a/b/x.parquet", "a/b/y.parquet"][..], "a/b/"),
        (&["a/b/x.parquet", "a/c/y.parquet"], "a/"),
        (&["a/x.parquet"], "a/"),
        (&["x.parquet", "y/z.parquet"], ""),
        (&[], ""),
    ] {
        assert_eq!(common_folder(paths.iter().copied()), folder, "{paths:?}");
    }
}
