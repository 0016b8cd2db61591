//! Keys with very many rows in one of the tables: their rows are needed of all tables, whatever their hash.

use super::rows::SampleRows;
use crate::answer::Result;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use datafusion::common::ScalarValue;
use plusminus_catalog::{KeptKeys, Manifest, Strata};
use plusminus_sampling::are_kept;
use std::collections::{BTreeMap, HashSet};

/// Rows of tables that are searched for keys which one sample holds for their number of rows and the other does not.
pub(super) fn searched_rows(own: &Manifest, other: &Manifest) -> u64 {
    let lacks = |has: &Manifest, lacks: &Manifest| {
        let (Some(has), Some(lacks)) = (&has.keys, &lacks.keys) else { return false };
        has.heavy.iter().any(|key| !is_kept(key.priority, lacks))
    };
    let own_rows = if lacks(other, own) { own.base.rows } else { 0 };
    own_rows + if lacks(own, other) { other.base.rows } else { 0 }
}

fn is_kept(priority: u64, kept: &KeptKeys) -> bool {
    priority <= kept.threshold || kept.heavy.iter().any(|key| key.priority == priority)
}

/// The values of a sample's keys with very many rows; `key` is the place of the key among the columns of `rows`.
pub(in crate::joins) fn heavy_keys(rows: &SampleRows, key: usize, strata: &Strata) -> Result<Vec<ScalarValue>> {
    let mut first: BTreeMap<u32, usize> = BTreeMap::new();
    for (row, (stratum, rank)) in rows.strata.iter().zip(&rows.ranks).enumerate() {
        if strata.is_tail(*stratum as usize) {
            first.entry(*rank).or_insert(row);
        }
    }
    first.into_values().map(|row| Ok(ScalarValue::try_from_array(&rows.columns[key], row)?)).collect()
}

/// The keys among `values` that a sample does not hold.
pub(in crate::joins) fn not_kept(
    values: &[ScalarValue],
    like: &ArrayRef,
    manifest: &Manifest,
) -> Result<Vec<ScalarValue>> {
    let Some(kept) = manifest.keys.as_ref().filter(|_| !values.is_empty()) else { return Ok(values.to_vec()) };
    let array = ScalarValue::iter_to_array(values.iter().cloned())?;
    let array = arrow::compute::cast(&array, like.data_type())?;
    let are_kept = are_kept(&array, manifest.design.seed, kept);
    Ok(values.iter().zip(are_kept).filter(|(_, kept)| !kept).map(|(value, _)| value.clone()).collect())
}

/// The ranks of the keys in `values` among those of a sample that it does not hold for their number of rows.
pub(super) fn ranks_of(
    values: &HashSet<ScalarValue>,
    rows: &SampleRows,
    key: usize,
    strata: &Strata,
) -> Result<HashSet<u32>> {
    let mut first: BTreeMap<u32, u32> = BTreeMap::new();
    for (row, (stratum, rank)) in (0_u32..).zip(rows.strata.iter().zip(&rows.ranks)) {
        if !values.is_empty() && !strata.is_tail(*stratum as usize) {
            first.entry(*rank).or_insert(row);
        }
    }
    let firsts = take(&rows.columns[key], &UInt32Array::from(first.values().copied().collect::<Vec<_>>()), None)?;
    let mut found = HashSet::new();
    for (place, rank) in first.keys().enumerate() {
        if values.contains(&ScalarValue::try_from_array(&firsts, place)?) {
            found.insert(*rank);
        }
    }
    Ok(found)
}
