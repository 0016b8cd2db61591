//! The partners of sampled rows in another table.

use super::encode::Encoder;
use super::extremes::Extremes;
use super::key_index::{KeyIndex, NO_KEY};
use super::prove::partitions;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use std::sync::Arc;

/// The partners of sampled rows, in the order of these rows.
#[derive(Debug)]
pub struct Partners {
    /// Whether each row has a partner.
    pub matched: BooleanArray,
    /// The partners' columns, columns × rows; NULL where a row has none.
    pub columns: Vec<ArrayRef>,
    /// The extremes of each column over all rows of the other table.
    pub extremes: Vec<Extremes>,
}

/// Finds the partner of each row in another table: the row with the same key.
///
/// `scan` has the key columns of the other table first, as many as `compared` has types, then the columns that are fetched. `keys` are the
/// key columns of the rows in the same order; keys are cast to the types in `compared`.
///
/// # Errors
/// When two rows of the other table have the same key; what reading it brings.
pub async fn fetch(
    scan: &Arc<dyn ExecutionPlan>,
    task: &Arc<TaskContext>,
    compared: &[DataType],
    keys: &[ArrayRef],
) -> Result<Partners> {
    let wanted = Arc::new(KeyIndex::new(&Encoder::new(compared)?.keys(keys)?));
    let found = partitions(scan, task, |stream| {
        let (wanted, compared) = (Arc::clone(&wanted), compared.to_vec());
        async move { found(stream, &wanted, &compared).await }
    });
    let found = found.await?;
    let rows = places(&wanted, &found)?;
    let matched = BooleanArray::from_iter(rows.iter().map(|place| Some(place.is_some())));
    let types = scan.schema();
    let fetched = types.fields().len() - compared.len();
    let mut columns = Vec::with_capacity(fetched);
    let mut extremes = vec![Extremes::default(); fetched];
    for (number, extremes) in extremes.iter_mut().enumerate() {
        let none = new_empty_array(types.field(compared.len() + number).data_type());
        let mut parts: Vec<&dyn Array> = vec![none.as_ref()];
        parts.extend(found.iter().flat_map(|part| &part.columns).map(|batch| batch.column(number).as_ref()));
        columns.push(take(&concat(&parts)?, &rows, None)?);
        found.iter().for_each(|part| extremes.merge(part.extremes[number]));
    }
    Ok(Partners { matched, columns, extremes })
}

/// KeyIndex rows of one partition.
struct Found {
    /// The numbers of their keys, one batch after the other.
    numbers: Vec<u32>,
    columns: Vec<RecordBatch>,
    extremes: Vec<Extremes>,
}

async fn found(mut stream: SendableRecordBatchStream, wanted: &KeyIndex, compared: &[DataType]) -> Result<Found> {
    let encoder = Encoder::new(compared)?;
    let columns = stream.schema().fields().len() - compared.len();
    let mut found = Found { numbers: Vec::new(), columns: Vec::new(), extremes: vec![Extremes::default(); columns] };
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let (keys, fetched) = batch.columns().split_at(compared.len());
        for (extremes, values) in found.extremes.iter_mut().zip(fetched) {
            extremes.add(values);
        }
        let mut rows = Vec::new();
        wanted.look_up(&encoder.keys(keys)?, &mut rows, &mut found.numbers);
        if columns > 0 && !rows.is_empty() {
            let fields: Vec<usize> = (compared.len()..batch.num_columns()).collect();
            let rows = UInt32Array::from(rows);
            let own = fetched.iter().map(|column| compact(&take(column, &rows, None)?));
            let schema = Arc::new(batch.schema().project(&fields)?);
            found.columns.push(RecordBatch::try_new(schema, own.collect::<Result<Vec<_>>>()?)?);
        }
    }
    Ok(found)
}

/// The values without the buffers of others: views of text would keep whole pages of the file alive.
fn compact(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Utf8View => Arc::new(values.as_string_view().gc()),
        DataType::BinaryView => Arc::new(values.as_binary_view().gc()),
        _ => Arc::clone(values),
    })
}

/// For each sampled row the place of its partner among the rows found, one partition after the other.
fn places(wanted: &KeyIndex, found: &[Found]) -> Result<UInt32Array> {
    let mut place_of = vec![NO_KEY; wanted.len];
    for (number, place) in found.iter().flat_map(|part| &part.numbers).zip(0_u32..) {
        let own = &mut place_of[*number as usize];
        if *own != NO_KEY {
            let what = "two rows of a joined table have the same key, which was proven to be unique before";
            return Err(DataFusionError::Execution(what.to_owned()));
        }
        *own = place;
    }
    let place = |number: &u32| match *number {
        NO_KEY => None,
        number => Some(place_of[number as usize]).filter(|place| *place != NO_KEY),
    };
    Ok(wanted.of_row.iter().map(place).collect())
}

#[cfg(test)]
mod tests;
