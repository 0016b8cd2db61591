//! The rows of a sample as any other engine would read them.

use crate::campaign::Failure;
use crate::dataset::Dataset;
use crate::world::World;
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use plusminus::Manifest;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::fs::File;

/// A sample in memory.
pub(crate) struct Sampled {
    groups: Vec<i64>,
    places: Vec<f64>,
    strata: Vec<i64>,
    /// Values by measure.
    values: Vec<Vec<f64>>,
    /// Subsample of each row.
    subsamples: Vec<u32>,
    /// Number of subsamples.
    pub(crate) subsample_count: u32,
    /// Rows in each subsample.
    pub(crate) subsample_rows: Vec<f64>,
    /// Rows in the table and in the sample, by stratum.
    sizes: HashMap<i64, (f64, f64)>,
    pub(crate) is_uniform: bool,
}

/// Moments of a group's rows that pass the filter.
#[derive(Clone, Default)]
pub(crate) struct Sums {
    /// Rows of the group's stratum in the table and in the sample.
    pub(crate) table: f64,
    pub(crate) sampled: f64,
    pub(crate) rows: f64,
    /// Sum and squares by measure.
    pub(crate) measures: Vec<[f64; 2]>,
    /// Rows, then the sum of each measure, by subsample.
    pub(crate) parts: Vec<Vec<f64>>,
}

impl Sampled {
    pub(crate) fn load(
        world: &World,
        dataset: &Dataset,
        measures: &[usize],
        manifest: &Manifest,
        rng: &mut ChaCha8Rng,
    ) -> Result<Self, Failure> {
        let folder = world.session.store_folder().join("samples").join(&manifest.name).join(&manifest.data_folder);
        let mut batches = Vec::new();
        for block in manifest.levels.iter().flat_map(|l| &l.blocks) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(folder.join(&block.file))?)?.build()?;
            batches.extend(reader.collect::<Result<Vec<_>, _>>()?);
        }
        let schema = batches.first().ok_or("the sample is empty")?.schema();
        let rows = concat_batches(&schema, &batches)?;
        let strata = whole(&rows, "__stratum")?;
        let mut sizes: HashMap<i64, (f64, f64)> = HashMap::new();
        for (stratum, rows) in strata.iter().zip(real(&rows, "__stratum_rows")?) {
            let size = sizes.entry(*stratum).or_insert((rows, 0.0));
            size.1 += 1.0;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
        let subsample_count = (strata.len() as f64).sqrt().round() as u32;
        let subsamples: Vec<u32> = strata.iter().map(|_| rng.random_range(0..subsample_count)).collect();
        let mut subsample_rows = vec![0.0; subsample_count as usize];
        subsamples.iter().for_each(|s| subsample_rows[*s as usize] += 1.0);
        let values = measures.iter().map(|m| real(&rows, dataset.measures[*m].column)).collect::<Result<_, _>>()?;
        Ok(Self {
            groups: whole(&rows, "g")?,
            places: real(&rows, "place")?,
            values,
            subsamples,
            subsample_count,
            subsample_rows,
            is_uniform: manifest.design.stratified_by.is_empty(),
            strata,
            sizes,
        })
    }

    /// Sums by group over the rows whose place is below a share.
    pub(crate) fn sums(&self, place_below: f64) -> HashMap<String, Sums> {
        let width = self.values.len();
        let mut by_group: HashMap<i64, Sums> = HashMap::new();
        for row in (0..self.groups.len()).filter(|row| self.places[*row] < place_below) {
            let sums = by_group.entry(self.groups[row]).or_insert_with(|| {
                let (table, sampled) = self.sizes.get(&self.strata[row]).copied().unwrap_or_default();
                let parts = vec![vec![0.0; self.subsample_count as usize]; width + 1];
                Sums { table, sampled, rows: 0.0, measures: vec![[0.0; 2]; width], parts }
            });
            let subsample = self.subsamples[row] as usize;
            sums.rows += 1.0;
            sums.parts[0][subsample] += 1.0;
            for (measure, values) in self.values.iter().enumerate() {
                let y = values[row];
                sums.measures[measure][0] += y;
                sums.measures[measure][1] += y * y;
                sums.parts[measure + 1][subsample] += y;
            }
        }
        by_group.into_iter().map(|(group, sums)| (group.to_string(), sums)).collect()
    }

    /// Rows of the sample.
    pub(crate) fn rows(&self) -> f64 {
        self.groups.len() as f64
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Failure> {
    batch.column_by_name(name).ok_or_else(|| format!("the sample has no column {name}").into())
}

fn real(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Failure> {
    Ok(cast(column(batch, name)?, &DataType::Float64)?.as_primitive::<Float64Type>().values().to_vec())
}

fn whole(batch: &RecordBatch, name: &str) -> Result<Vec<i64>, Failure> {
    Ok(cast(column(batch, name)?, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec())
}
