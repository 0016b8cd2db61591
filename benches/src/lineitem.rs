//! TPC-H lineitem as Parquet.

use arrow::record_batch::RecordBatchReader;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::LineItemArrow;

/// Writes lineitem at `scale` into `folder`, one file per million rows or so, unless it is there.
pub(crate) fn generate(scale: f64, folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = folder.join(format!("lineitem-{scale}"));
    if target.is_dir() {
        return Ok(target);
    }
    let unfinished = folder.join(format!("lineitem-{scale}.unfinished"));
    std::fs::create_dir_all(&unfinished)?;
    #[expect(clippy::cast_possible_truncation, reason = "a number of files")]
    let parts = (scale * 6.0).ceil().max(1.0) as i32;
    let next = AtomicI32::new(1);
    let work = || -> Result<(), String> {
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part > parts {
                return Ok(());
            }
            write(scale, part, parts, &unfinished).map_err(|e| e.to_string())?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err("a thread died".into())))
    })?;
    std::fs::rename(&unfinished, &target)?;
    Ok(target)
}

fn write(scale: f64, part: i32, parts: i32, folder: &Path) -> Result<(), Box<dyn Error>> {
    let batches = LineItemArrow::new(LineItemGenerator::new(scale, part, parts)).with_batch_size(8192);
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
    let file = File::create(folder.join(format!("part-{part:03}.parquet")))?;
    let mut writer = ArrowWriter::try_new(file, batches.schema(), Some(properties))?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}
