//! Finds columns whose sums and averages a tail would make more precise.

use arrow::datatypes::DataType;
use plusminus_catalog::{ColumnMoments, Manifest};
use plusminus_statistics::Moments;

/// Skewness beyond which intervals from a sample alone are wide or wrong.
const SKEWNESS_MIN: f64 = 10.0;
/// Whole numbers with fewer values than this are codes and flags rather than measures.
const DISTINCT_MIN: u64 = 1_000;

/// The measures (numeric columns) whose values are so skewed that a tail would narrow sums and averages, with their skewness, the most
/// skewed first. Columns of φ and columns whose largest values are kept already are left out.
#[must_use]
pub fn skewed_measures(manifest: &Manifest) -> Vec<(String, f64)> {
    let skewed = manifest.moments.iter().filter(|m| is_measure(manifest, &m.column)).filter_map(|m| {
        let skewness = skewness(m).filter(|skewness| skewness.abs() > SKEWNESS_MIN)?;
        Some((m.column.clone(), skewness))
    });
    let mut skewed: Vec<(String, f64)> = skewed.collect();
    skewed.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then_with(|| a.0.cmp(&b.0)));
    skewed
}

fn is_measure(manifest: &Manifest, column: &str) -> bool {
    let design = &manifest.design;
    if design.stratified_by.iter().chain(&design.tail).chain(&design.classes).any(|c| c == column) {
        return false;
    }
    let stored = manifest.base.columns.iter().find(|c| c.name == column);
    let data_type = stored.and_then(|c| c.data_type.parse::<DataType>().ok());
    // Times are no measures.
    if data_type.as_ref().is_some_and(|t| !t.is_numeric()) {
        return false;
    }
    let is_integer = data_type.is_some_and(|t| t.is_integer());
    !is_integer || manifest.column_distinct(column).is_some_and(|d| d.count > DISTINCT_MIN)
}

fn skewness(stored: &ColumnMoments) -> Option<f64> {
    let moments = Moments {
        count: stored.count,
        mean: stored.mean,
        m2: stored.m2,
        m3: stored.m3,
        m4: stored.m4,
        ..Moments::default()
    };
    moments.skewness()
}

#[cfg(test)]
mod tests;
