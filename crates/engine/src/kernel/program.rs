use super::rows::Rows;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::shape::{Argument, Shape};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::DFSchema;
use datafusion::common::TableReference;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{EmitTo, Expr};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use plusminus_catalog::{RANK, STRATUM};
use std::sync::Arc;

/// Rows evaluated at a time; small enough for the cache, large enough to hide the calls.
const BATCH_ROWS: usize = 16_384;

/// A shape's expressions ready to run over batches, and the groups found so far.
pub(crate) struct Program {
    predicate: Option<Arc<dyn PhysicalExpr>>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    arguments: Vec<Compiled>,
    filters: Vec<Option<Arc<dyn PhysicalExpr>>>,
    not_null: Vec<Vec<usize>>,
    /// By argument, what is subtracted where it occurs in a product; NaN until it is known.
    centres: Vec<f64>,
    with_ranks: bool,
    groups: Option<Box<dyn GroupValues>>,
    ids: Vec<usize>,
    /// Keys as numbers by group, where an expression above the aggregate uses them.
    key_numbers: Option<Vec<Vec<f64>>>,
}

/// The argument of some aggregates.
enum Compiled {
    Plain {
        expr: Arc<dyn PhysicalExpr>,
        /// Whether its numbers are needed; a COUNT only asks for NULLs, and takes any type.
        summed: bool,
    },
    Centred(usize),
    Product(usize, usize),
}

/// The schema of `fields` as columns of `table`, for expressions that name it.
pub(crate) fn qualified(table: &TableReference, schema: &Schema) -> Result<DFSchema> {
    Ok(DFSchema::try_from_qualified_schema(table.clone(), schema)?)
}

impl Program {
    /// Compiles `shape` for batches with `schema`. `centres` are near the means of the arguments, NaN where unknown.
    pub(crate) fn new(
        shape: &Shape,
        state: &SessionState,
        schema: &Schema,
        centres: Vec<f64>,
        with_ranks: bool,
    ) -> Result<Self> {
        let df_schema = qualified(&shape.scan.table_name, schema)?;
        let compile = |expr: &Expr| Ok::<_, Error>(state.create_physical_expr(expr.clone(), &df_schema)?);
        let keys = shape.keys.iter().map(compile).collect::<Result<Vec<_>>>()?;
        let mut fields = Vec::with_capacity(keys.len());
        for (number, key) in keys.iter().enumerate() {
            fields.push(Field::new(format!("k{number}"), key.data_type(schema)?, true));
        }
        let predicate = conjunction(shape.predicates.iter().cloned());
        let groups = match fields.is_empty() {
            true => None,
            false => Some(new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?),
        };
        Ok(Self {
            // Rows that an ordinary plan chose pass WHERE already.
            predicate: if shape.has_subquery { None } else { predicate.as_ref().map(compile).transpose()? },
            key_numbers: shape.uses_key_numbers().then(|| vec![Vec::new(); keys.len()]),
            keys,
            arguments: shape
                .arguments
                .iter()
                .enumerate()
                .map(|(number, argument)| {
                    Ok(match argument {
                        Argument::Plain(expr) => {
                            Compiled::Plain { expr: compile(expr)?, summed: shape.is_summed(number) }
                        }
                        Argument::Centred(of) => Compiled::Centred(*of),
                        Argument::Product(one, other) => Compiled::Product(*one, *other),
                    })
                })
                .collect::<Result<_>>()?,
            filters: shape.domains.iter().map(|d| d.filter.as_ref().map(compile).transpose()).collect::<Result<_>>()?,
            not_null: shape.domains.iter().map(|d| d.not_null.clone()).collect(),
            centres,
            with_ranks,
            groups,
            ids: Vec::new(),
        })
    }

