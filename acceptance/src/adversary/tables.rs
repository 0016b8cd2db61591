//! Columns of made-up tables.

use crate::campaign::Failure;
use crate::distributions::normal;
use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The columns of a table, with their names.
pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

pub(crate) fn write(file: &Path, columns: Columns) -> Result<(), Failure> {
    let batch = RecordBatch::try_from_iter(columns)?;
    let mut writer = ArrowWriter::try_new(File::create(file)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}

/// So many numbers, drawn one by one.
pub(crate) fn numbers(rows: usize, mut draw: impl FnMut(usize) -> f64) -> Vec<f64> {
    (0..rows).map(&mut draw).collect()
}

pub(crate) fn floats(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

#[expect(clippy::cast_possible_wrap, reason = "small numbers")]
pub(crate) fn whole(values: &[usize]) -> ArrayRef {
    Arc::new(values.iter().map(|value| *value as i64).collect::<Int64Array>())
}

pub(crate) fn texts(values: impl Iterator<Item = &'static str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// A normal number.
pub(crate) fn gauss(rng: &mut ChaCha8Rng, mean: f64, deviation: f64) -> f64 {
    mean + deviation * normal(rng)
}

/// A number whose logarithm is normal.
pub(crate) fn lognormal(rng: &mut ChaCha8Rng, mean: f64, deviation: f64) -> f64 {
    gauss(rng, mean, deviation).exp()
}

/// Whether something of such a probability happens.
pub(crate) fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

/// A number between two others, evenly on the scale of logarithms.
pub(crate) fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    (low.ln() + (high / low).ln() * rng.random::<f64>()).exp()
}
