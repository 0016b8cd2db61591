use super::*;
use arrow::array::{BooleanArray, Int64Array};

/// Far apart by g, and by the parity of the row.
fn x(i: i64) -> f64 {
    i as f64 + 1e6 * (i % 3) as f64 + 1e8 * (i % 2) as f64
}

fn batch(from: i64, to: i64) -> RecordBatch {
    let ids = || from..to;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("g", Arc::new(ids().map(|i| (i % 7 > 0).then(|| format!("g{}", i % 3))).collect::<StringArray>())),
        ("id", Arc::new(Int64Array::from_iter_values(ids()))),
        ("b", Arc::new(ids().map(|i| Some(i % 2 == 0)).collect::<BooleanArray>())),
        ("x", Arc::new(ids().map(|i| (i % 5 > 0).then_some(x(i))).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn tally(batches: &[RecordBatch], keys: Option<usize>) -> ValueTally {
    let mut tally = ValueTally::new(&batches[0].schema(), &[1, 3], keys).unwrap();
    for batch in batches {
        let numbers =
            [1, 3].map(|column| plusminus_functions::numbers::as_float64(batch.column(column)).unwrap().unwrap());
        tally.add(batch, &numbers).unwrap();
    }
    tally
}

#[test]
fn ranges_are_those_of_the_rows_by_any_number_of_workers() {
    let batches: Vec<RecordBatch> = (0..60).map(|i| batch(i * 100, (i + 1) * 100)).collect();
    let one = tally(&batches, None).finish().unwrap().unwrap();
    let mut two = tally(&batches[31..], None);
    two.merge(tally(&batches[..31], None)).unwrap();
    let two = two.finish().unwrap().unwrap();
    // The ids are too many values.
    assert_eq!(one.columns(), ["b"]);
    for found in [one, two] {
        let ranges = found.of("b", "x").unwrap();
        assert_eq!(ranges.len(), 2);
        for (value, range) in ranges {
            let is_own = |i: &i64| value == Some(if i % 2 == 0 { "true" } else { "false" });
            let own: Vec<f64> = (0..6_000).filter(|i| i % 5 > 0).filter(is_own).map(x).collect();
            let ends = own.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            assert_eq!(range, Some(ends), "{value:?}");
        }
        assert_eq!(found.of("b", "id").unwrap().len(), 2);
        // By g the table is as wide as ever, and ids are too many.
        assert!(found.of("g", "x").is_none() && found.of("id", "x").is_none() && found.of("b", "y").is_none());
    }
}

/// A worker that never saw a column's many values, and the column of φ.
#[test]
fn columns_without_ranges() {
    let names = |tally: ValueTally| tally.columns.iter().map(|coded| coded.column).collect::<Vec<_>>();
    let mut few = tally(&[batch(0, 10)], Some(0));
    few.merge(tally(&[batch(0, 1_000)], Some(0))).unwrap();
    assert_eq!(names(few), [2]);
    let mut many = tally(&[batch(0, 1_000)], None);
    many.merge(tally(&[batch(0, 10)], None)).unwrap();
    assert_eq!(names(many), [0, 2]);
}

#[test]
fn the_key_that_all_families_share() {
    let of = |families: &[&[usize]]| common_key(families.iter().copied());
    assert_eq!(of(&[&[3], &[3]]), Some(3));
    assert_eq!(of(&[&[3], &[]]), None);
    assert_eq!(of(&[&[3, 4]]), None);
    assert_eq!(of(&[]), None);
}
