//! The strata of a sample as the catalog knows them, seen through one query.

mod keyed;
mod prune;
mod sizes;

pub use keyed::Keyed;
pub(crate) use sizes::CompactSizes;
pub use sizes::{LevelSizes, SampleStrata};

use super::compiled::qualified;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{EmitTo, Expr};
use datafusion::physical_plan::aggregates::group_values::new_group_values;
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use plusminus_catalog::{Manifest, Strata};
use plusminus_plan::{AggregateQuery, has_subquery};
use plusminus_statistics::{Population, StratumSize};
use sizes::{KEPT_STRATA_MAX, sizes};
use std::sync::{Arc, Mutex, PoisonError};

/// The strata of a sample with a query's WHERE and GROUP BY, as far as the stratum alone decides them.
#[derive(Debug)]
pub struct StrataView {
    /// The strata of the sample.
    pub strata: Arc<SampleStrata>,
    levels: usize,
    /// The level whose strata were computed last, and these strata.
    last: Mutex<Option<(usize, Arc<LevelStrata>)>>,
    /// Whether the sample is a universe sample: its strata count keys, and ranks are those of keys.
    pub by_key: bool,
    /// How the query names the keys of a universe sample, if it does; what it asks of a kept key is then known exactly.
    pub keyed: Option<Keyed>,
    /// For each stratum, whether any of its rows may pass WHERE.
    may_match: Vec<bool>,
    all_may_match: bool,
    /// For each stratum, its part by number: strata with equal values of the decided GROUP BY expressions form one part.
    pub part_of: Vec<u32>,
    /// The number of parts.
    pub parts: usize,
    /// The conjuncts of WHERE that the stratum does not decide.
    pub(crate) undecided: Vec<Expr>,
    /// Whether the stratum decides WHERE.
    pub(crate) filter_decided: bool,
    /// Whether the stratum decides GROUP BY.
    pub keys_decided: bool,
    /// The values of the GROUP BY expressions that the stratum decides: expressions × parts, one array per expression.
    pub keys: Vec<ArrayRef>,
}

/// The strata of a sample when the levels up to one of them are read.
#[derive(Debug)]
pub struct LevelStrata {
    /// For each stratum its rows in the table and those read so far; keys for a universe sample.
    pub sizes: Arc<LevelSizes>,
    /// For each part the population of the strata that could hold a row of it.
    pub by_part: Vec<Population>,
}

impl LevelStrata {
    fn bytes(&self) -> usize {
        size_of_val(self.by_part.as_slice())
    }
}

impl StrataView {
    /// The strata of a sample as the query sees them.
    ///
    /// # Errors
    /// When an expression cannot be compiled, or fails on the values of a stratum.
    pub fn new(
        query: &AggregateQuery,
        state: &SessionState,
        manifest: &Manifest,
        strata: Arc<SampleStrata>,
    ) -> Result<Self> {
        let (batch, schema) = key_batch(query, &strata)?;
        let is_own = |e: &&Expr| e.column_refs().iter().all(|column| manifest.is_decided(&column.name));
        let decided = |e: &&Expr| !has_subquery(e) && is_own(e);
        let (predicates, undecided): (Vec<Expr>, Vec<Expr>) =
            query.predicates.iter().cloned().partition(|e| decided(&e));
        let keys: Vec<Expr> = query.keys.iter().filter(decided).cloned().collect();
        // Counts of the table's rows say nothing about rows that are repeated.
        let filter_decided = undecided.is_empty() && !manifest.repeats_rows;
        let keys_decided = keys.len() == query.keys.len();
        let mut may_match = may_match(&predicates, state, &schema, &batch)?;
        let decided_alone = may_match.clone();
        prune::prune(&mut may_match, &undecided, query, state, manifest, &strata)?;
        if !is_worth_it(&strata, &decided_alone, &may_match) {
            may_match = decided_alone;
        }
        // Rows of a tail form a stratum of their own beside others with the same values.
        let phi = if strata.tails().is_some() { None } else { Some(manifest.design.stratified_by.len()) };
        let (part_of, parts, values) = parts(&keys, state, &schema, &batch, &may_match, phi)?;
        let levels = manifest.levels.len();
        let by_key = strata.is_universe();
        let keyed = keyed::keyed(query, manifest, &strata);
        Ok(Self {
            strata,
            levels,
            last: Mutex::default(),
            by_key,
            keyed,
            all_may_match: may_match.iter().all(|may_match| *may_match),
            may_match,
            part_of,
            parts,
            undecided,
            filter_decided,
            keys_decided,
            keys: values,
        })
    }

    /// The strata when levels up to `level` are read; those of the level asked for last are kept.
    pub fn at(&self, level: usize) -> Arc<LevelStrata> {
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = lock().as_ref().filter(|(last, _)| *last == level) {
            return Arc::clone(known);
        }
        let sizes = match self.keyed {
            Some(_) => Arc::new(LevelSizes::new(self.sizes(level))),
            None => self.strata.at(level, self.levels),
        };
        let strata = Arc::new(LevelStrata { by_part: self.populations(&sizes), sizes });
        if self.strata.len() <= KEPT_STRATA_MAX {
            *lock() = Some((level, Arc::clone(&strata)));
        }
        strata
    }

