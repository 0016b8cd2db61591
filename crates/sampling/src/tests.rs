use crate::layout::{Ranks, lay_out};
use crate::merge::Kept;
use crate::priority::Priorities;
use crate::reservoir::Reservoir;
use crate::source::common_folder;
use crate::stratum_ranges::{StratumRanges, Sums};
use crate::tally::{Quota, Tally};
use arrow::array::{AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use std::sync::Arc;

/// A table in memory, one partition per batch.
pub(crate) fn table_of(batches: Vec<RecordBatch>) -> Arc<dyn TableProvider> {
    let partitions = batches.iter().map(|batch| vec![batch.clone()]).collect();
    Arc::new(MemTable::try_new(batches[0].schema(), partitions).unwrap())
}

/// The values of one column over several batches.
pub(crate) fn floats(batches: &[RecordBatch], name: &str) -> Vec<Option<f64>> {
    let columns = batches.iter().map(|b| b.column_by_name(name).unwrap().as_primitive::<Float64Type>().clone());
    columns.flat_map(|values| values.iter().collect::<Vec<_>>()).collect()
}

/// The values of one column of counts or numbers without NULL over several batches.
pub(crate) fn counts(batches: &[RecordBatch], name: &str) -> Vec<u64> {
    let columns = batches.iter().map(|b| cast(b.column_by_name(name).unwrap(), &DataType::UInt64).unwrap());
    columns.flat_map(|values| values.as_primitive::<UInt64Type>().values().to_vec()).collect()
}

/// Offers `rows` rows of strata `row % strata` (and stratum 0 for every second row), and returns the values kept.
fn kept(rows: u64, strata: usize, quota: Quota, batch_rows: u64) -> (Vec<u64>, Tally) {
    let schema = Arc::new(Schema::new(vec![Field::new("row", DataType::Int64, false)]));
    let mut reservoir = Reservoir::new(Arc::clone(&schema), quota);
    let mut tally = Tally { rows: vec![0; strata], tails: Vec::new() };
    let priorities = Priorities::new(1, 2);
    let mut from = 0;
    while from < rows {
        let to = (from + batch_rows).min(rows);
        let values = Int64Array::from_iter_values((from..to).map(|r| i64::try_from(r).unwrap()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(values)]).unwrap();
        let ids: Vec<usize> = (from..to).map(|r| stratum_of(r, strata)).collect();
        ids.iter().for_each(|s| tally.rows[*s] += 1);
        let priority: Vec<u64> = (from..to).map(|r| priorities.of(r)).collect();
        reservoir.offer(&batch, &ids, &priority, None, &tally).unwrap();
        from = to;
    }
    reservoir.compact(&tally).unwrap();
    reservoir.finish().unwrap();
    let chunks = reservoir.chunks.iter();
    let mut found: Vec<u64> = chunks
        .flat_map(|c| c.column(0).as_primitive::<Int64Type>().values().iter().map(|v| u64::try_from(*v).unwrap()))
        .collect();
    assert_eq!(found.len(), reservoir.entries.len());
    found.sort_unstable();
    (found, tally)
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
        let (found, tally) = kept(rows, strata, quota, 7_919);
        let cap = usize::try_from(quota.cap(&tally)).unwrap();
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
    let cap =
        |quota: Quota, rows: &[u64], tails: &[bool]| quota.cap(&Tally { rows: rows.to_vec(), tails: tails.to_vec() });
    assert_eq!(cap(Quota::Rows(10), &[1, 100, 100], &[]), 4);
    assert_eq!(cap(Quota::Rows(1), &[50, 50], &[]), 2);
    assert_eq!(cap(Quota::Cap(1), &[50], &[]), 2);
    // A tail of five leaves 15 of 20 rows to two other strata.
    assert_eq!(cap(Quota::Rows(20), &[100, 5, 100], &[false, true, false]), 7);
    assert_eq!(cap(Quota::Cap(3), &[100, 50], &[false, true]), 3);
}

fn sorted_rows(sizes: &[u32]) -> Vec<Kept> {
    let strata = sizes.iter().enumerate();
    strata
        .flat_map(|(stratum, size)| {
            (0..*size).map(move |rank| Kept {
                stratum: u32::try_from(stratum).unwrap(),
                priority: u64::from(rank),
                tie: 0,
                chunk: 0,
                row: 0,
            })
        })
        .collect()
}

#[test]
fn levels_double_and_blocks_are_ranges_of_strata() {
    let rows = sorted_rows(&[800, 800, 30, 1]);
    let levels = lay_out(&rows, &Ranks { caps: &[800; 4], levels: 4, by_key: false, whole: &[] });
    let held: Vec<u64> = levels.iter().map(|l| l.rows).collect();
    assert_eq!(held, [100 + 100 + 30 + 1, 200, 400, 800]);
    let rows = sorted_rows(&[200_000]);
    let levels = lay_out(&rows, &Ranks { caps: &[200_000], levels: 1, by_key: false, whole: &[] });
    assert_eq!(levels[0].blocks.len(), 12);
    assert!(levels[0].blocks.iter().flatten().is_sorted_by(|a, b| a.rank < b.rank));
    assert!(levels[0].blocks.iter().all(|block| (16_663..=16_667).contains(&block.len())));
}

/// A block that is almost full ends with its stratum; a stratum is in two blocks only where the first of them is not.
#[test]
fn blocks_end_with_strata_where_they_can() {
    let rows = sorted_rows(&[3_000; 40]);
    let levels = lay_out(&rows, &Ranks { caps: &[3_000; 40], levels: 1, by_key: false, whole: &[] });
    let blocks = &levels[0].blocks;
    assert!(levels[0].blocks.iter().flatten().map(|placed| placed.kept).eq(0..120_000));
    assert!(blocks.iter().rev().skip(1).all(|block| block.len() == 15_000), "each holds five strata");
    let small = lay_out(&rows[..20_000], &Ranks { caps: &[3_000; 40], levels: 1, by_key: false, whole: &[] });
    assert_eq!(small[0].blocks.len(), 1);
}

/// The rows of a key stay in one block.
#[test]
fn blocks_hold_keys_whole() {
    let mut rows = sorted_rows(&[60_000]);
    rows.iter_mut().for_each(|row| row.priority /= 7);
    let levels = lay_out(&rows, &Ranks { caps: &[60_000], levels: 1, by_key: true, whole: &[] });
    let blocks = &levels[0].blocks;
    assert_eq!(blocks.len(), 3);
    assert!(blocks.windows(2).all(|two| two[0].last().unwrap().rank < two[1][0].rank));
}

/// A tail of 30 rows beside a body capped at 800 is halved from level to level like it, and never below two rows.
#[test]
fn a_tail_is_thinned_on_lower_levels() {
    let rows = sorted_rows(&[800, 30, 1]);
    let levels = lay_out(&rows, &Ranks { caps: &[800, 30, 1], levels: 6, by_key: false, whole: &[] });
    let held: Vec<u64> = levels.iter().map(|l| l.rows).collect();
    assert_eq!(held, [25 + 2 + 1, 25, 50 + 2, 100 + 4, 200 + 7, 400 + 15]);
}

/// By two workers, whose sums are about different numbers.
#[test]
fn means_and_extremes_of_strata_are_those_of_their_values() {
    let values: Vec<f64> = (0..5_000).map(|i| 1e6 + f64::from(i % 97).powi(2)).collect();
    let strata: Vec<usize> = (0..5_000).map(|i| i % 3).collect();
    let with_holes = |row: usize| (!row.is_multiple_of(5) && row % 3 != 2).then(|| -values[row]);
    let mut parts = Vec::new();
    for rows in [0..1_000, 1_000..5_000] {
        let mut part = StratumRanges::new(2);
        let holes = rows.clone().map(with_holes).collect::<Float64Array>();
        part.add(&[Float64Array::from(values[rows.clone()].to_vec()), holes], &strata[rows], 3);
        parts.push(part);
    }
    for stratum in 0..3 {
        for column in 0..2 {
            let mut found = Sums::default();
            let own = parts[0].shift(column);
            parts.iter().for_each(|part| found.merge(part.get(stratum, column).unwrap(), part.shift(column), own));
            let value = |row: usize| if column == 0 { Some(values[row]) } else { with_holes(row) };
            let direct: Vec<f64> = (0..5_000).filter(|row| strata[*row] == stratum).filter_map(value).collect();
            let Some(range) = found.range(own) else {
                assert!(direct.is_empty(), "{stratum} {column}");
                continue;
            };
            let mean = direct.iter().sum::<f64>() / direct.len() as f64;
            assert!((range.mean - mean).abs() < 1e-9 * mean.abs(), "{range:?} {mean}");
            assert_eq!(range.min.to_bits(), direct.iter().copied().fold(f64::INFINITY, f64::min).to_bits());
            assert_eq!(range.max.to_bits(), direct.iter().copied().fold(f64::NEG_INFINITY, f64::max).to_bits());
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
