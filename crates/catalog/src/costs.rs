//! What looks cost on the machine that uses a store.

use crate::error::CatalogError;
use crate::store::Store;
use crate::{folder, seal};
use serde::{Deserialize, Serialize};

const FILE: &str = "costs.json";

/// Weighted sums over the looks so far of 1, x, y, x² and xy, x being cells and y seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LearntCosts {
    /// The sums, in that order.
    pub sums: [f64; 5],
    /// How many looks they stand for.
    pub looks: f64,
}

impl Store {
    /// What was learnt; `None` when nothing was kept or it cannot be read.
    #[must_use]
    pub fn costs(&self) -> Option<LearntCosts> {
        let file = self.folder().join(FILE);
        let learnt: LearntCosts = seal::open(&std::fs::read(&file).ok()?, &file).ok()?;
        let finite = learnt.looks.is_finite() && learnt.sums.iter().all(|sum| sum.is_finite());
        finite.then_some(learnt)
    }

    /// Keeps what was learnt, in a store that exists.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_costs(&self, learnt: &LearntCosts) -> Result<(), CatalogError> {
        if !self.folder().is_dir() {
            return Ok(());
        }
        let file = self.folder().join(FILE);
        folder::replace(&file, &seal::seal(learnt, &file)?)
    }
}
