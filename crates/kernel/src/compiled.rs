//! The expressions of an aggregate query, compiled for the batches of one sample's levels.

use super::buffer_pool::BufferPool;
use super::condition::Condition;
use super::groups::Groups;
use super::needs::Needs;
use super::rows::Rows;
use super::selection::Selection;
use super::strata::StrataView;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DFSchema, TableReference};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_expr::PhysicalExpr;
use plusminus_functions::numbers::floats;
use plusminus_plan::{AggregateQuery, Argument};
use std::sync::Arc;

/// Compiled expressions over batches of one schema, shared by queries and threads.
#[derive(Debug)]
pub struct Compiled {
    /// WHERE, over whole batches.
    predicate: Option<Condition>,
    /// The columns kept of rows that pass WHERE, by number; the other expressions run over these. Strata and ranks are kept apart.
    payload: Option<Vec<usize>>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    key_schema: SchemaRef,
    arguments: Vec<Compute>,
    filters: Vec<Option<Condition>>,
    not_null: Vec<Vec<usize>>,
}

/// How the values of an argument are computed.
#[derive(Debug)]
pub(crate) enum Compute {
    Plain {
        expr: Arc<dyn PhysicalExpr>,
        /// Whether its numbers are needed; a COUNT only needs NULLs, and takes any type.
        summed: bool,
    },
    /// The values of this column of whole batches, which are floats already.
    Column(usize),
    Centred(usize),
    Product(usize, usize),
}

impl Compute {
    /// Whether values are appended as rows are read, rather than derived from others afterwards.
    fn is_appended(&self) -> bool {
        matches!(self, Self::Plain { summed: true, .. } | Self::Column(_))
    }
}

/// The columns of `schema` as those of `table`, for expressions that name it.
///
/// # Errors
/// When two columns have the same name.
pub fn qualified(table: &TableReference, schema: &Schema) -> Result<DFSchema> {
    DFSchema::try_from_qualified_schema(table.clone(), schema)
}

impl Compiled {
    /// Compiles `needs` of `query` for batches with `schema`.
    ///
    /// # Errors
    /// When an expression does not fit the columns.
    pub fn new(query: &AggregateQuery, needs: &Needs, state: &SessionState, schema: &Schema) -> Result<Self> {
        let whole = qualified(&query.scan.table_name, schema)?;
        let predicate = conjunction(needs.predicates.iter().cloned());
        let predicate =
            predicate.map(|p| plusminus_functions::overflow::physical_expr(state, p, &whole)).transpose()?;
        let predicate = predicate.map(|p| Condition::new(p, schema));
        let column = |number: usize| {
            let argument = needs.arguments[number].as_ref().filter(|_| query.is_summed(number))?;
            let column = schema.index_of(&argument.try_as_col()?.name).ok()?;
            (*schema.field(column).data_type() == DataType::Float64).then_some(column)
        };
        let payload = predicate.is_some().then(|| needs.payload(|number| column(number).is_none()));
        let kept = match &payload {
            Some(payload) => schema.project(payload)?,
            None => schema.clone(),
        };
        let kept_names = qualified(&query.scan.table_name, &kept)?;
        let compile = |expr: &Expr| plusminus_functions::overflow::physical_expr(state, expr.clone(), &kept_names);
        let condition = |expr: &Expr| Ok::<_, DataFusionError>(Condition::new(compile(expr)?, &kept));
        let keys = needs.keys.iter().map(compile).collect::<Result<Vec<_>>>()?;
        let mut fields = Vec::with_capacity(keys.len());
        for (number, key) in keys.iter().enumerate() {
            fields.push(Field::new(format!("k{number}"), key.data_type(&kept)?, true));
        }
        let argument = |(number, argument): (usize, &Argument)| {
            if let Some(column) = column(number) {
                return Ok(Compute::Column(column));
            }
            Ok(match (argument, &needs.arguments[number]) {
                (Argument::Plain(_), Some(expr)) => {
                    Compute::Plain { expr: compile(expr)?, summed: query.is_summed(number) }
                }
                (Argument::Plain(expr), None) => {
                    Compute::Plain { expr: compile(expr)?, summed: query.is_summed(number) }
                }
                (Argument::Centred(of), _) => Compute::Centred(*of),
                (Argument::Product(one, other), _) => Compute::Product(*one, *other),
            })
        };
        Ok(Self {
            predicate,
            payload,
            keys,
            key_schema: Arc::new(Schema::new(fields)),
            arguments: query.arguments.iter().enumerate().map(argument).collect::<Result<_>>()?,
            filters: needs.filters.iter().map(|f| f.as_ref().map(condition).transpose()).collect::<Result<_>>()?,
            not_null: query.domains.iter().map(|d| d.not_null.clone()).collect(),
        })
    }

