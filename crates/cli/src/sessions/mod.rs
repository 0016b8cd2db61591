//! The demonstration table: a log of video sessions as a streaming service's players would report them.
//!
//! The table follows the workload of the BlinkDB paper: skewed keys, heavy-tailed measures, rare groups and
//! correlated columns, so that sampling it is as hard as sampling a real log. Rows come in the order of their
//! date. The same rows and seed give the same files, byte for byte, on any number of threads.
//!
//! | column | type | distribution |
//! |---|---|---|
//! | `date` | date | 90 days from 2026-01-01, growing, fuller on weekends |
//! | `userid` | int, nullable | power law over one user per ten rows; NULL when signed out |
//! | `site` | string | Zipf over 64 services |
//! | `genre` | string, nullable | 20 genres, depends on the site and the device |
//! | `os` | string | 8 systems, the rarest in one row of 10,000; depends on the country |
//! | `browser` | string, nullable | depends on the system; NULL inside an app |
//! | `country` | string | Zipf over 40 countries |
//! | `city` | string, nullable | Zipf within the country; NULL when it could not be located |
//! | `isp` | string, nullable | 7 or 8 per country |
//! | `failed` | bool | the video never started; depends on the provider |
//! | `sessiontime` | float, nullable | seconds, lognormal; NULL when failed |
//! | `bitrate` | int, nullable | kbit/s, lognormal around device and provider; NULL when failed |
//! | `bytes` | int | bitrate × session time and a few per cent of overhead; 0 when failed |
//! | `bufferingratio` | float, nullable | 0 or Pareto, depends on provider and country; NULL when failed |
//! | `jointimems` | int, nullable | Pareto, depends on the provider; NULL when failed |
//! | `adrevenue` | decimal(12,2), nullable | Pareto with infinite variance; NULL on subscription services |

mod alias;
mod calendar;
mod columns;
mod draw;
mod error;
mod labels;
mod model;
mod parts;
mod places;
mod row;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};

pub(crate) use error::GenerateError;

/// How rows are cut into blocks and files. The data depend on it, since each block has its own randomness.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Rows drawn from one seeded stream and stored as one row group.
    block_rows: u64,
    /// Blocks in one file.
    file_blocks: u64,
}

const LAYOUT: Layout = Layout { block_rows: 262_144, file_blocks: 4 };

/// Writes the demonstration table as Parquet files.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    rows: u64,
    seed: u64,
    threads: usize,
    layout: Layout,
}

impl Generator {
    /// A table of `rows` rows, drawn from `seed`, written by one thread.
    pub(crate) fn new(rows: u64, seed: u64) -> Self {
        Self { rows, seed, threads: 1, layout: LAYOUT }
    }

    /// Writes with `threads` threads, at least one; a file is never shared between two.
    pub(crate) fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Writes `part-000.parquet`, `part-001.parquet` … into `folder`, which it creates, and returns their paths.
    ///
    /// Files get their names once all of them are complete, so an interrupted run leaves no half table; parts of an
    /// earlier run are replaced. `progress` is called from the writing threads with the rows written so far.
    ///
    /// # Errors
    /// When a file cannot be written, or when the folder holds parts of a larger table that would mix with this one.
    pub(crate) fn write(&self, folder: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Vec<PathBuf>, GenerateError> {
        writer::write(self, folder, progress)
    }
}
