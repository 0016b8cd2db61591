//! Statements that create samples.

use crate::error::Location;

mod options;
pub(crate) mod parse;
#[cfg(test)]
mod tests;

/// `CREATE [OR REPLACE] SAMPLE [IF NOT EXISTS] name ON table-or-join …`.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateSample {
    /// The sample's name, lower-cased unless it was quoted.
    pub name: String,
    /// Whether a sample of that name is replaced.
    pub or_replace: bool,
    /// Whether a sample of that name is left as it is, without an error.
    pub if_not_exists: bool,
    /// Source text of the table or join, between `ON` and the options.
    pub relation: String,
    /// The place in the source at which [`relation`](Self::relation) starts.
    pub relation_start: Location,
    /// The options after the relation.
    pub options: SampleOptions,
}

/// `CREATE SAMPLES ON table FOR WORKLOAD 'queries/*.sql' BUDGET p %`: let the advisor choose.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateSamples {
    /// Source text of the table's name.
    pub table: String,
    /// Path or glob of the files that hold the queries.
    pub workload: String,
    /// How much all samples together may hold, in percent of the table.
    pub budget_percent: f64,
}

/// How a sample is drawn. Names of columns are lower-cased unless they were quoted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleOptions {
    /// How rows are chosen.
    pub design: Design,
    /// How many rows are kept.
    pub size: Option<SampleSize>,
    /// Columns whose largest values are all kept.
    pub tail: Vec<String>,
    /// The number of levels (nested sizes) of the sample.
    pub levels: Option<u32>,
    /// Seed of the random choice.
    pub seed: Option<u64>,
}

/// How rows are chosen for a sample.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Design {
    /// Every row with the same inclusion probability.
    #[default]
    Uniform,
    /// Every combination of values of these columns is represented.
    Stratified(Vec<String>),
    /// All rows of the chosen values of this column.
    Universe(String),
}

/// How many rows a sample keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleSize {
    /// At most this many of each stratum.
    Cap(u64),
    /// This many in all.
    Rows(u64),
    /// This share of the table, in percent.
    Percent(f64),
}
