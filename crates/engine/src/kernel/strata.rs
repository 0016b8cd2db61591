//! What the catalog knows about the strata, seen through one query.

use super::program::qualified;
use crate::error::Result;
use crate::shape::{Shape, has_subquery};
use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{EmitTo, Expr};
use datafusion::physical_plan::aggregates::group_values::new_group_values;
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use plusminus_catalog::{Manifest, Strata};
use plusminus_statistics::{Population, StratumSize, cap};
use std::sync::Arc;

/// Strata through a query's WHERE and GROUP BY, as far as these are decided by the stratum alone.
pub(crate) struct StrataView {
    pub(crate) strata: Arc<Strata>,
    levels: u32,
    /// Whether any row of a stratum can pass WHERE.
    alive: Vec<bool>,
    /// The part of the GROUP BY that a stratum's rows all share, as a number.
    pub(crate) part_of: Vec<u32>,
    pub(crate) parts: usize,
    /// WHERE is decided by the stratum.
    pub(crate) filter_decided: bool,
    /// GROUP BY is decided by the stratum.
    pub(crate) keys_decided: bool,
    /// Keys by part, when the GROUP BY is decided.
    pub(crate) keys: Vec<ArrayRef>,
}

impl StrataView {
    pub(crate) fn new(shape: &Shape, state: &SessionState, manifest: &Manifest, strata: Arc<Strata>) -> Result<Self> {
        let (batch, schema) = key_batch(shape, &strata)?;
        let phi = &manifest.design.stratified_by;
        let decided = |e: &&Expr| !has_subquery(e) && e.column_refs().iter().all(|c| phi.contains(&c.name));
        let predicates: Vec<Expr> = shape.predicates.iter().filter(decided).cloned().collect();
        let keys: Vec<Expr> = shape.keys.iter().filter(decided).cloned().collect();
        let filter_decided = predicates.len() == shape.predicates.len();
        let keys_decided = keys.len() == shape.keys.len();
        let alive = alive(&predicates, state, &schema, &batch)?;
        let (part_of, parts, values) = parts(&keys, state, &schema, &batch, &alive)?;
        let levels = u32::try_from(manifest.levels.len()).unwrap_or(u32::MAX);
        Ok(Self { strata, levels, alive, part_of, parts, filter_decided, keys_decided, keys: values })
    }

    /// The size of each stratum when levels up to `level` are read.
    pub(crate) fn sizes(&self, level: usize) -> Vec<StratumSize> {
        let level = u32::try_from(level).unwrap_or(u32::MAX);
        let strata = self.strata.rows().iter().zip(self.strata.caps());
        strata
            .map(|(&rows, &kept)| {
                let held = cap::at_level(kept, level, self.levels).max(2).min(kept.max(1));
                StratumSize { rows, sampled: rows.min(held) }
            })
            .collect()
    }

    /// For each part, the strata that could hold a row of it.
    pub(crate) fn populations(&self, sizes: &[StratumSize]) -> Vec<Population> {
        let mut populations = vec![Population::default(); self.parts];
        for (stratum, size) in sizes.iter().enumerate() {
            if self.alive[stratum] {
                populations[self.part_of[stratum] as usize].add(*size);
            }
        }
        populations
    }

    /// Whether every row of a living stratum passes WHERE and belongs to one group.
    pub(crate) fn decides_all(&self) -> bool {
        self.filter_decided && self.keys_decided
    }

    /// Rows (not NULL in `column`, if given) by part, counted by the catalog.
    pub(crate) fn known_counts(&self, column: Option<&str>) -> Vec<u64> {
        let rows = column.and_then(|c| self.strata.non_null(c)).unwrap_or(self.strata.rows());
        let mut counts = vec![0; self.parts];
        for (stratum, rows) in rows.iter().enumerate() {
            if self.alive[stratum] {
                counts[self.part_of[stratum] as usize] += rows;
            }
        }
        counts
    }
}

/// The columns of φ as a batch that expressions over the table can be evaluated on.
fn key_batch(shape: &Shape, strata: &Strata) -> Result<(RecordBatch, DFSchema)> {
    let (fields, columns): (Vec<Arc<Field>>, Vec<ArrayRef>) = strata.key_columns().into_iter().unzip();
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(strata.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
    Ok((batch, qualified(&shape.scan.table_name, &schema)?))
}

fn alive(predicates: &[Expr], state: &SessionState, schema: &DFSchema, batch: &RecordBatch) -> Result<Vec<bool>> {
    let Some(predicate) = conjunction(predicates.iter().cloned()) else { return Ok(vec![true; batch.num_rows()]) };
    let predicate = state.create_physical_expr(predicate, schema)?;
    let mask = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
    Ok(match mask.as_boolean_opt() {
        Some(mask) => mask.iter().map(|m| m == Some(true)).collect(),
        None => vec![true; batch.num_rows()],
    })
}

/// Numbers the distinct values of `keys` over the living strata; the dead ones share number 0.
fn parts(
    keys: &[Expr],
    state: &SessionState,
    schema: &DFSchema,
    batch: &RecordBatch,
    alive: &[bool],
) -> Result<(Vec<u32>, usize, Vec<ArrayRef>)> {
    if keys.is_empty() {
        return Ok((vec![0; alive.len()], 1, Vec::new()));
    }
    let mask = arrow::array::BooleanArray::from(alive.to_vec());
    let living = arrow::compute::filter_record_batch(batch, &mask)?;
    let mut arrays = Vec::with_capacity(keys.len());
    let mut fields = Vec::with_capacity(keys.len());
    for (number, key) in keys.iter().enumerate() {
        let key = state.create_physical_expr(key.clone(), schema)?;
        fields.push(Field::new(format!("k{number}"), key.data_type(schema.as_arrow())?, true));
        arrays.push(key.evaluate(&living)?.into_array(living.num_rows())?);
    }
    let mut groups = new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?;
    let mut ids = Vec::new();
    if living.num_rows() > 0 {
        groups.intern(&arrays, &mut ids)?;
    }
    let count = groups.len();
    let values = if count > 0 { groups.emit(EmitTo::All)? } else { arrays };
    let mut ids = ids.into_iter();
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 2^32 strata")]
    let part_of = alive.iter().map(|a| if *a { ids.next().unwrap_or(0) as u32 } else { 0 }).collect();
    Ok((part_of, count.max(1), values))
}
