//! Made-up tables as Parquet files.

use crate::campaign::Failure;
use crate::distributions::{MEASURES, generator, normal};
use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Rows of groups in the table of all distributions: at a sample of 10 % groups hold 3 to 100,000 rows.
const GROUP_ROWS: [u64; 10] = [30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
/// Small groups come several times, so that their cells are as many as those of large ones.
const COPIES: u64 = 5;
const COPIES_UP_TO: u64 = 10_000;
/// Values of the key that cuts across the groups.
const CROSS_GROUPS: i64 = 8;
const USERS: f64 = 50_000.0;
const BATCH_ROWS: usize = 65_536;

/// Groups of the table for rankings: many, of like size, whose totals lie close together.
const RANKED_GROUPS: i64 = 300;
const RANKED_ROWS: u64 = 2_000;

/// The groups of the table of all distributions, with their rows.
fn groups() -> Vec<(i64, u64)> {
    let mut groups = Vec::new();
    for (class, rows) in (1_i64..).zip(GROUP_ROWS) {
        let copies = if rows <= COPIES_UP_TO { COPIES } else { 1 };
        groups.extend((0_i64..).take(usize::try_from(copies).unwrap_or(1)).map(|copy| (10 * class + copy, rows)));
    }
    groups
}

/// Columns of the table of all distributions under construction.
#[derive(Default)]
struct Columns {
    group: Vec<i64>,
    cross: Vec<i64>,
    user: Vec<i64>,
    place: Vec<f64>,
    related: Vec<f64>,
    measures: [Vec<f64>; MEASURES.len()],
}

impl Columns {
    fn push(&mut self, group: i64, rng: &mut ChaCha8Rng) {
        self.group.push(group);
        self.cross.push(rng.random_range(0..CROSS_GROUPS));
        // Few users own most rows: the square of a uniform number.
        #[expect(clippy::cast_possible_truncation, reason = "below the number of users")]
        self.user.push((USERS * rng.random::<f64>().powi(2)) as i64);
        self.place.push(rng.random());
        for (column, (_, values)) in self.measures.iter_mut().zip(MEASURES) {
            column.push(values.draw(rng));
        }
        let exponential = self.measures[1].last().copied().unwrap_or_default();
        self.related.push(2.0 * exponential + normal(rng));
    }

    fn finish(&mut self) -> Result<RecordBatch, Failure> {
        let done = std::mem::take(self);
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("g", Arc::new(Int64Array::from(done.group))),
            ("k", Arc::new(Int64Array::from(done.cross))),
            ("who", Arc::new(Int64Array::from(done.user))),
            ("place", Arc::new(Float64Array::from(done.place))),
            ("rel", Arc::new(Float64Array::from(done.related))),
        ];
        for ((name, _), values) in MEASURES.iter().zip(done.measures) {
            columns.push((name, Arc::new(Float64Array::from(values))));
        }
        Ok(RecordBatch::try_from_iter(columns)?)
    }
}

/// Writes the table of all distributions: `g`, `k` across it, `place` for filters, `who`, and a column per measure.
pub(crate) fn write_distributions(file: &Path, seed: u64) -> Result<(), Failure> {
    let mut rng = generator(seed, 1_001, 0);
    let (mut columns, mut writer) = (Columns::default(), None);
    for (group, rows) in groups() {
        for _ in 0..rows {
            columns.push(group, &mut rng);
            if columns.group.len() == BATCH_ROWS {
                append(&mut writer, file, &columns.finish()?)?;
            }
        }
    }
    append(&mut writer, file, &columns.finish()?)?;
    close(writer)
}

/// Writes the table for rankings: groups `g` whose mean of `x` differs by some per cent.
pub(crate) fn write_ranked(file: &Path, seed: u64) -> Result<(), Failure> {
    let mut rng = generator(seed, 1_002, 0);
    let (mut writer, mut group, mut x, mut place) = (None, Vec::new(), Vec::new(), Vec::new());
    for g in 0..RANKED_GROUPS {
        let scale = 1.0 + 0.05 * normal(&mut rng);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "about as many as asked for")]
        let rows = (RANKED_ROWS as f64 * (1.0 + 0.05 * normal(&mut rng))) as u64;
        for _ in 0..rows {
            group.push(g);
            x.push(scale * -(1.0 - rng.random::<f64>()).ln());
            place.push(rng.random::<f64>());
        }
    }
    let columns: [(&str, ArrayRef); 3] = [
        ("g", Arc::new(Int64Array::from(group))),
        ("x", Arc::new(Float64Array::from(x))),
        ("place", Arc::new(Float64Array::from(place))),
    ];
    append(&mut writer, file, &RecordBatch::try_from_iter(columns)?)?;
    close(writer)
}

fn append(writer: &mut Option<ArrowWriter<File>>, file: &Path, batch: &RecordBatch) -> Result<(), Failure> {
    let open = match writer {
        Some(open) => open,
        none => {
            let properties = WriterProperties::builder().set_max_row_group_row_count(Some(262_144)).build();
            none.insert(ArrowWriter::try_new(File::create(file)?, batch.schema(), Some(properties))?)
        }
    };
    Ok(open.write(batch)?)
}

fn close(writer: Option<ArrowWriter<File>>) -> Result<(), Failure> {
    if let Some(writer) = writer {
        writer.close()?;
    }
    Ok(())
}