    /// A numbering of this query's groups, none found yet.
    ///
    /// # Errors
    /// When keys of their type cannot be grouped.
    pub fn groups(&self, view: &Arc<StrataView>, has_keys: bool) -> Result<Groups> {
        match (has_keys, self.keys.is_empty()) {
            (false, _) => Ok(Groups::One),
            (true, true) => Ok(Groups::decided(view)),
            (true, false) => Groups::by_keys(&self.key_schema),
        }
    }

    /// Bytes that `rows` rows, whose groups are known, take at most.
    pub fn bytes_for(&self, rows: usize) -> usize {
        let masks = self.filters.iter().zip(&self.not_null).filter(|(f, n)| f.is_some() || !n.is_empty()).count();
        rows.saturating_mul(size_of::<u32>() + masks + size_of::<f64>() * self.arguments.len())
    }

    pub(crate) fn no_rows(&self) -> Rows {
        let all = self.filters.iter().zip(&self.not_null);
        Rows {
            domains: all.map(|(f, n)| (f.is_some() || !n.is_empty()).then(Vec::new)).collect(),
            arguments: vec![Vec::new(); self.arguments.len()],
            ..Rows::default()
        }
    }

    /// Makes room for `count` further rows.
    pub(crate) fn reserve(&self, rows: &mut Rows, count: usize) {
        rows.groups.reserve(count);
        self.reserve_values(rows, count);
    }

    /// Makes room for `count` further rows whose groups are known.
    pub(crate) fn reserve_values(&self, rows: &mut Rows, count: usize) {
        rows.strata.reserve(count);
        for (argument, values) in self.arguments.iter().zip(&mut rows.arguments) {
            if argument.is_appended() {
                values.reserve(count);
            }
        }
    }

    /// Makes room for `count` rows whose groups are known, in buffers acquired from a pool.
    pub(crate) fn borrow_values(&self, rows: &mut Rows, count: usize, buffers: &BufferPool) {
        rows.strata = buffers.strata(count);
        for (argument, values) in self.arguments.iter().zip(&mut rows.arguments) {
            if argument.is_appended() {
                *values = buffers.values(count);
            }
        }
    }

    /// Which rows pass WHERE; `None` when all do.
    pub(crate) fn passing(&self, batch: &RecordBatch) -> Result<Option<Selection>> {
        let Some(predicate) = &self.predicate else { return Ok(None) };
        Ok(Selection::new(predicate.passing(batch)?))
    }

    /// The columns that expressions run over, of the rows that pass WHERE.
    ///
    /// # Errors
    /// When the rows cannot be taken out of a column.
    pub(crate) fn kept(&self, batch: &RecordBatch, passing: Option<&Selection>) -> Result<RecordBatch> {
        let needed = match &self.payload {
            Some(payload) => batch.project(payload)?,
            None => batch.clone(),
        };
        match passing {
            Some(selection) => selection.batch(&needed),
            None => Ok(needed),
        }
    }

    /// The GROUP BY values: keys × rows, one array per key, each as long as `kept`.
    ///
    /// # Errors
    /// When an expression fails on a value.
    pub fn keys(&self, kept: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let evaluate = |key: &Arc<dyn PhysicalExpr>| key.evaluate(kept)?.into_array(kept.num_rows());
        self.keys.iter().map(evaluate).collect()
    }

