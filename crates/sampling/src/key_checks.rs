//! Checks the keys of a universe sample against known totals: rows and sums of the whole table.
//!
//! A sample of keys whose estimate of a known total is off by more than its standard error allows has drawn unusual keys, and its other
//! estimates are not to be trusted either.

use crate::error::SamplingError;
use crate::layout::Level;
use crate::merge::Family;
use arrow::array::{Array, Float64Array};
use arrow::datatypes::SchemaRef;
use plusminus_catalog::{ColumnMoments, KeyCheck, Strata};
use plusminus_functions::numbers::as_float64;

/// The z-scores (error of the estimate over its standard error) of the number of rows (no column) and of the sums of numeric columns, by
/// level. Columns with values that are not finite have none.
pub(crate) fn checks(
    family: &Family,
    strata: &Strata,
    levels: &[Level],
    schema: &SchemaRef,
    moments: &[ColumnMoments],
) -> Result<Vec<KeyCheck>, SamplingError> {
    let rows: u64 = strata.rows().iter().sum();
    let mut found = vec![KeyCheck { column: None, z: scores(family, strata, levels, None, real(rows)) }];
    for known in moments {
        let Ok(column) = schema.index_of(&known.column) else { continue };
        let values: u64 = strata.non_null(&known.column).unwrap_or(strata.rows()).iter().sum();
        if !schema.field(column).data_type().is_numeric() || known.count != values {
            continue;
        }
        let chunks = family.chunks.iter().map(|chunk| as_float64(chunk.column(column)));
        let Some(chunks) = chunks.collect::<Result<Option<Vec<Float64Array>>, _>>()? else { continue };
        let truth = known.mean * real(known.count);
        found.push(KeyCheck {
            column: Some(known.column.clone()),
            z: scores(family, strata, levels, Some(&chunks), truth),
        });
    }
    Ok(found)
}

/// One z-score per level, (estimate − truth) / standard error, from the keys that levels up to it hold; 0 where these are all keys.
fn scores(family: &Family, strata: &Strata, levels: &[Level], values: Option<&[Float64Array]>, truth: f64) -> Vec<f64> {
    let value = |kept: usize| {
        let row = &family.rows[kept];
        values.map_or(1.0, |chunks| {
            let chunk = &chunks[row.chunk as usize];
            let at = row.row as usize;
            if chunk.is_valid(at) { chunk.value(at) } else { 0.0 }
        })
    };
    let units = strata.units();
    let (mut heavy, mut keys) = (0.0, Vec::new());
    let mut scores = Vec::with_capacity(levels.len());
    for level in levels {
        let mut totals: std::collections::BTreeMap<(u32, u32), f64> = std::collections::BTreeMap::new();
        for placed in level.blocks.iter().flatten() {
            let stratum = family.rows[placed.kept].stratum;
            match strata.is_tail(stratum as usize) {
                true => heavy += value(placed.kept),
                false => *totals.entry((stratum, placed.rank)).or_default() += value(placed.kept),
            }
        }
        keys.extend(totals.into_values());
        let body = (0..units.len()).find(|stratum| !strata.is_tail(*stratum)).map_or(0, |stratum| units[stratum]);
        scores.push(score(&keys, real(body), truth - heavy));
    }
    scores
}

/// The z-score of a total over `all` keys, estimated from the sums of the sampled `keys`.
fn score(keys: &[f64], all: f64, truth: f64) -> f64 {
    let count = real(keys.len() as u64);
    let mean = keys.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = keys.iter().map(|key| (key - mean).powi(2)).sum();
    let variance = all * all * (1.0 - count / all) * squares / (count * (count - 1.0));
    let z = (all * mean - truth) / variance.sqrt();
    if z.is_finite() { z } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