    /// The number of groups found; one when there is no GROUP BY.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.as_ref().map_or(1, |g| g.len())
    }

    /// The groups' keys, one array per key, in the order of their numbers.
    pub(crate) fn group_keys(&mut self) -> Result<Vec<ArrayRef>> {
        let Some(groups) = self.groups.as_mut().filter(|g| !g.is_empty()) else { return Ok(Vec::new()) };
        let count = groups.len();
        let keys = groups.emit(EmitTo::All)?;
        // With several keys, emitting forgets the values and not the table of their hashes, whose entries would then
        // point beyond what is held.
        groups.clear_shrink(count);
        // Numbers are given in the order of appearance, so every group gets its own back.
        groups.intern(&keys, &mut self.ids)?;
        Ok(keys)
    }

    /// Evaluates the rows a level adds. `keep_going` is asked before every batch; `None` when it said no.
    pub(crate) fn evaluate(&mut self, batch: &RecordBatch, keep_going: &dyn Fn() -> bool) -> Result<Option<Rows>> {
        let mut rows = self.no_rows();
        let mut from = 0;
        while from < batch.num_rows() {
            if !keep_going() {
                return Ok(None);
            }
            let length = BATCH_ROWS.min(batch.num_rows() - from);
            self.batch(&batch.slice(from, length), &mut rows)?;
            from += length;
        }
        Ok(Some(rows))
    }

    fn no_rows(&self) -> Rows {
        let all = self.filters.iter().zip(&self.not_null);
        Rows {
            domains: all.map(|(f, n)| (f.is_some() || !n.is_empty()).then(Vec::new)).collect(),
            arguments: vec![Vec::new(); self.arguments.len()],
            ..Rows::default()
        }
    }

    /// Evaluates one batch whose last column is the stratum.
    pub(crate) fn batch(&mut self, batch: &RecordBatch, rows: &mut Rows) -> Result<()> {
        let kept = self.selected(batch)?;
        let count = kept.num_rows();
        if count == 0 {
            return Ok(());
        }
        let strata = kept.column(kept.num_columns() - 1).as_primitive::<UInt32Type>();
        rows.strata.extend_from_slice(strata.values());
        if self.with_ranks {
            let ranks = kept.column(kept.num_columns() - 2).as_primitive::<UInt32Type>();
            rows.ranks.extend_from_slice(ranks.values());
        }
        self.intern(&kept, rows)?;
        let valid = self.plain_arguments(&kept, rows)?;
        self.derived_arguments(rows, count);
        for (domain, mask) in rows.domains.iter_mut().enumerate() {
            let Some(mask) = mask else { continue };
            let start = mask.len();
            match &self.filters[domain] {
                Some(filter) => extend_with_truth(mask, &filter.evaluate(&kept)?.into_array(count)?),
                None => mask.resize(start + count, true),
            }
            for nulls in self.not_null[domain].iter().filter_map(|argument| valid[*argument].as_ref()) {
                mask[start..].iter_mut().zip(nulls.iter()).for_each(|(m, valid)| *m &= valid);
            }
        }
        Ok(())
    }

    /// Evaluates what is an expression; returns where each argument is NULL.
    fn plain_arguments(&self, kept: &RecordBatch, rows: &mut Rows) -> Result<Vec<Option<NullBuffer>>> {
        let mut valid = Vec::with_capacity(self.arguments.len());
        for (argument, values) in self.arguments.iter().zip(&mut rows.arguments) {
            let Compiled::Plain { expr, summed } = argument else {
                valid.push(None);
                continue;
            };
            let array = expr.evaluate(kept)?.into_array(kept.num_rows())?;
            // Not NULL is said of the argument itself; only what is summed has to be a number.
            let mut nulls = array.logical_nulls();
            if *summed {
                let array = numbers(&array)?;
                let array = array.as_primitive::<arrow::datatypes::Float64Type>();
                values.extend_from_slice(array.values());
                nulls = NullBuffer::union(nulls.as_ref(), array.nulls());
            }
            valid.push(nulls);
        }
        Ok(valid)
    }

    /// Computes centred values and products of the last `count` rows.
    fn derived_arguments(&mut self, rows: &mut Rows, count: usize) {
        for number in 0..self.arguments.len() {
            let (one, other) = match self.arguments[number] {
                Compiled::Plain { .. } => continue,
                Compiled::Centred(of) => (of, None),
                Compiled::Product(one, other) => (one, Some(other)),
            };
            let mut centred = |of: usize| {
                let values = &rows.arguments[of][rows.arguments[of].len() - count..];
                if self.centres[of].is_nan() {
                    self.centres[of] = mean(values);
                }
                let centre = self.centres[of];
                values.iter().map(|v| v - centre).collect::<Vec<f64>>()
            };
            let mut values = centred(one);
            if let Some(other) = other {
                let second = centred(other);
                values.iter_mut().zip(second).for_each(|(v, w)| *v *= w);
            }
            rows.arguments[number].extend(values);
        }
    }

    /// The rows that pass WHERE.
    fn selected(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let Some(predicate) = &self.predicate else { return Ok(batch.clone()) };
        let mask = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(filter_record_batch(batch, boolean(&mask)?)?)
    }

    fn intern(&mut self, kept: &RecordBatch, rows: &mut Rows) -> Result<()> {
        let count = kept.num_rows();
        let Some(groups) = &mut self.groups else {
            rows.groups.resize(rows.groups.len() + count, 0);
            return Ok(());
        };
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            keys.push(key.evaluate(kept)?.into_array(count)?);
        }
        let before = groups.len();
        groups.intern(&keys, &mut self.ids)?;
        if let Some(numbers) = &mut self.key_numbers {
            note_key_numbers(numbers, &keys, &self.ids, before)?;
        }
        #[expect(clippy::cast_possible_truncation, reason = "groups are counted in memory, far below 2^32")]
        rows.groups.extend(self.ids.iter().map(|id| *id as u32));
        Ok(())
    }

    /// The rows of `batch` that pass WHERE, and their groups.
    pub(crate) fn groups_of(&mut self, batch: &RecordBatch) -> Result<(RecordBatch, Vec<usize>)> {
        let kept = self.selected(batch)?;
        let mut rows = self.no_rows();
        self.intern(&kept, &mut rows)?;
        let ids = rows.groups.iter().map(|g| *g as usize).collect();
        Ok((kept, ids))
    }

    /// Numeric keys by key and group; empty unless the shape uses them.
    pub(crate) fn key_numbers(&self) -> &[Vec<f64>] {
        self.key_numbers.as_deref().unwrap_or_default()
    }
}

