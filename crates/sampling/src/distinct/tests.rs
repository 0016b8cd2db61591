use super::*;
use arrow::array::{BooleanArray, Decimal128Array, Float64Array, Int16Array, Int64Array, ListArray, StringArray};
use arrow::datatypes::{Field, Int32Type, Schema};

fn batch(from: i64, to: i64) -> RecordBatch {
    let numbers = || from..to;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(numbers()))),
        ("few", Arc::new(Int64Array::from_iter_values(numbers().map(|i| i % 7)))),
        ("short", Arc::new(numbers().map(|i| (i % 3 > 0).then_some((i % 300) as i16)).collect::<Int16Array>())),
        ("flag", Arc::new(numbers().map(|i| Some(i % 2 == 0)).collect::<BooleanArray>())),
        ("text", Arc::new(numbers().map(|i| Some(format!("text {}", i % 5_000))).collect::<StringArray>())),
        ("real", Arc::new(Float64Array::from_iter_values(numbers().map(|i| (i % 2_000) as f64)))),
        ("money", Arc::new(Decimal128Array::from_iter_values(numbers().map(|i| i128::from(i % 900))))),
        ("none", Arc::new(Int64Array::from(vec![None; numbers().count()]))),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(numbers().map(|_| Some(vec![Some(1)])))),
        ),
    ];
    let fields: Vec<Field> = columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, a)| a).collect()).unwrap()
}

/// The batches shared out to `workers`.
fn counted(workers: i64) -> Vec<DistinctCount> {
    let schema = batch(0, 1).schema();
    let mut all = Sketches::new(&schema);
    for worker in 0..workers {
        let mut sketches = Sketches::new(&schema);
        for number in (0..20).filter(|n| n % workers == worker) {
            sketches.add(&batch(number * 1_000, (number + 1) * 1_000)).unwrap();
        }
        all.merge(sketches).unwrap();
    }
    all.counts(&schema).unwrap()
}

#[test]
fn counts_are_near_the_truth_on_any_number_of_workers() {
    let counts = counted(1);
    assert_eq!(counts, counted(4));
    let truth = [("id", 20_000), ("few", 7), ("short", 200), ("flag", 2), ("text", 5_000), ("money", 900)];
    for (column, distinct) in truth.into_iter().chain([("none", 0)]) {
        let found = counts.iter().find(|c| c.column == column).unwrap();
        let error = (found.count as f64 - f64::from(distinct)).abs();
        assert!(error <= 4.0 * found.relative_error * f64::from(distinct), "{found:?}, truly {distinct}");
        assert_eq!(found.relative_error == 0.0, matches!(column, "short" | "flag"), "{found:?}");
    }
    assert!(counts.iter().all(|c| !matches!(c.column.as_str(), "list" | "real")));
}