    /// Evaluates arguments and domains of the rows of `batch` that pass WHERE, which `kept` holds, and appends them to `rows`.
    ///
    /// # Errors
    /// When an expression fails on a value.
    pub(crate) fn values(
        &self,
        batch: &RecordBatch,
        passing: Option<&Selection>,
        kept: &RecordBatch,
        rows: &mut Rows,
    ) -> Result<()> {
        let count = kept.num_rows();
        let valid = self.plain_arguments(batch, passing, kept, rows)?;
        for (domain, mask) in rows.domains.iter_mut().enumerate() {
            let Some(mask) = mask else { continue };
            let start = mask.len();
            let mut nulls = self.not_null[domain].iter().filter_map(|argument| valid[*argument].as_ref());
            match (&self.filters[domain], nulls.next()) {
                (Some(filter), first) => {
                    match filter.truth(kept)? {
                        Some(truth) => extend_with_bits(mask, &truth),
                        None => mask.resize(start + count, false),
                    }
                    first.into_iter().for_each(|nulls| and_bits(&mut mask[start..], nulls.inner()));
                }
                (None, Some(first)) => extend_with_bits(mask, first.inner()),
                (None, None) => mask.resize(start + count, true),
            }
            nulls.for_each(|nulls| and_bits(&mut mask[start..], nulls.inner()));
        }
        Ok(())
    }

    /// Evaluates the arguments that are expressions; returns which rows of each are not NULL, `None` where all are.
    fn plain_arguments(
        &self,
        batch: &RecordBatch,
        passing: Option<&Selection>,
        kept: &RecordBatch,
        rows: &mut Rows,
    ) -> Result<Vec<Option<NullBuffer>>> {
        let mut valid = Vec::with_capacity(self.arguments.len());
        for (argument, values) in self.arguments.iter().zip(&mut rows.arguments) {
            let (expr, summed) = match argument {
                Compute::Plain { expr, summed } => (expr, summed),
                Compute::Column(column) => {
                    valid.push(extend_with_column(values, batch.column(*column), passing)?);
                    continue;
                }
                Compute::Centred(_) | Compute::Product(..) => {
                    valid.push(None);
                    continue;
                }
            };
            let array = expr.evaluate(kept)?.into_array(kept.num_rows())?;
            // NULL refers to the argument itself; only an argument that is summed has to be a number.
            let mut nulls = array.logical_nulls();
            if *summed {
                let array = numbers(&array)?;
                let array = array.as_primitive::<Float64Type>();
                values.extend_from_slice(array.values());
                nulls = NullBuffer::union(nulls.as_ref(), array.nulls());
            }
            valid.push(nulls);
        }
        Ok(valid)
    }

    /// Computes centred values and products of all rows from the arguments they derive from.
    ///
    /// `centres` has a number near the mean of each argument, NaN until known; unknown ones are set here.
    pub fn derive(&self, rows: &mut Rows, centres: &mut [f64]) {
        for number in 0..self.arguments.len() {
            let (one, other) = match self.arguments[number] {
                Compute::Plain { .. } | Compute::Column(_) => continue,
                Compute::Centred(of) => (of, None),
                Compute::Product(one, other) => (one, Some(other)),
            };
            let mut centred = |of: usize| {
                let values = &rows.arguments[of];
                if centres[of].is_nan() && !values.is_empty() {
                    centres[of] = mean(values);
                }
                let centre = centres[of];
                values.iter().map(|v| v - centre).collect::<Vec<f64>>()
            };
            let mut values = centred(one);
            if let Some(other) = other {
                let second = centred(other);
                values.iter_mut().zip(second).for_each(|(v, w)| *v *= w);
            }
            rows.arguments[number] = values;
        }
    }
}

