//! Caches quantiles by confidence, since fitting their series takes time.

use plusminus_statistics::{Confidence, Quantiles};
use quick_cache::sync::Cache;
use std::convert::Infallible;
use std::sync::Arc;

/// Entries in the cache at most.
const KEPT_MAX: usize = 256;

/// Cache of quantiles.
#[derive(Debug)]
pub(crate) struct QuantilesCache {
    /// By the bits of the confidence level and the number of simultaneous intervals.
    kept: Cache<(u64, usize), Arc<Quantiles>>,
}

impl Default for QuantilesCache {
    fn default() -> Self {
        Self { kept: Cache::new(KEPT_MAX) }
    }
}

impl QuantilesCache {
    /// Quantiles for intervals that each hold at `confidence`.
    pub(crate) fn each(&self, confidence: Confidence) -> Arc<Quantiles> {
        self.get(confidence, 1)
    }

    /// Quantiles for `intervals` intervals that all hold at once.
    pub(crate) fn simultaneous(&self, confidence: Confidence, intervals: usize) -> Arc<Quantiles> {
        self.get(confidence, intervals.max(1))
    }

    fn get(&self, confidence: Confidence, intervals: usize) -> Arc<Quantiles> {
        let made = || Ok::<_, Infallible>(Arc::new(Quantiles::simultaneous(confidence, intervals)));
        let Ok(found) = self.kept.get_or_insert_with(&(confidence.level().to_bits(), intervals), made);
        found
    }
}
