//! What is known of an aggregate's argument apart from the rows that pass the query's filter.

use crate::error::Result;
use crate::image::ImageCache;
use crate::kernel::qualified;
use crate::shape::Shape;
use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable};
use plusminus_catalog::{ColumnMoments, Manifest, Store, Strata};
use plusminus_sampling::as_float64;
use plusminus_statistics::{Knowledge, Moments};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Skewness of expressions, computed once per (family, generation, expression).
#[derive(Debug, Default)]
pub(crate) struct KnowledgeCache {
    known: Mutex<HashMap<(String, u64, String), Knowledge>>,
}

/// A family opened for a query.
pub(crate) struct Opened<'a> {
    pub(crate) store: &'a Store,
    pub(crate) images: &'a ImageCache,
    pub(crate) manifest: &'a Manifest,
    pub(crate) strata: &'a Strata,
}

impl KnowledgeCache {
    /// What is known of each argument: a column from the build-time scan, an expression from the family's top level.
    pub(crate) fn of(&self, shape: &Shape, state: &SessionState, family: &Opened<'_>) -> Result<Vec<Knowledge>> {
        let arguments = shape.arguments.iter().enumerate();
        arguments
            .map(|(number, argument)| match shape.is_summed(number) {
                true => self.argument(argument, shape, state, family),
                false => Ok(Knowledge::default()),
            })
            .collect()
    }

    fn argument(&self, argument: &Expr, shape: &Shape, state: &SessionState, family: &Opened<'_>) -> Result<Knowledge> {
        let argument = uncast(argument, &shape.scan.projected_schema);
        if let Expr::Column(column) = argument
            && let Some(moments) = family.manifest.column_moments(&column.name)
        {
            return Ok(of_column(moments, family));
        }
        if let Expr::Literal(value, _) = argument {
            return Ok(constant(value).map_or_else(Knowledge::default, Knowledge::of_constant));
        }
        let key = (family.manifest.name.clone(), family.manifest.generation, argument.to_string());
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let known = from_top_level(argument, shape, state, family)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, known);
        Ok(known)
    }
}

/// What the build-time scan says of a column, unless it met values that are no finite numbers.
fn of_column(moments: &ColumnMoments, family: &Opened<'_>) -> Knowledge {
    let column = &moments.column;
    let non_null = family.strata.non_null(column).unwrap_or(family.strata.rows()).iter().sum::<u64>();
    if moments.count == non_null { Knowledge::from(&restored(moments)) } else { Knowledge::default() }
}

/// Widening a number changes neither its moments nor its bounds; any other cast may.
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

/// Moments as the statistics take them.
fn restored(moments: &ColumnMoments) -> Moments {
    Moments {
        count: moments.count,
        mean: moments.mean,
        m2: moments.m2,
        m3: moments.m3,
        m4: moments.m4,
        min: moments.min.unwrap_or(f64::INFINITY),
        max: moments.max.unwrap_or(f64::NEG_INFINITY),
    }
}

/// Weighted moments of an expression over all rows the family holds; no bounds, since unseen rows may exceed them.
fn from_top_level(argument: &Expr, shape: &Shape, state: &SessionState, family: &Opened<'_>) -> Result<Knowledge> {
    let columns: Vec<String> = argument.column_refs().into_iter().map(|c| c.name.clone()).collect();
    let mut values: Vec<(f64, f64)> = Vec::new();
    for level in 0..family.manifest.levels.len() {
        let image = family.images.level(family.store, family.manifest, level, &columns)?;
        let batch = image.batch(&columns)?;
        let schema = qualified(&shape.scan.table_name, &batch.schema())?;
        // Without WHERE an argument may fail on rows that the query never sees, such as a division by zero.
        let Ok(evaluated) = state.create_physical_expr(argument.clone(), &schema)?.evaluate(&batch) else {
            return Ok(Knowledge::default());
        };
        let Some(numbers) = as_float64(&evaluated.into_array(batch.num_rows())?)? else { continue };
        for (row, stratum) in image.strata.values().iter().enumerate() {
            let (rows, kept) = (family.strata.rows()[*stratum as usize], family.strata.caps()[*stratum as usize]);
            if numbers.is_valid(row) && numbers.value(row).is_finite() {
                #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
                values.push((rows as f64 / rows.min(kept).max(1) as f64, numbers.value(row)));
            }
        }
    }
    Ok(weighted(&values))
}

fn weighted(values: &[(f64, f64)]) -> Knowledge {
    let mass: f64 = values.iter().map(|(w, _)| w).sum();
    let moment = |power: i32, centre: f64| values.iter().map(|(w, y)| w * (y - centre).powi(power)).sum::<f64>() / mass;
    if values.is_empty() {
        return Knowledge::default();
    }
    let mean = moment(1, 0.0);
    let (m2, m3, m4) = (moment(2, mean), moment(3, mean), moment(4, mean));
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    Knowledge {
        min: None,
        max: None,
        skewness: finite(m3 / m2.powf(1.5)),
        raw_skewness: finite(moment(3, 0.0) / moment(2, 0.0).powf(1.5)),
        kurtosis: finite(m4 / (m2 * m2)),
    }
}
