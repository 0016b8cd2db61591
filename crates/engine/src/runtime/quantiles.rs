//! Caches quantiles by confidence, since fitting their series takes time.

use plusminus_statistics::{Confidence, Quantiles};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries in the cache; a further one clears it.
const KEPT_MAX: usize = 256;

/// Cache of quantiles.
#[derive(Debug, Default)]
pub(crate) struct QuantilesCache {
    /// By the bits of the confidence level and the number of simultaneous intervals.
    kept: Mutex<HashMap<(u64, usize), Arc<Quantiles>>>,
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
        let key = (confidence.level().to_bits(), intervals);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&key) {
            kept.clear();
        }
        Arc::clone(kept.entry(key).or_insert_with(|| Arc::new(Quantiles::simultaneous(confidence, intervals))))
    }
}