    /// The size of each stratum when levels up to `level` are read; keys that are not sampled do not count where the query names keys.
    pub fn sizes(&self, level: usize) -> Vec<StratumSize> {
        let mut sizes = sizes(&self.strata, level, self.levels);
        if self.keyed.is_some() {
            sizes.iter_mut().for_each(|size| size.rows = size.sampled);
        }
        sizes
    }

    /// The number of keys of the table that the query groups by and the sample does not hold.
    pub fn absent_keys(&self) -> u64 {
        match self.keyed {
            Some(Keyed::Grouped { absent, .. }) => absent,
            _ => 0,
        }
    }

    /// For each part the population of the strata that could hold a row of it.
    fn populations(&self, sizes: &LevelSizes) -> Vec<Population> {
        if self.all_may_match && self.parts == 1 {
            return vec![sizes.all];
        }
        let mut populations = vec![Population::default(); self.parts];
        for (stratum, size) in sizes.iter().enumerate() {
            if self.may_match[stratum] {
                populations[self.part_of[stratum] as usize].add(*size);
            }
        }
        populations
    }

    /// Bytes held beside the strata themselves.
    pub fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|k| k.get_array_memory_size()).sum();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().map_or(0, |(_, strata)| strata.bytes());
        self.may_match.len() + 4 * self.part_of.len() + keys + last
    }

    /// The stratification columns φ, a row for every stratum.
    ///
    /// # Errors
    /// When the columns do not form a batch.
    pub fn key_batch(&self) -> Result<RecordBatch> {
        phi(&self.strata)
    }

    /// Rows (keys for a universe sample) that levels up to `level` hold of strata that may match.
    pub fn held(&self, level: usize) -> u64 {
        let sizes = self.sizes(level);
        sizes.iter().zip(&self.may_match).filter(|(_, may_match)| **may_match).map(|(size, _)| size.sampled).sum()
    }

    /// Whether a row of the stratum may pass WHERE.
    pub fn is_matching(&self, stratum: u32) -> bool {
        self.may_match[stratum as usize]
    }

    /// Whether every stratum may hold a row that passes WHERE.
    pub fn all_may_match(&self) -> bool {
        self.all_may_match
    }

    /// The number of parts with a stratum that may match.
    pub fn matching_key_groups(&self) -> usize {
        if self.may_match.iter().any(|may_match| *may_match) { self.parts } else { 0 }
    }

    /// Whether every row of a stratum that may match passes WHERE and belongs to one group.
    pub fn decides_all(&self) -> bool {
        self.filter_decided && self.keys_decided
    }

    /// For each part the rows of the table in strata that may match (not NULL in `column`, if given), counted by the catalog.
    pub fn known_counts(&self, column: Option<&str>) -> Vec<u64> {
        let rows = column.and_then(|c| self.strata.non_null(c)).unwrap_or(self.strata.rows());
        let mut counts = vec![0; self.parts];
        for (stratum, rows) in rows.iter().enumerate() {
            if self.may_match[stratum] {
                counts[self.part_of[stratum] as usize] += rows;
            }
        }
        counts
    }

    /// For each part the number of distinct values (not NULL) of a column of φ; `None` for any other column.
    ///
    /// # Errors
    /// When the values have a type that cannot be grouped.
    pub fn distinct_counts(&self, column: &str) -> Result<Option<Vec<u64>>> {
        let keys = self.strata.key_columns();
        let Some((_, values)) = keys.iter().find(|(field, _)| field.name() == column) else { return Ok(None) };
        let mut counts = vec![0; self.parts];
        if values.is_empty() {
            return Ok(Some(counts));
        }
        let parts: ArrayRef = Arc::new(UInt32Array::from(self.part_of.clone()));
        let fields =
            vec![Field::new("part", DataType::UInt32, false), Field::new("v", values.data_type().clone(), true)];
        let mut groups = new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?;
        let living: BooleanArray = self.may_match.iter().map(|a| Some(*a)).collect();
        let columns = [parts, Arc::clone(values)].map(|c| arrow::compute::filter(&c, &living));
        let columns = columns.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        groups.intern(&columns, &mut Vec::new())?;
        if groups.is_empty() {
            return Ok(Some(counts));
        }
        let found = groups.emit(EmitTo::All)?;
        for (row, part) in found[0].as_primitive::<UInt32Type>().values().iter().enumerate() {
            counts[*part as usize] += u64::from(found[1].is_valid(row));
        }
        Ok(Some(counts))
    }

    /// For each part the largest or smallest value of `column`, from the extremes that the build-time scan recorded for each stratum.
    ///
    /// `None` stands for a part with a stratum that has no recorded extreme. Strata for which `skip` is true do not count.
    pub fn known_extremes(&self, column: &str, is_max: bool, skip: impl Fn(usize) -> bool) -> Vec<Option<f64>> {
        let neutral = if is_max { f64::NEG_INFINITY } else { f64::INFINITY };
        let mut found = vec![Some(neutral); self.parts];
        let values = self.strata.non_null(column).unwrap_or(self.strata.rows());
        let ends = self.strata.extremes(column, is_max);
        for stratum in (0..self.may_match.len()).filter(|h| self.may_match[*h] && !skip(*h)) {
            let slot = &mut found[self.part_of[stratum] as usize];
            let own = match ends {
                // A stratum without any value does not change the extreme.
                _ if values[stratum] == 0 => Some(neutral),
                Some(ends) => ends.is_valid(stratum).then(|| ends.value(stratum)),
                None => None,
            };
            *slot = slot.zip(own).map(|(a, b)| if is_max { a.max(b) } else { a.min(b) });
        }
        found
    }
}