/// Appends the numeric value of each key for groups that are new since `before`.
fn note_key_numbers(numbers: &mut [Vec<f64>], keys: &[ArrayRef], ids: &[usize], before: usize) -> Result<()> {
    for (known, key) in numbers.iter_mut().zip(keys) {
        if !key.data_type().is_numeric() {
            continue;
        }
        let values = crate::kernel::program::numbers(key)?;
        let values = values.as_primitive::<arrow::datatypes::Float64Type>();
        known.truncate(before);
        for (row, id) in ids.iter().enumerate() {
            if *id == known.len() {
                known.push(if values.is_null(row) { f64::NAN } else { values.value(row) });
            }
        }
    }
    Ok(())
}

/// The image's columns, the rank where it is needed, and the stratum behind them.
pub(crate) fn with_strata(image: &Image, columns: &[String], with_ranks: bool) -> Result<RecordBatch> {
    let batch = image.batch(columns)?;
    let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
    let mut arrays = batch.columns().to_vec();
    if with_ranks {
        fields.push(Arc::new(Field::new(RANK, DataType::UInt32, false)));
        arrays.push(Arc::new(image.ranks.clone()));
    }
    fields.push(Arc::new(Field::new(STRATUM, DataType::UInt32, false)));
    arrays.push(Arc::new(image.strata.clone()));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// The mean of the finite values, 0 without any.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let finite = || values.iter().filter(|v| v.is_finite());
    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
    let count = finite().count() as f64;
    if count > 0.0 { finite().sum::<f64>() / count } else { 0.0 }
}

fn numbers(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Float64 => Ok(Arc::clone(array)),
        _ => Ok(arrow::compute::cast(array, &DataType::Float64)?),
    }
}

fn boolean(array: &ArrayRef) -> Result<&BooleanArray> {
    array.as_boolean_opt().ok_or_else(|| Error::data("WHERE or FILTER is not a condition"))
}

/// NULL is not true.
fn extend_with_truth(mask: &mut Vec<bool>, array: &ArrayRef) {
    match array.as_boolean_opt() {
        Some(truth) => mask.extend(truth.iter().map(|t| t == Some(true))),
        None => mask.resize(mask.len() + array.len(), false),
    }
}
