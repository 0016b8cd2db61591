//! Facts about an aggregate's argument that do not depend on the query's filter.

mod key_moments;
mod range;
mod unsampled_rows;
mod value_limits;

pub(crate) use unsampled_rows::{Extent, RowEffectForm, Term, UnsampledRows, measures};
pub(crate) use value_limits::{NO_VALUE, Ranges, ValueLimits, meet};

use crate::answer::Result;
use crate::cache::{LevelCache, LevelColumns};
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable};
use plusminus_catalog::{Manifest, Store};
use plusminus_functions::numbers::as_float64;
use plusminus_kernel::{SampleStrata, qualified};
use plusminus_plan::{AggregateQuery, Argument};
use plusminus_statistics::PopulationMoments;
use plusminus_statistics::expression::ValueRange;
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;
use range::{of_column, range};

/// Facts about an argument over the whole table.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArgumentFacts {
    /// The values that single rows can have.
    pub(crate) range: ValueRange,
    /// Approximate mean, where products are computed about it.
    pub(crate) mean: Option<f64>,
    /// Moments of the totals by key, where keys were drawn.
    pub(crate) keys: PopulationMoments,
}

/// Cache of means of expressions and moments of keys' totals, by sample name, generation and expression.
#[derive(Debug)]
pub(crate) struct MomentsCache {
    known: Cache<(String, u64, String), ArgumentFacts>,
}

impl Default for MomentsCache {
    fn default() -> Self {
        Self { known: Cache::with_weighter(KEPT_EXPECTED, KEPT_MAX, UnitWeighter) }
    }
}

/// Entries in the cache, usually and at most.
const KEPT_EXPECTED: usize = 64;
const KEPT_MAX: u64 = 4_096;

/// A sample opened for a query.
pub(crate) struct Opened<'a> {
    pub(crate) store: &'a Store,
    pub(crate) level_cache: &'a LevelCache,
    pub(crate) manifest: &'a Manifest,
    pub(crate) strata: &'a SampleStrata,
}

impl MomentsCache {
    /// Facts about each argument, one entry per argument: from the build-time scan for a column, from its columns for an expression.
    pub(crate) fn of(
        &self,
        query: &AggregateQuery,
        state: &SessionState,
        sample: &Opened<'_>,
    ) -> Result<Vec<ArgumentFacts>> {
        if sample.strata.is_universe() {
            return self.of_keys(query, state, sample);
        }
        let mut known: Vec<ArgumentFacts> = Vec::with_capacity(query.arguments.len());
        for (number, argument) in query.arguments.iter().enumerate() {
            let own = match argument {
                Argument::Plain(expr) if query.is_summed(number) => {
                    let of = |name: &str| Some(of_column(name, sample.manifest, sample.strata));
                    let range = range(expr, &query.scan.projected_schema, &of).unwrap_or_default();
                    let mean = if query.is_centred(number) { self.mean(expr, query, state, sample)? } else { None };
                    ArgumentFacts { range, mean, ..ArgumentFacts::default() }
                }
                Argument::Plain(_) => ArgumentFacts::default(),
                Argument::Centred(_) | Argument::Product(..) => {
                    let range = derived_range(argument, |of| (known[of].range, known[of].mean));
                    ArgumentFacts { range, ..ArgumentFacts::default() }
                }
            };
            known.push(own);
        }
        Ok(known)
    }

    /// The mean of an argument, from the build-time scan or the rows of the lowest level.
    fn mean(
        &self,
        argument: &Expr,
        query: &AggregateQuery,
        state: &SessionState,
        sample: &Opened<'_>,
    ) -> Result<Option<f64>> {
        let argument = uncast(argument, &query.scan.projected_schema);
        if let Expr::Column(column) = argument
            && let Some(moments) = sample.manifest.column_moments(&column.name)
        {
            return Ok(Some(moments.mean));
        }
        if let Expr::Literal(value, _) = argument {
            return Ok(constant(value));
        }
        let known = self.cached(sample, argument.to_string(), || {
            let mean = shown_mean(argument, query, state, sample)?;
            Ok(ArgumentFacts { mean, ..ArgumentFacts::default() })
        })?;
        Ok(known.mean)
    }

