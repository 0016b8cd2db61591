use super::super::prove::tests::plan;
use super::*;
use arrow::array::{Decimal128Array, Int32Array, Int64Array, StringArray, StringViewArray, UInt64Array};
use arrow::datatypes::Int64Type;

async fn partners(parts: Vec<Vec<ArrayRef>>, compared: &[DataType], keys: Vec<ArrayRef>) -> Result<Partners> {
    let (plan, task) = plan(parts).await;
    fetch(&plan, &task, compared, &keys).await
}

fn whole(keys: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(keys.to_vec()))
}

/// Rows find their partners whatever the order; rows without a key or a partner get NULL.
#[tokio::test(flavor = "multi_thread")]
async fn rows_get_the_columns_of_their_partners() {
    let part = |from: i64| {
        let keys: Vec<Option<i64>> = (from..from + 1000).rev().map(Some).chain([None]).collect();
        let texts = keys.iter().map(|key| key.map(|key| format!("a rather long text {key}")));
        vec![whole(&keys), whole(&keys), Arc::new(texts.collect::<StringViewArray>()) as ArrayRef]
    };
    let keys = [Some(1500), None, Some(3), Some(-7), Some(1500), Some(999), Some(2000)];
    let found = partners(vec![part(0), part(1000)], &[DataType::Int64], vec![whole(&keys)]).await.unwrap();
    let has: Vec<bool> = found.matched.values().iter().collect();
    assert_eq!(has, [true, false, true, false, true, true, false]);
    let expected: Vec<Option<i64>> = keys.iter().zip(&has).map(|(key, has)| key.filter(|_| *has)).collect();
    assert_eq!(found.columns[0].as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), expected);
    let texts: Vec<Option<String>> = found.columns[1].as_string_view().iter().map(|t| t.map(str::to_owned)).collect();
    assert_eq!(texts[5].as_deref(), Some("a rather long text 999"));
    assert_eq!((found.extremes[0].min, found.extremes[0].max, found.extremes[0].are_known), (0.0, 1999.0, true));
    assert!(!found.extremes[1].are_known);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_other_types_meet_in_the_type_they_are_compared_in() {
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![5, -5]));
    let found =
        partners(vec![vec![whole(&[Some(-5), Some(5)]), whole(&[Some(1), Some(2)])]], &[DataType::Int64], vec![narrow]);
    assert_eq!(found.await.unwrap().columns[0].as_primitive::<Int64Type>().values(), &[2, 1]);
    // Unsigned and signed numbers meet as decimals.
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 7]));
    let decimal = DataType::Decimal128(20, 0);
    let found = partners(vec![vec![whole(&[Some(7), Some(-1)])]], &[decimal], vec![unsigned]).await.unwrap();
    assert_eq!(found.matched.values().iter().collect::<Vec<_>>(), [false, true]);
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["b", "c"]));
    let views: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
    let found = partners(vec![vec![views, whole(&[Some(1), Some(2)])]], &[DataType::Utf8View], vec![texts]).await;
    let found = found.unwrap();
    assert_eq!(found.columns[0].as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(2), None]);
}

/// Keys of several columns, and keys too scattered for pages.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_any_kind_are_found() {
    let two: Vec<ArrayRef> = vec![whole(&[Some(1), Some(1), None]), whole(&[Some(1), Some(2), Some(1)])];
    let compared = [DataType::Int64, DataType::Int64];
    let table = vec![two[0].clone(), two[1].clone(), whole(&[Some(11), Some(12), Some(99)])];
    let asked = vec![whole(&[Some(1), None, Some(2)]), whole(&[Some(2), Some(1), Some(1)])];
    let found = partners(vec![table], &compared, asked).await.unwrap();
    assert_eq!(found.columns[0].as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(12), None, None]);
    let scattered: Vec<Option<i64>> = (0..2_000).map(|i| Some(i << 40)).collect();
    let found = partners(vec![vec![whole(&scattered), whole(&scattered)]], &[DataType::Int64], vec![whole(&scattered)]);
    assert_eq!(&found.await.unwrap().columns[0], &whole(&scattered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_is_an_error_and_an_empty_table_has_no_partner() {
    let repeated = partners(vec![vec![whole(&[Some(1), Some(1)])]], &[DataType::Int64], vec![whole(&[Some(1)])]).await;
    assert!(repeated.unwrap_err().to_string().contains("the same key"));
    let decimals: ArrayRef = Arc::new(Decimal128Array::from(Vec::<i128>::new()));
    let found = partners(vec![vec![whole(&[]), decimals]], &[DataType::Int64], vec![whole(&[Some(1)])]).await.unwrap();
    assert!(found.columns[0].is_null(0) && !found.matched.value(0));
}
