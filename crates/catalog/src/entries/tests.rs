use crate::joined::JoinedColumn;
use crate::tests::{block_of, publish, publish_blocks, store};
use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use std::ops::Range;
use std::sync::Arc;

/// The first column of some batches.
fn values(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// Two blocks, the first of two row groups; the strata of each row group are known from its file.
#[test]
fn row_groups_are_found_by_their_strata_and_read_alone() {
    let (_folder, store) = store();
    let manifest = publish_blocks(&store, "s", |draft| {
        [(0..40_000_u32, "level-00-block-000.parquet"), (40_000..50_000, "level-00-block-001.parquet")]
            .map(|(rows, file)| block_of(draft, file, rows, |row| row / 10_000))
            .to_vec()
    });
    let level = &manifest.levels[0];
    let strata: Vec<_> = level.row_groups().map(|group| group.strata).collect();
    assert_eq!(strata, [Some((0, 3)), Some((3, 3)), Some((4, 4))]);
    let holding = |stratum: u32| level.row_groups_with(|first, last| (first..=last).contains(&stratum));
    for (stratum, groups) in [(0, vec![0]), (3, vec![0, 1]), (4, vec![2]), (5, vec![])] {
        assert_eq!(holding(stratum), groups, "stratum {stratum}");
    }
    assert_eq!(level.row_ranges(&[0, 1]), std::slice::from_ref(&(0..40_000)));
    assert_eq!(level.row_ranges(&[0, 2]), [0..32_768, 40_000..50_000]);
    assert_eq!(level.row_ranges(&[]), []);
    let columns = ["v".to_owned()];
    let whole = values(&store.level(&manifest, 0, Some(&columns), None, 2).unwrap());
    assert!(whole.iter().copied().eq(0..50_000));
    for groups in [&[][..], &[0], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2]] {
        let expected: Vec<i64> = level
            .row_ranges(groups)
            .into_iter()
            .flat_map(|range| {
                whole[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
            })
            .collect();
        for threads in [1, 2] {
            let read = store.level(&manifest, 0, Some(&columns), Some(groups), threads).unwrap();
            assert_eq!(values(&read), expected, "{groups:?} on {threads} threads");
        }
    }
}

/// Columns of other tables are read by ranges of rows, whatever the row groups of their own file.
#[test]
fn joined_columns_are_read_by_ranges_of_rows() {
    let (_folder, store) = store();
    let manifest = publish(&store, "s", 70_000);
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..70_000).map(|row| 7 * row)));
    let described = JoinedColumn { name: "x".into(), data_type: "Int64".into(), range: None };
    let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
    let joined = store.keep_joined(&manifest, vec![described], std::slice::from_ref(&batch), None).unwrap();
    let names = ["x".to_owned()];
    for ends in [
        &[][..],
        &[(5, 9)],
        &[(0, 32_768)],
        &[(32_767, 32_769), (69_999, 70_000)],
        &[(10, 20), (30, 40), (60_000, 70_000)],
        &[(0, 70_000)],
    ] {
        let ranges: Vec<Range<u64>> = ends.iter().map(|(start, end)| *start..*end).collect();
        let read = store.joined_level(&manifest, &joined, 0, &names, Some(&ranges)).unwrap();
        let expected: Vec<i64> =
            ranges.iter().cloned().flatten().map(|row: u64| 7 * i64::try_from(row).unwrap()).collect();
        assert_eq!(values(&read), expected, "{ranges:?}");
    }
    let whole = store.joined_level(&manifest, &joined, 0, &names, None).unwrap();
    assert_eq!(concat_batches(&batch.schema(), &whole).unwrap().num_rows(), 70_000);
}

/// Damage is found where it is read, and only there.
#[test]
fn a_damaged_row_group_is_an_error_of_those_who_read_it() {
    let (_folder, store) = store();
    let manifest = publish_blocks(&store, "s", |draft| {
        vec![block_of(draft, "level-00-block-000.parquet", 0..65_536, |row| row / 32_768)]
    });
    let group = &manifest.levels[0].blocks[0].row_groups[1];
    let path = store.data_folder(&manifest).join("level-00-block-000.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[usize::try_from(group.start).unwrap() + 40] ^= 0x55;
    std::fs::write(&path, bytes).unwrap();
    let read = |groups: Option<&[u32]>| store.level(&manifest, 0, Some(&["v".to_owned()]), groups, 1);
    assert_eq!(values(&read(Some(&[0])).unwrap()).len(), 32_768);
    assert!(read(Some(&[1])).unwrap_err().to_string().contains("checksum"));
    assert!(read(None).is_err());
}