    /// Returns the cached entry for `text`, or computes it by `find`.
    fn cached(
        &self,
        sample: &Opened<'_>,
        text: String,
        find: impl FnOnce() -> Result<ArgumentFacts>,
    ) -> Result<ArgumentFacts> {
        self.known.get_or_insert_with(&(sample.manifest.name.clone(), sample.manifest.generation, text), find)
    }
}

/// The values of an argument that derives from others; `of` gives their ranges and centres.
pub(crate) fn derived_range(argument: &Argument, of: impl Fn(usize) -> (ValueRange, Option<f64>)) -> ValueRange {
    let centred = |number: usize| match of(number) {
        (range, Some(centre)) => range.plus(ValueRange::of(-centre)),
        (_, None) => ValueRange::ALL,
    };
    match argument {
        Argument::Plain(_) => ValueRange::ALL,
        Argument::Centred(number) => centred(*number),
        Argument::Product(one, other) if one == other => {
            let size = centred(*one).abs();
            size.times(size)
        }
        Argument::Product(one, other) => centred(*one).times(centred(*other)),
    }
}

/// The weighted mean of an expression over the lowest level's rows; `None` where it cannot be evaluated on them or has no value.
fn shown_mean(expr: &Expr, query: &AggregateQuery, state: &SessionState, sample: &Opened<'_>) -> Result<Option<f64>> {
    let mut columns: Vec<String> = expr.column_refs().iter().map(|column| column.name.clone()).collect();
    columns.sort_unstable();
    let level_columns = sample.level_cache.level(sample.store, sample.manifest, 0, &columns)?;
    let Some(values) = evaluated(&[expr], &level_columns, &columns, query, state)? else { return Ok(None) };
    let sizes = sample.strata.at(0, sample.manifest.levels.len());
    let (mut all, mut sum) = (0.0, 0.0);
    for (value, stratum) in values.iter().flatten().zip(level_columns.strata.values()) {
        if value.is_finite() {
            let weight = sizes[*stratum as usize].weight();
            (all, sum) = (all + weight, sum + weight * value);
        }
    }
    Ok(Some(sum / all).filter(|mean| mean.is_finite()))
}

/// Removes widening casts, which change neither moments nor bounds; other casts may.
fn uncast<'e>(expr: &'e Expr, schema: &DFSchema) -> &'e Expr {
    match expr {
        Expr::Cast(cast) if widens(&cast.expr, cast.field.data_type(), schema) => uncast(&cast.expr, schema),
        Expr::Alias(alias) => uncast(&alias.expr, schema),
        other => other,
    }
}

fn widens(inner: &Expr, target: &DataType, schema: &DFSchema) -> bool {
    let Ok(source) = inner.get_type(schema) else { return false };
    let width = |t: &DataType| t.primitive_width().unwrap_or(usize::MAX);
    match (source.is_integer(), target.is_integer()) {
        (true, true) => width(target) >= width(&source) && target.is_signed_integer(),
        (false, true) => false,
        _ => *target == DataType::Float64 && source.is_numeric(),
    }
}

fn constant(value: &ScalarValue) -> Option<f64> {
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number,
        _ => None,
    }
}

/// Expressions over the rows of one level, expressions × rows, NaN for NULL; `None` when one fails on some row.
fn evaluated(
    exprs: &[&Expr],
    level_columns: &LevelColumns,
    columns: &[String],
    query: &AggregateQuery,
    state: &SessionState,
) -> Result<Option<Vec<Vec<f64>>>> {
    let batch = level_columns.batch(columns, false, None)?;
    let schema = qualified(&query.scan.table_name, &batch.schema())?;
    let mut all = Vec::with_capacity(exprs.len());
    for expr in exprs {
        // Without WHERE an argument may fail on rows that the query filters out, by a division by zero say.
        let Ok(evaluated) =
            plusminus_functions::overflow::physical_expr(state, (*expr).clone(), &schema)?.evaluate(&batch)
        else {
            return Ok(None);
        };
        let Some(numbers) = as_float64(&evaluated.into_array(batch.num_rows())?)? else { return Ok(None) };
        all.push(numbers.iter().map(|v| v.unwrap_or(f64::NAN)).collect());
    }
    Ok(Some(all))
}
