use crate::{FileTable, Listing};
use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use plusminus_catalog::TableDefinition;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Writes the numbers from `first` on, ten to a row group.
fn write(path: &Path, first: i32, statistics: EnabledStatistics) {
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(first..first + 40));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(10)).set_statistics_enabled(statistics);
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn row_groups_beside_a_range_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), 0, EnabledStatistics::Chunk);
    write(&folder.path().join("b.parquet"), 40, EnabledStatistics::Chunk);
    let state = SessionContext::new().state();
    let location = folder.path().display().to_string();
    let format = Listing::new(&location, None).unwrap().format;
    let definition = TableDefinition { name: "t".to_owned(), location, format, options: BTreeMap::new() };
    let table = FileTable::open(&definition, None, &Arc::default(), &state).await.unwrap();
    let rows = async |least: i64, largest: i64| {
        let ends = (ScalarValue::Int64(Some(least)), ScalarValue::Int64(Some(largest)));
        table.rows_between("n", (&ends.0, &ends.1), &state).await.unwrap()
    };
    for (least, largest, expected) in [(0, 79, 80), (12, 13, 10), (19, 20, 20), (35, 44, 20), (80, 90, 0), (-5, -1, 0)]
    {
        assert_eq!(rows(least, largest).await, Some(expected), "{least} to {largest}");
    }
    write(&folder.path().join("c.parquet"), 0, EnabledStatistics::None);
    assert_eq!(rows(80, 90).await, Some(40), "nothing is known of the third file");
    let text = folder.path().join("d.parquet");
    let texts: ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["x"; 7]));
    let batch = RecordBatch::try_from_iter([("other", texts)]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(text).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(rows(80, 90).await, Some(47), "the fourth file lacks the column");
}
