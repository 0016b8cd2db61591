//! Quantiles by confidence: their series are fitted once.

use plusminus_statistics::{Confidence, Quantiles};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries that are kept; what asks for more starts anew.
const KEPT_MAX: usize = 256;

/// Quantiles that were asked for before.
#[derive(Debug, Default)]
pub(crate) struct QuantilesCache {
    /// By the bits of the confidence and the number of simultaneous intervals.
    kept: Mutex<HashMap<(u64, usize), Arc<Quantiles>>>,
}

impl QuantilesCache {
    /// For intervals that each hold at `confidence`.
    pub(crate) fn each(&self, confidence: Confidence) -> Arc<Quantiles> {
        self.get(confidence, 1)
    }

    /// For so many intervals that all hold at once.
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