/// The columns of φ as a batch that expressions over the table can be evaluated on.
fn key_batch(query: &AggregateQuery, strata: &Strata) -> Result<(RecordBatch, DFSchema)> {
    let batch = phi(strata)?;
    let schema = qualified(&query.scan.table_name, &batch.schema())?;
    Ok((batch, schema))
}

fn phi(strata: &Strata) -> Result<RecordBatch> {
    let (fields, columns): (Vec<Arc<Field>>, Vec<ArrayRef>) = strata.key_columns().into_iter().unzip();
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(strata.len()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

fn may_match(predicates: &[Expr], state: &SessionState, schema: &DFSchema, batch: &RecordBatch) -> Result<Vec<bool>> {
    let Some(predicate) = conjunction(predicates.iter().cloned()) else { return Ok(vec![true; batch.num_rows()]) };
    let predicate = plusminus_functions::overflow::physical_expr(state, predicate, schema)?;
    let mask = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
    Ok(match mask.as_boolean_opt() {
        Some(mask) => mask.iter().map(|m| m == Some(true)).collect(),
        None => vec![true; batch.num_rows()],
    })
}

/// Whether leaving out strata by their extremes saves enough rows, a quarter: reading only some strata costs more per row.
fn is_worth_it(strata: &Strata, before: &[bool], after: &[bool]) -> bool {
    let held =
        |may_match: &[bool]| strata.caps().iter().zip(may_match).filter(|(_, a)| **a).map(|(c, _)| *c).sum::<u64>();
    held(after) <= held(before) / 4 * 3
}

/// Whether `keys` name every column of φ, so that no two strata agree in them.
///
/// `phi` is the number of these columns, which come first in `strata`; it is `None` where strata may agree in φ. Floating-point columns
/// do not count, since equal floats may differ in their bits.
fn are_phi(keys: &[Expr], strata: &RecordBatch, phi: Option<usize>) -> bool {
    let is_key = |name: &str| keys.iter().any(|key| matches!(key, Expr::Column(column) if column.name == name));
    let mut fields = strata.schema_ref().fields().iter().take(phi.unwrap_or_default());
    phi.is_some() && fields.all(|field| !field.data_type().is_floating() && is_key(field.name()))
}

/// Numbers the distinct values of `keys` over the strata that may match; all other strata get number 0.
///
/// Returns the number of each stratum, how many numbers there are, and the values: keys × numbers. `phi` is as for [`are_phi`].
fn parts(
    keys: &[Expr],
    state: &SessionState,
    schema: &DFSchema,
    batch: &RecordBatch,
    may_match: &[bool],
    phi: Option<usize>,
) -> Result<(Vec<u32>, usize, Vec<ArrayRef>)> {
    if keys.is_empty() {
        return Ok((vec![0; may_match.len()], 1, Vec::new()));
    }
    let mask = arrow::array::BooleanArray::from(may_match.to_vec());
    let living = arrow::compute::filter_record_batch(batch, &mask)?;
    let mut arrays = Vec::with_capacity(keys.len());
    let mut fields = Vec::with_capacity(keys.len());
    for (number, key) in keys.iter().enumerate() {
        let key = plusminus_functions::overflow::physical_expr(state, key.clone(), schema)?;
        fields.push(Field::new(format!("k{number}"), key.data_type(schema.as_arrow())?, true));
        arrays.push(key.evaluate(&living)?.into_array(living.num_rows())?);
    }
    if are_phi(keys, batch, phi) {
        // Every stratum has values of its own.
        let mut next = 0;
        let number = |may_match: &bool| {
            let own = next;
            next += u32::from(*may_match);
            if *may_match { own } else { 0 }
        };
        let part_of = may_match.iter().map(number).collect();
        return Ok((part_of, living.num_rows().max(1), arrays));
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
    let part_of = may_match.iter().map(|a| if *a { ids.next().unwrap_or(0) as u32 } else { 0 }).collect();
    Ok((part_of, count.max(1), values))
}