/// The mean of the finite values; 0 without any.
fn mean(values: &[f64]) -> f64 {
    let finite = || values.iter().filter(|v| v.is_finite());
    #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
    let count = finite().count() as f64;
    if count > 0.0 { finite().sum::<f64>() / count } else { 0.0 }
}

/// The values as floats; NULL stays NULL.
pub(crate) fn numbers(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Float64 => Ok(Arc::clone(array)),
        // Each of them has a nearest float; Arrow would check each one.
        #[expect(clippy::cast_precision_loss, reason = "as Arrow casts it")]
        DataType::Int64 => Ok(Arc::new(array.as_primitive::<Int64Type>().unary::<_, Float64Type>(|own| own as f64))),
        DataType::Int32 => Ok(Arc::new(array.as_primitive::<Int32Type>().unary::<_, Float64Type>(f64::from))),
        _ => Ok(Arc::new(floats(array)?)),
    }
}

/// Appends the numbers of rows that pass; returns which of them are not NULL, `None` when all are.
fn extend_with_column(
    values: &mut Vec<f64>,
    column: &ArrayRef,
    passing: Option<&Selection>,
) -> Result<Option<NullBuffer>> {
    let kept = match passing {
        None => Arc::clone(column),
        Some(passing) if column.null_count() > 0 => passing.column(column)?,
        Some(passing) => {
            passing.extend(values, column.as_primitive::<Float64Type>().values());
            return Ok(None);
        }
    };
    values.extend_from_slice(kept.as_primitive::<Float64Type>().values());
    Ok(kept.nulls().cloned())
}

/// Appends bits as flags of a byte each, eight of them at a time.
fn extend_with_bits(mask: &mut Vec<bool>, bits: &BooleanBuffer) {
    mask.reserve(bits.len());
    let chunks = bits.bit_chunks();
    for word in chunks.iter() {
        mask.extend_from_slice(word.to_le_bytes().map(flags).as_flattened());
    }
    let rest = chunks.remainder_bits().to_le_bytes().map(flags);
    mask.extend_from_slice(&rest.as_flattened()[..chunks.remainder_len()]);
}

/// Clears the flags whose bit is not set.
fn and_bits(mask: &mut [bool], bits: &BooleanBuffer) {
    let chunks = bits.bit_chunks();
    let words = chunks.iter_padded();
    for (own, word) in mask.chunks_mut(u64::BITS as usize).zip(words) {
        for (own, flag) in own.iter_mut().zip(word.to_le_bytes().map(flags).as_flattened()) {
            *own &= *flag;
        }
    }
}

/// The bits of a byte, the lowest first.
#[inline]
fn flags(bits: u8) -> [bool; 8] {
    // Each byte of the word keeps one of the bits, and becomes 128 or more if that is set.
    let one_each = u64::from(bits).wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
    let high = one_each + 0x7F7F_7F7F_7F7F_7F7F;
    ((high >> 7) & 0x0101_0101_0101_0101).to_le_bytes().map(|flag| flag == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flags of a byte each from bits at any offset, of any length, with and without NULLs.
    #[test]
    fn flags_are_the_bits() {
        for (from, length) in [(0, 0), (0, 1), (0, 64), (3, 64), (7, 130), (64, 63), (65, 200)] {
            let of = |salt: usize| move |i: usize| (i * 7 + salt) % 5 < 3;
            let bits: BooleanBuffer = (0..300).map(of(1)).collect();
            let bits = bits.slice(from, length);
            let mut mask = vec![true];
            extend_with_bits(&mut mask, &bits);
            let expected: Vec<bool> = bits.iter().collect();
            assert_eq!(mask[1..], expected);
            let other: BooleanBuffer = (0..300).map(of(4)).collect();
            let other = other.slice(from, length);
            and_bits(&mut mask[1..], &other);
            let both: Vec<bool> = expected.iter().zip(&other).map(|(a, b)| *a && b).collect();
            assert_eq!((mask[0], &mask[1..]), (true, both.as_slice()));
        }
    }
}
