//! Shares the files of the table among threads and writes them.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::schema::types::ColumnPath;

use super::calendar::Calendar;
use super::columns::{Columns, keyed_schema};
use super::draw::Draw;
use super::model::Model;
use super::parts::{Part, parts, pieces, publish, refuse_leftovers};
use super::{GenerateError, Generator};

/// Rows collected before they are encoded: small enough for the processor's cache.
const BATCH_ROWS: u64 = 16_384;
/// Columns with hardly a repeated value, for which a dictionary is wasted work.
const UNREPEATED: [&str; 3] = ["userid", "sessiontime", "bytes"];

/// The state that the writing threads share.
struct Work<'a> {
    generator: &'a Generator,
    model: Model,
    calendar: Calendar,
    parts: Vec<Part>,
    next: AtomicUsize,
    rows_done: AtomicU64,
    stop: AtomicBool,
    progress: &'a (dyn Fn(u64) + Sync),
}

/// Writes the table that `generator` describes; see [`Generator::write`].
pub(super) fn write(
    generator: &Generator,
    folder: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<PathBuf>, GenerateError> {
    fs::create_dir_all(folder).map_err(GenerateError::io(folder))?;
    let work = Work {
        generator,
        model: Model::new(generator.rows, generator.seed),
        calendar: Calendar::new(generator.rows),
        parts: parts(generator, folder),
        next: AtomicUsize::new(0),
        rows_done: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        progress,
    };
    refuse_leftovers(folder, &work.parts)?;
    let written = work.run().and_then(|()| publish(&work.parts));
    if written.is_err() {
        for part in &work.parts {
            // The first error is the one to report; what cannot be removed now is overwritten by the next run.
            drop(fs::remove_file(&part.temporary));
        }
    }
    written?;
    Ok(work.parts.into_iter().map(|part| part.path).collect())
}

impl Work<'_> {
    /// Writes all parts under their temporary names.
    fn run(&self) -> Result<(), GenerateError> {
        let threads = self.generator.threads.min(self.parts.len());
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(move || self.write_parts())).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or(Err(GenerateError::Worker)))
                .fold(Ok(()), Result::and)
        })
    }

    /// Takes parts until none is left or another thread has failed.
    fn write_parts(&self) -> Result<(), GenerateError> {
        while let Some(part) = self.parts.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            self.write_part(part).inspect_err(|_| self.stop.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    }

    fn write_part(&self, part: &Part) -> Result<(), GenerateError> {
        let path = &part.temporary;
        let file = File::create(path).map_err(GenerateError::io(path))?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(self.generator))
            // Readers would otherwise get dictionaries back instead of text.
            .with_skip_arrow_metadata(true);
        let mut writer =
            ArrowWriter::try_new_with_options(file, keyed_schema(), options).map_err(GenerateError::parquet(path))?;
        let mut columns = Columns::new();
        for block in pieces(&part.rows, self.generator.layout.block_rows) {
            self.write_block(block, &mut columns, &mut writer).map_err(GenerateError::parquet(path))?;
        }
        writer.close().map_err(GenerateError::parquet(path))?;
        Ok(())
    }

    /// Draws the rows of one block and stores them as one row group.
    fn write_block(
        &self,
        block: Range<u64>,
        columns: &mut Columns,
        writer: &mut ArrowWriter<File>,
    ) -> Result<(), ParquetError> {
        let number = block.start / self.generator.layout.block_rows;
        let mut draw = Draw::new(self.generator.seed, number);
        let mut dates = self.calendar.starting_at(block.start);
        for batch in pieces(&block, BATCH_ROWS) {
            let rows = batch.end - batch.start;
            for (_, date) in batch.zip(&mut dates) {
                columns.push(date, &self.model.row(&mut draw));
            }
            writer.write(&columns.finish()?)?;
            let before = self.rows_done.fetch_add(rows, Ordering::Relaxed);
            (self.progress)(before + rows);
        }
        writer.flush()
    }
}

fn properties(generator: &Generator) -> WriterProperties {
    // The lowest level: higher ones cost more time than reading back fewer bytes saves.
    let compression = Compression::ZSTD(ZstdLevel::default());
    let block_rows = usize::try_from(generator.layout.block_rows).ok();
    let builder = WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(block_rows);
    let builder = UNREPEATED
        .iter()
        .fold(builder, |builder, column| builder.set_column_dictionary_enabled(ColumnPath::from(*column), false));
    builder.build()
}
