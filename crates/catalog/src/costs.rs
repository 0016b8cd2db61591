//! Learnt costs of level estimates, answers and scans on the machine that uses a store.

use crate::error::CatalogError;
use crate::store::Store;
use crate::{folder, seal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FILE: &str = "costs.json";

/// A line y = a + b·x fitted by least squares: weighted sums of 1, x, y, x² and xy over the observations so far, y in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LearntLine {
    /// The five sums, in the order 1, x, y, x², xy.
    pub sums: [f64; 5],
    /// The number of observations that the sums stand for.
    pub seen: f64,
}

/// Costs in seconds as lines over cells: rows times the columns, groupings and aggregates that each row passes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LearntCosts {
    /// Level estimates, by their cells.
    #[serde(rename = "looks")]
    pub levels: LearntLine,
    /// Whole answers, from the query's text on, by the cells of their last level estimate.
    pub answers: LearntLine,
    /// Reading levels from files, by the number of values read.
    #[serde(default)]
    pub loads: LearntLine,
    /// Exact answers by the tables they scan: seconds per second of predicted work.
    #[serde(default)]
    pub scans: BTreeMap<String, f64>,
}

impl Store {
    /// The learnt costs; `None` when none are stored or they cannot be read.
    #[must_use]
    pub fn costs(&self) -> Option<LearntCosts> {
        let file = self.folder().join(FILE);
        let learnt: LearntCosts = seal::open(&std::fs::read(&file).ok()?, &file).ok()?;
        let finite = |line: &LearntLine| line.seen.is_finite() && line.sums.iter().all(|sum| sum.is_finite());
        let are_finite = [learnt.levels, learnt.answers, learnt.loads].iter().all(finite);
        let are_factors = learnt.scans.values().all(|factor| factor.is_finite() && *factor > 0.0);
        (are_finite && are_factors).then_some(learnt)
    }

    /// Stores the learnt costs, if the store's folder exists.
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
