//! Rows of the row groups that may hold values of a range.

use crate::table::{FOOTERS_AT_ONCE, FilePart, FileTable};
use arrow::array::{Array, BooleanArray};
use arrow::compute::kernels::cmp::{gt_eq, lt_eq};
use datafusion::catalog::Session;
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::RowGroupMetaData;

impl FileTable {
    /// The number of rows in row groups that may hold a value of `column` from `least` to `largest`, by the statistics in the files; all rows of a
    /// row group without them. `None` where a file is not Parquet.
    ///
    /// # Errors
    /// When files cannot be listed, or a footer not be read.
    pub async fn rows_between(
        &self,
        column: &str,
        (least, largest): (&ScalarValue, &ScalarValue),
        state: &dyn Session,
    ) -> Result<Option<u64>> {
        let parts = self.parts(state).await?;
        if !parts.iter().all(FilePart::is_parquet) {
            return Ok(None);
        }
        let rows = |part: FilePart| async move { rows_in(&part, column, (least, largest), state).await };
        let rows = futures::stream::iter(parts).map(rows).buffered(FOOTERS_AT_ONCE);
        Ok(Some(rows.try_fold(0, |sum, rows| async move { Ok(sum + rows) }).await?))
    }
}

/// The rows of one file.
async fn rows_in(
    part: &FilePart,
    column: &str,
    (least, largest): (&ScalarValue, &ScalarValue),
    state: &dyn Session,
) -> Result<u64> {
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let store = LocalFileSystem::new();
    let footer = DFParquetMetadata::new(&store, &part.file.object_meta).with_file_metadata_cache(Some(cache));
    let footer = footer.fetch_metadata().await?;
    let groups = footer.row_groups();
    let Ok(field) = part.columns().field_with_name(column) else { return Ok(all_rows(groups)) };
    // Statistics of floats do not count NaN.
    if field.data_type().is_floating() {
        return Ok(all_rows(groups));
    }
    let converter = StatisticsConverter::try_new(column, part.columns(), footer.file_metadata().schema_descr())?;
    let (lows, highs) = (converter.row_group_mins(groups)?, converter.row_group_maxes(groups)?);
    let reaches = gt_eq(&highs, &least.cast_to(highs.data_type())?.to_scalar()?)?;
    let begins = lt_eq(&lows, &largest.cast_to(lows.data_type())?.to_scalar()?)?;
    // Nothing is known of a row group without statistics.
    let may = |side: &BooleanArray, at: usize| side.is_null(at) || side.value(at);
    let kept = groups.iter().enumerate().filter(|(at, _)| may(&reaches, *at) && may(&begins, *at));
    Ok(all_rows(kept.map(|(_, group)| group)))
}

fn all_rows<'a>(groups: impl IntoIterator<Item = &'a RowGroupMetaData>) -> u64 {
    groups.into_iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests;
