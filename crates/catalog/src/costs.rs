//! What looks cost on the machine that uses a store.

use crate::error::CatalogError;
use crate::store::Store;
use crate::{folder, seal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FILE: &str = "costs.json";

/// A line y = a + b·x by least squares: weighted sums over what was seen so far of 1, x, y, x² and xy, y in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LearntLine {
    /// The sums, in that order.
    pub sums: [f64; 5],
    /// How many observations they stand for.
    pub seen: f64,
}

/// What looks at samples cost, and whole answers, by the cells that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LearntCosts {
    /// Looks at levels.
    pub looks: LearntLine,
    /// Answers, from the text on, by the cells of their last look.
    pub answers: LearntLine,
    /// Reading levels from files, by their values.
    #[serde(default)]
    pub loads: LearntLine,
    /// Exact answers by the tables they scan: seconds per second of predicted work.
    #[serde(default)]
    pub scans: BTreeMap<String, f64>,
}

impl Store {
    /// What was learnt; `None` when nothing was kept or it cannot be read.
    #[must_use]
    pub fn costs(&self) -> Option<LearntCosts> {
        let file = self.folder().join(FILE);
        let learnt: LearntCosts = seal::open(&std::fs::read(&file).ok()?, &file).ok()?;
        let finite = |line: &LearntLine| line.seen.is_finite() && line.sums.iter().all(|sum| sum.is_finite());
        let are_finite = [learnt.looks, learnt.answers, learnt.loads].iter().all(finite);
        let are_factors = learnt.scans.values().all(|factor| factor.is_finite() && *factor > 0.0);
        (are_finite && are_factors).then_some(learnt)
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
        folder::replace_at_leisure(&file, &seal::seal(learnt, &file)?)
    }
}
