use super::*;
use arrow::array::{Float64Array, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

pub(crate) async fn plan(parts: Vec<Vec<ArrayRef>>) -> (Arc<dyn ExecutionPlan>, Arc<TaskContext>) {
    let fields = parts[0].iter().enumerate();
    let fields: Vec<Field> = fields.map(|(at, c)| Field::new(format!("c{at}"), c.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = parts.into_iter().map(|columns| vec![RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()]);
    let table = MemTable::try_new(Arc::clone(&schema), batches.collect()).unwrap();
    let context = SessionContext::new();
    let plan = context.read_table(Arc::new(table)).unwrap().create_physical_plan().await.unwrap();
    (plan, context.task_ctx())
}

async fn proof(parts: Vec<Vec<ArrayRef>>) -> KeyProof {
    let (plan, task) = plan(parts).await;
    prove(&plan, &task).await.unwrap()
}

fn duplicate(values: &str, rows: u64) -> Option<DuplicateKey> {
    Some(DuplicateKey { values: values.to_owned(), rows, is_counted: true })
}

fn whole(keys: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(keys.into_iter().collect::<Int64Array>())
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_are_keys_unless_one_is_repeated() {
    let dense = (0..100_000).map(Some).chain([None, None]);
    let found = proof(vec![vec![whole(dense.clone())], vec![whole((100_000..100_100).map(Some))]]).await;
    assert_eq!(found, KeyProof { rows: 100_102, nulls: 2, duplicate: None });
    // The same key in the same partition, in two of them, and in all of three.
    for (more, rows) in [(vec![vec![7]], 2), (vec![vec![7], vec![200_000, 7]], 3)] {
        let parts = more.into_iter().map(|keys| vec![whole(keys.into_iter().map(Some))]);
        let parts = [vec![whole(dense.clone())]].into_iter().chain(parts).collect();
        assert_eq!(proof(parts).await.duplicate, duplicate("7", rows));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scattered_numbers_are_keys_unless_one_is_repeated() {
    let scattered = |from: i64| (from..from + 20_000).map(|i| Some(i.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)));
    let both = vec![vec![whole(scattered(0))], vec![whole(scattered(20_000))]];
    assert_eq!(proof(both).await, KeyProof { rows: 40_000, nulls: 0, duplicate: None });
    let both = vec![vec![whole(scattered(0))], vec![whole(scattered(19_999))]];
    let repeated = 19_999_i64.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64);
    assert_eq!(proof(both).await.duplicate, duplicate(&repeated.to_string(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_keys_of_several_columns_are_compared_whole() {
    let texts = |from: i32| -> ArrayRef {
        Arc::new((from..from + 70_000).map(|i| Some(i.to_string())).collect::<StringArray>())
    };
    assert_eq!(proof(vec![vec![texts(0)], vec![texts(70_000)]]).await.duplicate, None);
    assert_eq!(proof(vec![vec![texts(0)], vec![texts(69_999)]]).await.duplicate, duplicate("69999", 2));
    // One column repeats, both together do not; a NULL in one of them equals nothing.
    let pairs = |second: [Option<i32>; 4]| -> Vec<ArrayRef> {
        vec![whole([1, 1, 2, 2].map(Some)), Arc::new(Int32Array::from(second.to_vec()))]
    };
    assert_eq!(proof(vec![pairs([Some(1), Some(2), Some(1), Some(2)])]).await.duplicate, None);
    let found = proof(vec![pairs([Some(1), Some(2), None, None])]).await;
    assert_eq!(found, KeyProof { rows: 4, nulls: 2, duplicate: None });
    assert_eq!(proof(vec![pairs([Some(1), Some(2), Some(3), Some(3)])]).await.duplicate, duplicate("2, 3", 2));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 0.25, 0.5]));
    assert_eq!(proof(vec![vec![floats]]).await.duplicate, duplicate("0.5", 2));
}

/// Reading all of a large table only to count a key that is none would take as long as an answer.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_repeated_key_are_counted_no_further_than_a_few_million() {
    let many = i64::try_from(COUNTED_ROWS).unwrap();
    let (first, late) = (whole([7, 7].into_iter().chain(100..many + 100).map(Some)), whole([Some(7); 9]));
    let schema = Arc::new(Schema::new(vec![Field::new("c0", DataType::Int64, true)]));
    let batches = [first, late].map(|keys| RecordBatch::try_new(Arc::clone(&schema), vec![keys]).unwrap());
    let table = MemTable::try_new(schema, vec![batches.to_vec()]).unwrap();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let plan = context.read_table(Arc::new(table)).unwrap().create_physical_plan().await.unwrap();
    let found = prove(&plan, &context.task_ctx()).await.unwrap().duplicate.unwrap();
    assert_eq!((found.values.as_str(), found.rows, found.is_counted), ("7", 2, false));
}
