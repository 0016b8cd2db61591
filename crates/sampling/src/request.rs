use plusminus_catalog::SampleSize;
use std::sync::Arc;

/// One family to draw.
#[derive(Debug, Clone)]
pub struct SampleRequest {
    /// The family's name in the store.
    pub name: String,
    /// The column set φ; empty for a uniform sample.
    pub stratified_by: Vec<String>,
    /// The key column of a universe sample, which keeps all rows of a key or none; `None` for other samples.
    pub universe: Option<String>,
    /// How many rows to keep.
    pub size: SampleSize,
    /// Numeric columns whose largest values are kept whole, in a tenth of the rows.
    pub tail: Vec<String>,
    /// The number of levels; `None` lets the smallest level keep at least 100 rows of a full stratum.
    pub levels: Option<u32>,
    /// The seed of the priorities.
    pub seed: u64,
    /// Whether an existing family of that name gives way.
    pub replace: bool,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Rows of the table read so far, of how many if known.
    Reading {
        /// Rows read.
        rows: u64,
        /// Rows in the table, if known beforehand.
        total: Option<u64>,
    },
    /// Sampled rows written so far, of how many.
    Writing {
        /// Rows written.
        rows: u64,
        /// Rows to write.
        total: u64,
    },
}

/// The resources and the settings of a build.
#[derive(Clone)]
pub struct DrawOptions {
    /// Worker threads; the result does not depend on it.
    pub threads: usize,
    /// Bytes that rows kept in memory may take.
    pub memory_bytes: u64,
    /// The present, in milliseconds since 1970, for the manifest.
    pub now_unix_ms: u64,
    /// Called now and then from any worker.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl std::fmt::Debug for DrawOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DrawOptions").field("threads", &self.threads).field("memory_bytes", &self.memory_bytes).finish()
    }
}
